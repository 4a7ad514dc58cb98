"""Who lives on the demo line. One entry of `CAST` is one character: a number, a name, what it is good for,
and a script of what it does. One more character is one more entry.

The numbers are of a Russian mobile range that is assigned to nobody (DEF code 975); they never leave this
machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..core.words import phrase
from . import g711
from .callee import Callee
from .caller import Caller
from .leg import Leg

BEEP = g711.tone("PCMU", 1000, 0.4)


@dataclass(frozen=True, slots=True)
class Character:
    """`number`: E.164. `does`: one sentence for people. `calls_back`: what it does in the call that it places
    after the first one has ended. `any_codec`: it understands nothing, so every codec will do."""

    number: str
    name: str
    does: str
    script: Callable[[Callee], Awaitable[None]]
    calls_back: Callable[[Caller], Awaitable[None]] | None = None
    any_codec: bool = False


async def _converse(call: Leg, lines: tuple[str, ...]) -> None:
    """Take turns: listen until the far end has finished, then say the next thing."""
    for line in lines:
        if not await call.listen_until_silence(limit=20):
            await call.say(f"{line[:2]}_are_you_there")
            await call.listen_until_silence(limit=10)
        await call.say(line)


async def person(call: Callee) -> None:
    await call.ring(2.5)
    await call.answer()
    await call.pause(0.3)
    await call.say("en_hello")
    await _converse(call, ("en_who_is_it", "en_well_tell_me"))
    if await call.listen_for(1.2, limit=12):
        await call.say("en_wait_interrupt")  # in the middle of the far end's sentence
    await call.listen_until_silence(limit=15)
    await call.pause(1.5)
    await call.say("en_thinking")
    await _converse(call, ("en_sounds_good", "en_goodbye"))
    await call.pause(0.5)


async def russian_person(call: Callee) -> None:
    await call.ring(3)
    await call.answer()
    await call.pause(0.4)
    await call.say("ru_hello")
    await _converse(call, ("ru_who_is_it", "ru_well_tell_me"))
    if await call.listen_for(1.2, limit=12):
        await call.say("ru_wait_interrupt")
    await _converse(call, ("ru_sounds_good", "ru_goodbye"))
    await call.pause(0.5)


async def hm(call: Callee) -> None:
    await call.ring(2)
    await call.answer()
    while True:
        await call.listen_until_silence(quiet=0.6, limit=8)
        await call.say("en_hm")


async def busy(call: Callee) -> None:
    await call.pause(0.5)
    await call.reject(486)


async def no_answer(call: Callee) -> None:
    await call.ring(180)
    await call.reject(480)


async def unknown(call: Callee) -> None:
    await call.reject(404)


async def announcement(call: Callee) -> None:
    await call.pause(0.5)
    await call.early_media()
    await call.say("ru_not_available")
    await call.say("en_not_available")
    await call.reject(480)


async def melody_then_person(call: Callee) -> None:
    await call.pause(0.3)
    await call.early_media()
    await call.say("en_please_hold_line")
    await call.play(_melody())
    await call.answer()
    await call.say("en_hello")
    await _converse(call, ("en_who_is_it", "en_goodbye"))


async def reliable_then_person(call: Callee) -> None:
    await call.early_media(reliable=True)
    await call.play(_melody())
    await call.answer()
    await call.say("ru_hello")
    await _converse(call, ("ru_who_is_it", "ru_goodbye"))


async def voicemail(call: Callee) -> None:
    await call.ring(4)
    await call.answer()
    await call.say("ru_voicemail")
    await call.play(BEEP)
    await call.listen_until_silence(quiet=4, limit=20)
    await call.play(BEEP)


async def screener(call: Callee) -> None:
    await call.ring(1)
    await call.answer()
    await call.say("en_screener")
    if not await call.listen_until_silence(limit=8):
        await call.say("en_screener_nobody")
        return
    await call.say("en_screener_wait")
    await call.pause(3)
    await call.say("en_hello")
    await _converse(call, ("en_who_is_it", "en_goodbye"))


async def menu(call: Callee) -> None:
    await call.ring(1)
    await call.answer()
    for _ in range(3):
        call.begin("ru_menu")
        match await call.digit(limit=14):
            case "1":
                call.shut_up()
                await call.say("ru_menu_sales")
                return
            case "2":
                call.shut_up()
                await call.say("ru_menu_person")
                await call.pause(2)
                await call.say("ru_hello")
                await _converse(call, ("ru_who_is_it", "ru_goodbye"))
                return
            case "":
                pass
            case _:
                call.shut_up()
                await call.say("ru_menu_wrong")
    await call.say("ru_goodbye")


async def cut_off(call: Callee) -> None:
    await call.ring(1.5)
    await call.answer()
    await call.say("en_hello")
    await call.listen_until_silence(limit=10)
    call.begin("en_long_story")
    await call.pause(2.2)
    call.shut_up()


async def vanisher(call: Callee) -> None:
    await call.ring(1.5)
    await call.answer()
    await call.say("en_hello")
    await call.listen_until_silence(limit=8)
    call.begin("en_long_story")
    await call.pause(2.5)
    call.vanish()


async def asks_to_be_called_back(call: Callee) -> None:
    await call.ring(1)
    await call.answer()
    await call.say("en_call_you_back")


async def calls_back(call: Caller) -> None:
    if await call.place(limit=25):
        await call.say("en_calling_back")
        await _converse(call, ("en_sounds_good", "en_goodbye"))


async def puts_on_hold(call: Callee) -> None:
    await call.ring(1)
    await call.answer()
    await call.say("en_hello")
    await call.listen_until_silence(limit=12)
    await call.say("en_wait_interrupt")
    await call.hold(True)
    await call.pause(6)
    await call.hold(False)
    await call.say("en_sounds_good")
    await _converse(call, ("en_goodbye",))


async def echo(call: Callee) -> None:
    await call.ring(0.3)
    await call.answer()
    call.echo()
    await call.pause(600)


def _melody() -> bytes:
    notes = (523.25, 659.25, 783.99, 1046.5, 783.99, 659.25)
    return b"".join(g711.tone("PCMU", hertz, 0.28, -18) for hertz in notes)


CAST: tuple[Character, ...] = (
    Character(
        "+79750000001", phrase("Anna"), phrase("answers, asks back, interrupts once, says goodbye"), person
    ),
    Character("+79750000002", phrase("Ivan"), phrase("the same in Russian"), russian_person),
    Character("+79750000003", phrase("Mr Hm"), phrase("answers and says nothing but hm"), hm),
    Character("+79750000004", phrase("Busy"), phrase("is busy (486)"), busy),
    Character("+79750000005", phrase("Nobody home"), phrase("rings and never answers"), no_answer),
    Character("+79750000006", phrase("Wrong number"), phrase("does not exist (404)"), unknown),
    Character(
        "+79750000007",
        phrase("Announcement"),
        phrase("speech before any answer (183), then 480"),
        announcement,
    ),
    Character("+79750000008", phrase("Melody"), phrase("early media, then a person"), melody_then_person),
    Character(
        "+79750000009",
        phrase("Reliable"),
        phrase("early media with PRACK, then a person"),
        reliable_then_person,
    ),
    Character("+79750000010", phrase("Voicemail"), phrase("a greeting and a beep"), voicemail),
    Character(
        "+79750000011", phrase("Screener"), phrase("asks who is calling before it rings through"), screener
    ),
    Character("+79750000012", phrase("Menu"), phrase("wants a digit: 1 or 2"), menu),
    Character("+79750000013", phrase("Cut off"), phrase("hangs up in mid-sentence"), cut_off),
    Character("+79750000014", phrase("Tunnel"), phrase("vanishes without a BYE"), vanisher),
    Character(
        "+79750000015",
        phrase("Olga"),
        phrase("calls you back"),
        asks_to_be_called_back,
        calls_back=calls_back,
    ),
    Character("+79750000016", phrase("On hold"), phrase("puts you on hold and comes back"), puts_on_hold),
    Character("+79750000017", phrase("Echo"), phrase("sends back what it hears"), echo, any_codec=True),
)
