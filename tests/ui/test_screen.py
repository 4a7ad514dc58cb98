"""An update comes in: what stands on the screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.effects import Record
from console.core.events import HangUp
from console.core.state import Account, CallPhase, Outcome
from console.ui.options import Offer
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ENDED, ID, READY, RECORDS, SCENES, UP, call, during


@pytest.mark.parametrize(
    ("scene", "selector", "words"),
    [
        ("idle", "#line", "READY"),
        ("idle", "#line", "line ok 3289@sip.exolve.ru"),
        ("idle", "#recent", "01:13 903 555-11-22busy"),
        ("idle", "#totals", "14 calls  6 answered  2 missed  AI 38:10"),
        ("idle", "#agent", "OFF"),
        ("not-ready", "#line", "NOT READY   not registered: 403 Forbidden"),
        ("not-ready", "#line", "r registers again"),
        ("dialing", "#call", "DIALING"),
        ("dialing", "#agent", "PREPARING   not billed"),
        ("ringing", "#call", "gives up in 0:51"),
        ("ringing", "#agent", "PREPARED   not billed"),
        ("early", "#call", "NETWORK AUDIO"),
        ("early", "#call", "AI not opened"),
        ("talking", "#call", "ANSWERED   +7 912 345-67-890:42"),
        ("talking", "#call", "person or machine unknown"),
        ("talking", "#call", "ends in 9:18"),
        ("talking", "#agent", "LIVE   0:41 billed"),
        ("no-rtp", "#call", "No sound from the callee for 3 s (no RTP); the call ends in 2 s."),
        ("finishing", "#agent", "FINISHING   0:40 billed"),
        ("result", "#call", "486 Busy Here after 6 s, AI never opened."),
        ("refused", "#agent", "Invalid API key. Check ELEVENLABS_API_KEY"),
        ("incoming", "#call", "INCOMING   +7 912 345-67-89  Иван Петров"),
    ],
)
async def test_a_state_in_words(desk: OpenDesk, scene: str, selector: str, words: str) -> None:
    async with desk(scene) as d:
        assert words in d.text(selector)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 60), (60, 24)])
@pytest.mark.parametrize("scene", sorted(SCENES))
async def test_every_state_at_every_size_shows_phase_and_session(
    desk: OpenDesk, scene: str, size: tuple[int, int]
) -> None:
    async with desk(scene, *RECORDS, size=size) as d:
        text = d.screen_text()
        assert all(len(line) <= size[0] for line in text.splitlines())
        assert d.text("#call").split("  ")[0].strip() in text
        assert d.text("#agent").split("  ")[0].strip() in text
        assert d.text("#totals")[:20] in text
        assert d.app.screen.query_one("#log").size.height >= (5 if size[0] >= 80 else 2)


async def test_nothing_moves_between_states(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        places = {w.id: w.region for w in d.app.screen.query("*") if w.id}
        for scene in SCENES:
            await d.show(scene, *RECORDS)
            assert {w.id: w.region for w in d.app.screen.query("*") if w.id} == places, scene


async def test_hostile_text_is_shown_as_it_is(desk: OpenDesk) -> None:
    record = Record(70.0, "agent.transcript", ID, {"role": "user", "text": "[/foo][@click=app.quit]x[/]"})
    async with desk("hostile", record) as d:
        assert "[/foo][@click=app.quit]x[/]" in d.screen_text()
        assert "[/foo][@click=app.quit]Ъ[/]" in d.text("#call")


async def test_timers_run_on_the_engines_clock(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        d.console.time += 60
        d.app._main.show_words()
        assert "1:42" in d.text("#call")
        assert "ends in 8:18" in d.text("#call")
        assert "1:41 billed" in d.text("#agent")


async def test_meters_run_only_while_there_is_sound(desk: OpenDesk) -> None:
    async with desk("ringing") as d:
        meter = d.app._main.meter_in
        assert meter.level == -60.0
        await d.show("early")
        await d.until(lambda: meter.level == -18.0, "the level of early media")
        assert meter.words == "network audio"
        await d.show("talking")
        await d.until(lambda: d.app._main.meter_out.words == "thinking 1.8 s", "what the AI does")
        await d.show("result")
        assert (meter.level, meter.words) == (-60.0, "")


async def test_a_broken_engine_is_a_standing_sentence_and_quitting_works(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        d.console.end(RuntimeError("[boom]"))
        await d.until(lambda: "the engine broke: RuntimeError [boom]" in d.text("#line"))
        assert "ctrl+q quits" in d.text("#line")
        await d.press("8")
        assert "8" in d.text("#number")
        await d.press("ctrl+q")
        await d.until(lambda: d.app.return_code is not None, "the end")


async def test_an_engine_that_ends_by_itself_says_so(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        d.console.end()
        await d.until(lambda: "the engine has ended" in d.text("#line"))


async def test_an_engine_that_was_told_to_quit_ends_the_screen(desk: OpenDesk) -> None:
    async with desk(replace(READY, quitting=True)) as d:
        d.console.end()
        await d.until(lambda: d.app.return_code == 0, "the end")


async def test_the_title_carries_phase_and_timer(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        d.app._look_after()
        assert d.app._terminal_title == "ANSWERED 0:42 +7 912 345-67-89 - Call Console"


@pytest.mark.parametrize(
    ("before", "after", "bells"),
    [
        ("ringing", "talking", 1),
        ("ringing", "early", 0),
        ("idle", "dialing", 0),
        ("idle", "incoming", 1),
    ],
)
async def test_the_bell(
    desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, before: str, after: str, bells: int
) -> None:
    async with desk(before, sounds=True) as d:
        rung: list[int] = []
        monkeypatch.setattr(d.app, "bell", lambda: rung.append(1))
        await d.show(after)
        assert len(rung) == bells


async def test_the_bell_can_be_off_and_rings_for_a_failure(
    desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = replace(ENDED[0], id=ID)
    for sounds, bells in ((True, 1), (False, 0)):
        async with desk("ringing", sounds=sounds) as d:
            rung: list[int] = []
            monkeypatch.setattr(d.app, "bell", lambda rung=rung: rung.append(1))
            await d.show(replace(READY, ended=(ended,)))
            assert len(rung) == bells


async def test_other_calls_are_counted(desk: OpenDesk) -> None:
    other = call(CallPhase.RINGING, id="c0")
    async with desk(replace(during(UP), calls=(other, UP))) as d:
        assert "Call 2 of 2" in d.screen_text()
        assert "+1 other call ─ tab: next ─" in d.screen_text()
        await d.show("talking")
        assert "other call" not in d.screen_text()


async def test_offers_and_the_first_number_of_a_demo_line(desk: OpenDesk) -> None:
    anna = Offer("+79750000001", "Anna", "answers, asks back, interrupts once, says goodbye")
    ivan = Offer("+79750000002", "Ivan", "the same in Russian")
    async with desk("idle", demo=True, offers=(anna, ivan), number=anna.number) as d:
        assert "DEMO LINE" in d.text("#line")
        assert d.text("#recent").splitlines()[-2:] == ["975 000-00-01  Anna", "975 000-00-02  Ivan"]
        assert "+79750000001" in d.text("#number")
        number = [line[:30].strip() for line in d.screen_text().splitlines()[2:6]]
        assert number == [
            "+79750000001▏",
            "Anna: answers, asks back,",
            "interrupts once, says goodbye",
            "Enter dials",
        ]
        await d.press("backspace", "2")
        assert "Ivan: the same in Russian" in d.text("#number")
        await d.press("backspace", "9")
        assert "mobile RU" in d.text("#number") or "+7 975 000-00-09" in d.text("#number")


async def test_totals_count_the_running_call(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        assert "AI 38:51" in d.text("#totals")
        d.console.time += 10
        d.app._main.show_words()
        assert "AI 39:01" in d.text("#totals")


async def test_silence_and_goodbye_count_down_in_the_box_of_the_session(desk: OpenDesk) -> None:
    async with desk(during(replace(UP, silent_until=115.0))) as d:
        assert "SILENCED by you for 15 s more" in d.text("#agent")
        assert "SILENCED by you for 15 s more; s lets it" in d.screen_text()
        assert "s resume" in d.text("#keys")
        d.console.time += 4.5
        d.app._main.show_words()
        assert "SILENCED by you for 11 s more" in d.text("#agent")
        await d.show(during(replace(UP, goodbye_by=112.5)))
        assert "saying goodbye, ends within 8 s" in d.text("#agent")
        await d.until(lambda: d.app._main.meter_out.words != "silenced", "the meter")


async def test_who_is_to_be_called_back_stands_in_three_places(desk: OpenDesk) -> None:
    lost = replace(ENDED[1], outcome=Outcome.AGENT_LOST)
    async with desk(replace(READY, ended=(lost, ENDED[0]))) as d:
        assert "CALL BACK: Up, Enter redials." in d.text("#call")
        assert "903 111-22-33CALL BACK" in d.text("#recent")
        assert "1 TO CALL BACK" in d.text("#totals")
        text = d.screen_text()
        assert text.count("CALL BACK") == 3


async def test_without_colour_everything_is_still_said(
    desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with desk("not-ready") as d:
        assert "NOT READY" in d.screen_text()
        assert "line 403" in d.screen_text() or "403 Forbidden" in d.screen_text()


async def test_what_has_no_room_in_the_top_line_stands_in_the_rule_above_the_keys(desk: OpenDesk) -> None:
    account = Account(known=True, agent="Anna", credits=41200)
    state = replace(READY, account=account)
    async with desk(state, api="127.0.0.1:8000") as d:
        top, *_, rule = [x for x in d.screen_text().splitlines() if "READY" in x or "─ Now" in x]
        assert [part.strip() for part in top.split("   ")] == [
            "READY",
            "line ok 3289@sip.exolve.ru",
            "agent Anna",
            "credits 41,200",
            "ear off",
        ]
        assert rule.endswith(" api 127.0.0.1:8000 ─ baresip 1.0.0 ─")
        await d.pilot.resize_terminal(200, 60)
        await d.until(lambda: "api 127.0.0.1:8000   baresip 1.0.0" in d.screen_text(), "room for all")
        assert "baresip 1.0.0 ─" not in d.screen_text()


@pytest.mark.parametrize("size", [(40, 12), (40, 40), (100, 10)])
async def test_a_terminal_that_is_too_small_says_so_and_keeps_the_call(
    desk: OpenDesk, size: tuple[int, int]
) -> None:
    async with desk("talking", size=size) as d:
        shown = " ".join(d.screen_text().split())
        assert f"This terminal is too small ({size[0]}x{size[1]}): make it 50x16 or larger." in shown
        assert "ANSWERED" in shown
        assert "h or F8 hangs up, ctrl+q quits." in shown
        await d.press("h")
        assert d.sent(HangUp)
        await d.pilot.resize_terminal(80, 24)
        await d.until(lambda: "AI session" in d.screen_text(), "the panes")
        assert "too small" not in d.screen_text()


async def test_the_demo_line_says_that_nothing_is_billed(desk: OpenDesk) -> None:
    policy = replace(READY.policy, demo=True)
    async with desk(replace(SCENES["talking"], policy=policy), demo=True) as d:
        assert "AI session (demo: nothing is billed)" in d.screen_text()
        assert "0:41 open" in d.text("#agent-head")
        await d.show(replace(READY, policy=policy, ended=ENDED[1:]))
        assert "AI 0:59; demo: nothing is billed." in " ".join(d.text("#call-words").split())
        assert "costs money" not in d.screen_text()


async def test_why_there_is_no_ear_is_a_notice_and_the_rule_above_the_keys_stays(desk: OpenDesk) -> None:
    why = "There is no sound output to listen on; plug one in or set EAR_OUTPUT."
    tried = Record(100.0, "ear", None, {"on": False, "reason": why})
    async with desk("idle", api="127.0.0.1:8000") as d:
        before = next(x for x in d.screen_text().splitlines() if "─ Now" in x)
        await d.show(replace(READY, ear_reason=why), tried)
        assert d.word == f"ear off: {why}"
        assert before in d.screen_text()
        assert before.endswith(" api 127.0.0.1:8000 ─ baresip 1.0.0 ─")


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        ("89123456789", ["89123456789▏                    +7 912 345-67-89 mobile RU", "Enter dials"]),
        ("8912", ["8912▏                                     7 digits missing", ""]),
        (
            "+493012345678",
            [
                "+493012345678▏                          Enter, Enter dials",
                "+49 30 12345678 is a foreign number (DE).",
            ],
        ),
        ("112", ["112▏", "112 is an emergency number: the console never calls those"]),
    ],
)
async def test_the_number_in_two_rows(desk: OpenDesk, number: str, rows: list[str]) -> None:
    async with desk("idle", size=(60, 24), number=number) as d:
        assert [line.strip() for line in d.screen_text().splitlines()[3:5]] == rows
