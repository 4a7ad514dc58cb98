"""Both languages: nothing is left in English on a Russian screen, and nothing is cut at 80 columns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.geometry import Region
from textual.widget import Widget

from console import language
from console.core.events import ClosedBy, QueueState, Refusal
from console.core.journal_texts import SOURCES
from console.core.state import Agent, AgentPhase, CallPhase, Outcome, Review, State
from console.core.words import phrase
from console.demo.cast import CAST
from console.ui.keystrokes import by_position
from console.ui.options import Offer
from console.ui.palette import COMMANDS
from console.ui.panes import STACKED
from console.ui.present import agent as agent_words
from console.ui.present import call as call_words
from console.ui.present.result import result_card
from console.ui.present.status import readiness
from console.ui.present.words import Row, Span
from console.ui.screen import MainScreen
from console.ui.widgets.entries import SOURCE_WIDTH
from console.ui.widgets.help import KEYS, WORDS
from console.ui.widgets.keybar import KeyBar
from console.ui.widgets.lines import lay_out
from console.ui.widgets.meter import Meter
from console.ui.widgets.panel import Heading
from console.ui.widgets.sheet import Sheet
from tests.ui.conftest import Desk, OpenDesk
from tests.ui.scenes import ENDED, READY, SCENES, UP, call, during

LANGUAGES = ("en", "ru")
NUMBER = "89123456789"

NAMES = frozenset(
    (
        *("AI", "API", "ElevenLabs", "RTP", "SIP", "baresip", "embedded", "api", "RU", "DE", "Anna"),
        *("ELEVENLABS_API_KEY", "ELEVENLABS_AGENT_ID", "ELEVENLABS_INCOMING_AGENT_ID", "SIP_REGISTER"),
        *("Enter", "Esc", "Backspace", "Delete", "PageUp", "PageDown", "Home", "End", "Shift", "Ctrl"),
        *("ctrl", "tab", "Busy", "Here", "Forbidden"),
    )
)
"""What is called the same in Russian: names, keys, settings, and the network's own words in these scenes."""

KEY_LETTERS = set("acdfghijklopqrstuwxzABCDJW")
"""Alone they are names of keys."""

LATIN = re.compile(r"[A-Za-z][A-Za-z_]+[0-9]?|[A-Za-z]+")
FOREIGN = re.compile(
    r"\S+@\S+|sip:\S+|\b[0-9A-Za-z]*[0-9][0-9A-Za-z]*\b|call-console( [a-z]+)?|elevenlabs[.]io"
)


@pytest.fixture
def speak() -> Iterator[None]:
    yield
    language.choose("en")


def english(text: str) -> list[str]:
    """The words in a Russian text that should have been Russian."""
    found = LATIN.findall(FOREIGN.sub(" ", text))
    return [word for word in found if word not in NAMES and word not in KEY_LETTERS]


# ---- on screen ----


def cut(d: Desk) -> list[str]:
    """Words of ours that do not show as a whole."""
    found: list[str] = []
    main = d.app._main
    for screen in d.app.screen_stack:
        for widget in screen.query("Sheet, KeyBar, Meter, Heading"):
            elsewhere = widget is main.line and _why_stands_below(main)
            small = (
                widget is main.agent_foot and main.size.width < STACKED
            )  # one row: what comes first has it
            if widget.display and widget.size.width and not (elsewhere or small):
                found += _cut(widget)
    return found


def _why_stands_below(main: MainScreen) -> bool:
    """A reason that is too long for the top line is in the box of the call."""
    return readiness(main.state).why in " ".join(main.call.words.split())


def _cut(widget: Widget) -> list[str]:
    width, height = widget.content_size
    match widget:
        case Sheet():
            lines = [line.plain for line in lay_out(widget.rows, width, height)]
            whole = [line.plain for line in lay_out(widget.rows, 1000, 1000)]
            return [] if " ".join(whole).split() == " ".join(lines).split() else lines
        case KeyBar():
            return [] if max(line for line, _, _ in widget._places()) < height else [widget.words]
        case Meter():
            line = widget.render_line(0).text
            return [] if line.rstrip().endswith(widget.words) else [line]
        case Heading():  # words that have no room are left out whole
            return [] if widget._title in widget.render().plain else [widget._title]
    return []


