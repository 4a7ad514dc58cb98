"""The top line: whether a call can be dialed, and the facts about line, agent and program."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from console.core.events import RegState
from console.core.state import Account, Line, State

from .words import Row, Span, Tone

_GAP = "   "


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether Enter would dial; if not, `why` and what to `press` (both may be empty when ready)."""

    ready: bool
    why: str = ""
    press: str = ""


def readiness(state: State | None, broken: str = "") -> Readiness:
    """Line, agent and settings together. `broken`: the engine itself is gone, in words."""
    if broken:
        return Readiness(False, broken, "ctrl+q quits")
    if state is None:
        return Readiness(False, "the phone is starting", "wait")
    line = state.line
    if state.policy.not_ready:
        return Readiness(False, state.policy.not_ready.rstrip("."), "ctrl+q quits; mend it and start again")
    if not state.policy.has_agent:
        return Readiness(False, "no AI agent is set", "fill in ELEVENLABS_AGENT_ID and start again")
    if state.quitting:
        return Readiness(False, "quitting: everything is being hung up", "wait")
    if line.failed:
        return Readiness(
            False, line.reason or "the phone cannot work", "ctrl+q quits; mend it and start again"
        )
    if line.taken_over:
        return Readiness(False, "another program has taken the phone over", "r takes it back")
    if not line.up:
        return Readiness(
            False, line.reason or "the phone is starting", "it is tried again" if line.reason else "wait"
        )
    if state.policy.register and line.registration is not RegState.OK:
        return _not_registered(line)
    if state.stopped:
        return Readiness(False, f"dialing stopped: {state.stopped.rstrip('.')}", "ctrl+p, Allow dialing")
    return Readiness(True)


def _not_registered(line: Line) -> Readiness:
    if line.registration is RegState.FAILED:
        answer = " ".join(filter(None, (str(line.reg_code or ""), line.reg_reason)))
        return Readiness(False, f"not registered: {answer or 'no answer'}", "r registers again")
    if line.registration is RegState.OFF:
        return Readiness(False, "not registered", "r registers")
    return Readiness(False, "registering", "wait, or r registers again")


def line_word(state: State | None) -> Span:
    """The line in a word: ok, down, registering, or the registrar's answer."""
    if state is None:
        return Span("line starting", Tone.WARN)
    line = state.line
    if line.failed or line.taken_over or not line.up:
        return Span(
            "line failed" if line.failed else "line taken" if line.taken_over else "line down", Tone.BAD
        )
    if not state.policy.register:
        return Span("line direct", Tone.GOOD)
    match line.registration:
        case RegState.OK:
            return Span("line ok", Tone.GOOD)
        case RegState.FAILED:
            return Span(f"line {line.reg_code or 'failed'}", Tone.BAD)
        case RegState.OFF:
            return Span("line not registered", Tone.WARN)
    return Span("line registering", Tone.WARN)


def agent_words(state: State | None, name: str) -> tuple[Span, ...]:
    """The agent: its name when known, or that there is none, or that it was refused; then its credits."""
    if state is not None and state.stopped_by is not None:
        return (Span("agent refused", Tone.BAD),)
    if state is not None and not state.policy.has_agent:
        return (Span("agent none", Tone.WARN),)
    account = state.account if state is not None else Account()
    tone = Tone.BAD if account.empty else Tone.PLAIN
    agent = Span(f"agent {account.agent or name or 'set'}", tone)
    return (agent,) if account.credits is None else (agent, Span(f"credits {account.credits:,}", tone))


def ear_word(state: State | None) -> Span:
    if state is None or (not state.ear and not state.ear_reason):
        return Span("ear off", Tone.DIM)
    if state.ear:
        return Span("ear ON", Tone.STRONG)
    return Span(f"ear off: {state.ear_reason}", Tone.WARN)


@dataclass(frozen=True, slots=True)
class Status:
    """The top line: whether a call can be dialed (`head`), what to `press` if not, then facts about line,
    agent and program, the first ones first."""

    head: tuple[Span, ...]
    press: str
    parts: tuple[Span, ...]

    def rows(self, width: int, lines: int) -> tuple[tuple[Row, ...], tuple[Span, ...]]:
        """As at most `lines` rows of `width` cells, and the parts that have no room there."""
        right = (Span(self.press, Tone.WARN),) if self.press else ()
        if lines > 1 and self._length(*self.head, *right) + len(_GAP) > width:
            flat = [span for part in (*right, *self.parts[:1]) for span in (Span(_GAP), part)]
            return (Row((*self.head, *flat), wraps=True),), self.parts[1:]
        rows, left = [list(self.head)], list(self.parts)
        while left:
            taken = right if len(rows) == 1 else ()
            gap = Span(_GAP if rows[-1] else "")
            if self._length(*rows[-1], gap, left[0], *taken) + len(_GAP) * bool(taken) <= width:
                rows[-1] += [gap, left.pop(0)]
            elif len(rows) < lines:
                rows.append([])
            else:
                break
        shown = [Row(tuple(spans), right if number == 0 else ()) for number, spans in enumerate(rows)]
        return tuple(shown), tuple(left)

    def _length(self, *spans: Span) -> int:
        return sum(cell_len(span.text) for span in spans)


def status(
    state: State | None,
    *,
    account: str = "",
    agent: str = "",
    demo: bool = False,
    api: str = "",
    broken: str = "",
) -> Status:
    """READY or NOT READY first; when not, why and what to press before anything else."""
    able = readiness(state, broken)
    head = [Span(" READY ", Tone.BADGE_GOOD) if able.ready else Span(" NOT READY ", Tone.BADGE_BAD)]
    if not able.ready:
        head += [Span(f"  {able.why}", Tone.STRONG)]
    if demo:
        head += [Span("  "), Span(" DEMO LINE ", Tone.BADGE_WARN)]
    line = line_word(state)
    parts = [
        Span(f"{line.text} {account}".rstrip(), line.tone),
        *agent_words(state, agent),
        ear_word(state),
    ]
    if api:
        parts.append(Span(f"api {api}", Tone.WARN if api == "none" else Tone.DIM))
    if state is not None and state.line.engine:
        parts.append(Span(f"{state.line.engine} {state.line.version}".rstrip(), Tone.DIM))
    return Status(tuple(head), able.press, tuple(parts))
