"""Our conversation server refuses what ElevenLabs would (conformance checks 2, 4, 5, 7, 11, 29 for the
server), so that a client that pleases it can be believed. Here the client is a bare WebSocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from console.audio.pcm import FORMATS, decode
from console.demo.conversation import sound
from console.demo.conversation.script import Script, Setup, Step
from console.demo.conversation_server import NO_SUCH_AGENT, NOT_AUTHORIZED, ConversationServer

INIT: dict[str, Any] = {"type": "conversation_initiation_client_data"}
CHUNK = {"user_audio_chunk": base64.b64encode(bytes(640)).decode()}
KEY = "a-key-for-the-server"


@asynccontextmanager
async def serving(script: Script, **setup: Any) -> AsyncIterator[ConversationServer]:
    async with ConversationServer(Setup(agents={"agent": script}, api_key=KEY, **setup)) as server:
        yield server


async def signed_url(server: ConversationServer, agent_id: str = "agent") -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{server.url}/v1/convai/conversation/get-signed-url"
        answer = await client.get(url, params={"agent_id": agent_id}, headers={"xi-api-key": KEY})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["signed_url"])


@asynccontextmanager
async def conversation(server: ConversationServer) -> AsyncIterator[ClientConnection]:
    url = f"{server.url.replace('http', 'ws')}/v1/convai/conversation?agent_id=agent"
    async with connect(url, proxy=None, max_size=2**24) as client:
        yield client


async def read_until(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of this type."""
    while True:
        message: dict[str, Any] = json.loads(await client.recv())
        if message["type"] == kind:
            return message


async def closed(client: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(15):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


FIXTURES = Path(__file__).parent.parent / "fixtures"
OPEN = Script(private=False, pings=0)


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        b"\x00",
        json.dumps(CHUNK),
        json.dumps({"type": "pong", "event_id": 1}),
        json.dumps({**INIT, "unknown": 1}),
        json.dumps({**INIT, "user_id": 5}),
        json.dumps({**INIT, "dynamic_variables": {"system__caller_id": "1"}}),
        json.dumps({**INIT, "dynamic_variables": {"a": None}}),
        json.dumps({**INIT, "dynamic_variables": {"a": {}}}),
        json.dumps({**INIT, "dynamic_variables": []}),
        json.dumps({**INIT, "conversation_config_override": None}),
    ],
)
async def test_the_first_frame_must_be_a_proper_initiation(frame: str | bytes) -> None:
    async with serving(OPEN) as server, conversation(server) as client:
        await client.send(frame)
        assert (await read_until(client, "error"))["error_event"]["code"] == 1008
        assert (await closed(client))[0] == 1008
        assert len(server.record.report()["violations"]) == 1


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "5",
        b"\x00",
        json.dumps(INIT),
        json.dumps({"type": "interrupt"}),
        json.dumps({"type": ["a"]}),
        json.dumps({**CHUNK, "type": "user_audio_chunk"}),
        json.dumps({"user_audio_chunk": None}),
        json.dumps({"user_audio_chunk": ""}),
        json.dumps({"user_audio_chunk": "AAA"}),
        json.dumps({"user_audio_chunk": "AAAA"}),
        json.dumps({"user_audio_chunk": base64.b64encode(bytes(70_000)).decode()}),
        json.dumps({"type": "pong"}),
        json.dumps({"type": "pong", "event_id": 77}),
        json.dumps({"type": "pong", "event_id": True}),
        json.dumps({"type": "pong", "event_id": "1"}),
        json.dumps({"type": "contextual_update"}),
        json.dumps({"type": "contextual_update", "text": None}),
        json.dumps({"type": "user_message", "text": "x", "more": 1}),
        json.dumps({"type": "client_tool_result", "tool_call_id": "t", "result": {}, "is_error": False}),
        json.dumps({"type": "client_tool_result", "tool_call_id": "t", "result": "x", "is_error": 0}),
        json.dumps({"type": "client_tool_result", "tool_call_id": "no", "result": "x", "is_error": False}),
        json.dumps({"type": "client_tool_result", "tool_call_id": "t", "result": "x"}),
    ],
)
async def test_every_later_frame_is_checked(frame: str | bytes) -> None:
    script = Script(private=False, pings=0, steps=(Step("tool", name="x", text="t"),))
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await read_until(client, "client_tool_call")
        await client.send(frame)
        assert (await closed(client))[0] == 1008
        assert len(server.record.report()["violations"]) == 1