def check(d: Desk, spoken: str, where: str) -> None:
    if spoken == "ru":
        assert english(d.screen_text()) == [], where
    assert cut(d) == [], where


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("size", [(60, 24), (80, 24), (100, 30), (200, 60)])
async def test_every_scene_is_whole_and_in_one_language(
    desk: OpenDesk, speak: None, size: tuple[int, int], spoken: str
) -> None:
    language.choose(spoken)
    async with desk("idle", size=size, api="127.0.0.1:8000") as d:
        for name, state in SCENES.items():
            if name != "hostile":
                await d.show(as_the_core_says_it(state))
                for typed in ("", NUMBER):
                    d.app._main.operator.put(typed)
                    d.app._main.show_words()
                    await d.pilot.pause()
                    check(d, spoken, f"{name} {typed}")


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("scene", ["idle", "talking", "silenced", "several"])
async def test_what_keys_open_and_say_is_whole_and_in_one_language(
    desk: OpenDesk, speak: None, scene: str, spoken: str
) -> None:
    language.choose(spoken)
    async with desk(scene, api="127.0.0.1:8000") as d:
        for key in (*"wduf?!axokrsghltz", "enter", "up", "tab", "ctrl+c", "ctrl+q", "ctrl+p"):
            await d.press(key)
            if d.app._main.prompt.is_open:
                await d.until(lambda: d.app.focused is d.app._main.prompt, "the field")
            if d.app.return_code is None:
                check(d, spoken, key)
                await d.press("escape")


async def test_who_only_looks_on_is_told_so_in_one_language(desk: OpenDesk, speak: None) -> None:
    language.choose("ru")
    async with desk("talking", watching=True) as d:
        for key in ("", "h", "enter", "w", "!", "ctrl+p"):
            if key:
                await d.press(key)
            check(d, "ru", key)


def as_the_core_says_it(state: State) -> State:
    if not state.stopped:
        return state
    why = phrase("ElevenLabs does not accept the API key: correct ELEVENLABS_API_KEY")
    ended = replace(state.ended[0], why=why, agent=replace(state.ended[0].agent, trouble="Неверный ключ"))
    return replace(state, stopped=why, ended=(ended, *state.ended[1:]))


async def test_who_lives_on_the_demo_line_is_said_in_russian(desk: OpenDesk, speak: None) -> None:
    language.choose("ru")
    offers = tuple(Offer(c.number, c.name, c.does) for c in CAST)
    async with desk("idle", offers=offers, demo=True) as d:
        for offer in offers:
            d.app._main.operator.put(offer.number)
            d.app._main.show_words()
            await d.pilot.pause()
            assert set(english(d.screen_text())) <= {"BYE", "PRACK"}, offer.number
            assert _cut(d.app._main.number) == [], offer.number


# ---- what no scene shows ----


def plain(rows: tuple[Row, ...]) -> str:
    return "\n".join("".join(s.text for s in (*row.left, *row.right)) for row in rows)


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("answered", [None, 58.0])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_result_fits_beside_its_next_step(
    speak: None, spoken: str, answered: float | None, outcome: Outcome
) -> None:
    language.choose(spoken)
    ended = replace(
        call(CallPhase.CLOSED, answered_at=answered, ended_at=661.0, outcome=outcome, limit_at=None),
        by=ClosedBy.REMOTE,
        early_seconds=4.0,
        agent=Agent(billed=600.0 if answered else 0.0),
        review=Review(credits=1234, usd=0.56) if answered else None,
    )
    card = result_card(ended, replace(READY, ended=(ended, replace(ENDED[1], outcome=Outcome.AGENT_LOST))))
    assert len(lay_out(card.all_rows(), CALL_WIDTH, 100)) <= CALL_HEIGHT
    assert spoken == "en" or english(plain(card.all_rows())) == []


CALL_WIDTH, CALL_HEIGHT = 48, 4
FOOT_HEIGHT = 2
"""The boxes of the call and of the session at 80x24."""


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_fits_with_its_remedy(speak: None, spoken: str, refusal: Refusal) -> None:
    language.choose(spoken)
    words = agent_words.remedy(refusal)
    assert len(lay_out([Row((Span(f"Invalid API key. {words}"),), wraps=True)], CALL_WIDTH, 9)) <= FOOT_HEIGHT
    assert spoken == "en" or english(words) == []


