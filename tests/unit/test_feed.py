"""The feed: numbered records for any number of readers, the engine never held up."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.effects import Record
from console.core.state import Policy, State
from console.ports import Publish, Update
from console.records.feed import FedConsole, Feed, Lagged

STATE = State(Policy("h"))


def update(*types: str) -> Update:
    return Update(STATE, tuple(Record(0.0, type_) for type_ in types), 0.0)


def types(entries: Iterable[tuple[int, Record]]) -> list[str]:
    return [record.type for _, record in entries]


def test_records_are_numbered_from_one() -> None:
    feed = Feed()
    assert (feed.last, feed.oldest, feed.after(0), feed.update) == (0, 1, [], None)
    feed.publish(update("a", "b"))
    feed.publish(update())
    feed.publish(update("c"))
    assert [number for number, _ in feed.after(0)] == [1, 2, 3]
    assert types(feed.after(1)) == ["b", "c"]
    assert types(feed.after(0, most=2)) == ["a", "b"]
    assert feed.after(3) == feed.after(99) == []
    assert feed.update == update("c")


def test_a_reader_that_lags_is_told() -> None:
    feed = Feed(kept=2)
    feed.publish(update("a", "b", "c"))
    assert (feed.oldest, feed.last) == (2, 3)
    assert types(feed.after(1)) == ["b", "c"]
    with pytest.raises(Lagged):
        feed.after(0)


@given(st.integers(1, 5), st.lists(st.integers(0, 4), max_size=20), st.integers(1, 5))
def test_a_reader_sees_every_record_once_in_order_or_is_told(
    kept: int, updates: list[int], every: int
) -> None:
    feed = Feed(kept)
    read: list[str] = []
    place = count = 0
    for turn, size in enumerate(updates):
        feed.publish(update(*(str(count + n) for n in range(size))))
        count += size
        if turn % every:
            continue
        try:
            fresh = feed.after(place)
        except Lagged:
            assert count - place > kept
            return
        read += types(fresh)
        place = fresh[-1][0] if fresh else place
        assert read == [str(n) for n in range(count)]


def test_listeners_are_woken_until_they_leave() -> None:
    feed = Feed()
    woken: list[str] = []
    leave = feed.listen(lambda: woken.append("one"))
    feed.listen(lambda: woken.append("two"))
    feed.publish(update())
    leave()
    feed.close()
    assert woken == ["one", "two", "two"]
    assert feed.closed


class Broken:
    """A console that publishes once and breaks."""

    async def run(self, publish: Publish) -> None:
        publish(update("a"))
        raise RuntimeError


def test_a_fed_console_publishes_to_both_and_closes_the_feed_however_it_ends() -> None:
    feed = Feed()
    seen: list[Update] = []
    with pytest.raises(RuntimeError):
        asyncio.run(FedConsole(Broken(), feed).run(seen.append))  # type: ignore[arg-type]
    assert (seen, types(feed.after(0)), feed.closed) == ([update("a")], ["a"], True)
