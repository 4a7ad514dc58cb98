"""The audio of one call between the phone and the AI session, each way in steps of some 20 ms.

How the engine uses it, all on its loop:

    bridge = Bridge(call, None, emit, clock)        when the call begins; a session needs it as its `media`
    tasks.create_task(bridge.run())                 until stop()
    bridge.connect(await paths.open(call))          AudioStart; levels and ear from here on
    bridge.attach(session, number)                  AgentPrepare, for each session of the call
    bridge.answered()                               AudioAnswered
    bridge.live(...), .play(...), .interrupt()      called by the session (ports.AgentMedia)
    bridge.silence(on)                              AudioSilence
    bridge.finish(number)                           AudioFinish -> PlayoutDrained
    bridge.detach()                                 the session ended; its successor is attached later
    bridge.stop()                                   AudioStop, then paths.close(call)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from ..core.events import (
    AgentFirstAudio,
    AudioFailed,
    AudioGlitch,
    CalleeQuiet,
    CallId,
    Direction,
    PlayoutDrained,
)
from ..core.text import clean
from ..core.words import foreign_parts, phrase
from ..ports import PCM, AgentSession, AudioError, AudioPath, AudioPaths, Emit, Levels
from .beat import Beat
from .capture import Capture
from .losses import Losses
from .meter import Meter
from .outflow import Outflow
from .pcm import FRAME_SECONDS, parse_format

DEPTH_SECONDS = 0.06
"""What the phone still holds when the next frame is due: a stall of 50 ms is not heard."""

_KEEP_UP_SECONDS = 0.012  # at least between two frames toward the phone; 20 ms on average
_LOOK_SECONDS = 0.2  # between two looks for lost audio
QUIET_SECONDS = 1.2
"""Not a sound of the callee for so long is told: a line that lives has some noise."""

_LONGEST_CHUNK = 24_000
"""Bytes in one message to the agent, whole samples of every format (a quarter of a second at 48 kHz): what
was kept while the session opened is more, and goes in pieces."""

_DRAINED_AFTER = 0.1  # the path is empty for this long: the phone's own buffer has been played too
_DRAIN_LIMIT = 1.0  # beyond the audio's own length: the path has stopped taking it
_NOTHING: PCM = np.zeros(0, np.int16)


@runtime_checkable
class LossyPath(Protocol):
    """An audio path that knows when its device lost callee audio."""

    def take_lost(self) -> float:
        """Milliseconds lost since the last call."""


class Bridge:
    """Implements `ports.AgentMedia` for one call.

    `clock`: engine seconds (monotonic), also paces the frames. `path` may come later by `connect`. `depth`:
    how far the phone is written ahead, in seconds. `ear`: gets every tick's sound of both sides (`hear`).
    Errors of the path become one `AudioFailed`; the agent then still gets silence until the call ends.
    """

    def __init__(
        self,
        call: CallId,
        path: AudioPath | None,
        emit: Emit,
        clock: Callable[[], float],
        depth: float = DEPTH_SECONDS,
        ear: AudioPaths | None = None,
    ) -> None:
        self._call = call
        self._path = path
        self._emit = emit
        self._clock = clock
        self._depth = depth
        self._ear = ear
        self._broken = False
        self._stopped = False
        self._silenced = False
        self._session: AgentSession | None = None
        self._number = 0
        self._first_audio_due = False
        self._capture = Capture()
        self._heard: list[PCM] = []
        self._kept_up_at = float("-inf")
        self._is_answered = False
        self._sound_at = 0.0
        self._quiet = False
        self._outflow: Outflow | None = None
        self._handed: list[PCM] = []
        self._meters = {Direction.IN: Meter(), Direction.OUT: Meter()}
        self._losses = {Direction.IN: Losses(), Direction.OUT: Losses()}
        self._underruns = 0
        self._finishing: int | None = None
        self._empty_since: float | None = None
        self._drain_by = 0.0
        self._lossy: LossyPath | None = path if isinstance(path, LossyPath) else None
        self._look_at = 0.0

    # ---- the engine ----

    async def run(self) -> None:
        """Do what `tick` does until `stop()`, as soon as the phone has something new, or every 20 ms."""
        beat = Beat()
        while not self._stopped:
            came, now = self._hear(), self._clock()
            if now - self._kept_up_at >= _KEEP_UP_SECONDS and (came or beat.missed(now)):
                self._keep_up()
            period = self._path.period if self._path else FRAME_SECONDS
            await asyncio.sleep(beat.wait(came, now, period) - (self._clock() - now))

    def connect(self, path: AudioPath) -> None:
        """The audio path of the call is open."""
        self._path = path
        self._lossy = path if isinstance(path, LossyPath) else None
        self._broken = False

    def attach(self, session: AgentSession, number: int) -> None:
        """`session` is number `number` of this call; whatever was attached before gets nothing more. Agent
        audio that waits is still played; callee audio is kept again until this session is live."""
        self.detach()
        self._session = session
        self._number = number
        self._first_audio_due = True
        self._finishing = None

    def detach(self) -> None:
        """The session is over: it gets nothing more."""
        self._session = None
        if self._is_answered:
            self._capture.keep()

    def answered(self) -> None:
        """The 2xx: from now on the callee's newest second is kept until a session is live."""
        if not self._is_answered:
            self._is_answered = True
            self._sound_at = self._clock()
            self._capture.keep()

    def finish(self, session: int) -> None:
        """The agent said its last: play out what waits, then emit `PlayoutDrained` exactly once; at the
        latest 1 s after the audio's own length, whatever the path does."""
        self._finishing = session
        self._empty_since = None
        waiting = self._outflow.playout.seconds if self._outflow else 0.0
        self._drain_by = self._clock() + waiting + self._depth + _DRAIN_LIMIT

    def silence(self, on: bool) -> None:
        """Drop what the agent says, beginning with what waits; off lets it be heard again."""
        self._silenced = on
        if on:
            self.interrupt()

    def stop(self) -> None:
        """The call is over: nothing is read, sent, written or emitted any more; `run` returns."""
        if not self._stopped:
            self._look_for_losses(float("inf"))
        self._stopped = True
        self._session = None
        self._path = self._lossy = None

    def levels(self) -> Levels:
        """The numbers of this moment; from any thread."""
        callee, agent = self._meters[Direction.IN], self._meters[Direction.OUT]
        outflow = self._outflow
        return Levels(
            callee=callee.dbfs,
            agent=agent.dbfs,
            callee_speaking=callee.speaking,
            agent_speaking=agent.speaking,
            callee_since=callee.since,
            agent_since=agent.since,
            playout_ms=round(outflow.seconds(self._clock()) * 1000.0) if outflow and self._path else 0,
            underruns=self._underruns,
        )

    # ---- ports.AgentMedia ----

    def live(self, input_format: str, output_format: str) -> None:
        """The session listens: send what was kept, then what comes. `ValueError` for a format that is not one
        of `pcm.FORMATS`."""
        heard, spoken = parse_format(input_format), parse_format(output_format)
        if self._outflow is None or self._outflow.playout.format != spoken:
            self._outflow = Outflow(spoken, self._depth)
        self._send(self._capture.go_live(heard, self._clock()))

    def play(self, payload: bytes) -> None:
        """Agent audio; handed on at once as far as the depth allows."""
        if self._outflow is None or self._stopped or self._broken or self._silenced:
            return
        self._outflow.playout.push(payload)
        self._fill(self._clock(), settle=False)

    def interrupt(self) -> int:
        """Drop everything that can be recalled; returns the milliseconds dropped."""
        if self._outflow is None:
            return 0
        dropped = self._outflow.interrupt()
        if self._path is not None:
            try:
                dropped += round(self._path.flush() * 1000.0)
            except Exception as error:
                self._fail(error)
        self._handed.clear()
        return dropped

    # ---- 50 times a second ----

    def tick(self) -> None:
        """Some 20 ms of everything; `run` does the same at the right moments."""
        self._hear()
        self._keep_up()

    def _hear(self) -> bool:
        """Pass on what the callee has said since the last time; whether there was anything."""
        pcm = self._read()
        if len(pcm):
            self._heard.append(pcm)
        if self._capture.live:
            self._send(self._capture.take(self._clock()))
        return len(pcm) > 0

    def _keep_up(self) -> None:
        """The agent's voice toward the phone, and what is measured and shown."""
        now = self._kept_up_at = self._clock()
        self._fill(now, settle=True)
        callee, agent = _joined(self._heard), _joined(self._handed)
        self._miss(callee, now)
        self._meters[Direction.IN].feed(callee, now)
        self._meters[Direction.OUT].feed(agent, now)
        if self._ear is not None and self._path is not None:
            self._ear.hear(callee, agent, self._path.rate)
        self._check_drained(now)
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._look_for_losses(now)

    def _read(self) -> PCM:
        path = self._path
        if path is None:
            return _NOTHING
        try:
            pcm, rate = path.read(), path.rate
        except Exception as error:
            self._fail(error)
            return _NOTHING
        self._capture.push(pcm, rate)
        return pcm

    def _send(self, payload: bytes) -> None:
        if self._session is not None and self._is_answered:
            for start in range(0, len(payload), _LONGEST_CHUNK):
                self._session.send_audio(payload[start : start + _LONGEST_CHUNK])

    def _fill(self, now: float, settle: bool) -> None:
        path = self._path
        if path is None or self._outflow is None:
            return
        try:
            handed = self._outflow.fill(path, now, settle)
        except Exception as error:
            self._fail(error)
            return
        self._handed += handed
        if gap := self._outflow.take_gap():
            self._losses[Direction.OUT].add(gap)
            self._underruns += 1
        if handed and self._first_audio_due and self._session is not None:
            self._first_audio_due = False
            self._emit(AgentFirstAudio(self._call, self._number))

    def _fail(self, error: Exception) -> None:
        self._path = self._lossy = None
        self._broken = True
        if self._outflow is not None:
            self._outflow.interrupt()
        reason = str(error)
        if not isinstance(error, AudioError):
            reason = phrase("audio stopped: {error}", error=repr(error))
        self._emit(AudioFailed(self._call, foreign_parts(reason, clean)))

    def _miss(self, callee: PCM, now: float) -> None:
        """Tell when not even noise comes from the callee, and when something comes again."""
        if callee.any():
            self._sound_at = now
        quiet = self._is_answered and now - self._sound_at >= QUIET_SECONDS
        if quiet != self._quiet:
            self._quiet = quiet
            self._emit(CalleeQuiet(self._call, quiet))

    def _check_drained(self, now: float) -> None:
        if self._finishing is None:
            return
        if self._empty_since is None and self._is_empty():
            self._empty_since = now
        elif self._empty_since is not None and not self._is_empty():
            self._empty_since = None
        empty = self._empty_since is not None and now - self._empty_since >= _DRAINED_AFTER
        if empty or self._path is None or now >= self._drain_by:
            session, self._finishing = self._finishing, None
            self._emit(PlayoutDrained(self._call, session))

    def _is_empty(self) -> bool:
        idle = self._outflow is None or self._outflow.idle
        return idle and self._queued() <= 0.0

    def _queued(self) -> float:
        if self._path is None:
            return 0.0
        try:
            return self._path.queued()
        except Exception as error:
            self._fail(error)
            return 0.0

    def _look_for_losses(self, now: float) -> None:
        heard = self._losses[Direction.IN]
        heard.add(self._capture.take_lost())
        if self._lossy is not None:
            heard.add(self._lossy.take_lost())
        for direction, losses in self._losses.items():
            if ms := losses.due(now):
                self._emit(AudioGlitch(self._call, direction, ms))


def _joined(blocks: list[PCM]) -> PCM:
    """All of them as one; the list is empty afterwards."""
    joined = blocks[0] if len(blocks) == 1 else np.concatenate([_NOTHING, *blocks])
    blocks.clear()
    return joined
