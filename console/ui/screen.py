"""The one screen of the console: shows the newest update, and turns keys into what the operator means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.getters import query_one
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from console.core import journal
from console.core.effects import Record
from console.core.state import CallPhase, State
from console.ports import Console, Levels, Update

from .keystrokes import GAP, Burst, Stroke, by_position
from .operator import Operator
from .options import ScreenOptions
from .present import agent as agent_words
from .present import call as call_words
from .present import line as line_words
from .present.number import number_rows, record_rows
from .present.words import Row, Span, Tone, row, sentence, time_of_day
from .widgets.dialogs import HelpDialog
from .widgets.dialpad import Dialpad
from .widgets.keybar import KeyBar
from .widgets.meter import Meter
from .widgets.panel import Heading, Panel
from .widgets.prompt import Prompt, Purpose
from .widgets.sheet import Sheet
from .widgets.timeline import SOURCES, Entry, Timeline

METER_HZ = 15
WORDS_HZ = 4
STACKED, ROOMY, VAST = 80, 100, 160
"""Columns below which panels stand one under the other, and from which on there is room for more."""

_COMMANDS = "haxokr!"
_HINT = "u SIP address   ? help   ctrl+p everything   ctrl+q quit"


class MainScreen(Screen[None]):
    """Widgets and nothing else: what keys do to calls is in `operator`, words are in `present`."""

    BINDINGS: ClassVar = []
    AUTO_FOCUS = ""

    state: reactive[State | None] = reactive(None, init=False)
    broken: reactive[str] = reactive("", init=False)

    line = query_one("#line", Sheet)
    number = query_one("#number", Sheet)
    recent = query_one("#recent", Sheet)
    call = query_one("#call-words", Sheet)
    agent_head = query_one("#agent-head", Sheet)
    agent_foot = query_one("#agent-foot", Sheet)
    meter_in = query_one("#meter-in", Meter)
    meter_out = query_one("#meter-out", Meter)
    timeline = query_one("#log", Timeline)
    detail = query_one("#detail", Sheet)
    keybar = query_one("#keys", KeyBar)
    word = query_one("#word", Sheet)
    prompt = query_one("#prompt", Prompt)
    totals = query_one("#totals", Sheet)

    def __init__(self, console: Console, options: ScreenOptions) -> None:
        super().__init__()
        self._engine = console
        self._options = options
        self.operator = Operator(console.send)
        self.operator.offers = tuple(number for number, _ in options.offers)
        self.operator.entry.put(options.number)
        self._wall_zero = 0.0
        self._burst = Burst()
        self._burst_timer: Timer | None = None
        self._pressed_call = self.operator.shown_call()
        self._meter_timer: Timer | None = None
        self.quit_later = False

    def compose(self) -> ComposeResult:
        yield Sheet(id="line")
        with Container(id="body"):
            with Vertical(id="left"):
                yield Panel("Next number", Sheet(id="number"), Dialpad(id="dialpad"), id="number-panel")
                yield Panel("Recent", Sheet(id="recent"), id="recent-panel")
            yield Panel("Call", Sheet(id="call-words"), id="call")
            yield Panel(
                "AI session (costs money)",
                Sheet(id="agent-head"),
                Meter("callee", id="meter-in"),
                Meter("AI    ", id="meter-out"),
                Sheet(id="agent-foot"),
                id="agent",
            )
            with Vertical(id="timeline-panel"):
                yield Heading("Timeline: all", "following")
                with Container(id="timeline-body"):
                    yield Timeline(id="log")
                    yield Sheet(id="detail")
        with Vertical(id="now"):
            yield Heading("Now")
            yield KeyBar(id="keys")
            yield Sheet(id="word")
            yield Prompt(id="prompt")
        yield Sheet(id="totals")

    def on_mount(self) -> None:
        self._meter_timer = self.set_interval(1 / METER_HZ, self._show_levels, pause=True)
        self.set_interval(1 / WORDS_HZ, self.show_words)
        self.show_words()

    # ---- what the engine says ----

    def see(self, update: Update) -> None:
        """Show an update of the engine."""
        self._wall_zero = update.wall_zero
        for record in update.records:
            if record.type == "refused":
                self.operator.refused(record, self._options.clock())
        self.state = update.state
        self.timeline.add([self._entry(record) for record in update.records])

    def _entry(self, record: Record) -> Entry:
        worded = journal.word(record)
        interim = record.fields.get("final") is False
        when = time_of_day(self._wall_zero + record.t)
        return Entry(record, when, worded.source, worded.text, interim)

    def watch_state(self) -> None:
        self.show_words()

    def watch_broken(self) -> None:
        self.show_words()

    # ---- words ----

    def show_words(self) -> None:
        """Bring every word on screen up to this moment."""
        state, now, at = self.state, self._engine.now(), self._options.clock()
        self.operator.see(state, now, at, self.broken)
        levels = self._levels(state)
        o = self._options
        status = line_words.status(state, account=o.account, agent=o.agent, demo=o.demo, broken=self.broken)
        stacked = self.size.width < STACKED
        flat = Row((*status.left, Span("   "), *status.right), wraps=True)
        self.line.show([flat if stacked else status])
        self.call.show(call_words.card(state, now, levels, details=self.size.width >= ROOMY).all_rows())
        head, foot = agent_words.card_rows(state, now)
        self.agent_head.show([head])
        self.agent_foot.show([foot])
        self.recent.show([*self._recents(), *self._offers()])
        self._show_keys()
        clock = time_of_day(o.wall())
        self.totals.show([row(line_words.totals(state), right=clock)])
        self._run_meters(state)

    def _show_keys(self) -> None:
        operator = self.operator
        keys = operator.keys()
        self.number.show(number_rows(operator.entry.text, operator.judgement(), keys[0]))
        self.keybar.show(keys)
        if operator.word:
            self.word.show([sentence(operator.word, operator.word_tone)])
        elif self.quit_later:
            self.word.show([sentence("Quits when the call ends; ctrl+q to change that", Tone.WARN)])
        else:
            self.word.show([row(next(iter(self._options.notes), _HINT), Tone.DIM)])

    def _recents(self) -> list[Row]:
        return [r.row for r in line_words.recents(self.state, self._wall_zero)]

    def _offers(self) -> list[Row]:
        return [
            Row((Span(f"{line_words.near(number)}  "), Span(who, Tone.DIM)))
            for number, who in self._options.offers
        ]

    def _levels(self, state: State | None) -> Levels | None:
        call = line_words.live(state)
        return self._engine.levels(call.id) if call is not None else None

    def _run_meters(self, state: State | None) -> None:
        call = line_words.live(state)
        sounding = call is not None and call.phase in (CallPhase.EARLY, CallPhase.UP)
        if self._meter_timer is None:
            return
        if sounding:
            self._meter_timer.resume()
        else:
            self._meter_timer.pause()
            self.meter_in.rest()
            self.meter_out.rest()

    def _show_levels(self) -> None:
        call = line_words.live(self.state)
        if call is None:
            return
        levels, now = self._engine.levels(call.id), self._engine.now()
        self.meter_in.show(levels.callee, now, agent_words.callee_doing(call, levels, now))
        self.meter_out.show(levels.agent, now, agent_words.agent_doing(call, levels, now))

    @on(Timeline.Moved)
    def _show_timeline_state(self) -> None:
        timeline = self.timeline
        kind = timeline.pattern or "all"
        below = f"{timeline.unread} NEW BELOW, End" if timeline.unread else "scrolled up, End follows"
        place = "following" if timeline.following else below
        self.query_one("#timeline-panel > Heading", Heading).show(
            f"Timeline: {kind}", place, "l log  i details  f filter  c copy"
        )
        self._show_detail()

    def _show_detail(self) -> None:
        chosen = self.timeline.selected or self.timeline.entries[-1:]
        entry = chosen[-1] if chosen else None
        self.detail.show(record_rows(entry.record if entry else None, entry.time if entry else ""))

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
            self.operator.recall(1 if event.key == "up" else -1, self._options.clock())
            self._show_keys()
        elif event.key == "escape":
            self.operator.escape()
            self.set_focus(None)
            self._show_keys()

    def _stroke(self, stroke: Stroke) -> None:
        if not self._burst.belongs(stroke):
            self._end_burst()
        if not self._burst.strokes:
            self._pressed_call = self.operator.shown_call()
        self._burst.add(stroke)
        if self._burst_timer is not None:
            self._burst_timer.stop()
        self._burst_timer = self.set_timer(GAP, self._end_burst)

    def _end_burst(self) -> None:
        presses, pasted = self._burst.take()
        if pasted:
            self.operator.paste(pasted, self._options.clock())
        for stroke in presses:
            self._press(stroke)
        if presses or pasted:
            self._show_keys()

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
        self._show_keys()

    def command(self, key: str) -> None:
        """A command from the palette, a click, or F8."""
        at = self._options.clock()
        if key == "h":
            self.operator.hang_up(self.operator.shown_call(), at)
        else:
            self.operator.press(key, at)
        self._show_keys()

    @on(KeyBar.Pressed)
    def _key_clicked(self, event: KeyBar.Pressed) -> None:
        self.command(event.key)

    @on(Dialpad.Typed)
    def _digit_clicked(self, event: Dialpad.Typed) -> None:
        self.operator.type(event.character, self._options.clock())
        self._show_keys()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self.recent:
            history: Sequence[tuple[str, bool]] = [
                *((r.number, "@" in r.number) for r in line_words.recents(self.state, self._wall_zero)),
                *((number, "@" in number) for number, _ in self._options.offers),
            ]
            y = event.get_content_offset_capture(self.recent).y
            if 0 <= y < len(history):
                self.operator.entry.put(*history[y])
                self._show_keys()

    # ---- fields ----

    def action_uri(self) -> None:
        """Open the field for a SIP address."""
        self.prompt.open(Purpose.URI, "SIP address or name; Enter dials, Esc leaves")

    def action_filter(self) -> None:
        """Open the field that says which entries the timeline shows."""
        offers = ", ".join(SOURCES)
        self.prompt.open(
            Purpose.FILTER, f"{offers}, or any word; Up/Down, Enter", self.timeline.pattern, SOURCES
        )

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
        self._show_keys()

    @on(Prompt.Left)
    def _prompt_left(self, event: Prompt.Left) -> None:
        if event.purpose is Purpose.FILTER:
            self.timeline.filter("")
        self.operator.escape()
        self._show_keys()

    # ---- the timeline ----

    def action_details(self) -> None:
        """Show or hide the details of the entry under the cursor."""
        self.toggle_class("-detail")
        self._show_detail()

    def action_copy(self) -> None:
        """Copy the selected entries, or the newest."""
        chosen = self.timeline.selected or self.timeline.entries[-1:]
        if chosen:
            self.app.copy_to_clipboard("\n".join(entry.line for entry in chosen))
        lines = f"{len(chosen)} lines" if len(chosen) > 1 else "1 line"
        self.operator.say(f"c: copied {lines}" if chosen else "c: nothing to copy", self._options.clock())
        self._show_keys()

    def action_copy_all(self) -> None:
        """Copy every entry shown."""
        entries = self.timeline.entries
        self.app.copy_to_clipboard("\n".join(entry.line for entry in entries))
        self.operator.say(f"copied {len(entries)} lines", self._options.clock())
        self._show_keys()
