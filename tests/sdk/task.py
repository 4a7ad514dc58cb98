"""What a client is asked to do in one scenario, and what it tells of it; both travel as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field

KEY = "a-key-for-the-comparison"
USER = "+79123456789"


@dataclass
class Task:
    """`seconds`: when the client ends the session by itself (0: only the server does); `starts`: how many
    sessions one after the other; `mic_pause`: from and to when no caller audio comes; `ring`: seconds between
    the dial and the answer, in which a client may prepare; `tool`: what the tool `lookup` returns."""

    url: str = ""
    seconds: float = 2.0
    starts: int = 1
    mic_pause: tuple[float, float] | None = None
    ring: float = 0.0
    tool: str = "text"


@dataclass
class Told:
    """`texts`: agent turns; `handed`: bytes of agent audio given to the player, `digest` of them; `played`,
    `played_until`: by the sound card; `said`: everything that the client tells of errors and of the end;
    `asked`: when the end was asked for, `answered`: when the call was answered (monotonic); `threads`: left
    behind."""

    texts: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)
    handed: int = 0
    digest: str = ""
    formats: list[str] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    played: float = 0.0
    played_until: float = 0.0
    said: str = ""
    ended: bool = False
    asked: float = 0.0
    answered: float = 0.0
    failed_after: float = 0.0
    threads: int = 0


def read_task() -> Task:
    return Task(**json.loads(sys.argv[1]))


def tell(told: Told) -> None:
    print(json.dumps(asdict(told)), flush=True)
