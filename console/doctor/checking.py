"""What a check is given, what it returns, and the list of all checks."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import pkgutil
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import tcp_table
from ..core.finding import Finding, warning
from ..core.words import phrase
from ..settings.loading import Loaded, Settings
from ..tcp_table import Socket


@dataclass(frozen=True, slots=True)
class Context:
    """The set-up that is looked at. `held_by`: another console has the line, in its words; empty: the line is
    ours meanwhile. `temp` and `proc`: where temporary files and processes are listed. `sockets`: the TCP
    sockets of this machine before any check has opened one; None where they are not listed."""

    loaded: Loaded
    environ: Mapping[str, str]
    held_by: str = ""
    temp: Path = Path("/tmp")
    proc: Path = Path("/proc")
    sockets: tuple[Socket, ...] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sockets", tcp_table.read(self.proc))

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @property
    def external(self) -> bool:
        """The phone is a Baresip of its own, started or joined."""
        return self.settings.engine == "baresip"

    @property
    def joins(self) -> bool:
        """A Baresip that somebody else started is joined."""
        return self.external and not self.settings.baresip_start


@dataclass(frozen=True, slots=True)
class Fix:
    """A safe way to mend the finding `code`. `question` is asked first; `perform` may raise `OSError`."""

    code: str
    question: str
    perform: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Result:
    """`facts`: what was seen and is fine. `unknown`: what could not be looked at, and why, in sentences."""

    findings: tuple[Finding, ...] = ()
    facts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """`seconds`: how long it may take. `look` is a coroutine function, or a function that may block."""

    name: str
    seconds: float
    look: Callable[[Context], Result | Awaitable[Result]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check gave."""

    check: Check
    result: Result


_checks: dict[str, Check] = {}


def check(
    name: str, seconds: float = 10.0
) -> Callable[[Callable[[Context], Result | Awaitable[Result]]], Callable[[Context], object]]:
    """Marks a function as the check `name`."""

    def mark(look: Callable[[Context], Result | Awaitable[Result]]) -> Callable[[Context], object]:
        _checks[name] = Check(name, seconds, look)
        return look

    return mark


def all_checks() -> tuple[Check, ...]:
    """Every check there is, in the order of `_ORDER`, others after these by name."""
    from . import subjects

    for module in pkgutil.iter_modules(subjects.__path__):
        importlib.import_module(f"{subjects.__name__}.{module.name}")
    return tuple(sorted(_checks.values(), key=lambda c: (_ORDER.get(c.name, len(_ORDER)), c.name)))


_ORDER = {
    name: place
    for place, name in enumerate(
        ("settings", "files", "phone", "control", "joined", "line", "audio", "elevenlabs")
    )
}
"""The order in which they are read: what others depend on first."""


async def _in_thread(look: Callable[[], Any]) -> Any:
    """Like `asyncio.to_thread`, but a call that never returns does not keep the program from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: object) -> None:
        if not done.done():
            settle(value)

    def work() -> None:
        try:
            outcome: tuple[Callable[[Any], None], object] = (done.set_result, look())
        except Exception as error:
            outcome = (done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=work, name="check", daemon=True).start()
    return await done


async def carry_out(one: Check, context: Context) -> Outcome:
    """Run a check within its time; whatever happens in it, it has an outcome."""
    try:
        async with asyncio.timeout(one.seconds):
            if inspect.iscoroutinefunction(one.look):
                result = await one.look(context)
            else:
                result = await _in_thread(lambda: one.look(context))
    except TimeoutError:
        slow = warning(
            f"{one.name}.slow",
            phrase(
                "The check of {name} did not finish within {seconds:g} s.", name=one.name, seconds=one.seconds
            ),
            phrase("Try again; if it stays so, something of it hangs."),
        )
        result = Result((slow,))
    except Exception as error:
        result = Result(
            unknown=(phrase("The check itself failed ({name}): tell its makers.", name=type(error).__name__),)
        )
    return Outcome(one, result)
