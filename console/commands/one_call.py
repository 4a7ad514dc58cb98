"""One call, or none, on an engine without a screen: `call`, `events` and `check dial --place`."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from uuid import uuid4

from .. import early_stop
from ..core import outcome
from ..core.events import CallId, Dial, HangUp, Origin, RegState
from ..core.on_command import why_not_dial
from ..core.state import Call, CallPhase, State
from ..ports import Console, Update
from .output import Output

LINE_SECONDS = 40.0
"""How long the line may take to come up: a registrar that does not reply is noticed after 32 s (RFC 3261)."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RESPONDED = (CallPhase.RINGING, CallPhase.EARLY, CallPhase.UP)


@dataclass(frozen=True, slots=True)
class Order:
    """What to dial and for how long. `first_response`: hang up as soon as the network answers anything."""

    text: str
    as_uri: bool = False
    wants_agent: bool = True
    ring_seconds: float | None = None
    call_seconds: float | None = None
    variables: tuple[tuple[str, str], ...] = ()
    first_response: bool = False


class OneCall:
    """Runs `console` until the ordered call is over, or, without an order, until it is stopped.

    `run` returns the exit code of `interface.md`. SIGINT, SIGTERM, SIGHUP and a stdout without a reader hang
    up in order.
    """

    def __init__(
        self, console: Console, order: Order | None, as_json: bool, line_seconds: float = LINE_SECONDS
    ) -> None:
        self._console = console
        self._order = order
        self._as_json = as_json
        self._line_seconds = line_seconds
        self._call_id = CallId(uuid4().hex[:8])
        self._state: State | None = None
        self._wall_zero = 0.0
        self._dialed = False
        self._responded = False
        self._stopped = False
        self._trouble = ""
        self._code: int | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()

        def reader_gone() -> None:
            loop.call_soon_threadsafe(self._stop)

        self._output = Output(self._as_json, reader_gone)
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop)
        if early_stop.asked():
            loop.call_soon(self._stop)
        late = loop.call_later(self._line_seconds, self._line_late)
        try:
            await self._console.run(self._publish)
        finally:
            late.cancel()
            code = self._sum_up()
            self._output.close()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        return code

    # ---- events ----

    def _publish(self, update: Update) -> None:
        self._state = update.state
        self._wall_zero = update.wall_zero
        self._output.records(update.records, update.wall_zero)
        if self._order is None:
            if update.state.line.failed:
                self._give_up(update.state.line.reason, outcome.NO_LINE)
        elif not self._dialed:
            self._dial_when_ready(update.state, self._order)
        else:
            self._follow(update, self._order)

    def _dial_when_ready(self, state: State, order: Order) -> None:
        why = why_not_dial(state, order.wants_agent, Origin.COMMAND_LINE)
        if why:
            if _is_hopeless(state):
                self._give_up(state.line.reason if state.line.failed else why, outcome.NO_LINE)
            return
        self._dialed = True
        self._console.send(
            Dial(
                self._call_id,
                order.text,
                Origin.COMMAND_LINE,
                as_uri=order.as_uri,
                confirmed=True,  # whoever types the whole command line has meant it
                wants_agent=order.wants_agent,
                ring_seconds=order.ring_seconds,
                call_seconds=order.call_seconds,
                variables=order.variables,
            )
        )

    def _follow(self, update: Update, order: Order) -> None:
        call = self._call()
        for record in update.records:
            if record.type == "refused" and record.call == self._call_id and call is None:
                self._give_up(str(record.fields.get("why", "")), outcome.SETTINGS_WRONG)
        if call is None:
            return
        if order.first_response and not self._responded and call.phase in _RESPONDED:
            self._responded = True
            self._console.send(HangUp(call.id, Origin.COMMAND_LINE))
        if call in update.state.ended:
            self._console.stop()

    def _call(self) -> Call | None:
        state = self._state
        calls = (*state.calls, *state.ended) if state else ()
        return next((c for c in calls if c.id == self._call_id), None)

    # ---- the end ----

    def _stop(self) -> None:
        self._stopped = True
        self._console.stop()

    def _line_late(self) -> None:
        if self._order is None or self._dialed or self._state is None:
            return
        self._give_up(
            why_not_dial(self._state, self._order.wants_agent, Origin.COMMAND_LINE), outcome.NO_LINE
        )

    def _give_up(self, why: str, code: int) -> None:
        if self._code is None:
            self._code = code
            self._trouble = why
            self._console.stop()

    def _sum_up(self) -> int:
        call = self._call()
        code = self._exit_code(call)
        if self._trouble:
            self._output.say(self._trouble)
        if self._order is not None:
            otherwise = "stopped" if self._stopped else "refused" if code == 2 else "no_line"
            record = outcome.summary(call, self._console.now(), code, otherwise)
            self._output.records([record], self._wall_zero)
        return code

    def _exit_code(self, call: Call | None) -> int:
        if self._code is not None:
            return self._code
        if self._responded and not self._stopped:
            return 0
        if call is not None:
            return outcome.exit_code(call, self._stopped)
        return outcome.STOPPED if self._stopped else outcome.NO_LINE


def _is_hopeless(state: State) -> bool:
    """Waiting will not bring this line up within the time that a command waits."""
    line = state.line
    return (
        line.failed or line.taken_over or bool(state.policy.not_ready) or line.registration is RegState.FAILED
    )
