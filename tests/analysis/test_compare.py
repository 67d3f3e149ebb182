from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.results import Write, gate, result, stage, verdict, work

from ralphbench.analysis import Comparison, ProfileRow, compare, legacy_scores, load, to_csv, to_json
from ralphbench.model import Ending, Spent, StageEnding, StageSums
from ralphbench.record import ExperimentFolder


def row(tmp_path: Path, profile: str = "p") -> ProfileRow:
    comparison = compare(load([tmp_path / "x"]))
    return next(r for r in comparison.rows if r.profile == profile)


def test_resolved_and_score_carry_their_denominators(tmp_path: Path, write: Write) -> None:
    write("a")
    write("b", verdict=verdict(True, False))
    write("c", verdict=verdict(False, False))
    found = row(tmp_path)
    assert (found.resolved, found.judged, found.attempts, found.tasks) == (1, 3, 3, 3)
    assert found.score == pytest.approx(0.5)


def test_a_void_attempt_counts_neither_way_but_its_cost_is_spent(tmp_path: Path, write: Write) -> None:
    write("a", number=1, ending=Ending.ENDPOINT_DOWN, verdict=None)
    write("a", number=2)
    found = row(tmp_path)
    assert (found.attempts, found.resolved, found.judged, found.void) == (1, 1, 1, 1)
    assert found.cost == pytest.approx(1.0)
    assert found.endings == {"completed": 1, "endpoint_down": 1}


def test_the_newest_attempt_of_a_cell_counts_and_the_older_ones_stay_paid_for(tmp_path: Path, write: Write) -> None:
    write("a", number=1)
    write("a", number=2, verdict=verdict(False, False))
    found = row(tmp_path)
    assert (found.attempts, found.resolved) == (1, 0)
    assert found.gates == {"a: g0": (0, 1), "a: g1": (0, 1)}
    assert found.cost == pytest.approx(1.0)


def test_an_earlier_attempt_of_the_last_known_identity_counts_before_a_later_one(tmp_path: Path, write: Write) -> None:
    record = ExperimentFolder(tmp_path, "x").create()
    write("a", number=1, identity="before")
    write("a", number=2, identity="between", verdict=verdict(False, False))
    write("b", number=1, identity="between", verdict=verdict(False, False))
    record.write_lock({})
    record.note_identities({("a", "p"): "before", ("b", "p"): "before"})
    found = row(tmp_path)
    assert (found.attempts, found.resolved) == (2, 1), "of b the newest, since none is of that identity"
    record.note_identities({("a", "p"): "between"})
    assert row(tmp_path).resolved == 0
    assert record.identities() == {("a", "p"): "between", ("b", "p"): "before"}


def test_an_unknown_cost_makes_the_sum_unknown_and_not_smaller(tmp_path: Path, write: Write) -> None:
    write("a")
    write("b", spent=Spent(1.0, 1, None, None, None, 1))
    found = row(tmp_path)
    assert found.cost is None
    assert found.cost_per_resolved is None
    assert found.tokens.input is None
    assert found.unknown_calls == 1
    assert any("tokens of 1 calls are unknown" in w for w in compare(load([tmp_path / "x"])).warnings)


def test_a_known_zero_stays_a_zero(tmp_path: Path, write: Write) -> None:
    write("a", spent=Spent(1.0, 1, 5, 5, 0.0))
    assert row(tmp_path).cost == 0.0


def test_claims_stand_beside_what_was_verified(tmp_path: Path, write: Write) -> None:
    write("a", verdict=verdict(False, claimed={"task": True}))
    write("b", verdict=verdict(True, claimed={"one": True, "two": False}))
    write("c", verdict=verdict(True, claimed=None))
    found = row(tmp_path)
    assert (found.claimed, found.claims, found.overclaimed, found.resolved) == (1, 2, 1, 2)


def test_a_broken_guard_makes_the_score_zero() -> None:
    from ralphbench.model import GateKind, judge

    gates = (gate("g", passed=True), gate("build", passed=False, kind=GateKind.GUARD))
    assert judge(gates) == (False, 0.0)


def test_two_experiments_with_the_same_profile_stay_apart(tmp_path: Path, write: Write) -> None:
    write("a", experiment="x")
    write("a", experiment="y", verdict=verdict(False))
    rows = compare(load([tmp_path / "x", tmp_path / "y"])).rows
    assert [(r.experiment, r.profile, r.resolved) for r in rows] == [("x", "p", 1), ("y", "p", 0)]


def test_a_plan_for_all_is_charged_to_whoever_made_it(tmp_path: Path, write: Write) -> None:
    write("a", "planner", plans=True, verdict=None, spent=Spent(1.0, 1, 5, 5, 2.0))
    write("a", "planner", spent=Spent(1.0, 1, 5, 5, 1.0), plan_by="planner", plan_hash="h")
    write("a", "other", spent=Spent(1.0, 1, 5, 5, 1.0), plan_by="planner", plan_hash="h")
    planner, other = row(tmp_path, "planner"), row(tmp_path, "other")
    assert (planner.cost, planner.plan_cost, planner.attempts) == (pytest.approx(3.0), pytest.approx(2.0), 1)
    assert (other.cost, other.plan_cost) == (pytest.approx(1.0), None)
    assert other.plans == ("planner",)


def test_different_plans_of_one_task_are_warned_of(tmp_path: Path, write: Write) -> None:
    write("a", "p", plan_hash="1")
    write("a", "q", plan_hash="2")
    assert any("different plans" in w for w in compare(load([tmp_path / "x"])).warnings)


def test_silent_truncation_is_said_first(tmp_path: Path, write: Write) -> None:
    sums = StageSums(runs=1, done=1, calls=4, input=1, output=1, truncated=2)
    write("a", stages={"build": sums}, spent=Spent(1.0, 4, None, 1, 0.0, 1))
    warnings = compare(load([tmp_path / "x"])).warnings
    assert "cut the context silently in 2 of 4 calls" in warnings[0]