async def test_what_is_right_is_accepted() -> None:
    script = Script(private=False, pings=0, steps=(Step("ping"), Step("tool", name="x", text="t")))
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps({**INIT, "user_id": "u", "dynamic_variables": {"a": 1, "b": True}}))
        ping = await read_until(client, "ping")
        await read_until(client, "client_tool_call")
        for message in (
            {"type": "pong", "event_id": ping["ping_event"]["event_id"]},
            {"type": "client_tool_result", "tool_call_id": "t", "result": "{}", "is_error": False},
            {"type": "contextual_update", "text": "x", "context_id": "c"},
            {"type": "user_message", "text": "x"},
            {"type": "user_activity"},
            {"type": "feedback", "event_id": 1, "score": None},
            CHUNK,
        ):
            await client.send(json.dumps(message))
        await client.close()
        assert server.record.report()["violations"] == []
        assert len(server.record.conversations[0].pong_ms) == 1


async def test_results_and_pongs_count_once() -> None:
    script = Script(private=False, pings=0, steps=(Step("tool", name="x", text="t"),))
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await read_until(client, "client_tool_call")
        result = {"type": "client_tool_result", "tool_call_id": "t", "result": "x", "is_error": False}
        await client.send(json.dumps(result))
        await client.send(json.dumps(result))
        assert (await closed(client))[0] == 1008


async def test_audio_before_the_metadata_is_refused() -> None:
    script = Script(private=False, pings=0, opening=(Step("wait", seconds=0.3),))
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await client.send(json.dumps(CHUNK))
        assert (await closed(client))[0] == 1008


async def test_check_2_an_override_that_is_not_allowed_closes_after_the_metadata() -> None:
    async with serving(OPEN) as server, conversation(server) as client:
        override = {"agent": {"prompt": {"prompt": "be rude"}}}
        await client.send(json.dumps({**INIT, "conversation_config_override": override}))
        await read_until(client, "conversation_initiation_metadata")
        assert await closed(client) == (1008, "Override for field 'prompt' is not allowed by config.")


async def test_check_2_an_allowed_override_is_taken_and_a_missing_variable_is_not() -> None:
    script = Script(private=False, pings=0, allowed_overrides=("tts.speed",), required_variables=("name",))
    async with serving(script) as server:
        override = {"conversation_config_override": {"tts": {"speed": 1.1}}}
        async with conversation(server) as client:
            await client.send(json.dumps({**INIT, **override, "dynamic_variables": {"name": "Eva"}}))
            await read_until(client, "conversation_initiation_metadata")
        async with conversation(server) as client:
            await client.send(json.dumps({**INIT, **override}))
            error = await read_until(client, "error")
            assert error["error_event"]["error_type"] == "missing_dynamic_variable"
            assert (await closed(client))[0] == 1008


async def test_check_4_and_5_rate_and_gaps_are_measured() -> None:
    async with serving(OPEN) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await read_until(client, "conversation_initiation_metadata")
        for number in range(60):
            await client.send(json.dumps(CHUNK))
            await asyncio.sleep(0.5 if number == 30 else 0.02)
    audio = server.record.conversations[0].audio
    assert audio is not None
    assert audio.seconds == pytest.approx(1.2)
    assert len(audio.gaps) == 1
    assert audio.gaps[0] >= 0.5
    assert audio.rate_ratio is not None
    assert audio.rate_ratio < 0.8


