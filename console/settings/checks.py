"""What can be said of settings that are well-formed each: what is missing, contradictory or doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.state import Policy
from ..core.text import clean
from ..core.tools import transfer_key
from ..core.words import phrase
from . import phone_choice
from .values import Address

if TYPE_CHECKING:
    from .loading import Settings


def missing(s: Settings) -> list[str]:
    """What is to be filled in before anything can be dialed."""
    wanted = []
    if s.baresip_start:
        wanted += [] if s.sip_user else ["EXOLVE_SIP_USER"]
        wanted += [] if s.sip_pass or not s.sip_register else ["EXOLVE_SIP_PASS"]
    else:
        wanted += [name for name, value in _join_devices(s) if not value]
    wanted += [] if s.sip_domain else ["EXOLVE_SIP_DOMAIN"]
    return [phrase("Fill in {wanted} in .env.", wanted=", ".join(wanted))] if wanted else []


def _join_devices(s: Settings) -> tuple[tuple[str, str], ...]:
    return (("AUDIO_INPUT", s.audio_input), ("AUDIO_OUTPUT", s.audio_output))


def destination(s: Settings, entry: str) -> str:
    """An entry of TRANSFER_TO as the allow-list of the core has it; empty when it can never be called."""
    # What an entry means does not depend on our domain, which may not be filled in yet.
    reading = Policy(domain=s.sip_domain or "localhost", region=s.dial_region)
    return transfer_key(entry, reading)[0]


def conflicts(s: Settings) -> list[str]:
    """Settings that cannot hold together: the program does not start with them."""
    problems: list[str] = []
    if s.engine == "embedded" and not s.baresip_start:
        problems.append(
            phrase(
                "BARESIP_START=no joins a running baresip, so CONSOLE_ENGINE cannot be embedded: drop one."
            )
        )
    if '"' in s.sip_pass and s.baresip_start:
        problems.append(phrase("SIP_PASS holds a double quote, which Baresip cannot read: have it changed."))
    if "\\" in s.sip_pass and s.engine == "embedded":
        problems.append(phrase("SIP_PASS holds a backslash, which needs CONSOLE_ENGINE=baresip."))
    if s.audio_input and s.audio_input == s.audio_output:
        problems.append(
            phrase("AUDIO_INPUT and AUDIO_OUTPUT are the same device: the AI would hear itself; name two.")
        )
    if s.api and not s.api.is_loopback and not s.api_token:
        problems.append(
            phrase("CONSOLE_API={api} can be reached from outside: set CONSOLE_API_TOKEN too.", api=s.api)
        )
    problems += [
        phrase(
            "TRANSFER_TO has {entry!r}, which is neither a number that may be called nor name@host: correct "
            "it or leave it out.",
            entry=clean(entry, 40),
        )
        for entry in s.transfer_to
        if not destination(s, entry)
    ]
    if s.engine == "baresip" and s.baresip_start and s.baresip_bin != "baresip":
        problems += phone_choice.why_not_a_program(s.baresip_bin)
    return problems


def doubts(s: Settings) -> list[str]:
    """Settings that work and that somebody may regret."""
    warnings: list[str] = []
    if s.baresip_ctrl and not s.baresip_ctrl.is_loopback:
        warnings.append(
            phrase(
                "BARESIP_CTRL={baresip_ctrl} is not on this machine: anyone on the way can dial.",
                baresip_ctrl=s.baresip_ctrl,
            )
        )
    host = s.base_url.split("://", 1)[-1].split("/")[0]
    if s.base_url.startswith("http:") and not Address(host.rsplit(":", 1)[0].strip("[]"), 0).is_loopback:
        warnings.append(phrase("ELEVENLABS_BASE_URL is http: the API key travels unencrypted; use https."))
    if s.playout_ms > 120:
        warnings.append(
            phrase(
                "PLAYOUT_MS={playout_ms}: the AI stops talking that much later when interrupted.",
                playout_ms=s.playout_ms,
            )
        )
    return warnings
