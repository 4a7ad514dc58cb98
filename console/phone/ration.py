"""So many of something in a second, and no more. Pure."""

from __future__ import annotations


class Ration:
    """`most` in each second, counted from the first one in it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = float("-inf")
        self._taken = 0
        self._refused = 0

    def take(self, now: float) -> tuple[bool, int]:
        """Whether this one is within the ration of the second that `now` (seconds) is in; and, with the first
        one of a second, how many were refused before."""
        if now - self._since < 1.0:
            self._taken += 1
            allowed = self._taken <= self._most
            self._refused += not allowed
            return allowed, 0
        refused, self._refused = self._refused, 0
        self._since, self._taken = now, 1
        return True, refused
