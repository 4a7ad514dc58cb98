"""What the conversation server answers over REST beside signed URLs: an agent's settings, the subscription,
and conversations that have ended. Documents are complete and in order; a script changes what a test wants.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .record import Record, Seen
from .script import RestAnswer, Script

AGENTS = "/v1/convai/agents/"
CONVERSATIONS = "/v1/convai/conversations/"
SUBSCRIPTION = "/v1/user/subscription"
CREDITS_PER_MINUTE = 400

_DEFAULT_AGENT: dict[str, Any] = {
    "name": "Demo",
    "conversation_config": {
        "asr": {"quality": "high", "provider": "elevenlabs"},
        "turn": {"turn_timeout": 7.0, "silence_end_call_timeout": 20.0, "mode": "turn"},
        "tts": {"model_id": "eleven_flash_v2", "voice_id": "voice_demo"},
        "conversation": {
            "text_only": False,
            "max_duration_seconds": 600,
            "client_events": [
                *("conversation_initiation_metadata", "ping", "audio", "interruption", "user_transcript"),
                *("agent_response", "agent_response_correction", "client_tool_call", "agent_tool_response"),
                *("agent_response_complete", "client_error", "guardrail_triggered"),
            ],
        },
        "agent": {
            "prompt": {
                "tools": [
                    {"type": "client", "name": name}
                    for name in ("send_dtmf", "transfer_call", "hang_up", "note")
                ],
                "tool_ids": [],
                "built_in_tools": {"end_call": {"type": "system", "name": "end_call"}, "skip_turn": None},
            }
        },
    },
    "platform_settings": {
        "auth": {"allowlist": [], "require_origin_header": False},
        "call_limits": {
            "agent_concurrency_limit": -1,
            "daily_limit": 100_000,
            "bursting_enabled": False,
        },
        "queueing_config": {"enabled": True, "wait_timeout_seconds": 180},
        "overrides": {"conversation_config_override": {"conversation": {"text_only": True}}},
    },
}


@dataclass(frozen=True, slots=True)
class AccountScript:
    """What differs from an account in order.

    `agent`, `subscription`, `conversation`: laid over the documents, at every depth; null removes a value.
    `answers`: kind (`agent`, `subscription`, `conversation`) -> answers to the first requests of it; with
    `always`, the last of them to all further ones too. `processing`: how often a conversation that has ended
    is still being processed; `costless`: how often after that its cost is not known yet.
    """

    agent: Mapping[str, Any] = field(default_factory=dict)
    subscription: Mapping[str, Any] = field(default_factory=dict)
    conversation: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, tuple[RestAnswer, ...]] = field(default_factory=dict)
    always: bool = False
    processing: int = 1
    costless: int = 0

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> AccountScript:
        """From JSON; `ValueError` or `TypeError` for what is not a script."""
        if unknown := set(given) - {f.name for f in fields(cls)}:
            raise ValueError(f"unknown in an account: {', '.join(sorted(unknown))}")
        answers = {
            kind: tuple(a if isinstance(a, RestAnswer) else RestAnswer(**a) for a in listed)
            for kind, listed in given.get("answers", {}).items()
        }
        return cls(**{**given, "answers": answers})


class RestAccount:
    """Answers `GET` requests for one server; whether they may be asked has been checked before."""

    def __init__(self, script: AccountScript, record: Record) -> None:
        self._script = script
        self._record = record
        self._answers = {kind: list(answers) for kind, answers in script.answers.items()}
        self._asked: dict[str, int] = {}

    @staticmethod
    def kind(path: str) -> str:
        """`agent`, `subscription` or `conversation`; empty: not a question for this."""
        if path == SUBSCRIPTION:
            return "subscription"
        for prefix, kind in ((AGENTS, "agent"), (CONVERSATIONS, "conversation")):
            if path.startswith(prefix) and "/" not in path.removeprefix(prefix):
                return kind
        return ""

    def scripted(self, kind: str) -> RestAnswer | None:
        """The answer that the script gives instead of a document, if it is its turn."""
        waiting = self._answers.get(kind)
        if not waiting:
            return None
        return waiting[0] if self._script.always and len(waiting) == 1 else waiting.pop(0)

    def document(self, path: str, scripts: Mapping[str, Script]) -> RestAnswer:
        """The document at this path."""
        match self.kind(path):
            case "subscription":
                return RestAnswer(200, _laid_over(_subscription(), self._script.subscription))
            case "agent":
                agent_id = path.removeprefix(AGENTS)
                script = scripts.get(agent_id)
                if script is None:
                    return _missing("agent_not_found", f"Agent with id {agent_id} not found")
                return RestAnswer(200, _laid_over(_agent(agent_id, script), self._script.agent))
        return self._conversation(path.removeprefix(CONVERSATIONS))

    def _conversation(self, conversation_id: str) -> RestAnswer:
        seen = next((c for c in self._record.conversations if c.conversation_id == conversation_id), None)
        if seen is None or not conversation_id:
            return _missing("conversation_not_found", f"Conversation {conversation_id} not found")
        if seen.closed is None:
            return RestAnswer(200, _ended(seen, "in-progress", costs=False))
        asked = self._asked[conversation_id] = self._asked.get(conversation_id, 0) + 1
        if asked <= self._script.processing:
            return RestAnswer(200, _ended(seen, "processing", costs=False))
        costs = asked > self._script.processing + self._script.costless
        return RestAnswer(200, _laid_over(_ended(seen, "done", costs), self._script.conversation))


def _missing(status: str, message: str) -> RestAnswer:
    return RestAnswer(404, {"detail": {"status": status, "message": message}})


def _agent(agent_id: str, script: Script) -> dict[str, Any]:
    document = copy.deepcopy(_DEFAULT_AGENT)
    config = document["conversation_config"]
    config["asr"]["user_input_audio_format"] = script.input_format
    config["tts"]["agent_output_audio_format"] = script.output_format
    document["platform_settings"]["auth"]["enable_auth"] = script.private
    return {"agent_id": agent_id, **document}


def _subscription() -> dict[str, Any]:
    return {
        "tier": "creator",
        "status": "active",
        "character_count": 1_000,
        "character_limit": 100_000,
        "next_character_count_reset_unix": int(time.time()) + 20 * 86_400,
        "can_extend_character_limit": False,
        "max_credit_limit_extension": 0,
        "current_overage": {"amount": "0", "currency": "usd"},
        "currency": "usd",
    }


def _ended(seen: Seen, status: str, costs: bool) -> dict[str, Any]:
    seconds = round((seen.closed or time.time()) - seen.opened)
    spent = round(seconds / 60 * CREDITS_PER_MINUTE)
    done = status == "done"
    return {
        "conversation_id": seen.conversation_id,
        "agent_id": seen.agent_id,
        "status": status,
        "transcript": [],
        "metadata": {
            "start_time_unix_secs": int(seen.opened),
            "call_duration_secs": seconds,
            "queue_wait_secs": 0,
            "cost": spent if costs else None,
            "cost_fiat": round(spent * 0.0002, 4) if costs else None,
            "charging": {"is_burst": False, "tier": "creator", "call_charge": spent} if costs else None,
            "termination_reason": _reason(seen) if done else "",
            "error": None,
        },
        "analysis": {
            "call_successful": "success",
            "transcript_summary": "The agent and the callee talked.",
            "call_summary_title": "A talk",
        }
        if done
        else None,
    }


def _reason(seen: Seen) -> str:
    if seen.closed_by == "client":
        return "Client disconnected: 1000"
    return "Agent ended the call" if seen.close_code == 1000 else f"Closed with {seen.close_code}"


def _laid_over(document: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(document)
    for name, change in changes.items():
        before = result.get(name)
        if change is None:
            result.pop(name, None)
        elif isinstance(change, Mapping) and isinstance(before, dict):
            result[name] = _laid_over(before, change)
        else:
            result[name] = json.loads(json.dumps(change))
    return result
