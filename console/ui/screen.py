"""The one screen of the console: turns keys, pastes and clicks into what the operator means."""

from __future__ import annotations

from textual import events, on
from textual.timer import Timer
from textual.widgets import Input

from console.core.caller import WITHHELD, dialed_as_uri
from console.core.journal_texts import SOURCES
from console.language import shown, tr, tr_n
from console.ports import Console

from .keystrokes import GAP, HANG_UP, Burst, Stroke, by_position
from .options import ScreenOptions
from .panes import Panes
from .present import line as line_words
from .present.words import Tone
from .question import RELEASE
from .widgets.dialogs import HelpDialog
from .widgets.dialpad import Dialpad
from .widgets.keybar import KeyBar
from .widgets.prompt import Prompt, Purpose

_COMMANDS = "axoksgr!"
_FIELDS = {"w": Purpose.TELL, "d": Purpose.DIGITS}


class MainScreen(Panes):
    """Digits and commands hold everywhere except in an open text field."""

    def __init__(self, console: Console, options: ScreenOptions) -> None:
        super().__init__(console, options)
        self._burst = Burst()
        self._burst_timer: Timer | None = None
        self.release_timer: Timer | None = None  # until the key that answers a question counts as let go
        self._pressed_call = self.operator.shown_call()

    # ---- keys ----

    def on_key(self, event: events.Key) -> None:
        """Gather strokes until it is clear whether a hand pressed a key."""
        if isinstance(self.focused, Input):
            return
        character = event.character if event.is_printable and event.character else ""
        if self.prompt.is_open and (character or event.key in ("enter", "escape")):
            event.stop()
            event.prevent_default()
            self._for_prompt(event.key, character)
        elif event.key in ("enter", "backspace", "delete", "ctrl+j") or character:
            event.stop()
            event.prevent_default()
            self._stroke(Stroke(event.key, character, event.time))
        elif event.key == "tab":
            event.stop()
            event.prevent_default()
            self._end_burst()
            self.command("tab")
        elif event.key in ("up", "down"):
            event.stop()
            self._end_burst()
            if self.focused is self.timeline:  # by the `l` that was still being gathered
                self.timeline.action_move(-1 if event.key == "up" else 1)
            else:
                self.operator.recall(1 if event.key == "up" else -1, self._options.clock())
            self.show_keys()
        elif event.key == "escape":
            self._end_burst()
            self.operator.escape()
            self.set_focus(None)
            self.show_keys()

    def _for_prompt(self, key: str, character: str) -> None:
        """A key for the open field that came before the field had the focus, or after it lost it."""
        if character:
            self.prompt.insert_text_at_cursor(character)
        elif key == "escape":
            self.prompt.action_leave()
        self.prompt.focus()

    def _stroke(self, stroke: Stroke) -> None:
        if not self._burst.belongs(stroke):
            self._end_burst()
            if self.prompt.is_open:  # by the key before this one
                self.prompt.insert_text_at_cursor(stroke.character)
                return
        if not self._burst.strokes:
            self._pressed_call = self.operator.shown_call()
        self._burst.add(stroke)
        if self._burst_timer is not None:
            self._burst_timer.stop()
        self._burst_timer = self.set_timer(GAP, self._end_burst)

    def _end_burst(self) -> None:
        taken = self._burst.take()
        if not taken.presses and not taken.pasted:
            return
        self.look()
        if taken.pasted:
            self.operator.paste(taken.pasted, self._options.clock())
        for stroke in taken.presses:
            self._press(stroke, taken.held)
        self.show_keys()

    def _press(self, stroke: Stroke, held: bool) -> None:
        at = self._options.clock()
        key = by_position(stroke.character)
        if stroke.key in ("enter", "ctrl+j"):
            self._do("Enter", held)
        elif stroke.key == "backspace":
            self.operator.backspace()
        elif stroke.key == "delete":
            self.operator.put("")
        elif key and key in "0123456789+*#":
            self.operator.type(key, at)
        elif key == HANG_UP:
            self.operator.hang_up(self._pressed_call, at)
        elif key and key in _COMMANDS:
            self._do(key, held)
        else:
            self._press_other(key)

    def _do(self, name: str, held: bool = False) -> None:
        self.operator.press(name, self._options.clock(), held)
        self._await_release()

    def _await_release(self) -> None:
        """What answers a question counts when the key has been let go."""
        if self.operator.asked.answering:
            if self.release_timer is not None:
                self.release_timer.stop()
            self.release_timer = self.set_timer(RELEASE, self._released)

    def _released(self) -> None:
        self.release_timer = None
        if self.operator.asked.answering:
            self.look()
            if self.operator.answer(self._options.clock()) and self.prompt.is_open:
                self.prompt.close()
            self.show_keys()

    def _press_other(self, key: str) -> None:
        match key:
            case "w" | "d":
                self._open_for_call(key)
            case "l":
                self.timeline.focus()
            case "i":
                self.action_details()
            case "f":
                self.action_filter()
            case "c":
                self.action_copy()
            case "u":
                self.action_uri()
            case "?":
                self.app.push_screen(HelpDialog())
            case _:
                words = tr("{key}: not a key here; ? shows all keys", key=key)
                self.operator.say(words, self._options.clock(), Tone.WARN)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._end_burst()  # keys pressed before the paste act before it
        self.operator.paste(event.text, self._options.clock())
        self.show_keys()

    def command(self, key: str) -> None:
        """A command from the palette, a click, tab, or F8."""
        self.look()
        if key == HANG_UP:
            self.operator.hang_up(self.operator.shown_call(), self._options.clock())
        elif key in _FIELDS:
            self._open_for_call(key)
        else:
            self._do(key)
        if key == "tab":
            self.show_words()
        self.show_keys()

    @on(KeyBar.Pressed)
    def _key_clicked(self, event: KeyBar.Pressed) -> None:
        self.command(event.key)

    @on(Dialpad.Typed)
    def _digit_clicked(self, event: Dialpad.Typed) -> None:
        self.operator.type(event.character, self._options.clock())
        self.show_keys()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self.recent:
            history = [r.number for r in line_words.recents(self.state, self._wall_zero)]
            history += [offer.number for offer in self._options.offers]
            y = event.get_content_offset_capture(self.recent).y
            if 0 <= y < len(history) and history[y] != WITHHELD:
                self.operator.put(history[y], dialed_as_uri(history[y]))
                self.show_keys()

    # ---- fields ----

    def action_uri(self) -> None:
        """Open the field for a SIP address."""
        if self._options.watching:
            self.operator.dial_uri("", self._options.clock())
        else:
            self.prompt.open(Purpose.URI)
        self.show_keys()

    def _open_for_call(self, key: str) -> None:
        """Open the field of `w` or `d` for the call on screen, or say why not."""
        self.operator.asked.drop()
        found = self.operator.key(key)
        if found.enabled:
            self.operator.escape()
            self.prompt.open(_FIELDS[key], call=self.operator.shown_call())
        else:
            self.operator.say(f"{key}: {found.why}", self._options.clock(), Tone.WARN)
        self.show_keys()

    def action_filter(self) -> None:
        """Open the field that says which entries the timeline shows."""
        offers = tuple(shown(source) for source in SOURCES.values())
        words = tr("Up and Down: {kinds}; or any word", kinds=", ".join(offers))
        self.prompt.open(Purpose.FILTER, placeholder=words, value=self.timeline.pattern, offers=offers)
        self.show_keys()

    @on(Input.Changed, "#prompt")
    def _prompt_changed(self, event: Input.Changed) -> None:
        self.operator.asked.drop()
        if self.prompt.is_open and self.prompt.purpose is Purpose.FILTER:
            self.timeline.filter(event.value)

    @on(Prompt.Given)
    def _prompt_given(self, event: Prompt.Given) -> None:
        self.look()
        if self._take(event):
            self.prompt.close()
        self._await_release()
        self.show_keys()

    def _take(self, given: Prompt.Given) -> bool:
        """Whether the field can close."""
        operator, at = self.operator, self._options.clock()
        match given.purpose:
            case Purpose.TELL:
                return operator.tell(given.call, given.text, given.as_turn, at)
            case Purpose.DIGITS:
                return operator.send_digits(given.call, given.text, at)
            case Purpose.URI:
                return operator.dial_uri(given.text, at)
        return True

    @on(Prompt.Left)
    def _prompt_left(self, event: Prompt.Left) -> None:
        if event.purpose is Purpose.FILTER:
            self.timeline.filter("")
        self.operator.escape()
        self.show_keys()

    # ---- the timeline ----

    def action_details(self) -> None:
        """Show or hide the details of the entry under the cursor."""
        self.toggle_class("-detail")
        self.show_detail()

    def action_copy(self) -> None:
        """Copy the selected entries, or the newest."""
        chosen = self.timeline.selected or self.timeline.newest
        if chosen:
            self.app.copy_to_clipboard("\n".join(entry.line for entry in chosen))
        copied = tr_n("c: copied {n} line", "c: copied {n} lines", len(chosen))
        self.operator.say(copied if chosen else tr("c: nothing to copy"), self._options.clock())
        self.show_keys()

    def action_copy_all(self) -> None:
        """Copy every entry shown."""
        entries = self.timeline.entries
        self.app.copy_to_clipboard("\n".join(entry.line for entry in entries))
        copied = tr_n("copied {n} line", "copied {n} lines", len(entries))
        self.operator.say(copied, self._options.clock())
        self.show_keys()
