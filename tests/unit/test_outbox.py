"""What waits for the agent's socket: order and bounds (conformance check 7, and the uplink's catch-up)."""

from __future__ import annotations

from console.agent.outbox import Outbox


def drain(outbox: Outbox) -> list[str | bytes]:
    taken = []
    while (item := outbox.take()) is not None:
        taken.append(item)
    return taken


def test_check_7_messages_overtake_audio_and_keep_their_order() -> None:
    outbox = Outbox()
    outbox.audio_limit = 100
    outbox.put_audio(b"a")
    outbox.put("pong 1")
    outbox.put_audio(b"b")
    outbox.put("pong 2")
    assert drain(outbox) == ["pong 1", "pong 2", b"a", b"b"]


def test_what_is_too_old_is_dropped_and_counted_once() -> None:
    outbox = Outbox()
    outbox.audio_limit = 4
    for payload in (b"11", b"22", b"33"):
        outbox.put_audio(payload)
    assert outbox.audio_bytes == 4
    assert outbox.take_dropped() == 2
    assert outbox.take_dropped() == 0
    assert drain(outbox) == [b"22", b"33"]
    assert outbox.audio_bytes == 0


def test_without_a_format_no_audio_waits() -> None:
    outbox = Outbox()
    outbox.put_audio(b"early")
    assert drain(outbox) == []


def test_a_flood_of_messages_is_bounded() -> None:
    outbox = Outbox()
    for number in range(5000):
        outbox.put(str(number))
    assert drain(outbox) == [str(number) for number in range(4000, 5000)]
