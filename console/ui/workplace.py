"""What lies before the operator: the call on screen, the number being typed, the answer to the last key."""

from __future__ import annotations

from console.core.caller import WITHHELD, dialed_as_uri
from console.core.events import CallId
from console.core.numbers import Judgement, Verdict
from console.core.on_command import judge
from console.core.state import Call, State
from console.core.words import phrase
from console.language import tr

from .number_entry import TYPED, NumberEntry
from .present.keys import Key, keys
from .present.line import live, lives
from .present.words import Tone
from .presses import Presses
from .question import Asked

WORD_STAYS = 6.0
"""Seconds that the answer to a key stays."""


class Workplace:
    """Sends nothing anywhere. Times (`at`) are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.entry = NumberEntry()
        self.state: State | None = None
        self.engine_now = 0.0
        self.broken = ""
        self.offers: tuple[str, ...] = ()
        self.word = ""
        self.word_tone = Tone.PLAIN
        self._word_at = 0.0
        self._word_of: CallId | None = None
        self.chosen: CallId | None = None
        self.asked = Asked()
        self._presses = Presses()
        self._dialed: tuple[CallId, str, bool] | None = None

    # ---- seeing ----

    def see(self, state: State | None, engine_now: float, at: float, broken: str = "") -> None:
        """What is on screen from now on."""
        self.state, self.engine_now, self.broken = state, engine_now, broken
        if self._dialed is not None and state is not None:
            known = {c.id for c in (*state.calls, *state.ended)}
            self._dialed = None if self._dialed[0] in known else self._dialed
        shown = live(state, self.chosen)
        self.chosen = shown.id if shown is not None else None
        self._presses.see(self.keys(), at)
        if self.word and at - self._word_at > WORD_STAYS:
            self.word = ""
            self.asked.drop()
        if self._word_of is not None and self._is_over(self._word_of):
            self.word, self._word_of = "", None

    def _is_over(self, call: CallId) -> bool:
        ended = () if self.state is None else self.state.ended
        return any(c.id == call for c in ended)

    def keys(self) -> tuple[Key, ...]:
        """The command keys as they are now."""
        return keys(self.state, self.engine_now, self.entry.text, self.broken, self.chosen)

    def judgement(self, text: str | None = None, as_uri: bool | None = None) -> Judgement:
        """What is typed (or `text`), as the engine will judge it."""
        text = self.entry.text if text is None else text
        as_uri = self.entry.as_uri if as_uri is None else as_uri
        if self.state is None:
            return Judgement(Verdict.INCOMPLETE, phrase("the phone is starting"))
        return judge(self.state, text, as_uri)

    @property
    def call(self) -> Call | None:
        """The call on screen. It stays there until it is over or `next_call` chooses another."""
        return live(self.state, self.chosen)

    def shown_call(self) -> CallId | None:
        """The call that a command means: dialed a moment ago, or on screen."""
        if self._dialed is not None:
            return self._dialed[0]
        call = self.call
        return call.id if call is not None else None

    def next_call(self) -> None:
        """Show the next of the calls that go on."""
        others = [c.id for c in lives(self.state)]
        if self.chosen in others:
            self.chosen = others[(others.index(self.chosen) + 1) % len(others)]

    def history(self) -> list[tuple[str, bool]]:
        """Earlier numbers, newest first, each once, then the offered ones: (number, is a URI)."""
        found: dict[str, bool] = {}
        if self.state is not None:
            for call in (*reversed(self.state.calls), *self.state.ended):
                if call.number not in ("", WITHHELD):
                    found.setdefault(call.number, dialed_as_uri(call.number))
        for number in self.offers:
            found.setdefault(number, dialed_as_uri(number))
        return list(found.items())

    def say(self, word: str, at: float, tone: Tone = Tone.PLAIN, of: CallId | None = None) -> None:
        """Answer a key in the place where the keys are; with the end of the call `of` it goes."""
        self.word, self.word_tone, self._word_at, self._word_of = word, tone, at, of

    # ---- the number ----

    def type(self, character: str, at: float) -> None:
        """A digit, `+`, `*` or `#`, from a key or the keypad."""
        self.asked.drop()
        self.word = ""
        if character in TYPED:
            self.entry.type(character)

    def put(self, text: str, as_uri: bool = False) -> None:
        """Replace the number, as by a click on an earlier one."""
        self.asked.drop()
        self.word = ""
        self.entry.put(text, as_uri)

    def backspace(self) -> None:
        self.asked.drop()
        self.word = ""
        self.entry.backspace()

    def paste(self, text: str, at: float) -> None:
        """Pasted text only ever fills the number."""
        self.asked.drop()
        self.entry.paste(text, complete=self.judgement().may_dial)
        self.say(self._after_paste(), at)

    def _after_paste(self) -> str:
        """A paste never dials, even with an Enter in it: what to do next."""
        enter = next(key for key in self.keys() if key.key == "Enter")
        match self.judgement().verdict:
            case Verdict.OK | Verdict.CONFIRM if not enter.enabled:
                return tr("pasted; Enter: {why}", why=enter.why)
            case Verdict.OK:
                return tr("pasted, not dialed yet: Enter dials")
            case Verdict.CONFIRM:
                return tr("pasted, not dialed yet: Enter, Enter dials")
            case Verdict.INCOMPLETE:
                return tr("pasted: type the rest, or Delete clears it")
        return tr("pasted; Delete clears it")

    def recall(self, step: int, at: float) -> None:
        """Up (+1) or down (-1) the history."""
        self.asked.drop()
        self.word = ""
        if not self.entry.recall(step, self.history()) and step > 0:
            typed = bool(self.entry.text) and self.entry.recalled is None
            first = tr("clear the number first: Backspace, or Delete")
            self.say(first if typed else tr("no earlier number"), at)

    def escape(self) -> bool:
        """Take back a question or a word; False when there was none."""
        had = bool(self.asked.question or self.word)
        self.asked.drop()
        self.word = ""
        return had
