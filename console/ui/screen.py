"""The one screen of the console: turns keys, pastes and clicks into what the operator means."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.timer import Timer
from textual.widgets import Input

from console.ports import Console

from .keystrokes import GAP, Burst, Stroke, by_position
from .options import ScreenOptions
from .panes import Panes
from .present import line as line_words
from .present.words import Tone
from .widgets.dialogs import HelpDialog
from .widgets.dialpad import Dialpad
from .widgets.entries import SOURCES
from .widgets.keybar import KeyBar
from .widgets.prompt import Prompt, Purpose

_COMMANDS = "haxokr!"


class MainScreen(Panes):
    """Digits and commands hold everywhere except in an open text field."""

    def __init__(self, console: Console, options: ScreenOptions) -> None:
        super().__init__(console, options)
        self._burst = Burst()
        self._burst_timer: Timer | None = None
        self._pressed_call = self.operator.shown_call()

    # ---- keys ----

    def on_key(self, event: events.Key) -> None:
        """Gather strokes until it is clear whether a hand pressed a key."""
        if isinstance(self.focused, Input):
            return
        character = event.character if event.is_printable and event.character else ""
        if event.key in ("enter", "backspace", "delete", "ctrl+j") or character:
            event.stop()
            event.prevent_default()
            self._stroke(Stroke(event.key, character, event.time))
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
        presses, pasted = self._burst.take()
        if presses or pasted:
            self.look()
        if pasted:
            self.operator.paste(pasted, self._options.clock())
        for stroke in presses:
            self._press(stroke)
        if presses or pasted:
            self.show_keys()

    def _press(self, stroke: Stroke) -> None:
        at = self._options.clock()
        key = by_position(stroke.character)
        if stroke.key in ("enter", "ctrl+j"):
            self.operator.press("Enter", at)
        elif stroke.key == "backspace":
            self.operator.backspace()
        elif stroke.key == "delete":
            self.operator.entry.clear()
        elif key and key in "0123456789+*#":
            self.operator.type(key, at)
        elif key == "h":
            self.operator.hang_up(self._pressed_call, at)
        elif key and key in _COMMANDS:
            self.operator.press(key, at)
        else:
            self._press_other(key)

    def _press_other(self, key: str) -> None:
        match key:
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
                self.operator.say(
                    f"{key}: not a key here; ? shows all keys", self._options.clock(), Tone.WARN
                )

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.operator.paste(event.text, self._options.clock())
        self.show_keys()

    def command(self, key: str) -> None:
        """A command from the palette, a click, or F8."""
        self.look()
        at = self._options.clock()
        if key == "h":
            self.operator.hang_up(self.operator.shown_call(), at)
        else:
            self.operator.press(key, at)
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
            history: Sequence[tuple[str, bool]] = [
                *((r.number, "@" in r.number) for r in line_words.recents(self.state, self._wall_zero)),
                *((number, "@" in number) for number, _ in self._options.offers),
            ]
            y = event.get_content_offset_capture(self.recent).y
            if 0 <= y < len(history):
                self.operator.entry.put(*history[y])
                self.show_keys()

    # ---- fields ----

    def action_uri(self) -> None:
        """Open the field for a SIP address."""
        self.prompt.open(Purpose.URI, "name, name@host or sip:name@host")
        self.show_keys()

    def action_filter(self) -> None:
        """Open the field that says which entries the timeline shows."""
        offers = ", ".join(SOURCES)
        self.prompt.open(
            Purpose.FILTER, f"Up and Down: {offers}; or any word", self.timeline.pattern, SOURCES
        )
        self.show_keys()

    @on(Input.Changed, "#prompt")
    def _prompt_changed(self, event: Input.Changed) -> None:
        if self.prompt.is_open and self.prompt.purpose is Purpose.FILTER:
            self.timeline.filter(event.value)

    @on(Input.Submitted, "#prompt")
    def _prompt_submitted(self, event: Input.Submitted) -> None:
        if self.prompt.purpose is Purpose.FILTER or self.operator.dial_uri(
            event.value, self._options.clock()
        ):
            self.prompt.close()
        self.show_keys()

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
        lines = f"{len(chosen)} lines" if len(chosen) > 1 else "1 line"
        self.operator.say(f"c: copied {lines}" if chosen else "c: nothing to copy", self._options.clock())
        self.show_keys()

    def action_copy_all(self) -> None:
        """Copy every entry shown."""
        entries = self.timeline.entries
        self.app.copy_to_clipboard("\n".join(entry.line for entry in entries))
        self.operator.say(f"copied {len(entries)} lines", self._options.clock())
        self.show_keys()
