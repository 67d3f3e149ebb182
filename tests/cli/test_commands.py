"""Each command as a user types it, against the record of one real run."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from support.project import Project, make_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two profiles, both run: one that does the work, one that does nothing and says it is done."""
    project = make_project(tmp_path_factory.mktemp("commands"), profiles=["good", "idle"], baseline="good")
    done = project.run("--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_the_run_ends_with_the_comparison_and_what_to_type_next(project: Project) -> None:
    again = project.run()
    assert again.returncode == 0
    assert "resolved" in again.stdout
    assert "1/1" in again.stdout
    assert "ralphbench analyze 001-words --all" in again.stdout
    assert "starts" not in again.stdout, "nothing runs a second time"


def test_analyze_as_json_has_its_schema_and_both_profiles(project: Project) -> None:
    document = json.loads(project.ralphbench("analyze", "001-words", "--json").stdout)
    assert document["schema"] == "ralphbench.comparison/1"
    good, idle = document["rows"]
    assert (good["profile"], good["resolved"], good["judged"], good["cost"]) == ("good", 1, 1, 0.0)
    assert (idle["profile"], idle["resolved"], idle["endings"]) == ("idle", 0, {"failures": 1})
    assert idle["causes"] == {"done": 1}
    assert good["gates"] == {"words: readme": [1, 1], "words: one": [1, 1], "words: two": [1, 1]}
    assert [line["stage"] for line in good["stages"]] == ["plan", "build", "verify"]


def test_analyze_as_csv_reads_back(project: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(project.ralphbench("analyze", "001", "--csv").stdout)))
    assert [row["profile"] for row in rows] == ["good", "idle"]
    assert rows[0]["time.wall"]


def test_analyze_all_shows_stages_gates_and_quota(project: Project) -> None:
    text = project.ralphbench("analyze", "001-words", "--all", "--score", "legacy").stdout
    for table in ("by stage", "gates, passed of judged", "time, mean of an attempt", "calls and quota"):
        assert f"001-words: {table}" in text
    assert "do not decide by it" in text
    lines = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "two 1/1 0/1" in lines, "the gate matrix: good passes it, idle does not"
    assert any(line.startswith("good plan 1 1 0 0 ") for line in lines), "one plan, done, not cut off, not asked again"
    assert any(line.startswith("most resolved good 100 %") for line in lines)
    assert any(line.startswith("the work must get done good") for line in lines)


def test_show_tells_the_attempt(project: Project) -> None:
    text = project.ralphbench("show", "001-words", "good").stdout
    for expected in (
        "resolved, score 1.00",
        "timeline",
        "tickets",
        "Write one",
        "accepted",
        "gates (judged from outside",
    ):
        assert expected in text
    assert "final.patch" in text


def test_show_gives_the_diff(project: Project) -> None:
    diff = project.ralphbench("show", "001-words", "good", "--diff").stdout
    assert "+one" in diff
    assert "+two" in diff


def test_show_as_json_holds_the_result(project: Project) -> None:
    document = json.loads(project.ralphbench("show", "001-words", "good", "--json").stdout)
    assert document["schema"] == "ralphbench.attempt/2"
    (attempt,) = document["attempts"]
    assert attempt["result"]["ending"] == "completed"
    assert attempt["limits"]["iterations"] == 5
    assert {t["id"]: t["state"] for t in attempt["tickets"]} == {"t1": "accepted", "t2": "accepted"}


def test_status_counts_cells_and_what_was_spent(project: Project) -> None:
    document = json.loads(project.ralphbench("status", "001-words", "--json").stdout)
    assert document["schema"] == "ralphbench.status/1"
    assert document["states"] == {"done": 2}
    assert document["total"] == 2
    assert document["running"] == []
    assert document["spent"]["tokens"] > 0
    assert document["seconds_left"] == 0
    assert "nobody runs it now" in project.ralphbench("status", "001").stdout


def test_dry_run_shows_values_origins_cells_and_the_bound(project: Project) -> None:
    text = project.run("--dry-run", "--repeats", "2").stdout
    assert "limits.iterations" in text
    assert "experiment.yaml" in text
    assert "--repeats" in text
    assert "words × good r2" in text
    assert "4 cells, 8m00s" in text
    assert "nothing was started" in text


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def state_of(repo: Path) -> tuple[dict[str, bytes], str, str]:
    """Files, what git says of them and of the branch that is checked out, and the index."""
    files = {str(p.relative_to(repo)): p.read_bytes() for p in repo.rglob("*") if p.is_file() and ".git" not in p.parts}
    return files, git(repo, "status", "--porcelain", "--branch"), git(repo, "ls-files", "--stage")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A repository of the user's, in the middle of some work."""
    repo = tmp_path / "mine"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "one.txt").write_text("mine\n")
    git(repo, "add", ".")
    git(repo, "-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-q", "-m", "mine")
    (repo / "one.txt").write_text("not saved yet\n")
    (repo / "new.txt").write_text("new\n")
    git(repo, "add", "new.txt")
    return repo


