"""Bodies: byte for byte what was given, or an error that says which body is lost; never other bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ralphbench.errors import RecordError
from ralphbench.record import BodyStore, Quarantine
from ralphbench.record.delta import common_prefix, common_suffix


def _conversation(turns: int, seed: int = 1) -> list[bytes]:
    """Requests as an agent sends them: all that was said before, the new message, then the tools again."""
    rnd = random.Random(seed)
    messages: list[dict[str, str]] = []
    tools = [{"name": "bash", "description": "runs a command " * 20}]
    bodies = []
    for _ in range(turns):
        messages.append({"role": "user", "content": "".join(rnd.choices("abcdefghij \n", k=800))})
        bodies.append(json.dumps({"model": "m", "messages": messages, "tools": tools}).encode())
    return bodies


def _read_or_lost(store: BodyStore, reference: str) -> bytes | None:
    try:
        return store.read(reference)
    except RecordError as error:
        if reference not in error.message:
            raise
        return None


# Bodies that share much with the one before: an edit somewhere, or something new at the end.
_pieces = st.binary(max_size=300)
_edits = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["request", "response"]),
        st.integers(0, 1000),
        st.integers(0, 1000),
        _pieces,
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=_edits)
def test_any_bodies_come_back_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, edits) -> None:
    folder = tmp_path_factory.mktemp("bodies") / "bodies"
    store, last, kept = BodyStore(folder), b"conversation " * 30, {}
    for n, (thread, kind, begin, length, new, reopen) in enumerate(edits):
        last = last[:begin] + new + last[begin + length :]
        kept[store.add(f"c{n}", kind, last, thread=thread)] = last
        if reopen:
            store.close()
            store = BodyStore(folder)
    assert {reference: store.read(reference) for reference in kept} == kept
    store.close()
    again, seen = BodyStore(folder), Quarantine()
    again.check(seen)
    assert {reference: again.read(reference) for reference in again.references()} == kept
    assert not len(seen)
    again.close()


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_after_any_tear_a_body_is_what_it_was_or_is_named_as_lost(
    tmp_path_factory: pytest.TempPathFactory, data
) -> None:
    folder = tmp_path_factory.mktemp("bodies") / "bodies"
    store, kept = BodyStore(folder), {}
    for n, body in enumerate(_conversation(8)):
        kept[store.add(f"c{n}", "request", body, thread="build")] = body
    store.close()
    torn = folder / data.draw(st.sampled_from(["index.jsonl", "segment-000.bin"]))
    size = torn.stat().st_size
    os.truncate(torn, data.draw(st.integers(0, size)))
    store = BodyStore(folder)
    kept[store.add("c100", "request", b"after the tear", thread="build")] = b"after the tear"
    lost = []
    for reference, body in kept.items():
        if (found := _read_or_lost(store, reference)) is None:
            lost.append(reference)
        else:
            assert found == body
    assert "c100.request" not in lost
    if lost:
        assert lost == [f"c{n}.request" for n in range(8 - len(lost), 8)], "only the end is lost"
        seen = Quarantine()
        store.check(seen)
        assert len(seen) or store.damages or torn.name == "index.jsonl"
    store.close()


def test_the_bytes_of_a_torn_end_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "bodies"
    store = BodyStore(folder)
    store.add("c0", "request", b"one", thread="a")
    store.close()
    with (folder / "index.jsonl").open("ab") as index, (folder / "segment-000.bin").open("ab") as segment:
        index.write(b'{"n":1,')
        segment.write(b"half a body")
    store = BodyStore(folder)
    assert store.damages == ()
    store.add("c1", "request", b"two", thread="a")
    assert [damage.moved_to for damage in store.damages] == [
        folder / "index.jsonl.torn-1",
        folder / "segment-000.bin.torn-1",
    ]
    assert (folder / "segment-000.bin.torn-1").read_bytes() == b"half a body"
    assert [store.read("c0.request"), store.read("c1.request")] == [b"one", b"two"]
    store.close()


def test_what_is_damaged_inside_is_named_and_never_returned(tmp_path: Path) -> None:
    bodies = _conversation(4)
    for position in range(0, 400, 7):
        folder = tmp_path / str(position) / "bodies"
        store = BodyStore(folder)
        for n, body in enumerate(bodies):
            store.add(f"c{n}", "request", body, thread="a")
        store.close()
        segment = folder / "segment-000.bin"
        data = bytearray(segment.read_bytes())
        data[position] ^= 0x40
        segment.write_bytes(data)
        for n, body in enumerate(bodies):
            assert _read_or_lost(store, f"c{n}.request") in (body, None)
        seen = Quarantine()
        store.check(seen)
        assert len(seen)
        store.close()


def test_only_what_is_new_takes_room(tmp_path: Path) -> None:
    bodies = _conversation(100)
    store = BodyStore(tmp_path / "bodies")
    for n, body in enumerate(bodies):
        store.add(f"c{n}", "request", body, thread="a")
    store.close()
    taken = sum(path.stat().st_size for path in (tmp_path / "bodies").iterdir())
    assert taken < 4 * len(bodies[-1])
    assert sum(map(len, bodies)) > 40 * len(bodies[-1])


def test_a_body_is_put_together_from_a_bounded_number_of_others(tmp_path: Path) -> None:
    store = BodyStore(tmp_path / "bodies")
    for n, body in enumerate(_conversation(100)):
        store.add(f"c{n}", "request", body, thread="a")
    store.close()
    rows = [json.loads(line) for line in (tmp_path / "bodies" / "index.jsonl").read_text().splitlines()]
    assert max(row["depth"] for row in rows) == 32
    assert sum(row["base"] is None for row in rows) == 4
    assert [row["n"] for row in rows] == list(range(100))


def test_conversations_that_are_over_are_let_go(tmp_path: Path) -> None:
    store = BodyStore(tmp_path / "bodies")
    kept = {}
    for n in range(60):
        body = os.urandom(1 << 20)
        kept[store.add(f"c{n}", "request", body, thread=f"session {n}")] = body
    assert sum(len(last.body) for last in store._last.values()) <= 16 << 20
    for n in range(60, 100):
        kept[store.add(f"c{n}", "request", b"x", thread=f"session {n}")] = b"x"
    assert len(store._last) <= 16
    assert all(store.read(reference) == body for reference, body in kept.items())
    store.close()


def test_segments_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ralphbench.record.bodies.SEGMENT_BYTES", 10_000)
    store, kept = BodyStore(tmp_path / "bodies"), {}
    for n in range(20):
        body = os.urandom(3000)
        kept[store.add(f"c{n}", "request", body, thread="a")] = body
        if n == 10:
            store.close()
    sizes = [path.stat().st_size for path in sorted((tmp_path / "bodies").glob("segment-*.bin"))]
    assert len(sizes) == 7
    assert max(sizes) <= 10_000
    assert all(store.read(reference) == body for reference, body in kept.items())
    store.close()


def test_a_store_goes_on_when_a_new_segment_could_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ralphbench.record.bodies.SEGMENT_BYTES", 10_000)
    store = BodyStore(tmp_path / "bodies")
    store.add("c0", "request", os.urandom(9000), thread="a")
    (tmp_path / "bodies" / "segment-001.bin").mkdir()
    with pytest.raises(IsADirectoryError):
        store.add("c1", "request", os.urandom(9000), thread="a")
    (tmp_path / "bodies" / "segment-001.bin").rmdir()
    store.add("c2", "request", b"c2" * 5000, thread="b")
    store.add("c3", "request", os.urandom(9000), thread="a")
    seen = Quarantine()
    store.check(seen)
    assert store.references() == ("c0.request", "c2.request", "c3.request")
    assert not len(seen)
    store.close()


def test_new_bodies_never_lie_where_lost_ones_are_looked_for(tmp_path: Path) -> None:
    folder = tmp_path / "bodies"
    store = BodyStore(folder)
    store.add("c0", "request", b"a" * 100, thread="a")
    store.close()
    (folder / "segment-000.bin").unlink()
    store = BodyStore(folder)
    store.add("c1", "request", b"a" * 100, thread="b")
    assert [str(damage.path.name) for damage in store.damages] == ["segment-000.bin"]
    assert store.read("c1.request") == b"a" * 100
    with pytest.raises(RecordError, match=r"segment-000\.bin"):
        store.read("c0.request")
    store.close()


def test_a_call_number_given_again_refers_to_the_later_body(tmp_path: Path) -> None:
    store = BodyStore(tmp_path / "bodies")
    store.add("c0", "request", b"of a call that a power cut took from the log", thread="a")
    store.close()
    store = BodyStore(tmp_path / "bodies")
    store.add("c0", "request", b"of the call that was made instead", thread="a")
    store.add("c1", "request", b"of the call that was made instead, and more: " * 5, thread="a")
    assert store.read("c0.request") == b"of the call that was made instead"
    assert store.read("c1.request") == b"of the call that was made instead, and more: " * 5
    store.close()


def test_a_body_that_was_never_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"body c7\.request cannot be read") as caught:
        BodyStore(tmp_path / "bodies").read("c7.request")
    assert caught.value.remedy
    assert not (tmp_path / "bodies").exists()


def test_a_reader_sees_what_a_writer_adds(tmp_path: Path) -> None:
    writer, reader = BodyStore(tmp_path / "bodies"), BodyStore(tmp_path / "bodies")
    for n, body in enumerate(_conversation(5)):
        reference = writer.add(f"c{n}", "request", body, thread="a")
        assert reader.read(reference) == body
    writer.sync()
    writer.close()
    reader.close()


def test_threads_share_a_store(tmp_path: Path, hurried_threads: None) -> None:
    store, kept = BodyStore(tmp_path / "bodies"), {}

    def work(k: int) -> None:
        for n in range(400):
            body = b"what both sessions begin with " * 3 + b"%d" % (k * n)
            kept[store.add(f"c{k}x{n}", "request", body, thread=f"session {k % 2}")] = body

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 1600
    assert all(store.read(reference) == body for reference, body in kept.items())
    store.close()


def test_an_index_that_says_something_else_gives_no_other_bytes(tmp_path: Path) -> None:
    store = BodyStore(tmp_path / "bodies")
    store.add("c0", "request", bytes(range(256)), thread="a")
    store.add("c1", "request", bytes(range(128)) + b"new" + bytes(range(128, 256)), thread="a")
    store.close()
    index = tmp_path / "bodies" / "index.jsonl"
    index.write_text(index.read_text().replace('"prefix":128,"suffix":128', '"prefix":127,"suffix":129'))
    with pytest.raises(RecordError, match=r"c1\.request are not those that were stored"):
        store.read("c1.request")


WRITER = """
import sys
from pathlib import Path
from ralphbench.record import BodyStore
store, run = BodyStore(Path(sys.argv[1])), sys.argv[2]
body, n = b"", 0
print("ready", flush=True)
while True:
    body += b"%s:%d;" % (run.encode(), n) * 50
    store.add(f"r{run}c{n}", "request", body, thread="a")
    body = body[-20_000:]
    n += 1
