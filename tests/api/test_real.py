"""The API of a whole console: the old request on the demo exchange, and the program without a screen."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from console.api.server import ApiServer
from console.core.state import Outcome
from console.records.feed import Feed
from console.settings.values import Address
from tests.console_rig import NUMBERS, SLOW, ConsoleRig, running_console

ROOT = Path(__file__).parents[2]


class ApiRig:
    """A registered console with its API."""

    def __init__(self, console: ConsoleRig, server: ApiServer, client: httpx.AsyncClient) -> None:
        self.console = console
        self.server = server
        self.client = client


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[ApiRig]:
    async with running_console(tmp_path) as console:
        feed = Feed()
        feed.publish(console.updates[-1])
        publish = console.publish

        def both(update: object) -> None:
            feed.publish(update)  # type: ignore[arg-type]
            publish(update)  # type: ignore[arg-type]

        console.engine._publish = both
        with ApiServer(console.engine, feed, Address("127.0.0.1", 0)) as server:
            async with httpx.AsyncClient(base_url=server.url, timeout=20 * SLOW) as client:
                yield ApiRig(console, server, client)


async def test_a_call_from_end_to_end(rig: ApiRig) -> None:
    """Started, followed event by event and ended by another hand; the AI's side saw one session."""
    types: list[str] = []
    async with rig.client.stream("GET", "/api/events") as events:
        started = await rig.client.post("/api/calls/start", json={"phone_number": NUMBERS["Cut off"]})
        assert started.status_code == 201
        call = started.json()["id"]
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                assert event.get("call", call) == call
                types.append(event["type"])
                if event["type"] == "call.closed":
                    break
    wanted = ["call.dialing", "call.ringing", "call.answered", "agent.opening", "agent.live", "call.closed"]
    assert [type_ for type_ in types if type_ in wanted] == wanted
    ended = await rig.console.over(call)
    assert ended.outcome is Outcome.FINISHED
    shown = (await rig.client.get(f"/api/calls/{call}")).json()
    assert (shown["live"], shown["outcome"], shown["by"]) == (False, "finished", "remote")
    assert shown["agent"]["seconds"] == pytest.approx(ended.agent.billed, abs=0.01)
    assert len(await rig.console.sessions()) == 1


async def test_several_calls_and_each_is_hung_up_by_its_id(rig: ApiRig) -> None:
    """The embedded engine holds several; the session of the other goes on."""
    first, second = [
        (await rig.client.post("/api/calls/start", json={"phone_number": NUMBERS[who]})).json()["id"]
        for who in ("Echo", "Mr Hm")
    ]
    for call in (first, second):
        await rig.console.seen("agent.first_audio", call)
    assert (await rig.client.post(f"/api/calls/{first}/hangup")).status_code == 200
    assert (await rig.console.over(first)).outcome is Outcome.FINISHED
    left = (await rig.client.get("/api/calls")).json()["calls"]
    assert [(call["id"], call["phase"]) for call in left] == [(second, "up")]
    await rig.client.post(f"/api/calls/{second}/hangup")
    await rig.console.over(second)


async def test_the_operators_words(rig: ApiRig) -> None:
    post = rig.client.post
    call = (await post("/api/calls/start", json={"phone_number": NUMBERS["Mr Hm"]})).json()["id"]
    early = await post(f"/api/calls/{call}/say", json={"text": "x"})
    assert early.status_code == 409
    assert "LIVE" in early.json()["error"]["message"]
    await rig.console.seen("agent.first_audio", call)
    assert (await post(f"/api/calls/{call}/say", json={"text": "He is hard of hearing."})).status_code == 200
    assert (await post(f"/api/calls/{call}/silence")).status_code == 200, "nothing needs to be said"
    silenced = rig.console.of("agent.silenced", call)
    assert [record.fields["on"] for record in silenced] == [True]
    assert (await post(f"/api/calls/{call}/silence", json={"on": True})).status_code == 200
    assert (await post(f"/api/calls/{call}/silence", content="on")).status_code == 422
    assert (await post(f"/api/calls/{call}/digits", json={"digits": "1w2"})).status_code == 200
    assert (await post(f"/api/calls/{call}/digits", json={"digits": "1;hangup"})).status_code == 422
    assert (await post(f"/api/calls/{call}/goodbye")).status_code == 200
    ended = await rig.console.over(call)
    assert ended.outcome is Outcome.FINISHED
    (session,) = await rig.console.sessions()
    assert [m["type"] for m in session["messages"]] == ["contextual_update", "user_message"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_old_request_works_unchanged(rig: ApiRig) -> None:
    port = rig.server.address.port
    curl = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "-w", "\n%{http_code}", "-X", "POST", f"http://localhost:{port}/api/calls/start"),
        *("-H", "Content-Type: application/json", "-d", '{"phone_number": "+79123456789"}'),
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    out, _ = await curl.communicate()
    body, status = out.decode().rsplit("\n", 1)
    assert status == "201"
    assert json.loads(body)["number"] == "+79123456789"
    assert (await rig.console.over(json.loads(body)["id"])).code == 404, "nobody has this number there"


# ---- the program ----


class Program:
    """`call-console serve --demo` on a free port."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder)}
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "console", "serve", "--demo", "--api", f"127.0.0.1:{port}"],
            env={**environment, "CONSOLE_DATA_DIR": str(folder / "data"), "LANG": "C.UTF-8"},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until_ready(self) -> None:
        assert self.process.stderr
        assert self.url in self.process.stderr.readline()
        with httpx.stream("GET", f"{self.url}/api/events", timeout=60 * SLOW) as events:
            if httpx.get(f"{self.url}/api/status", timeout=60 * SLOW).json().get("ready"):
                return
            for line in events.iter_lines():
                if '"registration"' in line and '"ok"' in line:
                    return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_program_without_a_screen_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    program = Program(tmp_path)
    try:
        program.until_ready()
        order = {"phone_number": NUMBERS["Echo"]}
        call = httpx.post(f"{program.url}/api/calls/start", json=order, timeout=20 * SLOW).json()["id"]
        program.process.send_signal(number)
        out, err = program.process.communicate(timeout=20 * SLOW)
    finally:
        program.process.kill()
        program.process.wait()
    assert program.process.returncode == 0, err
    assert "call ended by you" in out
    assert "Traceback" not in err
    (kept,) = (tmp_path / "data/demo/calls.jsonl").read_text().splitlines()
    assert (json.loads(kept)["id"], json.loads(kept)["origin"]) == (call, "api")
