"""A bounded log, whatever is written in whatever pieces."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.sandbox.capped import CappedLog


@given(st.lists(st.binary(max_size=400), max_size=30), st.integers(min_value=160, max_value=2000))
def test_head_and_tail_are_kept_within_the_limit(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    with TemporaryDirectory() as folder:
        log = CappedLog(Path(folder, "log"), limit)
        for piece in pieces:
            log.write(piece)
        log.close()
        log.close()
        kept = Path(folder, "log").read_bytes()
    assert len(kept) <= limit
    if not log.truncated:
        assert kept == whole
    else:
        head, note, tail = kept.partition(b"\n[... %d bytes left out ...]\n" % log.left_out)
        assert note
        assert whole.startswith(head)
        assert whole.endswith(tail)
        assert len(head) + log.left_out + len(tail) == len(whole)
        assert len(tail) == limit // 2


def test_a_limit_too_small_for_its_note_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than"):
        CappedLog(tmp_path / "log", 20)