def test_unequal_limits_are_said(tmp_path: Path, write: Write) -> None:
    write("a", extra={"unequal_limits": True})
    assert any("UNEQUAL LIMITS" in w for w in compare(load([tmp_path / "x"])).warnings)


def test_profiles_that_ran_less_often_are_named(tmp_path: Path, write: Write) -> None:
    write("a", "p")
    write("b", "p")
    write("a", "q")
    assert any("not every profile has run equally often" in w for w in compare(load([tmp_path / "x"])).warnings)


def test_failures_show_their_cause(tmp_path: Path, write: Write) -> None:
    write("a", ending=Ending.FAILURES, cause=StageEnding.CONTEXT)
    assert row(tmp_path).causes == {"context": 1}


def test_a_damaged_result_is_named_and_the_rest_is_compared(tmp_path: Path, write: Write) -> None:
    write("a")
    write("b")
    path = tmp_path / "x/cells/b/p/r1/a1/result.json"
    path.write_bytes(path.read_bytes()[:100])
    comparison = compare(load([tmp_path / "x"]))
    assert comparison.rows[0].attempts == 1
    assert any("damaged file" in w and "result.json" in w for w in comparison.warnings)


def test_nothing_recorded_gives_an_empty_comparison(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert compare(load([tmp_path / "x"])) == Comparison((), ())


def test_only_void_attempts_give_a_row_without_a_score(tmp_path: Path, write: Write) -> None:
    write("a", ending=Ending.RATE_LIMITED, verdict=None)
    found = row(tmp_path)
    assert (found.attempts, found.judged, found.score, found.void) == (0, 0, None, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.none() | st.floats(0, 10), st.booleans()), min_size=1, max_size=6))
def test_json_and_csv_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[bool, float | None, bool]]
) -> None:
    from ralphbench.record import ExperimentFolder, write_result

    root = tmp_path_factory.mktemp("results")
    record = ExperimentFolder(root, "x").create()
    for index, (passed, cost, void) in enumerate(drawn):
        made = result(
            f"t{index}",
            verdict=None if void else verdict(passed),
            ending=Ending.ENDPOINT_DOWN if void else Ending.COMPLETED,
            spent=Spent(1.0, 1, 1, 1, cost),
        )
        write_result(record.folder(made.cell, 1).create(), made)
    comparison = compare(load([root / "x"]))
    document = json.loads(to_json(comparison))
    table = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert document["schema"] == "ralphbench.comparison/1"
    assert len(document["rows"]) == len(table) == 1
    first, line = document["rows"][0], table[0]
    assert (first["cost"] is None) == (line["cost"] == "")
    assert (first["cost"] is None) == any(cost is None for _, cost, _ in drawn)
    assert int(line["resolved"]) == first["resolved"] == sum(p and not v for p, _, v in drawn)
    assert "NaN" not in to_json(comparison).decode()


def test_the_legacy_score_is_the_predecessors_formula(tmp_path: Path, write: Write) -> None:
    write("a", "p")
    write("a", "q", spent=Spent(1.0, 1, 1, 1, 0.25))
    scores = legacy_scores(compare(load([tmp_path / "x"])).rows)
    # rate 2/3; p has the greatest cost and time, q half the cost and the same time
    assert scores["x", "p"] == pytest.approx((2 / 3) / (0.3 + 0.3 + 0.01))
    assert scores["x", "q"] == pytest.approx((2 / 3) / (0.15 + 0.3 + 0.01))


def test_the_legacy_score_of_an_unknown_cost_is_unknown(tmp_path: Path, write: Write) -> None:
    write("a", spent=Spent(1.0, 1, 1, 1, None))
    assert legacy_scores(compare(load([tmp_path / "x"])).rows) == {("x", "p"): None}


def test_what_the_predecessor_did_not_count_is_unknown_and_not_zero(tmp_path: Path, write: Write) -> None:
    write("a", imported=True, verdict=None)
    found = row(tmp_path)
    assert (found.retries, found.truncated, found.unknown_calls) == (None, None, None)
    assert [line.truncated for line in found.stages] == [None]
    line = next(csv.DictReader(io.StringIO(to_csv(compare(load([tmp_path / "x"]))))))
    assert (line["retries"], line["truncated"]) == ("", "")


def test_one_profile_that_plans_anew_each_time_is_compared_with_nobody(tmp_path: Path, write: Write) -> None:
    write("a", repeat=1, plan_hash="1")
    write("a", repeat=2, plan_hash="2")
    assert not any("different plans" in w for w in compare(load([tmp_path / "x"])).warnings)


def test_what_was_cut_off_asked_again_or_there_before_is_counted(tmp_path: Path, write: Write) -> None:
    cut = {"build": stage({"done": 1, "context": 2, "blocked": 1}, repairs=1), "verify": stage({"calls": 1}, repairs=2)}
    write("a", stages=cut, work=work(already_satisfied=1, repairs=3))
    write(
        "b", stages={"build": stage({"idle_timeout": 1, "endpoint_down": 1})}, work=work(already_satisfied=2, repairs=0)
    )
    found = row(tmp_path)
    assert (found.kills, found.already_satisfied, found.repairs) == (4, 3, 3)
    assert [(line.stage, line.kills, line.repairs) for line in found.stages] == [("build", 3, 1), ("verify", 1, 2)]


def test_repairs_of_a_stage_that_were_not_recorded_are_unknown(tmp_path: Path, write: Write) -> None:
    write("a", stages={"build": stage({"done": 1}, repairs=None)})
    assert row(tmp_path).stages[0].repairs is None
