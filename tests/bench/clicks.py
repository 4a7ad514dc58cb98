"""Clicks: 20 ms of a loud tone in silence, easy to find again behind any codec, resampler and buffer.
Pure."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from console.demo import g711
from console.demo.conversation.script import Step

HERTZ = 1000.0
SECONDS = 0.02
LOUD = 2000
"""Sample value from which something counts as a click or as the agent's voice; both peak at 9,800 or more."""

QUIET_SECONDS = 0.15
"""After so much silence the next loud sample is a new click."""

CALLEE_CLICK = g711.tone("PCMU", HERTZ, SECONDS, -6.0)
"""One packet."""


def agent_click(rate: int = 16000, seconds: float = 0.3) -> Step:
    """An audio message of `seconds` that begins with a click."""
    pcm = np.zeros(round(rate * seconds), "<i2")
    burst = np.arange(round(rate * SECONDS)) / rate
    pcm[: len(burst)] = np.rint(16000 * np.sin(2 * np.pi * HERTZ * burst))
    event = {"audio_base_64": base64.b64encode(pcm.tobytes()).decode(), "event_id": 1}
    return Step("send", body={"type": "audio", "audio_event": event})


def onsets(pcm: npt.NDArray[np.int16], rate: int) -> list[int]:
    """The first sample of each click."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) >= LOUD)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > QUIET_SECONDS * rate) + 1
    return [int(loud[0]), *(int(loud[at]) for at in breaks)]


class Onset:
    """Finds the beginning of clicks in a stream of blocks; `at`: when (monotonic)."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self._last = float("-inf")

    def feed(self, pcm: npt.NDArray[np.int16]) -> None:
        if len(pcm) and int(np.abs(pcm.astype(np.int32)).max()) >= LOUD:
            now = time.monotonic()
            if now - self._last > QUIET_SECONDS:
                self.at.append(now)
            self._last = now


def pairs(sent: Sequence[float], came: Sequence[float], what: str) -> list[tuple[float, float]]:
    """Each sent one with the one that came of it; `LookupError` when one is missing or too much."""
    if len(sent) != len(came) or any(b < a for a, b in zip(sent, came, strict=False)):
        raise LookupError(f"{what}: {len(sent)} clicks were sent and {len(came)} came")
    return list(zip(sent, came, strict=True))
