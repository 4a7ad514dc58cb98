"""What the operator's keys do to calls, with all their protections. Knows no widgets."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from console.core.effects import Record
from console.core.events import (
    AllowDialing,
    Answer,
    CallId,
    Dial,
    Event,
    Extend,
    Goodbye,
    HangUp,
    MayCall,
    NeverCall,
    Register,
    Reject,
    SendDigits,
    SetEar,
    Silence,
    Tell,
)
from console.core.numbers import Verdict
from console.core.state import CallPhase
from console.language import shown, tr

from .present.keys import Key, incoming, keys, why_no_words
from .present.line import last_ended, spaced
from .present.words import Tone
from .presses import Press
from .question import Question
from .workplace import Workplace

OURS = 2.0
"""Seconds after a command in which a refusal by the engine answers it."""


class Operator(Workplace):
    """Turns presses into commands for the engine. Times (`at`) are seconds of one monotonic clock."""

    def __init__(self, send: Callable[[Event], None]) -> None:
        super().__init__()
        self._to_engine = send
        self._sent_at = float("-inf")

    def _send(self, event: Event, at: float) -> None:
        self._sent_at = at
        self._to_engine(event)

    def refused(self, record: Record, at: float) -> None:
        """The engine refused a command: say why, and give the number back when it was a dial of ours."""
        if self._dialed is not None and record.call == self._dialed[0]:
            (_, text, as_uri), self._dialed = self._dialed, None
            if not self.entry.text:
                self.entry.put(text, as_uri)
        if at - self._sent_at < OURS:
            self.say(shown(str(record.fields.get("why", ""))), at, Tone.WARN)

    def ear_changed(self, record: Record, at: float) -> None:
        """The ear could not be switched on, or was lost: say why."""
        why = str(record.fields.get("reason", ""))
        if why:
            self.say(tr("ear off: {why}", why=shown(why)), at, Tone.WARN)

    def key(self, name: str) -> Key:
        """A command key as it is now."""
        return next(k for k in self.keys() if k.key == name)

    def press(self, name: str, at: float, held: bool = False) -> None:
        """A command key but `h`, which is `hang_up`. `held`: it is known to be held down."""
        key = self.key(name)
        if not key.enabled:
            self.asked.drop()
            self._refuse(name, key.why, at)
            return
        if self.asked.question is not None and self.asked.question.key == name:
            self._press_again(name, at, held)
            return
        match self._presses.judge(name, at, held):
            case Press.COUNTS:
                self.asked.drop()
                self.word = ""
                self._command(name, at)
            case Press.CHANGED:
                self.asked.drop()
                self._say_changed(name, at)

    def _press_again(self, name: str, at: float, held: bool) -> None:
        if not self.asked.press(at, held):
            self._say_changed(name, at)

    def _say_changed(self, name: str, at: float) -> None:
        self.say(tr("{key}: what it does changed just now, press it again", key=name), at, Tone.WARN)

    def answer(self, at: float) -> bool:
        """The key that answers a question was let go: do what it confirms. True: a number was dialed."""
        question = self.asked.answered()
        if question is None:
            return False
        self.word = ""
        if question.key == "Enter":
            return self.dial(question.text, question.as_uri, at, confirmed=True)
        number = spaced(question.text)
        if question.undo:
            self._send(MayCall(question.text), at)
            self.say(tr("{number} may be called again", number=number), at)
        else:
            self._send(NeverCall(question.text, question.call), at)
            self.say(tr("{number} goes on the never-call list; ! takes it off again", number=number), at)
        return False

    def hang_up(self, call: CallId | None, at: float) -> None:
        """Never confirmed, never refused. `call`: on screen when the key was pressed."""
        self.asked.drop()
        if call is None:
            self._refuse("h", tr("no call to hang up"), at)
            return
        self._send(HangUp(call), at)
        self.say(tr("hanging up"), at, of=call)

    def allow_dialing(self, at: float) -> None:
        """After a refusal that stopped dialing."""
        self._send(AllowDialing(), at)
        self.say(tr("dialing is allowed again"), at)

    def _command(self, name: str, at: float) -> None:
        call = self.call
        match name:
            case "Enter":
                self.dial(self.entry.text, self.entry.as_uri, at)
            case "a" | "x":
                caller = incoming(self.state, self.chosen)
                if caller is not None:
                    self._send(Answer(caller.id) if name == "a" else Reject(caller.id), at)
            case "o":
                self._send(SetEar(not (self.state is not None and self.state.ear)), at)
            case "k" if call is not None:
                self._send(Extend(call.id), at)
                self.say(tr("five more minutes"), at)
            case "r":
                self._send(Register(), at)
                self.say(tr("registering"), at)
            case "s" if call is not None:
                self._send(Silence(call.id, on=call.silent_until is None), at)
            case "g" if call is not None:
                self._send(Goodbye(call.id), at)
                self.say(tr("the AI is asked to say goodbye; the call ends within 8 s"), at)
            case "tab":
                self.next_call()
            case "!":
                self._never_call(at)

    def tell(self, call: CallId | None, text: str, as_turn: bool, at: float) -> bool:
        """Tell the AI of this call something. True: sent, the field can close."""
        why = why_no_words(self.state.find(call) if self.state is not None else None)
        if why or not text.strip():
            self._refuse("w", why or tr("type a sentence, or Esc"), at)
            return False
        if call is not None:
            self._send(Tell(call, text, as_turn), at)
            self.say(tr("the AI is told, and answers") if as_turn else tr("the AI knows it now"), at)
        return True

    def send_digits(self, call: CallId | None, digits: str, at: float) -> bool:
        """Press these keys on the line of this call. True: sent, the field can close."""
        found = self.state.find(call) if self.state is not None else None
        if found is None or found.phase not in (CallPhase.UP, CallPhase.EARLY):
            self._refuse("d", tr("the call does not take digits any more"), at)
            return False
        if not digits:
            self._refuse("d", tr("type digits, or Esc"), at)
            return False
        self._send(SendDigits(found.id, digits), at)
        self.say(tr("pressed {digits}", digits=digits), at)
        return True

    def dial(self, text: str, as_uri: bool, at: float, confirmed: bool = False) -> bool:
        """Dial when the number is good, ask when it needs a second Enter, else say why not. True: dialed."""
        if self._dialed is not None:
            self._refuse("Enter", tr("it is being dialed already"), at)
            return False
        seen = self.judgement(text, as_uri)
        if not seen.may_dial:
            self._refuse("Enter", shown(seen.why), at)
            return False
        if seen.verdict is Verdict.CONFIRM and not confirmed:
            words = (shown(seen.why), tr("Enter again dials, Esc does not."))
            self._ask(Question("Enter", text, as_uri), " ".join(words), at)
            return False
        call = CallId(uuid4().hex[:8])
        self._dialed = (call, text, as_uri)
        self._send(Dial(call, text, as_uri=as_uri, confirmed=confirmed), at)
        self.entry.clear()
        return True

    def dial_uri(self, text: str, at: float) -> bool:
        """Enter in the URI field. True: dialed, the field can close."""
        key = keys(self.state, self.engine_now, text, self.broken, self.chosen)[0]
        if not key.enabled:
            self._refuse("Enter", key.why, at)
            return False
        if self.asked.question == Question("Enter", text, as_uri=True):
            self._press_again("Enter", at, held=False)
            return False
        return self.dial(text, True, at)

    def _never_call(self, at: float) -> None:
        call = self.call
        number = call.number if call is not None else self._number_meant()
        if not number:
            self._refuse("!", tr("type the whole number first"), at)
            return
        undo = call is None and self.listed(number)
        asked = Question("!", number, call=call.id if call is not None else None, undo=undo)
        words = tr("! again: never call {number} again. Esc: no.", number=spaced(number))
        if undo:
            words = tr("! again: take {number} off the never-call list. Esc: no.", number=spaced(number))
        if call is not None:
            words = tr("! again: hang up and never call {number} again. Esc: no.", number=spaced(number))
        self._ask(asked, words, at)

    def listed(self, number: str) -> bool:
        """Whether this number is never called."""
        return self.state is not None and number.lower() in self.state.never_call

    def _number_meant(self) -> str:
        if self.entry.text:
            return self.judgement().e164
        last = last_ended(self.state)
        return last.number if last is not None else ""

    def _refuse(self, key: str, why: str, at: float) -> None:
        self.say(f"{key}: {why}", at, Tone.WARN)

    def _ask(self, question: Question, words: str, at: float) -> None:
        self.asked.ask(question, at)
        self.say(words, at, Tone.STRONG)
