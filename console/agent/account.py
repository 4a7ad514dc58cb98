"""What ElevenLabs tells over REST about an agent and about the subscription that pays for it.

Reading is tolerant: what is missing, of another type or not permitted is None, which means unknown; nothing
here raises because of what a server answers. Fields: `GET /v1/convai/agents/{id}` and
`GET /v1/user/subscription` of the ElevenLabs API. `account_findings` judges what was read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

from ..core.events import Refusal
from ..core.words import phrase
from . import picking
from .picking import at
from .rest import ElevenLabsRest, RestError


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The settings of an agent that decide over a telephone call. None: unknown. Times in seconds."""

    agent_id: str
    name: str = ""
    input_format: str | None = None
    output_format: str | None = None
    client_events: frozenset[str] | None = None
    text_only: bool | None = None
    silence_end_call: float | None = None  # -1: a silent call never ends
    max_duration: float | None = None
    authentication: bool | None = None  # False: whoever knows the id can talk to it
    allowlist: frozenset[str] | None = None  # host names that may connect; empty: all
    require_origin: bool | None = None
    bursting: bool | None = None
    queueing: bool | None = None
    tools: frozenset[str] | None = None  # also those of ElevenLabs' own that are switched on
    tools_complete: bool = False  # False: there may be more than `tools`
    overrides: frozenset[str] | None = None  # allowed ones, as `agent.first_message`
    tts_model: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What pays. `used`, `limit` and `extension` (how far it may be exceeded; None: unknown) in credits;
    `unlimited`: an extension without end. `resets_at`: Unix seconds."""

    tier: str = ""
    status: str = ""
    used: int | None = None
    limit: int | None = None
    extension: int | None = None
    unlimited: bool = False
    resets_at: int | None = None

    @property
    def remaining(self) -> int | None:
        """Credits left before the extension; None: unknown."""
        if self.used is None or self.limit is None:
            return None
        return max(0, self.limit - self.used)

    @property
    def known_empty(self) -> bool:
        """Nothing is left and nothing can be had beyond it. False whenever that is not certain."""
        if self.unlimited or self.used is None or self.limit is None or self.extension is None:
            return False
        return self.used >= self.limit + self.extension


@dataclass(frozen=True, slots=True)
class Account:
    """What could be read. For each part either the part, or why it is unknown."""

    agent: AgentSettings | None = None
    agent_error: RestError | None = None
    subscription: Subscription | None = None
    subscription_error: RestError | None = None


async def read_account(rest: ElevenLabsRest, agent_id: str) -> Account:
    """Ask for both at once; takes as long as `rest`'s limit at most and never raises `RestError`."""
    agent, subscription = await asyncio.gather(
        _tried(rest, f"/v1/convai/agents/{quote(agent_id, safe='')}"), _tried(rest, "/v1/user/subscription")
    )
    return Account(
        agent=None if isinstance(agent, RestError) else agent_settings(agent, agent_id),
        agent_error=agent if isinstance(agent, RestError) else None,
        subscription=None if isinstance(subscription, RestError) else subscription_of(subscription),
        subscription_error=subscription if isinstance(subscription, RestError) else None,
    )


def no_agent_there(read: Account) -> str:
    """Why a call would find no agent, in a sentence: nobody answers as ElevenLabs does, or it refuses the key
    or does not know the agent. Empty otherwise; a key that may only not read these is no trouble."""
    error = read.agent_error
    if error is None or (read.subscription is not None and error.refusal is None):
        return ""
    known = error.refusal is Refusal.AGENT or error.detail in _WRONG_KEY
    return str(error) if error.status is None or known else ""


_WRONG_KEY = frozenset({"invalid_api_key"})


async def _tried(rest: ElevenLabsRest, path: str) -> object:
    """The JSON object at this path, or the `RestError`."""
    try:
        answer: object = await rest.get(path)
    except RestError as error:
        return error
    if not isinstance(answer, dict):
        return RestError(phrase("ElevenLabs answered with something that is not an object."))
    return answer


def agent_settings(document: object, agent_id: str = "") -> AgentSettings:
    """Read an answer of `GET /v1/convai/agents/{id}`."""
    config, platform = at(document, "conversation_config"), at(document, "platform_settings")
    tools, complete = _tools(at(config, "agent", "prompt"))
    return AgentSettings(
        agent_id=picking.text(at(document, "agent_id"), 80) or agent_id,
        name=picking.text(at(document, "name"), 80) or "",
        input_format=picking.text(at(config, "asr", "user_input_audio_format"), 40),
        output_format=picking.text(at(config, "tts", "agent_output_audio_format"), 40),
        client_events=picking.names(at(config, "conversation", "client_events")),
        text_only=picking.flag(at(config, "conversation", "text_only")),
        silence_end_call=picking.number(at(config, "turn", "silence_end_call_timeout")),
        max_duration=picking.number(at(config, "conversation", "max_duration_seconds")),
        authentication=picking.flag(at(platform, "auth", "enable_auth")),
        allowlist=_hosts(at(platform, "auth", "allowlist")),
        require_origin=picking.flag(at(platform, "auth", "require_origin_header")),
        bursting=picking.flag(at(platform, "call_limits", "bursting_enabled")),
        queueing=picking.flag(at(platform, "queueing_config", "enabled")),
        tools=tools,
        tools_complete=complete,
        overrides=_overrides(at(platform, "overrides", "conversation_config_override")),
        tts_model=picking.text(at(config, "tts", "model_id"), 60),
    )


def subscription_of(document: object) -> Subscription:
    """Read an answer of `GET /v1/user/subscription`."""
    extension, unlimited = _extension(document)
    return Subscription(
        tier=picking.text(at(document, "tier"), 40) or "",
        status=picking.text(at(document, "status"), 40) or "",
        used=picking.whole(at(document, "character_count")),
        limit=picking.whole(at(document, "character_limit")),
        extension=extension,
        unlimited=unlimited,
        resets_at=picking.whole(at(document, "next_character_count_reset_unix")),
    )


def _extension(document: object) -> tuple[int | None, bool]:
    """How far the limit may be exceeded, in the present field or the one before it."""
    given = at(document, "max_credit_limit_extension")
    if given is None:
        if at(document, "allowed_to_extend_character_limit") is False:
            return 0, False
        given = at(document, "max_character_limit_extension")
    return picking.whole(given), given == "unlimited"


def _hosts(value: object) -> frozenset[str] | None:
    if not isinstance(value, list):
        return None
    found = (item if isinstance(item, str) else at(item, "hostname") for item in value)
    return frozenset(picking.text(host, 80) or "?" for host in found)


def _overrides(value: object) -> frozenset[str] | None:
    return frozenset(picking.switched_on(value)) if isinstance(value, dict) else None


def _tools(prompt: object) -> tuple[frozenset[str] | None, bool]:
    """Names of the tools, and whether that is all of them: those kept in the workspace may be given as bare
    ids."""
    listed, ids, own = at(prompt, "tools"), at(prompt, "tool_ids"), at(prompt, "built_in_tools")
    if not isinstance(listed, list) and not isinstance(own, dict | list):
        return None, False
    inline = [at(tool, "name") for tool in listed] if isinstance(listed, list) else []
    if isinstance(own, dict):
        switched_on = [name for name, tool in own.items() if tool]
    else:
        switched_on = [tool for tool in own if isinstance(tool, str)] if isinstance(own, list) else []
    known = frozenset(picking.text(name, 80) or "?" for name in (*inline, *switched_on))
    return known, not ids or (isinstance(ids, list) and len(inline) >= len(ids))
