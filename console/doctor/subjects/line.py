"""The line: whether the account can be registered, and if not, why. Uses the phone for some seconds, unless
another console holds the line."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.events import Event, LineDown, LineFailed, LineUp, RegistrationChanged, RegState
from ...core.finding import Finding, problem
from ...core.words import bare, joined, phrase
from ...phone.baresip_config import BaresipAudio
from ...ports import Phone, PhoneError
from ...settings.loading import Settings
from ...wiring import embedded_line, join_setup, sip_account
from ..checking import Context, Result, check
from ..wording import halves
from .control import is_held

WAIT_SECONDS = 10.0
"""RFC 3261 repeats a REGISTER over UDP after 0.5, 1.5, 3.5 and 7.5 s: who answers has answered by then."""

_NAME_SECONDS = 3.0
_ACCOUNT = phrase("SIP_USER, SIP_PASS and SIP_DOMAIN (or EXOLVE_SIP_...)")


@check("line", seconds=25.0)
async def look(context: Context) -> Result:
    settings = context.settings
    if context.loaded.problems or context.loaded.missing:
        return Result(unknown=(phrase("The line is not looked at before the settings are in order."),))
    if context.held_by:
        return Result(unknown=(context.held_by,))
    if context.joins and is_held(context):
        return Result(
            unknown=(phrase("Another program may be connected to Baresip: the line is left to it."),)
        )
    last = await _try(context)
    unresolved = await _unresolved(settings)
    finding = judge(last, settings, unresolved)
    if finding:
        return Result((finding,))
    name = f"{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else settings.sip_domain
    if settings.sip_register:
        return Result(facts=(phrase("registered as {name}", name=name),))
    return Result(facts=(phrase("dials directly to {name}", name=name),))


async def _try(context: Context) -> Event | None:
    """What the phone last said of the line, when that decides, or None when the time is up."""
    news: asyncio.Queue[Event] = asyncio.Queue()
    last: Event | None = None
    async with _phone(context) as phone:
        running = asyncio.create_task(phone.run(news.put_nowait))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WAIT_SECONDS):
                    while True:
                        event = await news.get()
                        if isinstance(event, LineUp | LineDown | LineFailed | RegistrationChanged):
                            last = event
                        if _decides(event, context):
                            return event
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return last


def _decides(event: Event, context: Context) -> bool:
    match event:
        case LineFailed() | LineDown():
            return True
        case LineUp():
            return not context.settings.sip_register
        case RegistrationChanged(state=RegState.OFF):
            return context.joins  # a Baresip of our own begins with it
        case RegistrationChanged(state=state):
            return state in (RegState.OK, RegState.FAILED)
    return False


@asynccontextmanager
async def _phone(context: Context) -> AsyncIterator[Phone]:
    """The phone of the settings in a folder of its own, so that nothing of other runs is touched."""
    from ...phone.baresip_process import BaresipSetup
    from ...phone.ctrl_phone import CtrlPhone

    settings = context.settings
    with tempfile.TemporaryDirectory(prefix="call-console-doctor-") as name:
        folder = Path(name)
        if not context.external:
            from ...phone.embedded import EmbeddedPhone
            from ...phone.embedded_audio import MemoryPaths

            yield EmbeddedPhone(embedded_line(settings), MemoryPaths())
        elif context.joins:
            yield CtrlPhone(replace(join_setup(settings), data_dir=folder))
        else:
            yield CtrlPhone(
                BaresipSetup(sip_account(settings), _no_devices, folder, binary=settings.baresip_bin)
            )


def _no_devices(modules: frozenset[str]) -> BaresipAudio:
    """Registering needs no sound, and a device is opened only for a call."""
    for driver in ("aubridge", "alsa", "coreaudio", "portaudio", "pulse"):
        if driver in modules:
            return BaresipAudio(f"{driver},none", f"{driver},none")
    raise PhoneError(
        phrase("Baresip has no module for any sound device; install one (Debian: baresip-core).")
    )


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name of the line that has no address. `setting`: where it stands."""

    name: str
    setting: str


