"""The call in words: its phase, its times, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from console.core.events import CallId, Origin
from console.core.journal import duration
from console.core.state import Call, CallPhase, State
from console.core.words import msgid
from console.language import shown, tr
from console.ports import Levels

from .agent import waiting_for_agent
from .line import last_ended, live, spaced
from .result import OUTCOME_WORDS, result_card, who
from .words import Card, Row, Span, Tone, left_over, sentence, whole

RTP_ALARM = 2.0
"""Seconds without any audio from the callee after the answer before the screen says so."""

AGENT_ALARM = 6.0
"""Seconds after the callee's turn without a word of the AI before the screen says so."""

_PHASE_WORDS = {
    CallPhase.DIALING: (msgid("DIALING"), Tone.BADGE),
    CallPhase.RINGING: (msgid("RINGING"), Tone.BADGE),
    CallPhase.EARLY: (msgid("NETWORK AUDIO"), Tone.BADGE_WARN),
    CallPhase.INCOMING: (msgid("INCOMING"), Tone.BADGE_WARN),
    CallPhase.UP: (msgid("ANSWERED"), Tone.BADGE_GOOD),
    CallPhase.CLOSING: (msgid("HANGING UP"), Tone.BADGE_WARN),
    CallPhase.CLOSED: (msgid("ENDED"), Tone.BADGE),
}


def card(
    state: State | None,
    now: float,
    levels: Levels | None = None,
    details: bool = False,
    chosen: CallId | None = None,
    not_ready: str = "",
) -> Card:
    """The call on screen, or the result of the last one, or that there is none. `details`: there is room for
    what only a technician asks. `not_ready`: why nothing can be dialed, when the top line cannot hold it."""
    call = live(state, chosen)
    if state is None or call is None:
        return _between_calls(state, not_ready)
    word, tone = phase_word(call)
    rows = _about(call, now)
    if not call.ours and call.phase is not CallPhase.INCOMING:
        rows = [sentence(tr("of another program on this phone: only shown"), Tone.WARN), *rows[-1:]]
    if call.origin is Origin.API:
        rows.insert(0, sentence(tr("asked for by the API"), Tone.DIM))
    wrong = [sentence(text, Tone.BAD) for text in alarms(call, levels, now)]
    if wrong:  # what is wrong and the limit have room, the rest has not
        rows = [*wrong, *rows[-1:]]
    if details:
        rows.append(sentence(" ".join(filter(None, (call.uri, call.sip_call_id))), Tone.DIM))
    return Card(word, tone, who(call), timer(call, now), tuple(rows))


def _between_calls(state: State | None, not_ready: str) -> Card:
    last = last_ended(state)
    shown = result_card(last, state) if last is not None else Card(tr("NO CALL"), Tone.BADGE)
    if not not_ready:
        return shown
    return replace(shown, rows=(sentence(f"{not_ready}.", Tone.BAD), *shown.rows[1:2]))


def phase_word(call: Call) -> tuple[str, Tone]:
    """The call's phase in capitals."""
    if call.unconfirmed:
        return tr("IN DOUBT"), Tone.BADGE_BAD
    if call.phase is CallPhase.UP and call.held:
        return tr("ANSWERED, ON HOLD"), Tone.BADGE_WARN
    if call.phase is CallPhase.CLOSED and call.outcome is not None:
        word, tone = OUTCOME_WORDS[call.outcome]
    else:
        word, tone = _PHASE_WORDS[call.phase]
    return tr(word), tone


def timer(call: Call, now: float) -> str:
    """Since the answer once there is one, before that since the start."""
    return duration(call.seconds(now) if call.answered_at is not None else now - call.started_at)


def _about(call: Call, now: float) -> list[Row]:
    """What is known of the call; the last row has the limit on its right."""
    early = call.early_media(now)
    limit = _limit(call, now)
    match call.phase:
        case CallPhase.UP:
            delay = whole((call.answered_at or now) - call.started_at)
            words = tr("you answered after {time}", time=delay)
            if not call.incoming:
                words = tr("answered after {time}", time=delay)
            if early:
                words += "; " + tr("network audio {time} before it, AI not opened", time=whole(early))
            return [sentence(words), Row((Span(tr("person or machine unknown"), Tone.DIM),), limit)]
        case CallPhase.EARLY:
            words = tr(
                "not answered: {time} of ring tone, melody, announcement or voicemail; AI not opened",
                time=whole(early),
            )
            return [sentence(words), Row((), limit)]
        case CallPhase.RINGING:
            if not early:
                return [Row((Span(tr("the callee's phone rings")),), limit)]
            words = tr("network audio {time} so far, AI not opened", time=whole(early))
            return [sentence(words), Row((), limit)]
        case CallPhase.DIALING:
            return [Row((Span(tr("no answer from the network yet"), Tone.DIM),), limit)]
        case CallPhase.CLOSING:
            return [sentence(shown(call.why) or tr("waiting for the network to confirm"))]
        case CallPhase.INCOMING:
            words = tr("no AI for incoming calls; x rejects")
            if call.wants_agent:
                words = tr("a answers with the AI, x rejects")
            return [Row((Span(words),), limit)]
    return []


def _limit(call: Call, now: float) -> tuple[Span, ...]:
    if call.limit_at is None:
        return ()
    left = left_over(call.limit_at - now)
    if call.phase is CallPhase.UP:
        soon = call.limit_at - now < 60
        return (Span(tr("ends in {time}, k +5", time=left), Tone.WARN if soon else Tone.PLAIN),)
    return (Span(tr("{time} left", time=left) if call.incoming else tr("gives up in {time}", time=left)),)


def alarms(call: Call, levels: Levels | None, now: float) -> tuple[str, ...]:
    """What is wrong with the call right now, in sentences; empty when all is well."""
    found: list[str] = []
    if call.unconfirmed:
        found.append(tr("The link to the phone is lost; whether the call still stands is being checked."))
    silent = call.seconds(now)
    if call.phase is CallPhase.UP and not call.rtp_seen and not call.held and silent >= RTP_ALARM:
        found.append(_no_sound(silent, call.rtp_by - now if call.rtp_by is not None else None))
    waiting = waiting_for_agent(call, levels, now)
    if waiting is not None and waiting >= AGENT_ALARM:
        found.append(tr("The AI has not answered for {time}; h hangs up.", time=whole(waiting)))
    if call.audio:
        found.append(tr("Audio: {trouble}", trouble=shown(call.audio)))
    if call.redirected_to:
        peer = call.redirected_to
        found.append(tr("Redirected without being asked, now talking to {peer}.", peer=peer))
    return tuple(found)


def _no_sound(seconds: float, ends_in: float | None) -> str:
    silent = whole(seconds)
    if ends_in is None:
        return tr("No sound from the callee for {time} (no RTP).", time=silent)
    return tr(
        "No sound from the callee for {time} (no RTP); the call ends in {left}.",
        time=silent,
        left=whole(ends_in),
    )


def terminal_title(state: State | None, now: float, broken: str = "", chosen: CallId | None = None) -> str:
    """Phase and timer for the terminal's title."""
    if broken:
        return tr("STOPPED") + " - Call Console"
    call = live(state, chosen)
    if call is None:
        return "Call Console"
    return f"{phase_word(call)[0]} {timer(call, now)} {spaced(call.number)} - Call Console"
