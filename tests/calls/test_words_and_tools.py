"""The operator's words to the AI and the agent's tools, seen from the far ends of a real call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from console.core.events import CallId, ClosedBy, Goodbye, HangUp, SendDigits, Silence, Tell
from console.core.state import Outcome
from console.demo.conversation.script import Script, Step
from tests.console_rig import NUMBERS, SLOW, ConsoleRig, running_console

HELLO = Step("say", text="Hello", seconds=0.5, hz=500)


def tool(name: str, **arguments: str) -> Step:
    return Step("tool", name=name, body=arguments, text=f"call_{name}", wait=True)


async def messages(console: ConsoleRig, type_: str) -> list[dict[str, Any]]:
    (session,) = await console.sessions()
    return [message for message in session["messages"] if message["type"] == type_]


async def wait_for_message(console: ConsoleRig, type_: str) -> dict[str, Any]:
    """A message that the agent's side has received; its record is asked for until it is there."""
    async with asyncio.timeout(10 * SLOW):
        while True:
            if found := await messages(console, type_):
                return found[-1]


async def live_call(console: ConsoleRig, who: str = "Echo") -> CallId:
    call = console.dial(who)
    await console.seen("agent.first_audio")
    return call


def words_of(console: ConsoleRig, role: str) -> int:
    return sum(record.fields["role"] == role for record in console.of("agent.transcript"))


async def test_words_reach_the_agent_and_not_the_callee(tmp_path: Path) -> None:
    async with running_console(tmp_path) as console:
        call = await live_call(console)
        console.engine.send(Tell(call, "he is hard of hearing"))
        told = await wait_for_message(console, "contextual_update")
        assert told["text"] == "he is hard of hearing"
        console.engine.send(Tell(call, "what are your prices?", as_turn=True))
        assert (await wait_for_message(console, "user_message"))["text"] == "what are your prices?"
        await console.until(lambda: words_of(console, "operator") == 2, what="both words on record")
        console.engine.send(HangUp(call))
        await console.over(call)


async def test_a_silenced_agent_is_not_heard(tmp_path: Path) -> None:
    long_turn = Script(steps=(Step("say", text="A long turn", seconds=8.0, hz=500),))
    async with running_console(tmp_path, script=long_turn) as console:
        call = console.dial("Mr Hm")
        await console.seen("agent.first_audio")
        console.engine.send(Silence(call, True))
        await console.seen("agent.silenced")
        await console.until(lambda: not console.engine.levels(call).agent_speaking or not console.state.calls)
        console.engine.send(HangUp(call))
        await console.over(call)
        assert (await console.far("ended"))["heard_seconds"] < 4.0


async def test_goodbye_ends_the_call(tmp_path: Path) -> None:
    async with running_console(tmp_path) as console:
        call = await live_call(console)
        console.engine.send(Goodbye(call))
        assert "goodbye" in (await wait_for_message(console, "user_message"))["text"]
        ended = await console.over(call)
        assert (ended.outcome, ended.by) == (Outcome.FINISHED, ClosedBy.AGENT)


async def test_the_agent_presses_keys_takes_notes_and_hangs_up(tmp_path: Path) -> None:
    steps = (
        HELLO,
        tool("note", text="wants a call on Monday"),
        tool("send_dtmf", digits="4w2"),
        Step("wait", seconds=1.5),
        Step("say", text="Goodbye", seconds=1.5, hz=500),
        tool("hang_up", reason="all is said"),
        Step("hold"),
    )
    async with running_console(tmp_path, script=Script(steps=steps)) as console:
        ended = await console.over(console.dial("Mr Hm"))
        assert (ended.outcome, ended.by) == (Outcome.FINISHED, ClosedBy.AGENT)
        assert ended.notes == ("wants a call on Monday",)
        far = await console.far("ended")
        assert far["digits"] == "42"
        assert far["heard_seconds"] >= 1.8, "the last words were cut"
        results = await messages(console, "client_tool_result")
        assert [r["is_error"] for r in results] == [False, False, False]


async def test_an_unknown_destination_is_not_transferred_to(tmp_path: Path) -> None:
    steps = (HELLO, tool("transfer_call", destination=NUMBERS["Ivan"]), Step("end"))
    async with running_console(tmp_path, script=Script(steps=steps)) as console:
        await console.over(console.dial("Echo"))
        (result,) = await messages(console, "client_tool_result")
        assert result["is_error"]
        assert "TRANSFER_TO" in result["result"]


async def test_digits_of_the_operator_reach_the_callee(tmp_path: Path) -> None:
    steps = (HELLO, Step("hear", seconds=4.0), Step("end"))
    async with running_console(tmp_path, script=Script(steps=steps)) as console:
        call = console.dial("Mr Hm")
        await console.seen("agent.first_audio")
        console.engine.send(SendDigits(call, "1W2"))
        await console.over(call)
        assert (await console.far("ended"))["digits"] == "12"
