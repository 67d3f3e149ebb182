from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.small_disk import MB, small_disk

from ralphbench.errors import DiskError
from ralphbench.model import Gate, GateKind, GateOutcome, Report
from ralphbench.record.room import VARIABLE
from ralphbench.workspace import keep_base, open_mirror, restore_record

PASS, FAIL, ERROR = GateOutcome.PASS, GateOutcome.FAIL, GateOutcome.ERROR


def gate(id_: str, kind: str, run: str, **more: object) -> Gate:
    return Gate(**{"id": id_, "kind": GateKind(kind), "run": run, "timeout": 20.0, **more})  # type: ignore[arg-type]


def outcomes(verdict) -> dict[str, GateOutcome]:
    return {result.id: result.outcome for result in verdict.gates}


def test_good_work_is_resolved(make_bench) -> None:
    bench = make_bench(
        gate("build", "guard", "test -f code"),
        gate("new", "goal", "grep -q new code", weight=3.0),
        gate("judge", "goal", "sh hidden/judge.sh", report=Report("tap", "out.tap", 2)),
        hidden={"judge.sh": "printf '1..2\\nok\\nok\\n' > out.tap\ngrep -q new code\n"},
    )
    before = bench.grade(bench.workspace.base)
    assert (before.resolved, before.score) == (False, 0.0)
    bench.told.clear()
    commit = bench.attempt({"code": "new\n"})
    verdict = bench.grade(commit, claimed={"task": True})
    assert (verdict.resolved, verdict.score, verdict.error) == (True, 1.0, None)
    assert verdict.commit == commit
    assert verdict.claimed == {"task": True}
    assert verdict.gates_digest == bench.task.gates_digest
    assert verdict.gates == tuple(bench.told)
    assert verdict.gates[2].tests is not None
    assert (verdict.gates[2].tests.ran, verdict.gates[2].log) == (2, "grading/judge.log")
    assert sorted(path.name for path in (bench.root / "attempt/grading").iterdir()) == [
        "build.log",
        "judge.log",
        "new.log",
    ]
    assert list((bench.root / "scratch").iterdir()) == []


def test_half_of_the_work_is_half_of_the_score_and_a_broken_guard_is_none(make_bench) -> None:
    bench = make_bench(
        gate("holds", "guard", "test ! -e broken"),
        gate("one", "goal", "grep -q one code", weight=3.0),
        gate("two", "goal", "grep -q two code", weight=1.0),
    )
    assert bench.grade(bench.attempt({"code": "one\n"})).score == 0.75
    verdict = bench.grade(bench.attempt({"broken": "x"}))
    assert (verdict.score, verdict.resolved) == (0.0, False)
    assert outcomes(verdict) == {"holds": FAIL, "one": PASS, "two": FAIL}


def test_phases_are_done_when_all_their_goals_pass(make_bench) -> None:
    bench = make_bench(
        gate("a1", "goal", "grep -q a1 code", phase="a"),
        gate("a2", "goal", "grep -q a2 code", phase="a"),
        gate("b1", "goal", "grep -q b1 code", phase="b"),
        phases=("a", "b", "c"),
    )
    assert bench.grade(bench.attempt({"code": "a1 b1\n"})).phases == {"a": False, "b": True}


def test_results_are_told_one_by_one_before_the_next_gate_runs(make_bench, tmp_path: Path) -> None:
    told = tmp_path / "told"
    bench = make_bench(gate("first", "goal", f"test ! -e {told}"), gate("second", "goal", f"test -e {told}"))
    assert set(outcomes(bench.grade(emit=lambda result: told.touch())).values()) == {PASS}


def test_every_way_to_end_has_its_outcome(make_bench) -> None:
    bench = make_bench(
        gate("hangs", "goal", "sleep 3600", timeout=0.5),
        gate("missing", "goal", "no-such-tool --version"),
        gate("crash", "goal", "kill -SEGV $$"),
        gate("not-run", "goal", "./code"),
        gate("no-report", "goal", "true", report=Report("junit", "out.xml")),
    )
    verdict = bench.grade()
    assert outcomes(verdict) == {"hangs": ERROR, "missing": ERROR, "crash": FAIL, "not-run": ERROR, "no-report": ERROR}
    reasons = {result.id: result.reason for result in verdict.gates}
    assert reasons["hangs"] == "timed out after 0.5 s"
    assert "SEGV" in reasons["crash"]
    assert verdict.gates[0].seconds >= 0.5


