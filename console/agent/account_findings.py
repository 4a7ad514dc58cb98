"""Judges what `account` has read: what would spoil or overcharge a telephone call, and how to mend it. Pure.

Unknown is unknown: a value that could not be read gives no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..audio.pcm import FORMATS
from ..core.finding import Finding, note, problem, warning
from .account import AgentSettings, Subscription

PREFERRED_FORMATS = ("pcm_16000", "ulaw_8000")
CREDITS_PER_MINUTE = 800
"""The dearest rate per extra minute that was published (Business plan); a model of speech costs on top."""

_LOW_MINUTES = 10
_TRANSCRIPT = ("user_transcript", "agent_response")
_PAST_DUE = frozenset({"past_due", "incomplete", "free_disabled", "unpaid"})
_WHERE = "in the agent's settings at ElevenLabs"


def agent_findings(
    agent: AgentSettings,
    *,
    call_seconds: float,
    client_tools: frozenset[str] = frozenset(),
    sent_overrides: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """`call_seconds`: the console's own call limit. `client_tools`: what the console offers to agents.
    `sent_overrides`: what it sends with a call, as `agent.first_message`."""
    return (
        *_formats(agent),
        *_events(agent, client_tools),
        *_lengths(agent, call_seconds),
        *_access(agent),
        *_cost_and_speed(agent),
        *_tools(agent, client_tools),
        *_overrides(agent, sent_overrides),
    )


def subscription_findings(subscription: Subscription) -> tuple[Finding, ...]:
    """Credits that are gone or nearly so, and a subscription that is not paid."""
    return (*_credits(subscription), *_payment(subscription))


def _formats(agent: AgentSettings) -> Iterator[Finding]:
    if agent.text_only:
        yield problem(
            "agent.text-only",
            "The agent is text-only: callees would hear nothing.",
            f"Switch text-only off {_WHERE}.",
        )
    for format_, what in ((agent.input_format, "input"), (agent.output_format, "output")):
        if format_ is None:
            continue
        change = f"Set the agent's {what} format to {' or '.join(PREFERRED_FORMATS)}."
        if format_ not in FORMATS:
            yield problem(
                f"agent.{what}-format", f"The agent's {what} audio format {format_} cannot be used.", change
            )
        elif format_ not in PREFERRED_FORMATS:
            yield note(
                f"agent.{what}-format-unusual",
                f"The agent's {what} audio format is {format_}: it is converted on the way.",
                change,
            )


def _events(agent: AgentSettings, client_tools: frozenset[str]) -> Iterator[Finding]:
    events = agent.client_events
    if events is None:
        return
    if "audio" not in events:
        yield problem(
            "agent.no-audio",
            "The agent's client events leave out audio: callees would hear nothing.",
            f"Add audio to the client events {_WHERE}.",
        )
    if "interruption" not in events:
        yield warning(
            "agent.no-interruption",
            "Callees cannot interrupt the AI: its client events leave out interruption.",
            f"Add interruption to the client events {_WHERE}.",
        )
    if missing := [name for name in _TRANSCRIPT if name not in events]:
        yield warning(
            "agent.no-transcript",
            f"The transcript stays incomplete: the agent's client events leave out {' and '.join(missing)}.",
            f"Add {' and '.join(missing)} to the client events {_WHERE}.",
        )
    if "client_tool_call" not in events and client_tools & (agent.tools or frozenset()):
        yield warning(
            "agent.tools-unheard",
            "The agent's tools never reach the console: its client events leave out client_tool_call.",
            f"Add client_tool_call to the client events {_WHERE}.",
        )


def _lengths(agent: AgentSettings, call_seconds: float) -> Iterator[Finding]:
    if agent.silence_end_call is not None and agent.silence_end_call < 0:
        yield warning(
            "agent.endless-silence",
            "A silent call is never ended by the agent and is billed until the call limit.",
            f"Set a silence timeout (end call after silence, such as 20 s) {_WHERE}.",
        )
    if agent.max_duration is not None and 0 < agent.max_duration < call_seconds:
        yield note(
            "agent.short-calls",
            f"The agent ends every call after {agent.max_duration:g} s, before the console's limit of "
            f"{call_seconds:g} s.",
            f"Raise its maximum duration {_WHERE}, or lower CALL_SECONDS.",
        )


def _access(agent: AgentSettings) -> Iterator[Finding]:
    if agent.authentication is False:
        yield warning(
            "agent.public",
            "The agent is public: whoever knows its id can talk to it at your cost.",
            f"Switch authentication on {_WHERE}; the console signs in with ELEVENLABS_API_KEY.",
        )
    if agent.require_origin and agent.allowlist:
        yield problem(
            "agent.origin",
            "The agent takes only connections that name their origin, and the console has none to name.",
            f"Switch off the required origin header {_WHERE}, or empty the allowlist.",
        )


def _cost_and_speed(agent: AgentSettings) -> Iterator[Finding]:
    if agent.bursting:
        yield note(
            "agent.bursting",
            "Bursting is on: calls beyond the plan's limit cost twice as much.",
            f"Switch bursting off {_WHERE} if you would rather be told that the line is busy.",
        )
    if agent.tts_model and "flash" not in agent.tts_model:
        yield note(
            "agent.slow-voice",
            f"The voice model {agent.tts_model} answers later than a flash model.",
            f"Choose a flash model {_WHERE} if answers come late.",
        )


def _tools(agent: AgentSettings, client_tools: frozenset[str]) -> Iterator[Finding]:
    if agent.tools is None or not agent.tools_complete:
        return
    if not agent.tools & {"end_call", "hang_up"}:
        yield warning(
            "agent.cannot-end",
            "The agent cannot end a call: it has neither end_call nor hang_up.",
            f"Switch on the system tool end_call {_WHERE}.",
        )
    if missing := sorted(client_tools - agent.tools - {"hang_up"}):
        yield note(
            "agent.unused-tools",
            f"The agent does not use {', '.join(missing)}, which the console offers.",
            f"Add client tools of these names {_WHERE} if the agent shall use them.",
        )


def _overrides(agent: AgentSettings, sent: frozenset[str]) -> Iterator[Finding]:
    if agent.overrides is None:
        return
    if refused := sorted(sent - agent.overrides):
        yield problem(
            "agent.override",
            f"The agent refuses calls that override {', '.join(refused)}, and the console is set to.",
            f"Allow these overrides {_WHERE}, or do not set them.",
        )


def _credits(subscription: Subscription) -> Iterator[Finding]:
    resets = reset_words(subscription)
    more = f"Add credits or upgrade the plan{', or wait: ' + resets if resets else ''}."
    if subscription.known_empty:
        yield problem("credits.none", "No credits are left: ElevenLabs refuses every conversation.", more)
        return
    left = subscription.remaining
    overdraft = subscription.unlimited or bool(subscription.extension)
    if left is not None and left < _LOW_MINUTES * CREDITS_PER_MINUTE and not overdraft:
        yield warning(
            "credits.low",
            f"Only {left} credits are left, {left // CREDITS_PER_MINUTE} minutes of conversation at worst.",
            more,
        )


def _payment(subscription: Subscription) -> Iterator[Finding]:
    if subscription.status in _PAST_DUE:
        yield warning(
            "credits.unpaid",
            f"The ElevenLabs subscription is {subscription.status.replace('_', ' ')}.",
            "Settle it at ElevenLabs before it stops calls.",
        )


def reset_words(subscription: Subscription) -> str:
    """When credits come back, in local time; empty when unknown."""
    try:
        when = datetime.fromtimestamp(subscription.resets_at or 0)
    except (OverflowError, OSError, ValueError):
        return ""
    return f"they reset on {when:%Y-%m-%d}" if subscription.resets_at else ""


def agent_facts(agent: AgentSettings) -> tuple[str, ...]:
    """What was read, in short phrases for people."""
    phrases = (
        f"agent {agent.name or agent.agent_id}",
        f"hears {agent.input_format}, speaks {agent.output_format}" if agent.output_format else None,
        _silence(agent.silence_end_call),
        f"at most {agent.max_duration:g} s" if agent.max_duration is not None else None,
        None if agent.authentication is None else "private" if agent.authentication else "public",
        "waits in a queue when the plan's limit is reached" if agent.queueing else None,
    )
    return tuple(phrase for phrase in phrases if phrase)


def _silence(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return "never ends in silence" if seconds < 0 else f"ends after {seconds:g} s of silence"


def subscription_facts(subscription: Subscription) -> tuple[str, ...]:
    """What was read, in short phrases for people."""
    left = subscription.remaining
    phrases = (
        f"plan {subscription.tier}" if subscription.tier else "",
        f"{left} of {subscription.limit} credits left" if left is not None else "",
        reset_words(subscription),
        "more can be used at extra cost" if subscription.unlimited or subscription.extension else "",
    )
    return tuple(phrase for phrase in phrases if phrase)
