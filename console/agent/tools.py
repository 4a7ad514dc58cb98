"""Tools that the agent may call on our side. A session is given a `Tools`; this is where new ones plug in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the agent is told: always a text (JSON where there is more), and whether it is an error."""

    text: str
    is_error: bool = False


class Tools(Protocol):
    """Runs the tool `name` with what the agent gave it. Runs beside the audio, for as long as it takes; an
    exception becomes an error result."""

    async def run(self, name: str, parameters: Mapping[str, Any]) -> ToolResult: ...


class NoTools:
    """Knows none."""

    async def run(self, name: str, parameters: Mapping[str, Any]) -> ToolResult:
        return ToolResult(f"unknown tool: {name}", is_error=True)
