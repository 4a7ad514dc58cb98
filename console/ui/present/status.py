"""The top line: whether a call can be dialed, and the facts about line, agent and program."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from console.core.events import RegState
from console.core.state import Account, Line, State
from console.core.words import msgid
from console.language import shown, tr

from .words import Row, Span, Tone

_GAP = "   "
_START_AGAIN = msgid("ctrl+q quits; mend it and start again")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether all is well for a call; if not, `why` and what to `press` (both may be empty when ready).
    `dials`: Enter dials, ready or not."""

    ready: bool
    why: str = ""
    press: str = ""
    dials: bool = False


def readiness(state: State | None, broken: str = "") -> Readiness:
    """Line, agent and settings together. `broken`: the engine itself is gone, in words."""
    if broken:
        return Readiness(False, broken, tr("ctrl+q quits"))
    if state is None:
        return Readiness(False, tr("the phone is starting"), tr("wait"))
    line = state.line
    if state.policy.not_ready:
        return Readiness(False, shown(state.policy.not_ready).rstrip("."), tr(_START_AGAIN))
    if not state.policy.has_agent:
        return Readiness(False, tr("no AI agent is set"), tr("fill in ELEVENLABS_AGENT_ID and start again"))
    if state.quitting:
        return Readiness(False, tr("quitting: everything is being hung up"), tr("wait"))
    if line.failed:
        return Readiness(False, shown(line.reason) or tr("the phone cannot work"), tr(_START_AGAIN))
    if line.taken_over:
        return Readiness(False, tr("another program has taken the phone over"), tr("r takes it back"))
    if not line.up:
        if not line.reason:
            return Readiness(False, tr("the phone is starting"), tr("wait"))
        return Readiness(False, shown(line.reason), tr("it is tried again"))
    if state.policy.register and line.registration is not RegState.OK:
        return _not_registered(line)
    if line.silent:
        return Readiness(False, tr("the phone does not answer"), tr("wait"))
    if state.stopped:
        why = shown(state.stopped).rstrip(".")
        return Readiness(False, tr("dialing stopped: {why}", why=why), tr("ctrl+p, Allow dialing"))
    if state.account.trouble:  # minutes old perhaps, and asked again while it rings
        why = shown(state.account.trouble).rstrip(".")
        return Readiness(False, tr("no AI: {why}", why=why), tr("call-console doctor tells more"), dials=True)
    return Readiness(True, dials=True)


def _not_registered(line: Line) -> Readiness:
    if line.registration is RegState.FAILED:
        answer = " ".join(filter(None, (str(line.reg_code or ""), shown(line.reg_reason))))
        said = tr("not registered: {answer}", answer=answer or tr("no answer"))
        return Readiness(False, said, tr("r registers again"))
    if line.registration is RegState.OFF:
        return Readiness(False, tr("not registered"), tr("r registers"))
    return Readiness(False, tr("registering"), tr("wait, or r registers again"))


def line_word(state: State | None) -> Span:
    """The line in a word: ok, down, registering, or the registrar's answer."""
    if state is None:
        return Span(tr("line starting"), Tone.WARN)
    line = state.line
    if line.failed:
        return Span(tr("line failed"), Tone.BAD)
    if line.taken_over:
        return Span(tr("line taken"), Tone.BAD)
    if not line.up:
        return Span(tr("line down"), Tone.BAD)
    if not state.policy.register:
        return Span(tr("line direct"), Tone.GOOD)
    match line.registration:
        case RegState.OK:
            return Span(tr("line ok"), Tone.GOOD)
        case RegState.FAILED:
            return Span(
                tr("line {code}", code=line.reg_code) if line.reg_code else tr("line failed"), Tone.BAD
            )
        case RegState.OFF:
            return Span(tr("line not registered"), Tone.WARN)
    return Span(tr("line registering"), Tone.WARN)


def agent_words(state: State | None, name: str) -> tuple[Span, ...]:
    """The agent: its name when known, or that there is none, or that it was refused; then its credits."""
    if state is not None and state.stopped_by is not None:
        return (Span(tr("agent refused"), Tone.BAD),)
    if state is not None and not state.policy.has_agent:
        return (Span(tr("agent none"), Tone.WARN),)
    if state is not None and state.account.trouble:
        return (Span(tr("agent not reached"), Tone.BAD),)
    account = state.account if state is not None else Account()
    tone = Tone.BAD if account.empty else Tone.PLAIN
    agent = Span(
        tr("agent {name}", name=account.agent or name) if account.agent or name else tr("agent set"), tone
    )
    return (
        (agent,) if account.credits is None else (agent, Span(tr("credits {n:,}", n=account.credits), tone))
    )


def _api_word(api: str) -> Span:
    if api == "none":
        return Span(tr("api none"), Tone.WARN)
    return Span(tr("api off") if api == "off" else f"api {api}", Tone.DIM)


def ear_word(state: State | None) -> Span:
    """Short: why it cannot be switched on is said when that is tried, and stands in the timeline."""
    if state is not None and state.ear:
        return Span(tr("ear ON"), Tone.STRONG)
    failed = state is not None and bool(state.ear_reason)
    return Span(tr("ear off"), Tone.WARN if failed else Tone.DIM)


@dataclass(frozen=True, slots=True)
class Status:
    """The top line: whether a call can be dialed (`head`), what to `press` if not, then facts about line,
    agent and program, the first ones first."""

    head: tuple[Span, ...]
    press: str
    parts: tuple[Span, ...]

    def shows_why(self, width: int) -> bool:
        """Whether the head has room for all of it beside what to press."""
        return self._length(*self.head, Span(_GAP), Span(self.press)) <= width

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


def demo_badge() -> tuple[Span, Span]:
    """That the line is the built-in one."""
    word = tr("DEMO LINE")
    return Span("  "), Span(f" {word} ", Tone.BADGE_WARN)


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
    word, tone = (tr("READY"), Tone.BADGE_GOOD) if able.ready else (tr("NOT READY"), Tone.BADGE_BAD)
    head = [Span(f" {word} ", tone)]
    if not able.ready:
        head += [Span(f"  {able.why}", Tone.STRONG)]
    if demo:
        head += demo_badge()
    line = line_word(state)
    parts = [
        Span(f"{line.text} {account}".rstrip(), line.tone),
        *agent_words(state, agent),
        ear_word(state),
    ]
    if api:
        parts.append(_api_word(api))
    if state is not None and state.line.engine:
        parts.append(Span(f"{state.line.engine} {state.line.version}".rstrip(), Tone.DIM))
    return Status(tuple(head), able.press, tuple(parts))
