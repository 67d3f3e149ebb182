from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from ralphbench.grading.place import place_to_judge, remove_abandoned

HOLD = """
import sys
from pathlib import Path
from ralphbench.grading.place import place_to_judge
with place_to_judge(Path(sys.argv[1])) as place:
    (place / "file").write_text("x")
    print(place, flush=True)
    sys.stdin.read()
"""


def held(scratch: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process, and the place that it holds."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(scratch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")


def test_a_place_is_its_owners_alone_and_gone_with_it(tmp_path: Path) -> None:
    with place_to_judge(tmp_path / "s") as one, place_to_judge(tmp_path / "s") as two:
        assert one != two
        assert one.is_dir()
        assert two.is_dir()
    assert list((tmp_path / "s").iterdir()) == []


def test_what_a_living_judge_holds_is_left_alone(tmp_path: Path) -> None:
    process, place = held(tmp_path)
    try:
        assert remove_abandoned(tmp_path) == 0
        with place_to_judge(tmp_path):
            assert (place / "file").exists()
    finally:
        end(process)
    assert not place.exists()


def test_what_a_killed_judge_left_is_removed_by_the_next(tmp_path: Path) -> None:
    process, place = held(tmp_path)
    process.send_signal(signal.SIGKILL)
    end(process)
    assert (place / "file").exists()
    with place_to_judge(tmp_path) as mine:
        assert [Path(entry) for entry in os.scandir(tmp_path)] == [mine]


def test_nothing_else_is_taken_for_a_place(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "g-file").write_text("x")
    (tmp_path / "g-link").symlink_to(tmp_path / "other")
    assert remove_abandoned(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3
