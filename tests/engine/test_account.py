"""The agent and the subscription read over REST, and what is said of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from console.agent.account import (
    Account,
    AgentSettings,
    Subscription,
    agent_settings,
    no_agent_there,
    read_account,
    subscription_of,
)
from console.agent.account_findings import (
    agent_facts,
    agent_findings,
    subscription_facts,
    subscription_findings,
)
from console.agent.rest import ElevenLabsRest
from console.core.finding import Finding, Severity
from console.demo.conversation.rest_account import AccountScript
from console.demo.conversation.script import RestAnswer, Script, Setup
from console.demo.conversation_server import ConversationServer

KEY = "a-key-that-must-never-be-shown"
TLS = httpx.create_ssl_context()
MISSING = {"detail": {"status": "missing_permissions", "message": "The API key lacks convai_read"}}
TOOLS = frozenset({"send_dtmf", "transfer_call", "hang_up", "note"})


async def read(
    key: str = KEY, agent_id: str = "agent", limit: float = 5.0, script: Script | None = None, **account: Any
) -> Account:
    """The account as it is read from a server with this script."""
    setup = Setup(api_key=KEY, agents={"agent": script or Script()}, account=asdict(AccountScript(**account)))
    async with ConversationServer(setup) as server:
        rest = ElevenLabsRest(server.url, key, tls=TLS, limit=limit)
        try:
            return await read_account(rest, agent_id)
        finally:
            await rest.aclose()


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


PAGE = (RestAnswer(text="<html>"),)


@pytest.mark.parametrize(
    ("answers", "trouble"),
    [
        ({}, ""),
        ({"agent": (RestAnswer(status=503),)}, ""),
        ({"agent": PAGE, "subscription": PAGE}, "else than JSON"),
        ({"agent": (RestAnswer(status=401, body=MISSING),)}, ""),
    ],
    ids=["well", "agent busy", "not ElevenLabs", "restricted key"],
)
async def test_whether_a_call_would_find_an_agent(
    answers: dict[str, tuple[RestAnswer, ...]], trouble: str
) -> None:
    said = no_agent_there(await read(answers=answers))
    assert trouble in said
    assert bool(trouble) == bool(said)


async def test_a_call_would_find_no_agent_with_a_wrong_key_or_name_or_nobody_there() -> None:
    assert "refused the API key" in no_agent_there(await read(key="wrong"))
    assert "does not know this agent" in no_agent_there(await read(agent_id="nobody"))
    rest = ElevenLabsRest("http://127.0.0.1:1", KEY, tls=TLS, limit=5.0)
    assert "127.0.0.1 cannot be reached" in no_agent_there(await read_account(rest, "agent"))
    await rest.aclose()


async def test_an_agent_in_order_has_no_finding() -> None:
    account = await read(script=Script(input_format="ulaw_8000", output_format="pcm_16000"))
    assert account.agent is not None
    assert account.subscription is not None
    assert account.agent.input_format == "ulaw_8000"
    assert account.agent.tools == TOOLS | {"end_call"}
    assert account.agent.tools_complete
    assert account.agent.overrides == {"conversation.text_only"}
    assert agent_findings(account.agent, call_seconds=600, client_tools=TOOLS) == ()
    assert subscription_findings(account.subscription) == ()
    assert account.subscription.remaining == 99_000
    assert "private" in agent_facts(account.agent)
    assert "99,000 of 100,000 credits left" in subscription_facts(account.subscription)


CONFIG = "conversation_config"
PLATFORM = "platform_settings"


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({CONFIG: {"asr": {"user_input_audio_format": "mp3_44100"}}}, "agent.input-format", "problem"),
        ({CONFIG: {"tts": {"agent_output_audio_format": "opus_1"}}}, "agent.output-format", "problem"),
        (
            {CONFIG: {"tts": {"agent_output_audio_format": "pcm_44100"}}},
            "agent.output-format-unusual",
            "note",
        ),
        ({CONFIG: {"conversation": {"text_only": True}}}, "agent.text-only", "problem"),
        (
            {
                CONFIG: {
                    "conversation": {
                        "client_events": ["audio", "user_transcript", "agent_response", "client_tool_call"]
                    }
                }
            },
            "agent.no-interruption",
            "warning",
        ),
        (
            {CONFIG: {"conversation": {"client_events": ["interruption", "audio", "client_tool_call"]}}},
            "agent.no-transcript",
            "warning",
        ),
        (
            {
                CONFIG: {
                    "conversation": {
                        "client_events": ["audio", "interruption", "user_transcript", "agent_response"]
                    }
                }
            },
            "agent.tools-unheard",
            "warning",
        ),
        ({CONFIG: {"turn": {"silence_end_call_timeout": -1}}}, "agent.endless-silence", "warning"),
        ({CONFIG: {"conversation": {"max_duration_seconds": 180}}}, "agent.short-calls", "note"),
        ({CONFIG: {"tts": {"model_id": "eleven_v3"}}}, "agent.slow-voice", "note"),
        ({PLATFORM: {"auth": {"enable_auth": False}}}, "agent.public", "warning"),
        (
            {PLATFORM: {"auth": {"allowlist": [{"hostname": "x.org"}], "require_origin_header": True}}},
            "agent.origin",
            "problem",
        ),
        ({PLATFORM: {"call_limits": {"bursting_enabled": True}}}, "agent.bursting", "note"),
        (
            {CONFIG: {"agent": {"prompt": {"tools": [{"name": "note"}, {"name": "hang_up"}]}}}},
            "agent.unused-tools",
            "note",
        ),
    ],
)
async def test_each_fault_of_an_agent_is_found(changes: dict[str, Any], code: str, severity: str) -> None:
    account = await read(agent=changes)
    assert account.agent is not None
    findings = agent_findings(account.agent, call_seconds=600, client_tools=TOOLS)
    assert codes(findings) == [code]
    assert findings[0].severity is Severity(severity)
    for sentence in (findings[0].text, findings[0].remedy):
        assert sentence.endswith(".")


async def test_no_audio_among_the_client_events() -> None:
    account = await read(agent={CONFIG: {"conversation": {"client_events": []}}})
    assert account.agent is not None
    assert "agent.no-audio" in codes(agent_findings(account.agent, call_seconds=600))


async def test_an_agent_that_cannot_end_a_call() -> None:
    prompt = {"tools": [], "built_in_tools": {"end_call": None}}
    account = await read(agent={CONFIG: {"agent": {"prompt": prompt}}})
    assert account.agent is not None
    assert codes(agent_findings(account.agent, call_seconds=600)) == ["agent.cannot-end"]


async def test_tools_that_are_bare_ids_are_unknown() -> None:
    prompt = {"tools": [], "tool_ids": ["tool_1"], "built_in_tools": {"end_call": None}}
    account = await read(agent={CONFIG: {"agent": {"prompt": prompt}}})
    assert account.agent is not None
    assert not account.agent.tools_complete
    assert agent_findings(account.agent, call_seconds=600, client_tools=TOOLS) == ()


async def test_an_override_that_is_not_allowed() -> None:
    account = await read()
    assert account.agent is not None
    sent = frozenset({"agent.first_message", "conversation.text_only"})
    findings = agent_findings(account.agent, call_seconds=600, sent_overrides=sent)
    assert codes(findings) == ["agent.override"]
    assert "agent.first_message" in findings[0].text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"character_count": 100_000}, "credits.none"),
        ({"character_count": 120_000, "max_credit_limit_extension": 20_000}, "credits.none"),
        ({"character_count": 99_000}, "credits.low"),
        ({"status": "past_due"}, "credits.unpaid"),
    ],
)
async def test_each_fault_of_a_subscription_is_found(changes: dict[str, Any], code: str) -> None:
    account = await read(subscription=changes)
    assert account.subscription is not None
    findings = subscription_findings(account.subscription)
    assert codes(findings) == [code]
    assert account.subscription.known_empty is (code == "credits.none")


@pytest.mark.parametrize(
    "changes",
    [
        {"character_count": 200_000, "max_credit_limit_extension": "unlimited"},
        {"character_count": 110_000, "max_credit_limit_extension": 20_000},
        {"character_count": 200_000, "max_credit_limit_extension": None},
        {"character_count": None},
        {"character_limit": "many"},
    ],
)
async def test_credits_that_may_be_there_never_count_as_gone(changes: dict[str, Any]) -> None:
    account = await read(subscription=changes)
    assert account.subscription is not None
    assert not account.subscription.known_empty
    assert "credits.none" not in codes(subscription_findings(account.subscription))


async def test_the_older_field_of_the_extension() -> None:
    assert subscription_of({"allowed_to_extend_character_limit": False}).extension == 0
    assert subscription_of({"max_character_limit_extension": 5}).extension == 5
    assert subscription_of({}).extension is None


async def test_a_key_that_may_not_ask_for_credits_leaves_them_unknown() -> None:
    refused = RestAnswer(401, {"detail": {"status": "missing_permissions", "message": "user_read"}})
    account = await read(answers={"subscription": (refused,)})
    assert account.agent is not None
    assert account.subscription is None
    assert account.subscription_error is not None
    assert account.subscription_error.detail == "missing_permissions"


@pytest.mark.parametrize(
    "answer",
    [
        RestAnswer(503, text="<html>"),
        RestAnswer(200, text="<html>"),
        RestAnswer(200, [1]),
        RestAnswer(500, delay=60.0),
    ],
)
async def test_nothing_blocks_when_rest_is_down(answer: RestAnswer) -> None:
    async with asyncio.timeout(30):
        account = await read(limit=1.0, answers={"agent": (answer,), "subscription": (answer,)})
    assert account.agent is None
    assert account.subscription is None
    assert str(account.agent_error).endswith(".")


async def test_an_unknown_agent_and_a_wrong_key() -> None:
    assert (await read(agent_id="a/../b")).agent_error is not None
    wrong = await read(key="wrong")
    assert wrong.agent_error is not None
    assert wrong.agent_error.status == 401


@pytest.mark.parametrize(
    "junk", [None, 7, "x", [], {"conversation_config": 7}, {"conversation_config": {"agent": []}}]
)
@pytest.mark.parametrize("reader", [agent_settings, subscription_of])
def test_anything_can_be_read_and_gives_no_finding(
    reader: Callable[[object], AgentSettings | Subscription], junk: object
) -> None:
    found = reader(junk)
    if isinstance(found, AgentSettings):
        assert agent_findings(found, call_seconds=600, client_tools=TOOLS) == ()
        assert agent_facts(found)
    else:
        assert subscription_findings(found) == ()
        assert subscription_facts(found) == ()


def test_foreign_text_is_cleaned() -> None:
    found = agent_settings({"name": "\x1b[31mred", "conversation_config": {"tts": {"model_id": "a\nb"}}})
    assert (found.name, found.tts_model) == ("red", "a b")


@pytest.mark.parametrize("when", [10**18, -(10**18), 0])
def test_times_that_are_none(when: int) -> None:
    assert subscription_facts(Subscription(resets_at=when)) == ()
