"""What one live conversation makes of each server message; no sockets, no clock.

Audio goes to `AgentMedia`, answers go to the `Outbox`, everything else becomes an event of `core.events`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..audio.pcm import FORMATS, AudioFormat
from ..core import events as ev
from ..core.events import Direction, Refusal, Role
from ..core.text import clean
from ..core.words import foreign_parts, phrase
from ..ports import AgentMedia, Emit, SessionRequest
from . import messages as m
from .outbox import Outbox
from .parsing import parse

AUDIO_SECONDS = 1.5
"""Callee audio that may wait: the second kept before the metadata, and half a second of catching up."""

_TRANSCRIPT_LIMIT = 4000
_ERRORS_SHOWN = 20
_IGNORED_SHOWN = 50
_IGNORED_STEP = 100


class UnsupportedFormat(Exception):
    """The agent speaks or hears a format that nobody documents; the message is one sentence."""


class Conversation:
    """The state of one conversation from the 101 on. `redact` takes secrets out of foreign text;
    `run_tool` starts a tool that answers through the outbox."""

    def __init__(
        self,
        request: SessionRequest,
        context: str,
        media: AgentMedia,
        emit: Emit,
        outbox: Outbox,
        run_tool: Callable[[m.ToolCall], None],
        redact: Callable[[str], str],
    ) -> None:
        self.live = False
        self.last_error: m.ServerError | None = None
        self.queue_timed_out = False
        self.stale_bytes = 0
        self._request = request
        self._context = context
        self._media = media
        self._emit = emit
        self._outbox = outbox
        self._run_tool = run_tool
        self._redact = redact
        self._input: AudioFormat | None = None
        self._output: AudioFormat | None = None
        self._last_interrupt: int | None = None
        self._event_id: int | None = None
        self._spare = b""
        self._ignored = 0
        self._errors = 0
        self._tool_calls: set[str] = set()

    def take(self, frame: str | bytes) -> None:
        """One frame of the server; raises `UnsupportedFormat` only."""
        match parse(frame):
            case m.Ping(event_id):
                self._outbox.put(m.pong(event_id))
            case m.Audio() as audio:
                self._audio(audio)
            case m.Interruption(event_id):
                self._interruption(event_id)
            case m.Metadata() as metadata:
                self._metadata(metadata)
            case m.UserTranscript(text, final):
                self._transcript(Role.USER, text, final)
            case m.AgentResponse(text):
                self.last_error = None
                self._transcript(Role.AGENT, text)
            case m.AgentCorrection(_, corrected):
                self._transcript(Role.AGENT, corrected, corrected=True)
            case m.ToolCall() as call:
                self._tool_call(call)
            case m.ToolDone() as done:
                self._tool_done(done)
            case m.McpToolCall(name, _, "awaiting_approval"):
                self.ignore(
                    phrase(
                        "the agent waits for an approval of {name}, which the console never gives", name=name
                    )
                )
            case m.Queue(state):
                self.queue_timed_out = state is ev.QueueState.TIMED_OUT
                self._emit(ev.AgentQueue(self._request.call, self._request.session, state))
            case m.ServerError() as error:
                self._error(error)
            case m.Guardrail(name):
                self._error(m.ServerError(None, "guardrail_triggered", name))
            case m.DtmfRequest(raw):
                self.ignore(f"dtmf_request: {raw}")
            case m.Unknown(why):
                self.ignore(why)
            case _:
                pass

    def hear(self, payload: bytes) -> None:
        """Callee audio in the input format, for the agent."""
        if self.live:
            self._outbox.put_audio(payload)

    def sent_audio(self) -> None:
        """The outbox is empty again: tell how much had to be dropped meanwhile."""
        dropped = self._outbox.take_dropped()
        if dropped and self._input is not None:
            ms = round(1000 * dropped / (self._input.rate * self._input.width))
            self._emit(ev.AudioGlitch(self._request.call, Direction.IN, ms))

    def say(self, text: str, limit: int = 200) -> str:
        """Foreign text, fit to be shown and logged."""
        return clean(self._redact(text), limit)

    def ignore(self, why: str) -> None:
        """Show what was not understood; not every frame of a far side that sends nothing else."""
        self._ignored += 1
        if self._ignored <= _IGNORED_SHOWN or self._ignored % _IGNORED_STEP == 0:
            why = foreign_parts(why, self.say)
            if self._ignored > _IGNORED_SHOWN:
                why = phrase("{why} ({count} in all)", why=why, count=self._ignored)
            self._emit(ev.Ignored("agent", why, self._request.call))

    def refusal(self, code: int, classified: Refusal | None) -> Refusal | None:
        """With what this conversation knows besides code and words: a wait in the queue that ran out is
        busy under whatever code (3008 and 4300 have been reported)."""
        return Refusal.BUSY if self.queue_timed_out and code != 1000 else classified

    # ---- one method for each kind ----

    def _metadata(self, metadata: m.Metadata) -> None:
        if self.live:
            self.ignore(phrase("a second conversation_initiation_metadata"))
            return
        self._input = self._format("user input", metadata.input_format)
        self._output = self._format("output", metadata.output_format)
        self._outbox.audio_limit = int(AUDIO_SECONDS * self._input.rate * self._input.width)
        self.live = True
        if self._context:
            self._outbox.put(m.contextual_update(self._context))
        self._media.live(metadata.input_format, metadata.output_format)
        request = self._request
        conversation_id = self.say(metadata.conversation_id, 100)
        formats = metadata.input_format, metadata.output_format
        self._emit(ev.AgentLive(request.call, request.session, conversation_id, *formats))

    def _format(self, which: str, name: str) -> AudioFormat:
        if name not in FORMATS:
            raise UnsupportedFormat(
                phrase(
                    "the agent's {which} audio format {name!r} is not known; choose pcm_16000 or ulaw_8000 "
                    "in the agent's settings",
                    which=which,
                    name=self.say(name, 40),
                )
            )
        return FORMATS[name]

    def _audio(self, audio: m.Audio) -> None:
        if self._output is None:
            self.ignore(phrase("audio before the metadata"))
            return
        if self._is_stale(audio.event_id):
            self.stale_bytes += len(audio.payload)
            return
        if audio.event_id != self._event_id:
            # A byte left over from another turn would turn the whole next one into noise.
            self._spare = b""
            self._event_id = audio.event_id
        payload = self._spare + audio.payload
        whole = len(payload) - len(payload) % self._output.width
        self._spare = payload[whole:]
        if whole:
            self._media.play(payload[:whole])

    def _is_stale(self, event_id: int | None) -> bool:
        return event_id is not None and self._last_interrupt is not None and event_id <= self._last_interrupt

    def _interruption(self, event_id: int | None) -> None:
        if not self.live:
            return
        if self._is_stale(event_id):
            # About a turn that has been dropped already; what plays now is a later one.
            return
        known = [i for i in (self._last_interrupt, self._event_id) if i is not None]
        self._last_interrupt = event_id if event_id is not None else max(known, default=None)
        self._spare = b""
        dropped_ms = self._media.interrupt()
        self._emit(ev.AgentInterrupted(self._request.call, self._request.session, dropped_ms))

    def _transcript(self, role: Role, text: str, final: bool = True, corrected: bool = False) -> None:
        text = self.say(text, _TRANSCRIPT_LIMIT)
        if text or corrected:
            request = self._request
            self._emit(ev.AgentTranscript(request.call, request.session, role, text, final, corrected))

    def _tool_call(self, call: m.ToolCall) -> None:
        if call.call_id in self._tool_calls:
            self.ignore(phrase("a repeated call of tool {name}", name=call.name))
            return
        self._tool_calls.add(call.call_id)
        self._run_tool(call)

    def _tool_done(self, done: m.ToolDone) -> None:
        if done.call_id not in self._tool_calls:
            self.tool_used(done.name, not done.is_error)

    def tool_used(self, name: str, ok: bool) -> None:
        self._emit(ev.AgentToolUsed(self._request.call, self._request.session, self.say(name, 60), ok))

    def _error(self, error: m.ServerError) -> None:
        self.last_error = error
        self._errors += 1
        parts = [str(error.code) if error.code is not None else "", error.name, error.text]
        text = self.say(" ".join(part for part in parts if part), 400) or phrase("no details")
        if self._errors > _ERRORS_SHOWN:
            self.ignore(phrase("one more error from ElevenLabs: {text}", text=text))
        else:
            self._emit(ev.AgentTrouble(self._request.call, self._request.session, text))
