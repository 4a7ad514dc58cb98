"""What the screen is told at its start, as plain values."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Offer(NamedTuple):
    """Somebody who answers on a built-in line. `does`: a sentence without its subject."""

    number: str
    name: str
    does: str


@dataclass(frozen=True, slots=True)
class ScreenOptions:
    """`account`: `user@domain` as shown. `agent`: its name if known. `offers`: who answers on a
    built-in line, listed under the recent numbers; `number` stands in the field at the start.
    `api`: where the HTTP API listens, or a word for that it does not.
    `watching`: another console works, and this one only looks on.
    `clock`: monotonic seconds; `wall`: Unix seconds."""

    account: str = ""
    agent: str = ""
    demo: bool = False
    offers: tuple[Offer, ...] = ()
    number: str = ""
    sounds: bool = True
    api: str = ""
    watching: bool = False
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
