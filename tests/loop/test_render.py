"""The prompts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from loop_support import BLOCKED, DONE, Asked, MemoryPorts, Script, row, task, work

from ralphbench.loop import Loop, diff_limit, prompts_hash, render
from ralphbench.loop.render import FOLDER, claim_names, marker
from ralphbench.model import Limits, Stage


def all_prompts(**more: object) -> dict[Stage, str]:
    """One prompt of each stage, from one run."""
    issue = {"title": "Odd", "detail": "It is odd."}

    def build(asked: Asked, files: dict[str, str]) -> object:
        work(asked, files)
        return {**DONE, "issues": [issue]}

    script = Script([row("one"), row("two")], {"build:one": build, "build:two": BLOCKED})
    ports = MemoryPorts(script)
    Loop(ports, task(**more), Limits(), rules="Tabs, not spaces.").run()  # type: ignore[arg-type]
    return {asked.stage: asked.prompt for asked in ports.asked}


def test_the_first_line_is_the_marker() -> None:
    for stage, prompt in all_prompts().items():
        first = prompt.splitlines()[0]
        assert re.fullmatch(
            rf"<!-- ralphbench stage={stage} iteration=\d+ ticket=(-|[\w.-]+) task=demo try=\d+ -->", first
        ), first
    shown = marker(Stage.BUILD, iteration=3, ticket=None, task="a/b", attempt=2)
    assert shown == "<!-- ralphbench stage=build iteration=3 ticket=- task=a/b try=2 -->"


def test_every_stage_is_told_the_rules_the_spec_and_the_form_of_its_answer() -> None:
    prompts = all_prompts()
    assert set(prompts) == set(Stage)
    for stage, prompt in prompts.items():
        assert "Tabs, not spaces." in prompt
        assert "Everything old becomes new." in prompt
        assert "`tests/**`" in prompt
        assert "Do not commit, push" in prompt
        assert "There is no network" in prompt
        assert ("change no file" in prompt) == (stage is not Stage.BUILD)
        assert prompt.rstrip().endswith("```")
        assert "\n\n\n\n" not in prompt


def test_who_writes_a_check_and_who_has_to_meet_it_is_told_its_time() -> None:
    for stage, prompt in all_prompts().items():
        told = {"plan": "after 120 seconds it is ended", "verify": "within 120 seconds", "build": "within 120 seconds"}
        assert told.get(stage, "after 120 seconds it is ended") in prompt


def test_a_phase_is_named() -> None:
    assert "Only the phase `two`" in all_prompts(phases=("one", "two"), phase="two")[Stage.BUILD]
    assert claim_names(task(phases=("one", "two"))) == ("one", "two")
    assert claim_names(task(phases=("one", "two"), phase="two")) == ("task",)
    assert claim_names(task()) == ("task",)


def test_the_claims_of_a_task_in_phases_are_asked_for_by_name() -> None:
    from loop_support import run

    verify = {"accept": True, "reason": "x", "complete": {"one": False, "two": False}}
    _, ports = run(Script(special={"verify": verify}), the_task=task(phases=("one", "two")))
    prompt = next(a.prompt for a in ports.asked if a.stage is Stage.VERIFY)
    assert '"one": false,\n    "two": false' in prompt


def test_what_the_text_of_a_task_holds_is_not_a_template() -> None:
    prompt = all_prompts(spec="{{ 7 * 7 }} {% raw %}")[Stage.BUILD]
    assert "{{ 7 * 7 }} {% raw %}" in prompt


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render.render("build", marker="x")


def test_the_hash_is_over_every_template(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert {path.name for path in FOLDER.iterdir()} >= {f"{stage}.md.j2" for stage in Stage}
    before = prompts_hash()
    assert before == prompts_hash()
    for path in FOLDER.glob("*.j2"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(render, "FOLDER", tmp_path)
    assert prompts_hash() == before
    (tmp_path / "_rules.md.j2").write_bytes((tmp_path / "_rules.md.j2").read_bytes() + b" ")
    assert prompts_hash() != before


@pytest.mark.parametrize(
    ("context", "limit"), [(None, 200_000), (8_000, 9_600), (96_000, 115_200), (1_000_000, 200_000)]
)
def test_a_small_window_is_shown_less_of_a_diff(context: int | None, limit: int) -> None:
    assert diff_limit(context) == limit


def test_a_long_diff_says_that_it_was_cut() -> None:
    from loop_support import run

    def builds(asked: Asked, files: dict[str, str]) -> object:
        work(asked, files)
        files["big.txt"] = "x" * 5000
        return DONE

    ports = MemoryPorts(Script(special={"build": builds}))
    Loop(ports, task(), Limits(), diff_limit=500).run()
    prompt = next(a.prompt for a in ports.asked if a.stage is Stage.VERIFY)
    assert "cut where it is too long" in prompt
    assert len(prompt) < 6000
    _, whole = run(Script(special={"build": builds}))
    assert "cut where it is too long" not in next(a.prompt for a in whole.asked if a.stage is Stage.VERIFY)


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, ralphbench.loop; "
        "print([m for m in ('jinja2', 'yaml', 'pydantic', 'pandas', 'aiohttp', 'rich', 'git') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
