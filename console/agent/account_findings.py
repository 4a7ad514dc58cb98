"""Judges what `account` has read: what would spoil or overcharge a telephone call, and how to mend it. Pure.

Unknown is unknown: a value that could not be read gives no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..audio.pcm import FORMATS
from ..core.finding import Finding, note, problem, warning
from ..core.words import enumerated, phrase
from .account import AgentSettings, Subscription

PREFERRED_FORMATS = ("pcm_16000", "ulaw_8000")
CREDITS_PER_MINUTE = 800
"""The dearest rate per extra minute that was published (Business plan); a model of speech costs on top."""

_LOW_MINUTES = 10
_TRANSCRIPT = ("user_transcript", "agent_response")
_PAST_DUE = frozenset({"past_due", "incomplete", "free_disabled", "unpaid"})
_WHERE = phrase("in the agent's settings at ElevenLabs")
_SIDES = {"input": phrase("input"), "output": phrase("output")}


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
            phrase("The agent is text-only: callees would hear nothing."),
            phrase("Switch text-only off {where}.", where=_WHERE),
        )
    for format_, what in ((agent.input_format, "input"), (agent.output_format, "output")):
        if format_ is None:
            continue
        side = _SIDES[what]
        change = phrase(
            "Set the agent's {side} format to {formats}.",
            side=side,
            formats=" or ".join(PREFERRED_FORMATS),
        )
        if format_ not in FORMATS:
            yield problem(
                f"agent.{what}-format",
                phrase("The agent's {side} audio format {format} cannot be used.", side=side, format=format_),
                change,
            )
        elif format_ not in PREFERRED_FORMATS:
            yield note(
                f"agent.{what}-format-unusual",
                phrase(
                    "The agent's {side} audio format is {format}: it is converted on the way.",
                    side=side,
                    format=format_,
                ),
                change,
            )


def _events(agent: AgentSettings, client_tools: frozenset[str]) -> Iterator[Finding]:
    events = agent.client_events
    if events is None:
        return
    if "audio" not in events:
        yield problem(
            "agent.no-audio",
            phrase("The agent's client events leave out audio: callees would hear nothing."),
            phrase("Add audio to the client events {where}.", where=_WHERE),
        )
    if "interruption" not in events:
        yield warning(
            "agent.no-interruption",
            phrase("Callees cannot interrupt the AI: its client events leave out interruption."),
            phrase("Add interruption to the client events {where}.", where=_WHERE),
        )
    if missing := [name for name in _TRANSCRIPT if name not in events]:
        yield warning(
            "agent.no-transcript",
            phrase(
                "The transcript stays incomplete: the agent's client events leave out {missing}.",
                missing=enumerated(missing),
            ),
            phrase("Add {missing} to the client events {where}.", missing=enumerated(missing), where=_WHERE),
        )
    if "client_tool_call" not in events and client_tools & (agent.tools or frozenset()):
        yield warning(
            "agent.tools-unheard",
            phrase(
                "The agent's tools never reach the console: its client events leave out client_tool_call."
            ),
            phrase("Add client_tool_call to the client events {where}.", where=_WHERE),
        )


def _lengths(agent: AgentSettings, call_seconds: float) -> Iterator[Finding]:
    if agent.silence_end_call is not None and agent.silence_end_call < 0:
        yield warning(
            "agent.endless-silence",
            phrase("A silent call is never ended by the agent and is billed until the call limit."),
            phrase("Set a silence timeout (end call after silence, such as 20 s) {where}.", where=_WHERE),
        )
    if agent.max_duration is not None and 0 < agent.max_duration < call_seconds:
        yield note(
            "agent.short-calls",
            phrase(
                "The agent ends every call after {seconds:g} s, before the console's limit of {limit:g} s.",
                seconds=agent.max_duration,
                limit=call_seconds,
            ),
            phrase("Raise its maximum duration {where}, or lower CALL_SECONDS.", where=_WHERE),
        )


def _access(agent: AgentSettings) -> Iterator[Finding]:
    if agent.authentication is False:
        yield warning(
            "agent.public",
            phrase("The agent is public: whoever knows its id can talk to it at your cost."),
            phrase(
                "Switch authentication on {where}; the console signs in with ELEVENLABS_API_KEY.",
                where=_WHERE,
            ),
        )
    if agent.require_origin and agent.allowlist:
        yield problem(
            "agent.origin",
            phrase(
                "The agent takes only connections that name their origin, and the console has none to name."
            ),
            phrase("Switch off the required origin header {where}, or empty the allowlist.", where=_WHERE),
        )


def _cost_and_speed(agent: AgentSettings) -> Iterator[Finding]:
    if agent.bursting:
        yield note(
            "agent.bursting",
            phrase("Bursting is on: calls beyond the plan's limit cost twice as much."),
            phrase(
                "Switch bursting off {where} if you would rather be told that the line is busy.", where=_WHERE
            ),
        )
    if agent.tts_model and "flash" not in agent.tts_model:
        yield note(
            "agent.slow-voice",
            phrase("The voice model {model} answers later than a flash model.", model=agent.tts_model),
            phrase("Choose a flash model {where} if answers come late.", where=_WHERE),
        )


def _tools(agent: AgentSettings, client_tools: frozenset[str]) -> Iterator[Finding]:
    if agent.tools is None or not agent.tools_complete:
        return
    if not agent.tools & {"end_call", "hang_up"}:
        yield warning(
            "agent.cannot-end",
            phrase("The agent cannot end a call: it has neither end_call nor hang_up."),
            phrase("Switch on the system tool end_call {where}.", where=_WHERE),
        )
    if missing := sorted(client_tools - agent.tools - {"hang_up"}):
        yield note(
            "agent.unused-tools",
            phrase("The agent does not use {missing}, which the console offers.", missing=", ".join(missing)),
            phrase("Add client tools of these names {where} if the agent shall use them.", where=_WHERE),
        )


def _overrides(agent: AgentSettings, sent: frozenset[str]) -> Iterator[Finding]:
    if agent.overrides is None:
        return
    if refused := sorted(sent - agent.overrides):
        yield problem(
            "agent.override",
            phrase(
                "The agent refuses calls that override {refused}, and the console is set to.",
                refused=", ".join(refused),
            ),
            phrase("Allow these overrides {where}, or do not set them.", where=_WHERE),
        )


def _credits(subscription: Subscription) -> Iterator[Finding]:
    resets = reset_words(subscription)
    more = phrase("Add credits or upgrade the plan.")
    if resets:
        more = phrase("Add credits or upgrade the plan, or wait: {resets}.", resets=resets)
    if subscription.known_empty:
        yield problem(
            "credits.none", phrase("No credits are left: ElevenLabs refuses every conversation."), more
        )
        return
    left = subscription.remaining
    overdraft = subscription.unlimited or bool(subscription.extension)
    if left is not None and left < _LOW_MINUTES * CREDITS_PER_MINUTE and not overdraft:
        yield warning(
            "credits.low",
            phrase(
                "Only {left:,} credits are left, {minutes} minutes of conversation at worst.",
                left=left,
                minutes=left // CREDITS_PER_MINUTE,
            ),
            more,
        )


def _payment(subscription: Subscription) -> Iterator[Finding]:
    if subscription.status in _PAST_DUE:
        yield warning(
            "credits.unpaid",
            phrase("The ElevenLabs subscription is {status}.", status=subscription.status.replace("_", " ")),
            phrase("Settle it at ElevenLabs before it stops calls."),
        )


def reset_words(subscription: Subscription) -> str:
    """When credits come back, in local time; empty when unknown."""
    try:
        when = datetime.fromtimestamp(subscription.resets_at or 0)
    except (OverflowError, OSError, ValueError):
        return ""
    return phrase("they reset on {day}", day=f"{when:%Y-%m-%d}") if subscription.resets_at else ""


def agent_facts(agent: AgentSettings) -> tuple[str, ...]:
    """What was read, in short phrases for people."""
    facts = (
        phrase("agent {name}", name=agent.name or agent.agent_id),
        phrase("hears {heard}, speaks {spoken}", heard=agent.input_format, spoken=agent.output_format)
        if agent.output_format
        else None,
        _silence(agent.silence_end_call),
        phrase("at most {seconds:g} s", seconds=agent.max_duration)
        if agent.max_duration is not None
        else None,
        _openness(agent.authentication),
        phrase("waits in a queue when the plan's limit is reached") if agent.queueing else None,
    )
    return tuple(fact for fact in facts if fact)


def _openness(authentication: bool | None) -> str | None:
    if authentication is None:
        return None
    return phrase("private") if authentication else phrase("public")


def _silence(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    if seconds < 0:
        return phrase("never ends in silence")
    return phrase("ends after {seconds:g} s of silence", seconds=seconds)


def subscription_facts(subscription: Subscription) -> tuple[str, ...]:
    """What was read, in short phrases for people."""
    left = subscription.remaining
    facts = (
        phrase("plan {tier}", tier=subscription.tier) if subscription.tier else "",
        phrase("{left:,} of {limit:,} credits left", left=left, limit=subscription.limit)
        if left is not None
        else "",
        reset_words(subscription),
        phrase("more can be used at extra cost") if subscription.unlimited or subscription.extension else "",
    )
    return tuple(fact for fact in facts if fact)