def test_what_a_gate_leaves_running_is_ended_before_the_next(make_bench, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    bench = make_bench(
        gate("forks", "goal", f"setsid sh -c 'echo $$ > {pid}; sleep 3600' & until test -s {pid}; do sleep 0.01; done"),
        gate("looks", "goal", f"! kill -0 $(cat {pid})"),
    )
    assert outcomes(bench.grade()) == {"forks": PASS, "looks": PASS}
    left = subprocess.run(["pgrep", "-f", str(bench.root / "scratch")], capture_output=True, check=False)
    assert left.stdout == b""


def test_a_report_that_the_agent_committed_is_not_read(make_bench) -> None:
    bench = make_bench(
        gate("tests", "goal", "sh hidden/run.sh", report=Report("tap", "out.tap")), hidden={"run.sh": "exit 0\n"}
    )
    verdict = bench.grade(bench.attempt({"out.tap": "1..1\nok\n"}))
    assert outcomes(verdict) == {"tests": ERROR}
    assert "no report" in verdict.gates[0].reason


def test_a_report_path_that_a_link_leads_away_is_an_error(make_bench) -> None:
    bench = make_bench(gate("tests", "goal", "true", report=Report("tap", "out/report.tap")))
    verdict = bench.grade(bench.attempt({"out": "-> nowhere/at/all", "code": "x\n"}))
    assert outcomes(verdict) == {"tests": ERROR}


def test_code_under_test_cannot_change_what_judges_later(make_bench) -> None:
    """A Makefile of the agent's runs in the first gate, and goes for the judges of the second."""
    cheat = (
        "for f in hidden/judge.sh Judge tests/test_a; do rm -f $f; printf 'exit 0\\n' > $f; done;"
        "rm -r tests/deep; ln -s /tmp tests/deep; touch tests/touched; mkfifo .gitattributes tests/.gitignore; exit 0\n"
    )
    bench = make_bench(
        gate("build", "guard", "sh build.sh"),
        gate("hidden", "goal", "sh hidden/judge.sh"),
        gate("over", "goal", "sh Judge"),
        gate("tests", "goal", "sh tests/test_a && sh tests/deep/test_b"),
        target={
            "build.sh": "exit 0\n",
            "tests/test_a": "exit 1\n",
            "tests/deep/test_b": "exit 1\n",
            "tests/touched": "x\n",
        },
        hidden={"judge.sh": "exit 1\n", "overlay/Judge": "exit 1\n"},
        protected=("tests/**",),
        replaced=("Judge",),
    )
    verdict = bench.grade(bench.attempt({"build.sh": cheat}))
    assert outcomes(verdict) == {"build": PASS, "hidden": FAIL, "over": FAIL, "tests": FAIL}
    assert {one.path for one in verdict.tampered} == {"Judge", "hidden/judge.sh", "tests/deep/test_b", "tests/test_a"}
    assert all("'build' ran" in one.what for one in verdict.tampered)


def test_times_that_were_set_back_hide_nothing(make_bench) -> None:
    """Same length, same times, same second: only the bytes tell."""
    cheat = "for f in hidden/judge tests/judge Judge; do touch -r $f t; printf 'exit 0\\n' > $f; touch -r t $f; done\n"
    bench = make_bench(
        gate("build", "guard", "sh build.sh"),
        *(gate(path, "goal", f"sh {path}") for path in ("hidden/judge", "tests/judge", "Judge")),
        target={"build.sh": "exit 0\n", "tests/judge": "exit 1\n"},
        hidden={"judge": "exit 1\n", "overlay/Judge": "exit 1\n"},
        protected=("tests/**",),
        replaced=("Judge",),
    )
    verdict = bench.grade(bench.attempt({"build.sh": cheat}))
    assert outcomes(verdict) == {"build": PASS, "hidden/judge": FAIL, "tests/judge": FAIL, "Judge": FAIL}
    assert {one.path for one in verdict.tampered} == {"Judge", "hidden/judge", "tests/judge"}


@pytest.mark.parametrize(
    "swap", ["mv checkout gone; ln -s {away} checkout", "rm -rf checkout", "rm -rf checkout; touch checkout"]
)
def test_a_checkout_that_was_swapped_is_made_again(make_bench, tmp_path: Path, swap: str) -> None:
    away = tmp_path / "away"
    (away / "tests").mkdir(parents=True)
    (away / "tests/judge").write_text("exit 0\n")
    bench = make_bench(
        gate("build", "guard", "sh build.sh"),
        gate("judge", "goal", "sh tests/judge && test -e code"),
        target={"build.sh": "exit 0\n", "tests/judge": "exit 1\n", "code": "x\n"},
        protected=("tests/**",),
    )
    verdict = bench.grade(bench.attempt({"build.sh": f"cd ..; {swap.format(away=away)}\n"}))
    assert verdict.error is None
    assert outcomes(verdict) == {"build": PASS, "judge": FAIL}
    assert [one.path for one in verdict.tampered] == ["."]
    assert (away / "tests/judge").read_text() == "exit 0\n"


def test_what_was_only_touched_has_not_been_tampered_with(make_bench) -> None:
    bench = make_bench(
        gate("run", "guard", "touch tests/* hidden/*; mkdir tests/out; echo x > tests/out/built"),
        gate("built", "goal", "test -e tests/out/built"),
        target={"code": "x\n", "tests/a": "x\n", "tests/link": "-> a", "tests/run": "x\n"},
        hidden={"judge": "x\n"},
        protected=("tests/**",),
    )
    verdict = bench.grade()
    assert outcomes(verdict) == {"run": PASS, "built": PASS}
    assert verdict.tampered == ()


def test_tampering_is_told_beside_the_verdict_and_never_changes_it(make_bench) -> None:
    bench = make_bench(
        gate("new", "goal", "grep -q new code"), target={"code": "old\n", "tests/a": "x\n"}, protected=("tests/**",)
    )
    verdict = bench.grade(bench.attempt({"code": "new\n", "tests/a": "y\n"}))
    assert verdict.resolved
    assert [one.path for one in verdict.tampered] == ["tests/a"]


def test_a_missing_tool_is_a_fault_of_the_machine_and_no_gate_runs(make_bench) -> None:
    bench = make_bench(
        gate("a", "goal", "touch ran"), gate("b", "guard", "true"), needs=("sh", "no-such-tool", "nor-this")
    )
    verdict = bench.grade()
    assert "sum needs no-such-tool, nor-this, missing here" in str(verdict.error)
    assert "apt-get install no-such-tool nor-this" in str(verdict.error)
    assert (verdict.gates, bench.told) == ((), [])


def test_a_tool_that_goes_away_while_gates_run_is_a_fault_too(make_bench, monkeypatch, tmp_path: Path) -> None:
    tool = tmp_path / "bin/words-tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    bench = make_bench(
        gate("a", "goal", f"rm -f {tool}"),
        gate("b", "goal", "words-tool"),
        gate("c", "goal", "true"),
        needs=(tool.name,),
    )
    verdict = bench.grade()
    assert "sum needs words-tool, missing here" in str(verdict.error)
    assert (verdict.resolved, [result.id for result in bench.told]) == (False, ["a"])


