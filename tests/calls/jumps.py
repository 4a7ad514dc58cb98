"""Far ends whose RTP jumps in mid-stream, as behind session border controllers that switch from one source to
another (`running_console(cast="tests.calls.jumps")`). RFC 3550 appendix A.1: a receiver starts anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from console.demo import g711
from console.demo.callee import Callee
from console.demo.cast import Character
from console.demo.media import MediaStream

BEFORE_HZ, AFTER_HZ = 500.0, 900.0
AFTER_SECONDS = 2.0


def _time(ticks: int) -> Callable[[MediaStream], None]:
    def jump(media: MediaStream) -> None:
        media._timestamp = (media._timestamp + ticks) % (1 << 32)

    return jump


def _sequence(packets: int) -> Callable[[MediaStream], None]:
    def jump(media: MediaStream) -> None:
        media._sequence = (media._sequence + packets) % (1 << 16)

    return jump


def _source(media: MediaStream) -> None:
    media._ssrc ^= 0x5A5A5A5A
    _time(-123_456_789)(media)
    _sequence(-20_000)(media)


JUMPS = {
    "time a minute ahead": _time(60 * 8000),
    "time half its range ahead": _time((1 << 31) + 8000),
    "time a minute back": _time(-60 * 8000),
    "time far back": _time(-(1 << 31) + 8000),
    "sequence ahead": _sequence(20_000),
    "sequence back": _sequence(-20_000),
    "another source": _source,
}


def jumper(jump: Callable[[MediaStream], None]) -> Callable[[Callee], asyncio.Future[None]]:
    async def script(call: Callee) -> None:
        await call.ring(0.1)
        await call.answer()
        media = await call.open_media()
        media.play(g711.tone("PCMU", BEFORE_HZ, 1.5))
        await media.until(lambda: not media.playing, 10)
        jump(media)
        media.play(g711.tone("PCMU", AFTER_HZ, AFTER_SECONDS))
        await media.until(lambda: not media.playing, 10)
        await asyncio.sleep(0.5)

    return script  # type: ignore[return-value]


CAST: tuple[Character, ...] = tuple(
    Character(f"+7975000020{number}", name, f"{name}, under one SSRC or another", jumper(jump))
    for number, (name, jump) in enumerate(JUMPS.items())
)
NUMBERS = {character.name: character.number for character in CAST}
