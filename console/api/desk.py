"""Puts commands into the console's inbox and waits for what the core makes of them; decides nothing."""

from __future__ import annotations

from uuid import uuid4

from console.core.effects import Hindrance, Record
from console.core.events import (
    CallId,
    Dial,
    Goodbye,
    HangUp,
    Origin,
    Register,
    Role,
    SendDigits,
    Silence,
    Tell,
)
from console.core.state import Call, CallPhase
from console.ports import Console, Update

from . import views
from .errors import ApiError
from .news import News

DECISION_SECONDS = 5.0
"""The core decides at once; this is for a machine that is very busy."""

REGISTERING_SECONDS = 1.0
"""A registration that is begun need not show: a phone may tell only its end."""

_ENDING = (CallPhase.CLOSING, CallPhase.CLOSED)
_STATUS = {
    Hindrance.LINE_TAKEN: 409,
    Hindrance.NOT_READY: 503,
    Hindrance.NUMBER: 422,
    Hindrance.NEVER_CALL: 403,
    Hindrance.STATE: 409,
}


class Desk:
    """What the API can see and do of the console. On the API's loop."""

    def __init__(self, console: Console, news: News) -> None:
        self._console = console
        self._news = news
        self._feed = news.feed

    # ---- what there is ----

    def status(self) -> views.Status:
        update = self._update()
        return views.status(update.state, self._console.now(), update.wall_zero)

    def calls(self) -> views.CallList:
        state = self._update().state
        return views.CallList(
            calls=[self._view(call) for call in state.calls], ended=[self._view(call) for call in state.ended]
        )

    def call(self, call_id: str) -> views.CallView:
        return self._view(self._known(call_id))

    # ---- commands ----

    async def dial(self, order: views.StartCall) -> views.CallView:
        """Place a call; raises `ApiError` with the core's own words when it is refused."""
        self._update()
        call = CallId(uuid4().hex[:8])
        after = self._feed.last
        self._console.send(
            Dial(
                call,
                order.phone_number,
                Origin.API,
                as_uri=order.as_uri,
                confirmed=order.confirmed,
                wants_agent=order.agent,
                ring_seconds=order.ring_seconds,
                call_seconds=order.call_seconds,
                variables=tuple(order.variables.items()),
            )
        )

        def decided(record: Record) -> bool:
            return record.call == call and record.type in ("call.dialing", "refused")

        record = await self._news.first(after, decided, DECISION_SECONDS)
        if record is None:
            # A call that its caller was told nothing of must not be placed later.
            self._console.send(HangUp(call, Origin.API))
            raise ApiError(503, "no_decision", "The console did not take the call on in time.")
        if record.type == "refused":
            raise self._refusal(record)
        return self._view(self._known(call))

    async def hang_up(self, call_id: str) -> views.CallView:
        """End a call; the answer shows it closing or closed."""
        call = self._known(call_id)
        if call.over:
            raise ApiError(409, "call_over", "That call is already over.")
        self._console.send(HangUp(call.id, Origin.API))
        if not await self._news.until(lambda: self._known(call_id).phase in _ENDING, DECISION_SECONDS):
            raise ApiError(503, "no_decision", "The console did not hang up in time.")
        return self._view(self._known(call_id))

    async def say(self, call_id: str, order: views.Say) -> views.CallView:
        """Tell the AI something."""
        call = self._known(call_id).id
        return await self._word(Tell(call, order.text, order.as_turn, Origin.API))

    async def silence(self, call_id: str, order: views.SilenceOrder) -> views.CallView:
        """Silence the AI, or let it speak again; asking for what is so already changes nothing."""
        call = self._known(call_id)
        if order.on == (call.silent_until is not None) and not call.over:
            return self._view(call)
        return await self._word(Silence(call.id, order.on, Origin.API))

    async def goodbye(self, call_id: str) -> views.CallView:
        """Have the AI say goodbye and end the call."""
        return await self._word(Goodbye(self._known(call_id).id, Origin.API))

    async def digits(self, call_id: str, order: views.Digits) -> views.CallView:
        """Press keys on the line."""
        return await self._word(SendDigits(self._known(call_id).id, order.digits, Origin.API))

    async def _word(self, event: Tell | Silence | Goodbye | SendDigits) -> views.CallView:
        after = self._feed.last
        self._console.send(event)

        def decided(record: Record) -> bool:
            operator = record.type == "agent.transcript" and record.fields.get("role") == Role.OPERATOR
            return record.call == event.call and (operator or record.type in ("agent.silenced", "refused"))

        record = await self._news.first(after, decided, DECISION_SECONDS)
        if record is None:
            raise ApiError(503, "no_decision", "The console did not answer in time.")
        if record.type == "refused":
            raise self._refusal(record)
        return self._view(self._known(event.call))

    async def register(self) -> views.RegisterAnswer:
        """Register again."""
        self._update()
        after = self._feed.last
        self._console.send(Register(Origin.API))

        def decided(record: Record) -> bool:
            return record.type == "registration" or _is_refusal_of(record, "register")

        record = await self._news.first(after, decided, REGISTERING_SECONDS)
        if record is not None and record.type == "refused":
            raise self._refusal(record)
        return views.RegisterAnswer(registration=views.registration_view(self._update().state))

    # ---- what they share ----

    def _update(self) -> Update:
        update = self._feed.update
        if update is None:
            raise ApiError(503, "not_ready", "The console is starting.", {"Retry-After": "1"})
        if self._feed.closed:
            raise ApiError(503, "not_ready", "The console is closing.")
        return update

    def _known(self, call_id: str) -> Call:
        state = self._update().state
        for call in (*state.calls, *state.ended):
            if call.id == call_id:
                return call
        raise ApiError(404, "no_such_call", "There is no such call, or it ended too long ago.")

    def _view(self, call: Call) -> views.CallView:
        return views.call_view(call, self._console.now(), self._update().wall_zero)

    @staticmethod
    def _refusal(record: Record) -> ApiError:
        hindrance = Hindrance(str(record.fields.get("hindrance", Hindrance.STATE)))
        why = str(record.fields.get("why", "")).strip()
        why = why if why.endswith((".", "?", "!")) else f"{why}."
        if record.fields.get("confirm"):
            return ApiError(
                422, "needs_confirmation", f'{why} Send "confirmed": true to dial it all the same.'
            )
        return ApiError(_STATUS[hindrance], hindrance.value, why)


def _is_refusal_of(record: Record, what: str) -> bool:
    return record.type == "refused" and record.fields.get("what") == what