def test_take_brings_the_commits_into_a_repository_as_a_new_branch(project: Project, mine: Path) -> None:
    before, branches = state_of(mine), git(mine, "branch", "--format=%(refname) %(objectname)")
    taking = ("take", "001-words", "good", "--repo", str(mine), "--branch", "try/words")
    done = project.ralphbench(*taking)
    assert done.returncode == 0, done.stderr
    assert git(mine, "show", "try/words:one.txt") == "one\n"
    subjects = git(mine, "log", "--format=%s", "try/words")
    assert "t1" in subjects
    assert "t2" in subjects
    assert state_of(mine) == before, "the checkout is not touched"
    tip = git(mine, "rev-parse", "try/words")
    assert git(mine, "branch", "--format=%(refname) %(objectname)") == f"{branches}refs/heads/try/words {tip}"

    git(mine, "branch", "-q", "-f", "try/words", "main")
    again = project.ralphbench(*taking)
    assert again.returncode != 0
    assert "--force" in again.stderr
    assert git(mine, "rev-parse", "try/words") != tip
    assert project.ralphbench(*taking, "--force").returncode == 0
    assert git(mine, "rev-parse", "try/words") == tip


def test_plan_writes_a_plan_and_names_it_so_that_it_is_found_from_anywhere(project: Project) -> None:
    done = project.ralphbench("plan", "001-words", "--by", "good", "-o", "mine.yaml")
    assert done.returncode == 0, done.stderr
    out = project.root / "mine.yaml"
    assert [t["id"] for t in yaml.safe_load(out.read_text())["tickets"]] == ["t1", "t2"]
    assert f"plan: {{shared: {{file: {out.resolve()}}}}}" in done.stderr


def test_reproduce_lists_what_differs_and_runs_the_attempt_again(project: Project, tmp_path: Path) -> None:
    attempt = project.record / "cells/words/good/r1/a1"
    done = project.ralphbench("reproduce", str(attempt), "--results", str(tmp_path / "r"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing differs" in done.stdout
    assert "now:  resolved, score 1.00" in done.stdout


def test_a_bundle_reproduces_where_the_project_is_not(project: Project, tmp_path: Path) -> None:
    bundle = tmp_path / "b.tar.gz"
    attempt = project.record / "cells/words/good/r1/a1"
    assert project.ralphbench("reproduce", str(attempt), "--bundle", str(bundle)).returncode == 0
    elsewhere = make_project(tmp_path / "elsewhere")
    (elsewhere.root / "specs/words/task.yaml").unlink()
    done = elsewhere.ralphbench("reproduce", str(bundle))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "now:  resolved, score 1.00" in done.stdout


def test_smoke_answers_how_fast_and_when_the_whole_would_be_done(project: Project) -> None:
    done = project.run("--smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one iteration a profile" in done.stdout
    assert "the whole, 2 cells" in done.stdout
    assert json.loads(project.ralphbench("status", "001-words", "--json").stdout)["total"] == 2, "its record is apart"


def test_smoke_fails_where_a_model_gives_no_plan(tmp_path: Path) -> None:
    deaf = {"models": ["good"], "rules": [{"turns": ["I would rather not."]}]}
    done = make_project(tmp_path, script=deaf).run("--smoke")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "good: no_plan" in done.stdout
    assert "The whole:" not in done.stdout


def test_clean_removes_what_runs_left_and_keeps_records(project: Project) -> None:
    assert project.run("--keep-worktrees", "--fresh", "-p", "good").returncode == 0
    work = project.root / "cache/work"
    assert list(work.glob("001-words-*/words/good/r1/a*"))
    done = project.ralphbench("clean", "001-words")
    assert done.returncode == 0, done.stderr
    assert not list(work.glob("001-words-*"))
    assert (project.record / "cells/words/good/r1/a1/result.json").exists()
    assert (project.record / "cells/words/good/r1/a2/result.json").exists(), "--fresh made a new one beside it"


def test_task_check_prints_the_proof(project: Project) -> None:
    done = project.ralphbench("task", "check", "words")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "words: usable" in done.stdout
    assert "words" in project.ralphbench("task", "list").stdout


def test_where_a_plan_goes_is_looked_at_before_it_is_paid_for(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for where, status, remedy in (("missing/mine.yaml", 2, "mkdir -p"), ("/proc/mine.yaml", 3, "ls -ld /proc")):
        done = project.ralphbench("plan", "001-words", "--by", "good", "-o", where)
        assert done.returncode == status, done.stderr
        assert f"cannot write {where}" in done.stderr or f"cannot write {tmp_path / where}" in done.stderr
        assert remedy in done.stderr
        assert not list(project.root.glob("results/*/plans/*/*/*/a1"))
