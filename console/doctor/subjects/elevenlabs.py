"""ElevenLabs: key, scope, region, agent, its settings, and credits. Nothing here is billed."""

from __future__ import annotations

import asyncio

import httpx

from ...agent.account import Account, read_account
from ...agent.account_findings import agent_facts, agent_findings, subscription_facts, subscription_findings
from ...agent.rest import ElevenLabsRest, RestError
from ...core.events import Refusal
from ...core.finding import Finding, note, problem
from ...core.tools import TOOLS
from ...core.words import phrase
from ..checking import Context, Result, check

REGIONS = (
    "api.elevenlabs.io",
    "api.us.elevenlabs.io",
    "api.eu.residency.elevenlabs.io",
    "api.in.residency.elevenlabs.io",
    "api.sg.residency.elevenlabs.io",
)
_ASK_SECONDS = 5.0


@check("elevenlabs", seconds=12.0)
async def look(context: Context) -> Result:
    settings = context.settings
    agents = dict.fromkeys(filter(None, (settings.agent_id, settings.incoming_agent_id)))
    rest = ElevenLabsRest(
        settings.base_url,
        settings.api_key,
        tls=await asyncio.to_thread(httpx.create_ssl_context),
        limit=_ASK_SECONDS,
    )
    try:
        if not settings.api_key:
            seen = await _without_key(rest)
        else:
            seen = _joined([await _agent(rest, agent, context) for agent in agents])
    finally:
        await rest.aclose()
    return Result((*_region(settings.base_url), *seen.findings), seen.facts, seen.unknown)


def _region(base_url: str) -> tuple[Finding, ...]:
    host = httpx.URL(base_url).host
    if not host.endswith("elevenlabs.io") or host in REGIONS:
        return ()
    return (
        problem(
            "elevenlabs.region",
            phrase("{host} is no region of ElevenLabs.", host=host),
            phrase("Set ELEVENLABS_BASE_URL to https:// and one of {regions}.", regions=", ".join(REGIONS)),
        ),
    )


async def _without_key(rest: ElevenLabsRest) -> Result:
    """Any answer at all says that ElevenLabs can be reached."""
    try:
        await rest.get("/v1/user/subscription")
    except RestError as error:
        if error.status is None:
            return Result((_unreachable(error),))
    bare = note(
        "elevenlabs.no-key",
        phrase(
            "No API key is set: only a public agent can be used, and its settings and credits are unknown."
        ),
        phrase("Fill in ELEVENLABS_API_KEY in .env."),
    )
    return Result((bare,), unknown=(phrase("Whether there is such a public agent only a call can tell."),))


async def _agent(rest: ElevenLabsRest, agent_id: str, context: Context) -> Result:
    """Whether calls can start, then what there is to say of the agent."""
    account, refused = await asyncio.gather(read_account(rest, agent_id), _signs(rest, agent_id))
    if refused is not None and not (account.subscription and account.subscription.known_empty):
        return Result((_refused(refused, agent_id),))
    return _judged(account, context)


async def _signs(rest: ElevenLabsRest, agent_id: str) -> RestError | None:
    """Ask for what every call begins with: a signed URL."""
    try:
        await rest.conversation_url(agent_id)
    except RestError as error:
        return error
    return None


def _judged(account: Account, context: Context) -> Result:
    findings: list[Finding] = []
    facts: list[str] = []
    unknown: list[str] = []
    if account.agent:
        facts += agent_facts(account.agent)
        findings += agent_findings(
            account.agent, call_seconds=context.settings.call_seconds, client_tools=TOOLS
        )
    elif account.agent_error:
        unknown.append(phrase("The agent's settings could not be read: {why}", why=_why(account.agent_error)))
    if account.subscription:
        facts += subscription_facts(account.subscription)
        findings += subscription_findings(account.subscription)
    elif account.subscription_error:
        unknown.append(
            phrase(
                "The credits could not be read: {why}",
                why=_why(account.subscription_error),
            )
        )
    return Result(tuple(findings), tuple(facts), tuple(unknown))


def _why(error: RestError) -> str:
    if error.detail == "missing_permissions":
        return phrase("the key is not permitted to (User: read, or Agents: read).")
    return str(error)


def _refused(error: RestError, agent_id: str) -> Finding:
    if error.refusal is None and error.status is None:
        return _unreachable(error)
    if error.detail == "missing_permissions":
        return problem(
            "elevenlabs.scope",
            phrase("The API key may not start conversations."),
            phrase("Give it the Agents permission at ElevenLabs, or put another into ELEVENLABS_API_KEY."),
        )
    code, remedy = _REMEDIES.get(error.refusal, ("refused", phrase("Try again later, or ask ElevenLabs.")))
    return problem(f"elevenlabs.{code}", _what(error, agent_id), remedy)


def _what(error: RestError, agent_id: str) -> str:
    if error.refusal is Refusal.AGENT:
        return phrase("ElevenLabs does not know the agent {agent_id} in this region.", agent_id=agent_id)
    if error.refusal is Refusal.KEY:
        return phrase("ElevenLabs refuses the API key ({status}).", status=error.status)
    return str(error)


_REMEDIES: dict[Refusal | None, tuple[str, str]] = {
    Refusal.KEY: ("key", phrase("Put a valid key into ELEVENLABS_API_KEY.")),
    Refusal.AGENT: (
        "agent",
        phrase("Correct ELEVENLABS_AGENT_ID, or set ELEVENLABS_BASE_URL to the region the agent lives in."),
    ),
    Refusal.CREDITS: ("credits", phrase("Add credits or upgrade the plan.")),
    Refusal.CONFIG: (
        "config",
        phrase("Correct ELEVENLABS_AGENT_ID, ELEVENLABS_BASE_URL and the agent's settings."),
    ),
    Refusal.OTHER: ("base-url", phrase("Correct ELEVENLABS_BASE_URL.")),
}


def _unreachable(error: RestError) -> Finding:
    return problem(
        "elevenlabs.unreachable",
        str(error),
        phrase("Check the network, a firewall, and ELEVENLABS_BASE_URL."),
    )


def _joined(results: list[Result]) -> Result:
    """Together, each sentence once: two agents have one subscription."""
    return Result(
        tuple(dict.fromkeys(finding for result in results for finding in result.findings)),
        tuple(dict.fromkeys(fact for result in results for fact in result.facts)),
        tuple(dict.fromkeys(sentence for result in results for sentence in result.unknown)),
    )
