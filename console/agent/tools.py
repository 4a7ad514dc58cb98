"""Tools that the agent may call on our side, besides the console's own in `core.tools`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..core.words import phrase


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the agent is told: always a text (JSON where there is more), and whether it is an error."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class CallContext:
    """The call in which a tool runs. `number`: of the callee, or of who calls (`incoming`); E.164 where it is
    one. `variables`: the dynamic variables given with the call."""

    call_id: str
    number: str
    incoming: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


class Tools(Protocol):
    """What a session runs client tools with."""

    async def run(self, call: CallContext, name: str, parameters: Mapping[str, Any]) -> ToolResult:
        """Run the tool `name` with what the agent gave it, beside the audio. An exception becomes an error
        result."""

    def close(self) -> None:
        """End what runs tools; called once, when no session is left."""


class NoTools:
    """Knows none."""

    async def run(self, call: CallContext, name: str, parameters: Mapping[str, Any]) -> ToolResult:
        return ToolResult(phrase("unknown tool: {name}", name=name), is_error=True)

    def close(self) -> None:
        pass
