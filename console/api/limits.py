"""How much one client may ask: a token bucket each, and a bound on what a request carries."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

CLIENTS = 1024
"""Buckets kept; the longest unused go first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`body`: bytes of a request. `body_seconds`: for it to arrive. `burst`: requests at once, then `rate` a
    second. `streams`: event streams at once; `requests`: requests at once, streams included."""

    body: int = 64 * 1024
    body_seconds: float = 10.0
    burst: int = 60
    rate: float = 20.0
    streams: int = 32
    requests: int = 64


class RateLimit:
    """Token buckets, one for each client."""

    def __init__(self, burst: int, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; returns 0, or the seconds until there is one."""
        now = self._clock()
        tokens, at = self._buckets.pop(client, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[client] = (tokens if wait else tokens - 1, now)
        while len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return wait