"""


def test_killed_writers_leave_only_whole_bodies(tmp_path: Path, spawn, grown) -> None:
    folder = tmp_path / "bodies"
    for k in range(5):
        child = spawn(WRITER, folder, k)
        index = folder / "index.jsonl"
        before = index.stat().st_size if index.exists() else 0
        assert child.stdout.readline() == "ready\n"
        grown(index, before + 1000)
        time.sleep(0.011 * k)
        child.send_signal(signal.SIGKILL)
        child.wait()
    store, seen = BodyStore(folder), Quarantine()
    store.add("last", "request", b"x", thread="a")
    store.check(seen)
    assert not len(seen)
    references = store.references()
    assert len({reference[:2] for reference in references}) >= 5
    for reference in references[:-1]:
        run, n = reference[1:].removesuffix(".request").split("c")
        assert store.read(reference).endswith(f"{run}:{n};".encode())
    store.close()


def _same(a: bytes, b: bytes) -> int:
    """Byte by byte."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


_bytes = st.one_of(st.binary(max_size=200), st.binary(max_size=50).map(lambda piece: piece * 4000))


@settings(max_examples=300, deadline=None)
@given(a=_bytes, b=_bytes, shared=_bytes)
def test_common_ends_are_found_to_the_byte(a: bytes, b: bytes, shared: bytes) -> None:
    assert common_prefix(shared + a, shared + b) == _same(shared + a, shared + b)
    found = _same((a + shared)[::-1], (b + shared)[::-1])
    assert common_suffix(a + shared, b + shared, 10**9) == found
    for most in (0, 1, found // 2, found):
        assert common_suffix(a + shared, b + shared, most) == min(most, found)
