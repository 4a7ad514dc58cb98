"""When clicks pass the seams inside the console: its methods are wrapped, in the benchmark's process only, so
the program itself carries nothing for it.

Toward the AI: `read` (the bridge has it from the phone), `sent` (the bridge gave it to the session). Toward
the callee: `played` (the session gave it to the bridge), `written` (the bridge gave it to the phone),
`device` (the external engine: the playback thread gave it to the sound server)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from console.agent.session import ElevenLabsSession
from console.audio.bridge import Bridge
from tests.bench.clicks import Onset


def trace(engine: str) -> dict[str, Onset]:
    """From now on note when clicks pass."""
    stages = {
        "sent": _given(ElevenLabsSession, "send_audio", _pcm),
        "played": _given(Bridge, "play", _pcm),
    }
    path: type
    if engine == "embedded":
        from console.phone.embedded_audio import MemoryPath as path
    else:
        from console.audio.devices import DevicePath as path
        from console.audio.streams import PlaybackStream

        stages["device"] = _got(PlaybackStream, "_next")
    stages["read"] = _got(path, "read")
    stages["written"] = _given(path, "write", lambda pcm: pcm)
    return stages


def _given(owner: type, name: str, samples: Callable[[Any], Any]) -> Onset:
    """Clicks in the argument, before the method works."""
    onset, work = Onset(), getattr(owner, name)

    def noted(self: Any, argument: Any) -> Any:
        onset.feed(samples(argument))
        return work(self, argument)

    setattr(owner, name, noted)
    return onset


def _got(owner: type, name: str) -> Onset:
    """Clicks in the result."""
    onset, work = Onset(), getattr(owner, name)

    def noted(self: Any) -> Any:
        result = work(self)
        if result is not None:
            onset.feed(result)
        return result

    setattr(owner, name, noted)
    return onset


def _pcm(payload: bytes) -> Any:
    return np.frombuffer(payload[: len(payload) & ~1], "<i2")
