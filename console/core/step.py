"""The heart of the console: `step(state, event, now) -> (state, effects)`. Pure; `now` is only a number."""

from __future__ import annotations

from typing import get_args

from . import on_account, on_agent, on_command, on_phone
from .draft import Draft
from .effects import Effect
from .events import AccountEvent, AgentEvent, AudioEvent, Command, Event, Ignored, Notice, PhoneEvent
from .rules import next_deadline, settle
from .state import State

__all__ = ["next_deadline", "step"]

_PHONE = get_args(PhoneEvent)
_AGENT = get_args(AgentEvent)
_ACCOUNT = get_args(AccountEvent)
_AUDIO = get_args(AudioEvent)
_COMMAND = get_args(Command)


def step(state: State, event: Event, now: float) -> tuple[State, tuple[Effect, ...]]:
    """Take in one event at engine second `now`; returns the new state and what is to be done, in order."""
    d = Draft(state, now)
    if isinstance(event, _PHONE):
        on_phone.react(d, event)
    elif isinstance(event, _AGENT):
        on_agent.react(d, event)
    elif isinstance(event, _ACCOUNT):
        on_account.react(d, event)
    elif isinstance(event, _AUDIO):
        on_agent.react_audio(d, event)
    elif isinstance(event, _COMMAND):
        on_command.react(d, event)
    elif isinstance(event, Ignored):
        d.change(ignored=state.ignored + 1)
        d.record("ignored", event.call, source=event.source, why=event.why)
    elif isinstance(event, Notice):
        d.record("notice", text=event.text)
    settle(d)
    return d.state, tuple(d.effects)
