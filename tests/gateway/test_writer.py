"""The disk may be slow; the streams may not."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from support.hand_clock import HandClock

from ralphbench.gateway import writer
from ralphbench.gateway.writer import Bodies, Lines


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    monkeypatch.setattr(writer, "time", clock)
    return clock


def test_a_slow_disk_holds_up_one_line_and_then_no_stream(hand: HandClock) -> None:
    threads: list[str] = []
    streamed = threading.Event()

    def quick() -> None:
        threads.append(threading.current_thread().name)

    def slow() -> None:
        quick()
        hand.sleep(writer.SLOW * 2)

    def slow_until_something_was_streamed() -> None:
        slow()
        assert streamed.wait(60), "the streams stood still"

    async def main() -> None:
        lines = Lines()
        await lines.write(quick)
        await lines.write(slow)
        writing = asyncio.create_task(lines.write(slow_until_something_was_streamed))
        await asyncio.sleep(0)
        streamed.set()
        await writing
        lines.write_later(slow)
        await lines.write(quick)
        hand.sleep(writer.CALM)
        await lines.write(quick)
        lines.close()

    asyncio.run(main())
    main_thread = threading.main_thread().name
    assert [name == main_thread for name in threads] == [True, True, False, False, False, True]


def test_a_line_that_fails_says_so_from_either_place(hand: HandClock) -> None:
    def failing() -> None:
        hand.sleep(writer.SLOW * 2)
        raise OSError("full")

    async def main() -> None:
        lines = Lines()
        for _ in range(2):
            with pytest.raises(OSError, match="full"):
                await lines.write(failing)
        lines.close()

    asyncio.run(main())


def test_lines_are_all_there_when_it_is_closed(hand: HandClock) -> None:
    written: list[int] = []

    def write(number: int) -> None:
        hand.sleep(writer.SLOW * 2)  # all but the first go by the thread
        time.sleep(0.005)
        written.append(number)

    async def main() -> None:
        lines = Lines()
        for number in range(20):
            lines.write_later(lambda number=number: write(number))  # type: ignore[misc]
        await lines.after_all()
        assert written == list(range(20))
        lines.close()

    asyncio.run(main())


def test_bodies_are_stored_in_order_and_calls_wait_for_a_disk_that_is_far_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "BACKLOG", 1000)
    stored: list[int] = []

    def store(number: int) -> None:
        time.sleep(0.02)
        stored.append(number)

    async def main() -> None:
        bodies = Bodies()
        for number in range(10):
            bodies.submit(500, lambda number=number: store(number))  # type: ignore[misc]
        await bodies.room()
        assert len(stored) >= 8
        await bodies.after_all(lambda: stored.append(-1))
        assert stored == [*range(10), -1]
        bodies.close()

    asyncio.run(main())