async def test_check_5_a_client_that_sends_nothing_is_closed() -> None:
    script = Script(private=False, pings=0, receive_timeout=0.3)
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        error = await read_until(client, "error")
        assert error["error_event"]["error_type"] == "transport_receive_timeout"
        assert (await closed(client))[0] == 1002


async def test_check_5_sixty_seconds_without_a_frame_are_too_long_on_a_faster_clock() -> None:
    script = Script(private=False, pings=0, speed=100.0)
    assert script.receive_timeout == 60.0
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await read_until(client, "conversation_initiation_metadata")
        for _ in range(6):  # 60 s of the script in all, but never 60 s of nothing
            await client.send(json.dumps(CHUNK))
            await asyncio.sleep(0.1)
        assert client.close_code is None
        assert (await closed(client))[0] == 1002
        violations = server.record.report()["violations"]
    assert violations == ["transport_receive_timeout: no user input"]


async def test_check_7_a_missing_pong_ends_the_conversation() -> None:
    script = Script(private=False, pings=0.05, pong_within=0.3)
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        assert (await closed(client))[0] == 1002
        assert "no pong" in server.record.report()["violations"][0]


async def test_check_29_several_chunks_share_an_id_and_come_faster_than_real_time() -> None:
    turns = (Step("say", "One", seconds=6.0, chunk=2.4), Step("say", "Two", seconds=3.0, chunk=0.3))
    async with serving(Script(private=False, pings=0, steps=turns)) as server, conversation(server) as client:
        began = time.monotonic()
        await client.send(json.dumps(INIT))
        chunks: list[tuple[int, float]] = []
        while len(chunks) < 13:
            event = (await read_until(client, "audio"))["audio_event"]
            chunks.append((event["event_id"], len(base64.b64decode(event["audio_base_64"])) / 32_000))
        assert time.monotonic() - began < 4.5
    first = [seconds for event_id, seconds in chunks if event_id == 1]
    second = [seconds for event_id, seconds in chunks if event_id == 2]
    assert first == pytest.approx([2.4, 2.4, 1.2])
    assert second == pytest.approx([0.3] * 10)


async def test_check_30_a_recorded_script_is_replayed_on_virtual_time_and_every_frame_is_on_record() -> None:
    """Two minutes of a conversation in about two seconds, at the script's own moments."""
    recorded = json.loads((FIXTURES / "conversation_scripts" / "two_minutes.json").read_text())
    patient = {"pong_within": 1200.0, "receive_timeout": 1200.0}  # 20 s here: a busy machine stalls
    script = Script.read({**recorded, "speed": 60.0, **patient})
    began = time.monotonic()
    async with serving(script) as server, conversation(server) as client:
        sent = [json.dumps(INIT)]
        await client.send(sent[0])
        async for frame in client:
            message = json.loads(frame)
            if message["type"] == "ping":
                event_id = message["ping_event"]["event_id"]
                sent.append(json.dumps({"type": "pong", "event_id": event_id}))
            elif message["type"] == "client_tool_call":
                call_id = message["client_tool_call"]["tool_call_id"]
                answer = {"type": "client_tool_result", "tool_call_id": call_id}
                sent.append(json.dumps({**answer, "result": "noted", "is_error": False}))
            else:
                sent.append(json.dumps(CHUNK))
            with contextlib.suppress(ConnectionClosed):
                await client.send(sent[-1])
    took = time.monotonic() - began
    seen = server.record.conversations[0]
    assert (seen.violations, seen.close_code, seen.closed_by) == ([], 1000, "server")
    moments = {step["do"]: step["at"] for step in seen.steps}
    assert [step["do"] for step in seen.steps] == [step["do"] for step in recorded["steps"]]
    assert moments["interrupt"] >= 30.0
    assert moments["queue"] >= moments["interrupt"] + 50.0
    assert moments["end"] >= 120.0
    assert took < 60.0, "virtual time did not pass faster"
    kinds = {kind for _, kind, _ in seen.frames}
    assert kinds == {"conversation_initiation_client_data", "pong", "client_tool_result", "audio"}
    assert [size for _, _, size in seen.frames] == [len(frame) for frame in sent[: len(seen.frames)]]
    assert len(sent) - len(seen.frames) <= 1, "only what crosses the close can be missing"
    times = [t for t, _, _ in seen.frames]
    assert times == sorted(times)
    assert began <= times[0] <= times[-1] <= began + took