def test_gates_see_nothing_of_the_user(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    bench = make_bench(
        gate("env", "goal", 'env; test -z "$ANTHROPIC_API_KEY" && test -z "$GIT_DIR" && test "$RALPHBENCH_GATE" = env'),
        gate("home", "goal", f'test "$HOME" != {os.path.expanduser("~")} && touch "$HOME/x" "$TMPDIR/x"'),
        gate("git", "goal", "! git rev-parse --show-toplevel"),
        gate("stdin", "goal", 'test -z "$(cat)"'),
    )
    subprocess.run(["git", "init", "-q", str(bench.root)], check=True)
    assert set(outcomes(bench.grade()).values()) == {PASS}


def test_a_fault_of_the_machine_is_no_verdict(make_bench, tmp_path: Path) -> None:
    bench = make_bench(gate("a", "goal", "true"))
    lost = bench.grade("0" * 40)
    assert (lost.resolved, lost.score, lost.gates) == (False, 0.0, ())
    assert lost.error is not None
    (tmp_path / "file").write_text("x")
    blocked = bench.grade(out=tmp_path / "file/out")
    assert "file/out" in str(blocked.error)
    unknown = bench.grade(sandbox_kind="none-such")
    assert "none-such" in str(unknown.error)
    assert list((bench.root / "scratch").iterdir()) == []


def test_a_listener_that_fails_is_not_taken_for_a_fault_of_grading(make_bench) -> None:
    bench = make_bench(gate("a", "goal", "true"))

    def full(_: object) -> None:
        raise DiskError("full")

    with pytest.raises(DiskError):
        bench.grade(emit=full)
    assert list((bench.root / "scratch").iterdir()) == []


def test_an_attempt_can_be_judged_again_from_its_record_alone(make_bench) -> None:
    bench = make_bench(gate("new", "goal", "grep -q new code"))
    commit = bench.attempt({"code": "new\n"})
    bundle = bench.workspace.bundle(bench.root / "commits.bundle")
    (found,) = (path for path in (bench.root / "cache").iterdir() if path.name.endswith(".git"))
    pack = keep_base(open_mirror(found), bench.root / "bases")
    first = bench.grade(commit)
    bench.workspace.remove()
    gitdir = restore_record(pack, bundle, bench.root / "again")
    again = bench.grade(commit, gitdir=gitdir)
    assert (again.resolved, outcomes(again)) == (True, outcomes(first))


def test_a_long_log_is_cut_and_a_gate_that_floods_it_is_judged(make_bench) -> None:
    bench = make_bench(gate("floods", "goal", "yes | head -c 30000000; echo the end"))
    assert outcomes(bench.grade()) == {"floods": PASS}
    log = bench.root / "attempt/grading/floods.log"
    assert log.stat().st_size < 11_000_000
    assert log.read_bytes().endswith(b"the end\n")


FILL = "cat /dev/zero > {} 2>/dev/null; true"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """64 MiB to judge on, of which 16 must be free."""
    monkeypatch.setenv(VARIABLE, str(16 * MB))
    with small_disk(tmp_path / "disk", 64 * MB) as folder:
        yield folder


@pytest.mark.parametrize("what", ["big", "$TMPDIR/big"])
@pytest.mark.parametrize("logs", ["same", "other"])
def test_a_gate_on_whose_disk_the_code_under_test_leaves_no_room_does_not_pass(
    make_bench, disk: Path, what: str, logs: str
) -> None:
    """On a full disk `grep -q` finds all that it is asked for: nothing that was said there is believed."""
    bench = make_bench(
        gate("before", "goal", "grep -q new code"),
        gate("build", "goal", "sh build.sh; echo built; grep -q never nowhere"),
        gate("after", "goal", "grep -q new code"),
        gate("never", "goal", "grep -q never nowhere"),
        target={"build.sh": "exit 0\n", "code": "old\n"},
    )
    commit = bench.attempt({"build.sh": FILL.format(what), "code": "new\n"})
    out = disk / "out" if logs == "same" else bench.root / "out"
    verdict = bench.grade(commit, scratch=disk / "scratch", out=out)
    assert verdict.error is None
    assert outcomes(verdict) == {"before": PASS, "build": ERROR, "after": PASS, "never": FAIL}
    assert {result.id: result.reason for result in verdict.gates}["build"] == "it filled the disk"
    assert list((disk / "scratch").iterdir()) == []


def test_a_disk_that_somebody_else_fills_is_a_fault_and_no_verdict(make_bench, disk: Path) -> None:
    bench = make_bench(gate("one", "goal", FILL.format(disk / "another")), gate("two", "goal", "true"))
    verdict = bench.grade(scratch=disk / "scratch")
    assert "is full" in str(verdict.error)
    assert bench.told == []
