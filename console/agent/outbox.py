"""What waits for the socket of a conversation: control messages first, then callee audio, bounded; pure."""

from __future__ import annotations

from collections import deque

_MESSAGES = 1000
"""Control messages that may wait; only a far side that floods a stalled connection reaches this."""


class Outbox:
    """Messages leave before audio, each kind in order. At most `audio_limit` bytes of audio wait: what is
    too old is dropped, so that after a stall the agent hears the callee of now, not of then."""

    def __init__(self) -> None:
        self.audio_limit = 0
        self.audio_bytes = 0
        self.dropped_bytes = 0
        self._messages: deque[str] = deque(maxlen=_MESSAGES)
        self._audio: deque[bytes] = deque()

    def put(self, message: str) -> None:
        self._messages.append(message)

    def put_audio(self, payload: bytes) -> None:
        self._audio.append(payload)
        self.audio_bytes += len(payload)
        while self.audio_bytes > self.audio_limit:
            oldest = self._audio.popleft()
            self.audio_bytes -= len(oldest)
            self.dropped_bytes += len(oldest)

    def take(self) -> str | bytes | None:
        """The next thing to send: a message, or the payload of audio; None: nothing waits."""
        if self._messages:
            return self._messages.popleft()
        if self._audio:
            payload = self._audio.popleft()
            self.audio_bytes -= len(payload)
            return payload
        return None

    def take_dropped(self) -> int:
        """Bytes of audio dropped since this was last asked."""
        dropped, self.dropped_bytes = self.dropped_bytes, 0
        return dropped