# ---- who is let in ----


async def test_a_signature_is_good_once_and_not_for_ever() -> None:
    async with serving(Script(pings=0), url_seconds=0.3) as server:
        url = await signed_url(server)
        async with connect(url, proxy=None) as client:
            await client.send(json.dumps(INIT))
            await read_until(client, "conversation_initiation_metadata")
        async with connect(url, proxy=None) as client:
            assert await closed(client) == (3000, NOT_AUTHORIZED)
        expired = await signed_url(server)
        await asyncio.sleep(0.4)
        async with connect(expired, proxy=None) as client:
            assert await closed(client) == (3000, NOT_AUTHORIZED)


async def test_a_private_agent_or_a_wrong_signature_or_an_unknown_agent_is_refused() -> None:
    async with serving(Script()) as server:
        base = f"{server.url.replace('http', 'ws')}/v1/convai/conversation"
        for query, reason in (
            ("?agent_id=agent", NOT_AUTHORIZED),
            ("?agent_id=agent&conversation_signature=made-up", NOT_AUTHORIZED),
            ("?agent_id=nobody", NO_SUCH_AGENT),
            ("", NO_SUCH_AGENT),
        ):
            async with connect(base + query, proxy=None) as client:
                assert await closed(client) == (3000, reason)
        server.define("other", Script())
        url = (await signed_url(server)).replace("agent_id=agent", "agent_id=other")
        async with connect(url, proxy=None) as client:
            assert await closed(client) == (3000, NOT_AUTHORIZED)


async def test_rest_wants_key_and_agent_and_knows_no_other_path() -> None:
    async with serving(Script()) as server, httpx.AsyncClient(trust_env=False) as client:
        url = f"{server.url}/v1/convai/conversation/get-signed-url"
        assert (await client.get(url, params={"agent_id": "agent"})).status_code == 401
        wrong = {"xi-api-key": "wrong"}
        assert (await client.get(url, params={"agent_id": "agent"}, headers=wrong)).status_code == 401
        right = {"xi-api-key": KEY}
        assert (await client.get(url, params={"agent_id": "nobody"}, headers=right)).status_code == 404
        assert (await client.get(f"{server.url}/v1/elsewhere")).status_code == 404
        assert (await client.get(f"{server.url}/_do", params={"step": '{"do": "dance"}'})).status_code == 400
        assert (await client.get(f"{server.url}/_script", params={"agent": "a"})).status_code == 400
    assert KEY not in json.dumps(server.record.report())


async def test_a_connection_that_does_not_ask_is_closed_after_the_open_timeout() -> None:
    async with serving(OPEN, open_timeout=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):  # FIN or RST
            assert await reader.read() == b""
        assert time.monotonic() - began >= 0.25
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    report = server.record.report()
    assert [c["asked"] for c in report["connections"]] == [""]
    assert report["upgrades"] == []


# ---- turns with a caller ----