AGENTS = [
    *(Agent(phase, 1, billed=9.0) for phase in AgentPhase),
    *(Agent(phase, 1, ready=True) for phase in AgentPhase),
    Agent(AgentPhase.OPENING, 1, queue=QueueState.WAITING),
    Agent(AgentPhase.LIVE, 2, billed_from=50.0, drops=1),
    Agent(AgentPhase.WARM, 1, trouble="502"),
]


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("shown", AGENTS, ids=lambda a: f"{a.phase.value}-{a.ready}-{a.drops}")
@pytest.mark.parametrize(
    "changes", [{}, {"silent_until": 112.0}, {"goodbye_by": 108.0}, {"wants_agent": False}], ids=str
)
def test_every_session_fits(speak: None, spoken: str, shown: Agent, changes: dict[str, object]) -> None:
    language.choose(spoken)
    for phase in (CallPhase.INCOMING, CallPhase.RINGING, CallPhase.UP, CallPhase.CLOSING):
        state = during(replace(UP, agent=shown, phase=phase, **changes))  # type: ignore[arg-type]
        head, foot = agent_words.card_rows(state, 100.0)
        assert "…" not in lay_out([head], CALL_WIDTH, 1)[0].plain
        assert len(lay_out([foot], CALL_WIDTH, 9)) <= FOOT_HEIGHT
        assert spoken == "en" or english(plain((head, foot))) == []


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_every_trouble_of_a_call_fits(speak: None, spoken: str) -> None:
    language.choose(spoken)
    silent = replace(UP, rtp_seen=False, answered_at=88.0, rtp_by=112.0)
    others = replace(UP, ours=False)
    for shown in (silent, replace(silent, rtp_by=None), replace(UP, unconfirmed=True), others):
        rows = call_words.card(during(shown), 100.0).all_rows()
        assert len(lay_out(rows, CALL_WIDTH, 100)) <= CALL_HEIGHT
        assert spoken == "en" or english(plain(rows)) == []


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("size", [(80, 24), (60, 24)])
async def test_the_whole_help_can_be_read(
    desk: OpenDesk, speak: None, size: tuple[int, int], spoken: str
) -> None:
    language.choose(spoken)
    async with desk("idle", size=size) as d:
        await d.press("?")
        page = d.app.screen.query_one("#help > Static")
        text = " ".join(" ".join(strip.text.split()) for strip in page.render_lines(Region(0, 0, *page.size)))
        for key, does in (*WORDS, *(entry for _, entries in KEYS for entry in entries)):
            assert language.tr(does) in text, does
            assert language.tr(key) in text, key
        assert spoken == "en" or english(text) == []


@pytest.mark.parametrize("spoken", LANGUAGES)
async def test_the_palette_speaks_and_finds_in_the_language(desk: OpenDesk, speak: None, spoken: str) -> None:
    language.choose(spoken)
    async with desk("talking", size=(100, 90)) as d:
        await d.press("ctrl+p")
        await d.until(lambda: language.tr(COMMANDS[-1].title) in d.screen_text(), "the commands")
        for command in COMMANDS:
            assert language.tr(command.does) in d.screen_text()
        assert spoken == "en" or english(d.screen_text()) == []
        await d.press(*"щщщwww")
        await d.until(lambda: language.tr("Nothing found") in d.screen_text(), "that there is none")
        await d.press("escape")
        d.app.search_themes()
        await d.until(lambda: "textual-dark" in d.screen_text(), "the themes")
        assert language.tr("Search for a theme…") in d.screen_text()
        await d.press(*"щщщwww")
        await d.until(lambda: language.tr("Nothing found") in d.screen_text(), "that there is none")


def test_the_russian_letters_of_the_help_lie_on_the_keys_they_stand_beside(speak: None) -> None:
    language.choose("ru")
    letters = 0
    for key in (key for _, entries in KEYS for key, _ in entries):
        if found := re.fullmatch(r"([a-z](?:, [a-z])*) \(([а-я](?:, [а-я])*)\)", language.tr(key)):
            latin, russian = (part.split(", ") for part in found.groups())
            assert [by_position(letter) for letter in russian] == latin
            letters += len(latin)
    assert letters == sum(key.count(",") + 1 for _, e in KEYS for key, _ in e if re.match(r"[a-z](,|$)", key))


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_kinds_of_entries_fit_their_column(speak: None, spoken: str) -> None:
    language.choose(spoken)
    assert all(cell_len(language.shown(source)) <= SOURCE_WIDTH for source in SOURCES.values())


def test_no_text_hides_in_an_f_string_where_it_would_not_be_found() -> None:
    hidden = []
    for path in (Path(language.__file__).parent / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for inner in ast.walk(node) if isinstance(node, ast.JoinedStr) else ():
                if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
                    literal = bool(inner.args) and isinstance(inner.args[0], ast.Constant)
                    if literal and inner.func.id in ("tr", "tr_n", "phrase", "phrase_n", "msgid"):
                        hidden.append(f"{path.name}:{inner.lineno}")
    assert hidden == []
