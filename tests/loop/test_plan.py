"""Plans as files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from loop_support import ticket

from ralphbench.errors import ConfigError
from ralphbench.loop import dump_plan, load_plan, plan_hash
from ralphbench.model import Acceptance, TicketState

GOOD = """\
tickets:
  - id: t1
    title: Join words
    detail: In slugs.py, split on everything.
    acceptance: {run: 'python3 slugs.py "a -- b"', expect: {exit: 0, stdout: '^a-b$'}}
  - id: t2
    title: Cut words
    detail: In slugs.py, drop words.
    acceptance:
      run: python3 slugs.py x
      expect:
        exit: 3
    depends_on: [t1]
    priority: 2
"""


def test_a_plan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD)
    first, second = load_plan(path)
    assert first.acceptance == Acceptance('python3 slugs.py "a -- b"', 0, "^a-b$")
    assert (second.acceptance.exit, second.depends_on, second.priority) == (3, ("t1",), 2)


def test_a_plan_that_is_written_is_read_back(tmp_path: Path) -> None:
    plan = (
        ticket("t1", "grep -q 'ünï' f && echo \"a: b\" # no comment", priority=0),
        replace(ticket("t2", "x", depends_on=("t1",)), detail="Two\nlines: and - dashes\n\n  indented"),
        replace(ticket("t3"), acceptance=Acceptance("yes", 1, "^[0-9]+\\s$")),
    )
    path = tmp_path / "plan.yaml"
    path.write_text(dump_plan(plan), encoding="utf-8")
    assert load_plan(path) == plan


def test_the_hash_is_of_what_is_to_be_done() -> None:
    plan = (ticket("t1"), ticket("t2"))
    assert plan_hash(plan) == plan_hash((replace(plan[0], state=TicketState.ACCEPTED, rejections=("no",)), plan[1]))
    assert plan_hash(plan) != plan_hash(plan[::-1])
    assert plan_hash(plan) != plan_hash((replace(plan[0], detail="Other."), plan[1]))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("    depends_on: [t1]", "    depend_on: [t1]", 13, "did you mean 'depends_on'"),
        ("    depends_on: [t1]", "    depends_on: [t9]", None, "there is no such ticket"),
        ("        exit: 3", "        exit: three", 12, "expected `int`, got `str`"),
        ("  - id: t2", "  - id: t1", 1, "the id 't1' is used twice"),
        ("    title: Cut words\n", "", 6, "missing required field `title`"),
        ("stdout: '^a-b$'", "stdout: '(a'", 5, "is not a regular expression"),
        ("tickets:", "ticket:", None, "did you mean 'tickets'"),
        (GOOD, "tickets: []\n", 1, "the plan has no ticket"),
        (GOOD, "- t1\n", 1, "expected a mapping"),
        (GOOD, "", 1, "expected a mapping"),
        (GOOD, "tickets: [\n", 2, "the plan is not YAML"),
        (GOOD, "tickets: 3\n", 1, "expected `array`, got `int`"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int | None, said: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_plan(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert line is None or caught.value.line == line


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_plan(tmp_path / "none.yaml")


def test_a_plan_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_bytes(b"tickets: \xff\xfe")
    with pytest.raises(ConfigError, match="not YAML"):
        load_plan(tmp_path / "plan.yaml")