async def _unresolved(settings: Settings) -> Unresolved | None:
    """The server that every request goes to, if its name leads nowhere."""
    setting = "SIP_OUTBOUND" if settings.sip_outbound else "SIP_DOMAIN"
    host = host_of(settings.sip_outbound or settings.sip_domain)
    try:
        async with asyncio.timeout(_NAME_SECONDS):
            await asyncio.get_running_loop().getaddrinfo(host, 5060)
    except (TimeoutError, OSError, UnicodeError):
        return Unresolved(host, setting)
    return None


def host_of(place: str) -> str:
    """The host in `sip:host:port;transport=tcp`, `host:port`, `[v6]:port` or `host`."""
    rest = place.partition(";")[0]
    rest = rest.partition(":")[2] if rest.lower().startswith(("sip:", "sips:")) else rest
    if rest.startswith("["):
        return rest[1:].partition("]")[0]
    return rest.partition(":")[0]


def judge(last: Event | None, settings: Settings, unresolved: Unresolved | None) -> Finding | None:
    """What the last word of the phone means. Pure."""
    if isinstance(last, LineFailed | LineDown):
        return problem(
            "line.phone", *halves(last.reason, phrase("See baresip.log; correct the settings of the line."))
        )
    if isinstance(last, RegistrationChanged) and last.state is RegState.OK:
        return None
    if unresolved:
        return problem(
            "line.name",
            phrase(
                "The name {name} has no address (or the network has no name server).", name=unresolved.name
            ),
            phrase(
                "Correct {setting} (or EXOLVE_{setting}), or mend the network.", setting=unresolved.setting
            ),
        )
    if not settings.sip_register:
        return None if last else _no_answer(settings)
    if isinstance(last, RegistrationChanged) and last.code not in (None, 408):
        return _refused(last)
    if isinstance(last, RegistrationChanged) and last.state is RegState.OFF:
        return problem(
            "line.off",
            phrase("Baresip has no such account, or does not register it."),
            phrase("Correct its accounts file (regint above 0), or set SIP_REGISTER=no."),
        )
    if isinstance(last, RegistrationChanged) and not settings.baresip_start and not last.code:
        return problem(
            "line.failed",
            phrase("Not registered: the Baresip that is joined does not say why."),
            phrase("Read its own output, and correct its accounts file."),
        )
    return _no_answer(settings, last.reason if isinstance(last, RegistrationChanged) else "")


def _refused(last: RegistrationChanged) -> Finding:
    said = bare(joined(" ", filter(None, (str(last.code), last.reason))))
    answer = phrase("Not registered: {answer}.", answer=said)
    if last.code in (401, 403, 407):
        return problem(
            "line.password",
            answer,
            phrase("Correct {account}: name, password or domain is wrong.", account=_ACCOUNT),
        )
    if last.code in (404, 410, 484, 604):
        return problem(
            "line.unknown",
            answer,
            phrase("Correct {account}: this registrar does not know the account.", account=_ACCOUNT),
        )
    if last.code is not None and last.code >= 500:
        return problem(
            "line.registrar", answer, phrase("The provider has trouble: try again later, or ask them.")
        )
    return problem(
        "line.refused",
        answer,
        phrase("Ask the provider; correct {account}, and SIP_OUTBOUND.", account=_ACCOUNT),
    )


def _no_answer(settings: Settings, reason: str = "") -> Finding:
    server = host_of(settings.sip_outbound or settings.sip_domain)
    more = joined("", (" (", reason, ")")) if reason else ""
    return problem(
        "line.no-answer",
        phrase("Not registered: {server} does not answer{more}.", server=server, more=more),
        phrase(
            "Correct SIP_DOMAIN and SIP_OUTBOUND (or EXOLVE_SIP_...), or let SIP (UDP) through the firewall."
        ),
    )
