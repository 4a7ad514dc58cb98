"""One conversation as the server leads it: its script, and strictness about every client frame."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
from typing import Any

from websockets.exceptions import ConnectionClosed

from ...audio.pcm import FORMATS, decode
from . import server_messages as sm
from . import sound
from .checks import (
    Expected,
    Violation,
    check_initiation,
    check_message,
    check_overrides,
    read_audio,
    read_frame,
)
from .listening import Listening
from .recognition import Recognition, recorded
from .record import CallerAudio, Record, Seen
from .script import Script, Step
from .served_connection import ServedConnection, reset

_PING_RHYTHM = (0.6, 1.4, 1.0)
"""Pings do not come evenly: nothing may depend on their spacing."""

_TURN_SILENCE = 0.7
_PATIENCE = 6.0
_INTERRUPTING = 0.3
_INTERRUPTING_GREETING = 1.0
"""The callee's "hello?" into the first sentence is no interruption."""


class _Over(Exception):
    """The conversation has been ended by this side."""


class Serving:
    """Leads one conversation over `connection` and writes what it saw into `seen`."""

    def __init__(self, connection: ServedConnection, script: Script, seen: Seen, record: Record) -> None:
        self._connection = connection
        self._script = script
        self._seen = seen
        self._record = record
        self._input = FORMATS[script.input_format]
        self._output = FORMATS.get(script.output_format)
        self._expected = Expected(self._input.width)
        self._listening = Listening(self._input.rate)
        self._recognition = Recognition(recorded(script.hears), self._input.rate)
        self._heard = asyncio.Event()
        self._tools_done = asyncio.Event()
        self._event_id = 0
        self._ping_id = 0
        self._text = ""
        self._playing_until = 0.0
        self._began = time.monotonic()
        self._echo = bytearray()

    async def run(self) -> None:
        """From the 101 to the end."""
        try:
            first = await self._first_message()
            for step in self._script.opening:
                await self.perform(step)
            await self._send_metadata()
            if violation := check_overrides(first, self._script.allowed_overrides):
                await self._refuse(violation)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ping()), group.create_task(self._play())]
                try:
                    await self._read()
                finally:
                    for task in tasks:
                        task.cancel()
        except ConnectionClosed:
            pass
        except BaseExceptionGroup as raised:
            if rest := raised.split((_Over, ConnectionClosed))[1]:
                raise rest from None
        except _Over:
            pass

    def _real(self, seconds: float) -> float:
        """How long so much of the script's time takes."""
        return seconds / self._script.speed

    # ---- what the client sends ----

    async def _receive(self) -> dict[str, Any] | Violation:
        frame = await self._connection.recv()
        message = read_frame(frame)
        self._seen.frames.append((time.monotonic(), _kind(message), len(frame)))
        return message

    async def _first_message(self) -> dict[str, Any]:
        message = await self._receive()
        if isinstance(message, Violation):
            await self._refuse(message)
            raise _Over
        self._seen.initiation = message
        if violation := check_initiation(message, self._script.required_variables):
            await self._refuse(violation)
        return message

    async def _send_metadata(self) -> None:
        script = self._script
        if not script.metadata:
            await self._connection.wait_closed()
            raise _Over
        if self._connection.data_frames > 1 and not script.early_audio:
            await self._refuse(Violation("a message between the initiation and the metadata"))
        self._seen.conversation_id = f"conv_{secrets.token_hex(8)}"
        self._seen.audio = CallerAudio(script.input_format)
        formats = script.input_format, script.output_format
        self._began = time.monotonic()
        await self._send(sm.metadata(self._seen.conversation_id, *formats, formats=script.formats))

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._real(self._script.receive_timeout)):
                    message = await self._receive()
            except TimeoutError:
                await self._refuse(Violation("no user input", "transport_receive_timeout", 1002))
            if violation := await self._take(message):
                await self._refuse(violation)

    async def _take(self, message: dict[str, Any] | Violation) -> Violation | None:
        now = time.monotonic()
        if isinstance(message, Violation):
            return message
        if "user_audio_chunk" in message:
            payload = read_audio(message, self._input.width)
            if isinstance(payload, Violation):
                return payload
            await self._take_audio(payload, now)
            return None
        if violation := check_message(message, self._expected):
            return violation
        if message["type"] == "pong":
            sent = self._expected.pings.pop(message["event_id"])
            self._seen.pong_ms.append(round(1000 * (now - sent), 2))
            return None
        self._seen.messages.append({"t": time.time(), **message})
        self._record.add("message", conversation=self._seen.number, type=message["type"])
        if message["type"] == "client_tool_result":
            self._expected.tool_calls.discard(message["tool_call_id"])
            self._tools_done.set()
        return None

    async def _take_audio(self, payload: bytes, now: float) -> None:
        assert self._seen.audio is not None
        self._seen.audio.add(payload, now)
        if self._script.turns:
            self._listening.feed(decode(payload, self._input))
        if self._script.hears:
            for text in self._recognition.feed(decode(payload, self._input)):
                await self._send(sm.user_transcript(text, self._event_id))
        self._heard.set()
        if self._script.echo:
            self._echo += payload
            if len(self._echo) >= self._input.rate * self._input.width * 0.3:
                echoed, self._echo = bytes(self._echo), bytearray()
                await self._send(sm.audio(echoed, self._event_id + 1))

    async def _refuse(self, violation: Violation) -> None:
        """Say what is wrong and close, as ElevenLabs does."""
        self._seen.violations.append(f"{violation.error_type}: {violation.message}")
        self._record.add("violation", conversation=self._seen.number, why=violation.message)
        await self._send(sm.error(violation.code, violation.error_type, violation.message))
        await self._connection.close(violation.code, violation.message[:120])
        raise _Over

    # ---- what the agent does ----

    async def _send(self, frame: str | bytes) -> None:
        await self._connection.send(frame)

    async def _ping(self) -> None:
        if not self._script.pings:
            return
        for beat in itertools.cycle(_PING_RHYTHM):
            await asyncio.sleep(self._real(self._script.pings * beat))
            await self._send_ping(None)
            oldest = min(self._expected.pings.values())
            if time.monotonic() - oldest > self._real(self._script.pong_within):
                await self._refuse(Violation("no pong", "asyncio_timeout", 1002))

    async def _send_ping(self, event_id: int | None, bare: bool = False) -> None:
        self._ping_id = self._ping_id + 1 if event_id is None else event_id
        self._expected.pings[self._ping_id] = time.monotonic()
        self._seen.pings += 1
        await self._send(sm.ping(self._ping_id, None if self._ping_id % 3 == 0 else 40, bare))

    async def _play(self) -> None:
        for step in self._script.steps:
            await self.perform(step)
        if self._script.turns:
            await self._take_turns()

    async def perform(self, step: Step) -> None:
        """Do one step of the script, or one that a test asks for meanwhile."""
        self._record.add("step", conversation=self._seen.number, do=step.do)
        at = (time.monotonic() - self._began) * self._script.speed
        heard = self._seen.audio.seconds if self._seen.audio else 0.0
        self._seen.steps.append({"do": step.do, "at": round(at, 3), "heard": round(heard, 4)})
        match step.do:
            case "say":
                await self._say(step)
            case "wait":
                await asyncio.sleep(self._real(step.seconds))
            case "hear":
                await self._hear(step.seconds)
            case "interrupt":
                await self._interrupt(step)
            case "ping":
                await self._send_ping(step.event_id, bare=step.flat)
            case "send":
                await self._send(_raw(step))
            case "huge":
                await self._send(sm.audio(bytes(step.size * 3 // 4), self._event_id + 1))
            case "tool":
                await self._call_tool(step)
            case "queue":
                await self._send(sm.queue_status(step.text))
            case "error":
                body = {} if step.body is None else step.body
                message = body if step.flat else {"error_event": body}
                await self._send(json.dumps({"type": "error", **message}))
            case _:
                await self._finish(step)

    async def _finish(self, step: Step) -> None:
        match step.do:
            case "end":
                await self._send(sm.end_call(self._event_id))
                await self._connection.close(1000)
            case "close":
                await self._connection.close(step.code, step.reason)
            case "drop":
                reset(self._connection)
            case "eof":
                self._connection.transport.close()
            case "stall":
                self._connection.transport.pause_reading()
                await asyncio.sleep(self._real(step.seconds))
                self._connection.transport.resume_reading()
                return
            case "hold":
                pass
        await self._connection.wait_closed()
        raise _Over

    async def _say(self, step: Step) -> None:
        self._event_id += 1
        self._text = step.text
        if step.text:
            await self._send(sm.agent_response(step.text, self._event_id))
        assert self._output is not None
        payload = sound.turn(step, self._script.output_format)
        size = max(1, round(step.chunk * self._output.rate)) * self._output.width
        for start in range(0, len(payload), size):
            await self._send(sm.audio(payload[start : start + size], self._event_id))
        seconds = len(payload) / (self._output.rate * self._output.width)
        self._playing_until = max(time.monotonic(), self._playing_until) + self._real(seconds)
        if step.wait:
            await asyncio.sleep(self._playing_until - time.monotonic())

    async def _hear(self, seconds: float) -> None:
        assert self._seen.audio is not None
        enough = self._seen.audio.seconds + seconds
        while self._seen.audio.seconds < enough:
            self._heard.clear()
            await self._heard.wait()

    async def _interrupt(self, step: Step) -> None:
        event_id = self._event_id if step.event_id is None else step.event_id
        await self._send(sm.interruption(event_id))
        if self._text:
            await self._send(sm.correction(self._text, step.text, event_id))
        self._playing_until = time.monotonic()

    async def _call_tool(self, step: Step) -> None:
        call_id = step.text or f"call_{secrets.token_hex(4)}"
        self._expected.tool_calls.add(call_id)
        self._tools_done.clear()
        await self._send(sm.tool_call(step.name, call_id, step.body or {}, self._event_id))
        if step.wait:
            await self._tools_done.wait()

    # ---- taking turns with a caller ----

    async def _take_turns(self) -> None:
        """Say one sentence after the other, each when the caller has finished; then hang up."""
        *sentences, farewell = self._script.turns
        for number, (text, wav) in enumerate(sentences):
            self._listening.forget()
            await self._say(Step("say", text, wav=wav))
            await self._until_played(_INTERRUPTING if number else _INTERRUPTING_GREETING)
            await self._until_caller_is_done()
        await self._say(Step("say", farewell[0], wav=farewell[1]))
        await self.perform(Step("end"))

    async def _until_played(self, interrupting: float) -> None:
        while (left := self._playing_until - time.monotonic()) > 0:
            await self._next_audio(left)
            if self._listening.speech >= interrupting:
                await self._interrupt(Step("interrupt", text=self._spoken()))
                return

    def _spoken(self) -> str:
        """What was said of the running sentence, word for word."""
        words = self._text.split()
        left = max(0.0, self._playing_until - time.monotonic())
        return " ".join(words[: max(0, len(words) - round(2.5 * left))])

    async def _until_caller_is_done(self) -> None:
        patience = time.monotonic() + self._real(_PATIENCE)
        while not (self._listening.heard and self._listening.silence >= _TURN_SILENCE):
            left = patience - time.monotonic()
            if left <= 0 and not self._listening.speech:
                return
            await self._next_audio(max(left, 0.1))

    async def _next_audio(self, limit: float) -> None:
        self._heard.clear()
        try:
            async with asyncio.timeout(limit):
                await self._heard.wait()
        except TimeoutError:
            pass


def _kind(message: dict[str, Any] | Violation) -> str:
    if isinstance(message, Violation):
        return "broken"
    return "audio" if "user_audio_chunk" in message else str(message.get("type", ""))[:60]


def _raw(step: Step) -> str | bytes:
    if step.binary:
        return bytes.fromhex(step.binary)
    return step.text if step.body is None else json.dumps(step.body)
