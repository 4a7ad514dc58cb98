"""What the operator's keys do to calls and to the number, with all their protections. Knows no widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from console.core.effects import Record
from console.core.events import (
    AllowDialing,
    Answer,
    CallId,
    Dial,
    Event,
    Extend,
    HangUp,
    NeverCall,
    Register,
    Reject,
    SetEar,
)
from console.core.numbers import Judgement, Verdict
from console.core.on_command import judge
from console.core.state import State

from .number_entry import TYPED, NumberEntry
from .present.keys import Key, incoming, keys
from .present.line import last_ended, live, spaced
from .present.words import Tone

CHANGED = 0.4
"""Seconds after a change of its meaning in which a key is refused."""

REPEATED = 0.15
"""Seconds within which the same command key again is the key being held down."""

OURS = 2.0
"""Seconds after a command in which a refusal by the engine answers it."""

WORD_STAYS = 6.0
"""Seconds that the answer to a key stays."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the same key must confirm: a number to dial (`key` Enter) or never to call (`!`)."""

    key: str
    text: str
    as_uri: bool = False
    call: CallId | None = None


class Operator:
    """Turns presses into commands for the engine. Times (`at`) are seconds of one monotonic clock."""

    def __init__(self, send: Callable[[Event], None]) -> None:
        self._to_engine = send
        self.entry = NumberEntry()
        self.state: State | None = None
        self.engine_now = 0.0
        self.broken = ""
        self.offers: tuple[str, ...] = ()
        self.word = ""
        self.word_tone = Tone.PLAIN
        self._word_at = 0.0
        self._question: Question | None = None
        self._meanings: dict[str, str] = {}
        self._changed_at: dict[str, float] = {}
        self._dialed: tuple[CallId, str, bool] | None = None
        self._sent_at = float("-inf")
        self._pressed = ("", float("-inf"))

    # ---- seeing ----

    def see(self, state: State | None, engine_now: float, at: float, broken: str = "") -> None:
        """What is on screen from now on."""
        self.state, self.engine_now, self.broken = state, engine_now, broken
        if self._dialed is not None and state is not None:
            known = {c.id for c in (*state.calls, *state.ended)}
            self._dialed = None if self._dialed[0] in known else self._dialed
        for key in self.keys():
            if self._meanings.get(key.key, key.meaning) != key.meaning:
                self._changed_at[key.key] = at
            self._meanings[key.key] = key.meaning
        if self.word and at - self._word_at > WORD_STAYS:
            self.word, self._question = "", None

    def keys(self) -> tuple[Key, ...]:
        """The command keys as they are now."""
        return keys(self.state, self.engine_now, self.entry.text, self.broken)

    def judgement(self, text: str | None = None, as_uri: bool | None = None) -> Judgement:
        """What is typed (or `text`), as the engine will judge it."""
        text = self.entry.text if text is None else text
        as_uri = self.entry.as_uri if as_uri is None else as_uri
        if self.state is None:
            return Judgement(Verdict.INCOMPLETE, "the phone is starting")
        return judge(self.state, text, as_uri)

    def shown_call(self) -> CallId | None:
        """The call that a command means: on screen, or dialed a moment ago."""
        call = live(self.state)
        if call is not None:
            return call.id
        return self._dialed[0] if self._dialed is not None else None

    def history(self) -> list[tuple[str, bool]]:
        """Earlier numbers, newest first, each once, then the offered ones: (number, is a URI)."""
        found: dict[str, bool] = {}
        if self.state is not None:
            for call in (*reversed(self.state.calls), *self.state.ended):
                if call.number:
                    found.setdefault(call.number, "@" in call.number)
        for number in self.offers:
            found.setdefault(number, "@" in number)
        return list(found.items())

    def _send(self, event: Event, at: float) -> None:
        self._sent_at = at
        self._to_engine(event)

    def refused(self, record: Record, at: float) -> None:
        """The engine refused a command: say why, and give the number back when it was a dial of ours."""
        dialed, self._dialed = self._dialed, None
        if dialed is not None and record.call == dialed[0] and not self.entry.text:
            self.entry.put(dialed[1], dialed[2])
        if at - self._sent_at < OURS:
            self.say(str(record.fields.get("why", "refused")), at, Tone.WARN)

    def say(self, word: str, at: float, tone: Tone = Tone.PLAIN) -> None:
        """Answer a key in the place where the keys are."""
        self.word, self.word_tone, self._word_at = word, tone, at

    # ---- the number ----

    def type(self, character: str, at: float) -> None:
        """A digit, `+`, `*` or `#`, from a key or the keypad."""
        self._question = None
        self.word = ""
        if character in TYPED:
            self.entry.type(character)

    def backspace(self) -> None:
        self._question = None
        self.word = ""
        self.entry.backspace()

    def paste(self, text: str, at: float) -> None:
        """Pasted text only ever fills the number."""
        self._question = None
        self.entry.paste(text, complete=self.judgement().may_dial)
        self.say("pasted", at, Tone.DIM)

    def recall(self, step: int, at: float) -> None:
        """Up (+1) or down (-1) the history."""
        self._question = None
        self.word = ""
        if not self.entry.recall(step, self.history()) and step > 0:
            typed = bool(self.entry.text) and self.entry.recalled is None
            self.say("clear the number first: Backspace, or Delete" if typed else "no earlier number", at)

    def escape(self) -> bool:
        """Take back a question or a word; False when there was none."""
        had = bool(self._question or self.word)
        self._question, self.word = None, ""
        return had

    # ---- commands ----

    def press(self, name: str, at: float, call: CallId | None = None) -> None:
        """A command key: Enter, h, a, x, o, k, r or !. `call`: on screen when it was pressed."""
        key = next(k for k in self.keys() if k.key == name)
        if name == "h":
            self.hang_up(call, at)
            return
        repeated = name == self._pressed[0] and at - self._pressed[1] < REPEATED
        self._pressed = (name, at)
        question, self._question = self._question, None
        if question is not None and question.key != name:
            question = None
        if not key.enabled:
            self.say(f"{name}: {key.why}", at, Tone.WARN)
            return
        if repeated and name != "Enter":
            self._question = question
            return
        if at - self._changed_at.get(name, float("-inf")) < CHANGED:
            self._question = question
            self.say(f"{name}: what it does changed just now, press it again", at, Tone.WARN)
            return
        self.word = ""
        self._command(name, at, question)

    def hang_up(self, call: CallId | None, at: float) -> None:
        """Never confirmed, never refused. `call`: on screen when the key was pressed."""
        self._question = None
        if call is None:
            self.say("h: no call to hang up", at, Tone.WARN)
            return
        self._send(HangUp(call), at)
        self.say("hanging up", at)

    def allow_dialing(self, at: float) -> None:
        """After a refusal that stopped dialing."""
        self._send(AllowDialing(), at)
        self.say("dialing is allowed again", at)

    def _command(self, name: str, at: float, question: Question | None) -> None:
        call = live(self.state)
        match name:
            case "Enter":
                self.dial(self.entry.text, self.entry.as_uri, at, question)
            case "a" | "x":
                caller = incoming(self.state)
                if caller is not None:
                    self._send(Answer(caller.id) if name == "a" else Reject(caller.id), at)
            case "o":
                self._send(SetEar(not (self.state is not None and self.state.ear)), at)
            case "k" if call is not None:
                self._send(Extend(call.id), at)
                self.say("five more minutes", at)
            case "r":
                self._send(Register(), at)
                self.say("registering", at)
            case "!":
                self._never_call(at, question)

    def dial(self, text: str, as_uri: bool, at: float, question: Question | None = None) -> bool:
        """Dial when the number is good, ask when it needs a second Enter, else say why not. True: dialed."""
        if self._dialed is not None:
            self.say("Enter: it is being dialed already", at, Tone.WARN)
            return False
        seen = self.judgement(text, as_uri)
        asked = question is not None and (question.text, question.as_uri) == (text, as_uri)
        if not seen.may_dial:
            self.say(f"Enter: {seen.why}", at, Tone.WARN)
            return False
        if seen.verdict is Verdict.CONFIRM and not asked:
            self._ask(Question("Enter", text, as_uri), f"{seen.why} Enter again dials, Esc does not.", at)
            return False
        call = CallId(uuid4().hex[:8])
        self._dialed = (call, text, as_uri)
        self._send(Dial(call, text, as_uri=as_uri, confirmed=asked), at)
        self.entry.clear()
        return True

    def dial_uri(self, text: str, at: float) -> bool:
        """Enter in the URI field. True: dialed, the field can close."""
        key = keys(self.state, self.engine_now, text, self.broken)[0]
        if not key.enabled:
            self.say(f"Enter: {key.why}", at, Tone.WARN)
            return False
        question, self._question = self._question, None
        if question is not None and at - self._changed_at.get("Enter", float("-inf")) < CHANGED:
            self._question = question
            self.say("Enter: what it does changed just now, press it again", at, Tone.WARN)
            return False
        return self.dial(text, True, at, question)

    def _never_call(self, at: float, question: Question | None) -> None:
        if question is not None:
            self._send(NeverCall(question.text, question.call), at)
            self.say(f"{spaced(question.text)} goes on the never-call list", at)
            return
        call = live(self.state)
        number = call.number if call is not None else self._number_meant()
        if not number:
            self.say("!: type the whole number first", at, Tone.WARN)
            return
        hang_up = "hang up and " if call is not None else ""
        asked = Question("!", number, call=call.id if call is not None else None)
        self._ask(asked, f"! again: {hang_up}never call {spaced(number)} again. Esc: no.", at)

    def _number_meant(self) -> str:
        if self.entry.text:
            return self.judgement().e164
        last = last_ended(self.state)
        return last.number if last is not None else ""

    def _ask(self, question: Question, words: str, at: float) -> None:
        self._question = question
        self._changed_at[question.key] = at
        self.say(words, at, Tone.STRONG)
