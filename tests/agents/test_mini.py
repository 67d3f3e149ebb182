"""mini-swe-agent, a real command line from PyPI, run by its description alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ralphbench.agents import Agent, load_agent
from ralphbench.model import StageEnding, StageRun
from ralphbench.sandbox import Sandbox

pytestmark = pytest.mark.slow

DESCRIPTION = Path(__file__).parent / "data" / "mini.yaml"
WORK = {"name": "bash", "arguments": {"command": "cat AGENTS.md > new.txt"}}
SUBMIT = {"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && echo '{\"done\": true}'"}


@pytest.fixture
def mini() -> Agent:
    """The shipped description, with the paths of this environment's mini. RALPHBENCH_MINI: the folder it lies in."""
    place = Path(os.environ.get("RALPHBENCH_MINI", Path(sys.prefix, "bin")))
    if not (place / "mini").exists():
        pytest.skip("mini-swe-agent is not installed: pip install mini-swe-agent==2.4.6 mcp")
    text = DESCRIPTION.read_text().replace("~/.venvs/mini/bin", str(place))
    return load_agent("mini", {"first_event": 60}, yaml.safe_load(text))


def test_it_is_the_pinned_version(mini: Agent) -> None:
    assert mini.version().startswith("2.4.6+")


@pytest.mark.parametrize(
    ("turns", "ending", "text"),
    [
        (
            [
                {"text": "I work.", "tools": [WORK]},
                {"text": "I submit.", "tools": [{"name": "bash", "arguments": SUBMIT}]},
            ],
            StageEnding.DONE,
            '{"done": true}',
        ),
        ([{"fault": {"name": "http", "status": 402, "message": "stopped: cost"}}], StageEnding.AGENT_CRASH, None),
        ([{"fault": {"name": "overflow_400", "style": "openai"}}], StageEnding.CONTEXT, None),
    ],
    ids=["done", "a stop", "overflow"],
)
def test_endings(
    mini: Agent,
    stage: Callable[..., StageRun],
    box: Sandbox,
    eye: Any,
    upstream: Any,
    tmp_path: Path,
    turns: list[Any],
    ending: StageEnding,
    text: str | None,
) -> None:
    server = upstream({"rules": [{"turns": turns}]})
    (tmp_path / "tree" / "AGENTS.md").write_text("be good\n")
    prompt = 'Fix {{it}} and {model}, with "quotes"\nand ä: ' + "x" * 200_000
    result = mini.run(stage(prompt, url=server.url), box, eye)
    assert result.ending is ending, result.detail
    asked = server.asked()
    assert prompt in asked[0]["messages"][1]["content"]
    assert len(asked) == len(turns)
    if text is not None:
        assert result.text.strip() == text
        assert (tmp_path / "tree" / "new.txt").read_text() == "be good\n"
