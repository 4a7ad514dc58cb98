"""The panes of the one screen: what stands where, and keeping every word up to date."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.getters import query_one
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer

from console.core import journal
from console.core.effects import Record
from console.core.events import CallId
from console.core.numbers import Verdict
from console.core.state import CallPhase, State
from console.core.words import msgid
from console.language import shown, tr
from console.ports import Console, Levels, Update

from .onlooker import LOOKS_ONLY, Onlooker
from .operator import Operator
from .options import ScreenOptions
from .present import agent as agent_words
from .present import call as call_words
from .present import line as line_words
from .present import status as status_words
from .present.line import lives, tail
from .present.looking_on import looking_on, without_next_step
from .present.number import number_rows, record_rows
from .present.words import Card, Row, Span, Tone, row, sentence, time_of_day
from .widgets.dialpad import Dialpad
from .widgets.entries import Entry
from .widgets.keybar import KeyBar
from .widgets.meter import Meter
from .widgets.panel import Heading, Panel
from .widgets.prompt import FORMS, Prompt
from .widgets.sheet import Sheet
from .widgets.timeline import Timeline

NARROWEST, LOWEST = 50, 16
"""A terminal with fewer columns or rows is not legible."""

METER_HZ = 15
WORDS_HZ = 4
STACKED, ROOMY, VAST = 80, 100, 160
"""Columns below which panels stand one under the other, and from which on there is room for more."""

_HINT = msgid("u SIP address   ? help   ctrl+p everything   ctrl+q quit")
_HINT_LOOKING_ON = msgid("? help   ctrl+p everything   ctrl+q quit")
_TIMELINE_KEYS = msgid("l log  i details  f filter  c copy")


class Panes(Screen[None]):
    """Shows the newest update; what keys do is in `operator`, what states are called in `present`."""

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
    too_small = query_one("#too-small", Sheet)

    def __init__(self, console: Console, options: ScreenOptions) -> None:
        super().__init__()
        self._engine = console
        self._options = options
        self.operator = Onlooker() if options.watching else Operator(console.send)
        self.operator.offers = tuple(offer.number for offer in options.offers)
        self.operator.entry.put(options.number)
        self._wall_zero = 0.0
        self._left_out: tuple[str, ...] = ()
        self._meter_timer: Timer | None = None
        self.quit_later = False

    def compose(self) -> ComposeResult:
        sides = (tr("callee"), tr("AI"))
        width = max(map(len, sides))
        yield Sheet(id="line")
        with Container(id="body"):
            with Vertical(id="left"):
                yield Panel(tr("Next number"), Sheet(id="number"), Dialpad(id="dialpad"), id="number-panel")
                yield Panel(tr("Recent"), Sheet(id="recent"), id="recent-panel")
            yield Panel(tr("Call"), Sheet(id="call-words"), id="call")
            yield Panel(
                agent_words.heading(self._options.demo),
                Sheet(id="agent-head"),
                Meter(sides[0].ljust(width), id="meter-in"),
                Meter(sides[1].ljust(width), id="meter-out"),
                Sheet(id="agent-foot"),
                id="agent",
            )
            with Vertical(id="timeline-panel"):
                yield Heading(tr("Timeline: {kind}", kind=tr("all")), tr("following"))
                with Container(id="timeline-body"):
                    yield Timeline(id="log")
                    yield Sheet(id="detail")
        with Vertical(id="now"):
            yield Heading(tr("Now"))
            yield KeyBar(id="keys")
            yield Prompt(id="prompt")
            yield Sheet(id="word")
        yield Sheet(id="totals")
        yield Sheet(id="too-small")

    def on_mount(self) -> None:
        self._meter_timer = self.set_interval(1 / METER_HZ, self._show_levels, pause=True)
        self.set_interval(1 / WORDS_HZ, self.show_words)
        self.set_class(self._options.watching, "-watching")
        self.show_words()

    def on_resize(self) -> None:
        """Below the least size only what must be known is shown."""
        self.set_class(self.size.width < NARROWEST or self.size.height < LOWEST, "-too-small")
        self.show_words()

    # ---- what the engine says ----

    def see(self, update: Update) -> None:
        """Show an update of the engine."""
        self._wall_zero = update.wall_zero
        for record in update.records:
            if record.type == "refused":
                self.operator.refused(record, self._options.clock())
            elif record.type == "ear":
                self.operator.ear_changed(record, self._options.clock())
        calls = {c.id: c.number for c in (*lives(self.state), *lives(update.state))}
        self.state = update.state
        tails = {call: tail(number) for call, number in calls.items()} if len(calls) > 1 else {}
        self.timeline.add([self._entry(record, tails) for record in update.records])

    def _entry(self, record: Record, tails: Mapping[CallId, str]) -> Entry:
        """`tails`: what tells the calls apart, when there are several."""
        worded = journal.word(record)
        interim = record.fields.get("final") is False
        when = time_of_day(self._wall_zero + record.t)
        of = tails.get(record.call, "") if record.call is not None else ""
        return Entry(record, when, worded.source, f"{of} {shown(worded.text)}".lstrip(), interim)

    def watch_state(self) -> None:
        self.show_words()

    def watch_broken(self) -> None:
        self.show_words()

    # ---- words ----

    def look(self) -> None:
        """Let the operator see what is so at this moment."""
        self.operator.see(self.state, self._engine.now(), self._options.clock(), self.broken)

    def show_words(self) -> None:
        """Bring every word on screen up to this moment."""
        if not self.query("#totals"):  # the screen is being taken down
            return
        self.look()
        state, now = self.state, self._engine.now()
        levels = self._levels()
        o = self._options
        status = status_words.status(
            state, account=o.account, agent=o.agent, demo=o.demo, api=o.api, broken=self.broken
        )
        status = looking_on(status, state, o.demo) if o.watching else status
        rows, left_out = status.rows(self.size.width - 2, 2 if self.size.width < STACKED else 1)
        self.line.show(rows)
        self._left_out = tuple(span.text for span in left_out)
        chosen = self.operator.chosen
        roomy = self.size.width >= ROOMY
        why = "" if status.shows_why(self.size.width - 2) else status_words.readiness(state, self.broken).why
        card = call_words.card(state, now, levels, roomy, chosen, why)
        if o.watching and self.operator.call is None:
            card = without_next_step(card)
        self.call.show(card.all_rows())
        self.too_small.show(_too_small(card, self.size.width, self.size.height))
        self.query_one("#call > Heading", Heading).show(*line_words.call_heading(state, self.operator.call))
        head, foot = agent_words.card_rows(state, now, chosen)
        self.agent_head.show([head])
        self.agent_foot.show([foot])
        self.recent.show([*self._recents(), *self._offers()])
        self.show_keys()
        width, clock = self.size.width - 2, time_of_day(o.wall())
        today = line_words.totals(state, now, width)
        room = width > cell_len(today) + cell_len(clock)
        self.totals.show([row(today, right=clock if room else "")])
        self._run_meters()

    def show_keys(self) -> None:
        """Bring the number, the keys and the answer to the last key up to date."""
        operator = self.operator
        keys = operator.keys()
        seen = operator.judgement()
        flat = self.size.width < STACKED
        offer = next((o for o in self._options.offers if o.number == seen.e164), None)
        if self._options.watching:
            self.number.show([sentence(tr("You only look on: nothing is dialed from here."), Tone.DIM)])
            self.keybar.show([key for key in keys if key.key in LOOKS_ONLY])
        else:
            self.number.show(number_rows(operator.entry.text, seen, keys[0], offer, flat))
            self.keybar.show(keys)
        form = FORMS[self.prompt.purpose]
        keys_of_form = [tr(words) for words in form.keys]
        if operator.word:
            self.word.show([sentence(operator.word, operator.word_tone)])
        elif self.prompt.is_open:
            self.word.show([row("   ".join((*keys_of_form, tr("F8 hangs up"))), Tone.DIM)])
        elif self.quit_later:
            self.word.show([sentence(tr("Quits when the call ends; ctrl+q to change that"), Tone.WARN)])
        elif seen.verdict is Verdict.REFUSED:
            listed = operator.listed(seen.e164)
            mended = tr("! takes this number off the never-call list   Delete clears it")
            self.word.show([row(mended if listed else tr("Delete clears the number"), Tone.WARN)])
        else:
            hint = _HINT_LOOKING_ON if self._options.watching else _HINT
            self.word.show([row(tr(hint), Tone.DIM)])
        asking = self.prompt.is_open
        title = (tr(form.title), *keys_of_form) if asking else (tr("Now"), *self._left_out)
        self.query_one("#now > Heading", Heading).show(*title)

    def _recents(self) -> list[Row]:
        width = self.recent.size.width or 1000
        return [r.row for r in line_words.recents(self.state, self._wall_zero, width)]

    def _offers(self) -> list[Row]:
        return [
            Row((Span(f"{line_words.near(offer.number)}  "), Span(shown(offer.name), Tone.DIM)))
            for offer in self._options.offers
        ]

    def _levels(self) -> Levels | None:
        call = self.operator.call
        return self._engine.levels(call.id) if call is not None else None

    def _run_meters(self) -> None:
        call = self.operator.call
        sounding = call is not None and call.phase in (CallPhase.EARLY, CallPhase.UP)
        sounding = sounding and not self._options.watching  # levels are in no file
        if self._meter_timer is None:
            return
        if sounding:
            self._meter_timer.resume()
        else:
            self._meter_timer.pause()
            self.meter_in.rest()
            self.meter_out.rest()

    def _show_levels(self) -> None:
        call = self.operator.call
        if call is None:
            return
        levels, now = self._engine.levels(call.id), self._engine.now()
        self.meter_in.show(levels.callee, now, agent_words.callee_doing(call, levels, now))
        self.meter_out.show(levels.agent, now, agent_words.agent_doing(call, levels, now))

    @on(Timeline.Moved)
    def _show_timeline_state(self) -> None:
        timeline = self.timeline
        kind = timeline.pattern or tr("all")
        place = tr("following")
        if not timeline.following:
            unread = timeline.unread
            place = tr("{n} NEW BELOW, End", n=unread) if unread else tr("stopped, End follows")
        self.query_one("#timeline-panel > Heading", Heading).show(
            tr("Timeline: {kind}", kind=kind), place, tr(_TIMELINE_KEYS)
        )
        self.show_detail()

    def show_detail(self) -> None:
        """Show what the entry under the cursor holds, or the newest."""
        chosen = self.timeline.selected or self.timeline.newest
        entry = chosen[-1] if chosen else None
        self.detail.show(record_rows(entry.record if entry else None, entry.time if entry else ""))


def _too_small(card: Card, width: int, height: int) -> list[Row]:
    """What stands on a terminal that has no room for the panes."""
    words = tr(
        "This terminal is too small ({width}x{height}): make it {least}x{lowest} or larger.",
        width=width,
        height=height,
        least=NARROWEST,
        lowest=LOWEST,
    )
    keys = tr("h or F8 hangs up, ctrl+q quits.")
    return [sentence(words, Tone.WARN), card.all_rows()[0], sentence(keys)]
