"""docs/scripted.md says what is so: its example is run, its tables are held against the code."""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from ralphbench.endpoints.embedded import serve_in_thread
from ralphbench.endpoints.script_file import load_script
from ralphbench.endpoints.scripted import ScriptedServer
from ralphbench.endpoints.scripts import (
    MARKER_KEYS,
    Fault,
    FaultName,
    OverflowStyle,
    Rule,
    Script,
    ScriptedModel,
    ToolCall,
    Turn,
    UsageSaid,
    When,
)

MANUAL = Path(__file__).parents[2] / "docs" / "scripted.md"
TEXT = MANUAL.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SCRIPT = next(block for kind, block in BLOCKS if kind == "yaml" and "rules:" in block)
ASKED = re.findall(r"^\$ (curl .*)\n(.*)$", TEXT, re.MULTILINE)


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, data=body.encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def test_the_example_answers_as_the_manual_says(tmp_path: Path) -> None:
    file = tmp_path / "slug.yaml"
    file.write_text(SCRIPT)
    assert len(ASKED) == 2
    with serve_in_thread(ScriptedServer(file)) as base:
        for command, expected in ASKED:
            _, _, url, _, body = shlex.split(command)
            assert post(url.replace("http://127.0.0.1:8099/v1", base), body) == json.loads(expected)


def test_the_examples_rules_take_their_turns(tmp_path: Path) -> None:
    file = tmp_path / "slug.yaml"
    file.write_text(SCRIPT)
    line = "<!-- ralphbench stage=build iteration=3 ticket=t2 task=fix-slug try=1 -->"
    talk = [{"role": "user", "content": line}, *[{"role": "assistant", "content": "…"}] * 2]
    with serve_in_thread(ScriptedServer(file)) as base:
        answer = post(f"{base}/chat/completions", json.dumps({"model": "careful", "messages": talk}))
        said = json.loads(answer["choices"][0]["message"]["content"])
        assert said == {"status": "done", "summary": "Mended t2 in iteration 3."}


@pytest.mark.parametrize("kind", [Script, ScriptedModel, Rule, When, Turn, ToolCall, UsageSaid, Fault])
def test_every_key_is_in_the_manual(kind: type) -> None:
    hidden = {"marker"}  # written as its own keys
    for name in {f.name for f in fields(kind)} - hidden:
        assert re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", TEXT), f"{kind.__name__}.{name} is not in {MANUAL.name}"


def test_every_fault_style_and_marker_is_in_the_manual() -> None:
    for name in (*get_args(FaultName), *get_args(OverflowStyle), *MARKER_KEYS):
        assert f"`{name}`" in TEXT


def test_no_fault_is_in_the_manual_that_does_not_exist() -> None:
    table = TEXT.partition("### Faults")[2].partition("`times: 2`")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(get_args(FaultName))


def test_defaults_that_the_manual_names() -> None:
    script = load_script({"rules": [{"turns": ["x"]}]})
    assert [m.id for m in script.models] == ["scripted"]
    assert script.rules[0].after == "stop"
    assert Fault("stall").seconds == 3600