class Caller:
    """A caller that speaks and falls silent in real time, and notes what the agent does."""

    def __init__(self, client: ClientConnection) -> None:
        self.messages: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self._client = client
        self._silence = json.dumps(CHUNK)
        tone = sound.tone(300, 0.02, 16_000).astype("<i2").tobytes()
        self._speech = json.dumps({"user_audio_chunk": base64.b64encode(tone).decode()})
        self.speaking = False

    async def listen(self) -> None:
        async for frame in self._client:
            message = json.loads(frame)
            self.messages.append(message)
            if message["type"] == "ping":
                event_id = message["ping_event"]["event_id"]
                await self._client.send(json.dumps({"type": "pong", "event_id": event_id}))
            self.news.set()

    async def talk(self) -> None:
        due = time.monotonic()
        while True:
            await self._client.send(self._speech if self.speaking else self._silence)
            due += 0.02
            await asyncio.sleep(due - time.monotonic())

    def said(self) -> list[str]:
        return [m["agent_response_event"]["agent_response"] for m in self.of("agent_response")]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == kind]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.news.clear()
                await self.news.wait()


async def test_the_demo_agent_takes_turns_is_interrupted_and_hangs_up(tmp_path: Any) -> None:
    wavs = []
    for number, seconds in enumerate((0.6, 5.0, 0.4)):
        path = tmp_path / f"{number}.wav"
        write_wav(path, sound.babble(seconds, 8000), 8000)
        wavs.append(str(path))
    turns = (("Good morning.", wavs[0]), ("A very long second sentence.", wavs[1]), ("Goodbye.", wavs[2]))
    script = Script(private=False, turns=turns)
    async with serving(script) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await read_until(client, "conversation_initiation_metadata")
        caller = Caller(client)
        listening = asyncio.create_task(caller.listen())
        talking = asyncio.create_task(caller.talk())
        await caller.until(lambda: len(caller.said()) == 1)
        await asyncio.sleep(0.8)  # the agent's sentence has been played
        caller.speaking = True
        await asyncio.sleep(0.5)
        assert len(caller.said()) == 1, "the agent waits until the caller has finished"
        caller.speaking = False
        await caller.until(lambda: len(caller.said()) == 2)
        caller.speaking = True  # into the long sentence
        await caller.until(lambda: caller.of("interruption") != [])
        caller.speaking = False
        (interruption,) = caller.of("interruption")
        await caller.until(lambda: caller.of("agent_response_correction") != [])
        correction = caller.of("agent_response_correction")[0]["agent_response_correction_event"]
        await caller.until(lambda: len(caller.said()) == 3)
        await asyncio.wait_for(listening, 20)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    assert caller.said() == ["Good morning.", "A very long second sentence.", "Goodbye."]
    assert interruption["interruption_event"]["event_id"] == 2
    assert "A very long second sentence.".startswith(correction["corrected_agent_response"])
    assert correction["corrected_agent_response"] != "A very long second sentence."
    assert caller.of("agent_tool_response")[0]["agent_tool_response"]["tool_name"] == "end_call"
    seen = server.record.conversations[0]
    assert (seen.close_code, seen.closed_by, seen.violations) == (1000, "server", [])


def write_wav(path: Any, pcm: Any, rate: int) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(pcm.astype("<i2").tobytes())


async def test_echo_gives_the_callers_sound_back() -> None:
    async with serving(Script(private=False, pings=0, echo=True)) as server, conversation(server) as client:
        await client.send(json.dumps(INIT))
        await read_until(client, "conversation_initiation_metadata")
        sent = sound.tone(440, 0.6, 16_000).astype("<i2").tobytes()
        for start in range(0, len(sent), 640):
            chunk = base64.b64encode(sent[start : start + 640]).decode()
            await client.send(json.dumps({"user_audio_chunk": chunk}))
        back = b""
        while len(back) < len(sent):
            back += base64.b64decode((await read_until(client, "audio"))["audio_event"]["audio_base_64"])
        assert back == sent


@pytest.mark.parametrize("name", ["pcm_8000", "pcm_44100", "ulaw_8000"])
def test_a_tone_has_its_frequency_in_every_format(name: str) -> None:
    pcm = decode(sound.turn(Step("say", hz=1000, seconds=1.0), name), FORMATS[name])
    spectrum = np.abs(np.fft.rfft(pcm.astype(float)))
    assert int(np.argmax(spectrum)) == 1000
