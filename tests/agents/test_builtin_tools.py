"""The built-in agent's tools."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support.hand_clock import ClockUntil

from ralphbench.agents.builtin_session import Item, Session
from ralphbench.agents.builtin_tools import Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path, os.environ, 20.0)


def test_bash_tells_output_and_exit(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    result = tools.call("bash", {"command": "pwd; echo err >&2; exit 4", "workdir": "sub", "description": "look"})
    assert (result.text, result.exit, result.failed) == (f"{tmp_path}/sub\nerr\n[exit 4]", 4, False)
    assert tools.call("bash", {"command": "true"}).text == "[no output]"
    assert tools.call("bash", {"command": "cat"}).exit == 0


def test_bash_ends_what_takes_too_long_with_its_children(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is up as soon as it has started what it starts."""
    pids = tmp_path / "pids"
    clock = ClockUntil(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    monkeypatch.setattr("ralphbench.agents.builtin_tools.time", clock)
    command = f"echo begun; (trap '' TERM; exec sleep 3600) & echo $! $$ > {pids}; sleep 3600"
    result = tools.call("bash", {"command": command, "timeout": 300_000})
    assert result.text.startswith("begun\n")
    assert "[ended after 300 s" in result.text
    assert (result.failed, result.exit) == (True, None)
    assert not any(alive(pid) for pid in pids.read_text().split())


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_bash_does_not_wait_for_what_is_left_in_the_background(tools: Tools, tmp_path: Path) -> None:
    command = f"sleep 3600 & echo $! > {tmp_path}/pid; echo done"
    assert tools.call("bash", {"command": command, "timeout": 600_000}).text == "done"
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_bash_shows_both_ends_of_a_flood(tools: Tools) -> None:
    text = tools.call("bash", {"command": "echo first; seq 100000; echo last"}).text
    assert text.startswith("first")
    assert text.endswith("last")
    assert "bytes left out" in text
    assert len(text) < 101_000


def test_read_numbers_lines_and_pages(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    assert tools.call("read", {"filePath": "f", "offset": 3, "limit": 2}).text == (
        "3: line 3\n4: line 4\n[6 more lines; read on with offset 5]"
    )
    assert tools.call("read", {"filePath": str(tmp_path / "f"), "offset": 10}).text == "10: line 10"
    assert "the file has 10 lines" in tools.call("read", {"filePath": "f", "offset": 99}).text
    (tmp_path / "d").mkdir()
    assert tools.call("read", {"filePath": "."}).text == "d/\nf"
    assert tools.call("read", {"filePath": "d"}).text == "[an empty directory]"


@pytest.mark.parametrize(
    ("content", "old", "new", "all_", "after", "said"),
    [
        (b"a b a", "b", "c", False, b"a c a", "edited"),
        (b"a b a", "a", "c", False, b"a b a", "occurs 2 times"),
        (b"a b a", "a", "c", True, b"c b c", "replaced 2"),
        (b"a", "x", "y", False, b"a", "does not occur"),
        (b"a", "a", "a", False, b"a", "are the same"),
        (b"a", "", "b", False, b"a", "empty"),
        (b"one\r\ntwo\r\n", "one\ntwo", "1\n2", False, b"1\r\n2\r\n", "edited"),
        (b"caf\xe9 x", "x", "y", False, b"caf\xe9 y", "edited"),
    ],
)
def test_edit_replaces_exactly_what_was_said(
    tools: Tools, tmp_path: Path, content: bytes, old: str, new: str, all_: bool, after: bytes, said: str
) -> None:
    (tmp_path / "f").write_bytes(content)
    result = tools.call("edit", {"filePath": "f", "oldString": old, "newString": new, "replaceAll": all_})
    assert said in result.text
    assert (tmp_path / "f").read_bytes() == after
    assert result.failed is (content == after)


def test_write_makes_folders(tools: Tools, tmp_path: Path) -> None:
    assert not tools.call("write", {"filePath": "a/b/c", "content": "x\n"}).failed
    assert (tmp_path / "a/b/c").read_text() == "x\n"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("fly", {}, "there is no tool 'fly'; there are bash, read, write, edit"),
        ("bash", "ls", "not a JSON object"),
        ("bash", {}, "missing command"),
        ("bash", {"command": 3}, "command must be text"),
        ("bash", {"command": "true", "timeout": "1"}, "timeout must be a whole number"),
        ("bash", {"command": "true", "workdir": "nowhere"}, "No such file"),
        ("read", {"filePath": "nowhere"}, "No such file"),
        ("read", {"filePath": "a\0b"}, "null"),
        ("edit", {"filePath": "f", "oldString": "a", "newString": "b", "replaceAll": "yes"}, "true or false"),
        ("write", {"filePath": "/proc/x", "content": ""}, "/proc/x"),
    ],
)
def test_what_goes_wrong_is_told(tools: Tools, name: str, arguments: Any, said: str) -> None:
    result = tools.call(name, arguments)
    assert result.failed
    assert said in result.text


def test_a_binary_file_is_not_shown(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"\x7fELF\0\0")
    assert "not a text file" in tools.call("read", {"filePath": "b"}).text


@pytest.mark.parametrize("place", ["/etc/hostname", "../beside", "link/hostname", "~/../../etc/hostname"])
@pytest.mark.parametrize("name", ["read", "write", "edit", "bash"])
def test_tools_stay_inside_the_working_directory(tools: Tools, tmp_path: Path, name: str, place: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "~").mkdir()
    more = {"content": "x", "oldString": "a", "newString": "b", "command": "pwd", "workdir": place}
    result = tools.call(name, {"filePath": place, **more})
    assert (result.failed, "outside the working directory" in result.text) == (True, True)


def test_the_temporary_folder_is_inside_too(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tree").mkdir()
    tools = Tools(tmp_path / "tree", {**os.environ, "TMPDIR": str(tmp_path / "tmp")}, 20.0)
    assert not tools.call("write", {"filePath": str(tmp_path / "tmp/x"), "content": "x"}).failed


def test_only_plain_files_of_sane_size_are_read(tools: Tools, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(30 * 1024**3)
    for name in ("read", "edit"):
        more = {"oldString": "a", "newString": "b"}
        assert "not a file" in tools.call(name, {"filePath": "pipe", **more}).text
        assert "too many; use bash" in tools.call(name, {"filePath": "large", **more}).text


def test_a_command_that_floods_is_ended(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ralphbench.agents.builtin_tools._FLOOD", 1_000_000)
    result = tools.call("bash", {"command": "head -c 20000000 /dev/zero; sleep 3600", "timeout": 600_000})
    assert result.failed
    assert "ended: it had put out" in result.text


def test_a_session_leaves_out_the_oldest_results_first(tmp_path: Path) -> None:
    session = Session.begin(tmp_path, None, "/w", 1_000)
    session.items = [Item("tool", "x" * 1_000, call_id=str(n)) for n in range(6)]
    session.fit()
    assert [len(item.text) < 100 for item in session.items] == [True, True, False, False, False, False]
    session.save()
    again = Session.begin(tmp_path, session.id, "/w", 1_000)
    assert again.items == session.items


def test_a_session_that_is_gone_on_with_stays_as_it_was(tmp_path: Path) -> None:
    """A stage that is run again after a fault begins where it began before."""
    session = Session.begin(tmp_path, None, "/w", 1_000)
    session.items = [Item("user", "one")]
    session.save()
    tried = Session.begin(tmp_path, session.id, "/w", 1_000)
    tried.items.append(Item("user", "what was undone"))
    tried.save()
    assert Session.begin(tmp_path, session.id, "/w", 1_000).items == [Item("user", "one")]
