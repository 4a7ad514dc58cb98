"""The one place that knows every part: builds the engine from the settings.

Imports are late, so that a command loads only what its engine needs: the embedded phone never loads
sounddevice unless the ear is switched on.
"""

from __future__ import annotations

from collections.abc import Callable

from .agent.agents import ElevenLabsAgents
from .archive import Archive
from .audio.bridge import Bridge
from .call_audio import Bridge as CallBridge
from .call_audio import BridgeFactory
from .core.events import CallId
from .engine import Engine
from .ports import AudioPaths, Emit, Phone
from .settings import Loaded, Settings


def build(loaded: Loaded) -> Engine:
    """An engine that has done nothing yet; what the settings leave open is in its policy's `not_ready`."""
    settings = loaded.settings
    phone, paths = _embedded(settings) if settings.engine == "embedded" else _external(settings)
    agents = ElevenLabsAgents(
        base_url=settings.base_url,
        api_key=settings.api_key,
        agent_id=settings.agent_id,
        incoming_agent_id=settings.incoming_agent_id,
    )
    archive = Archive(settings.data_dir, settings.log_dir, settings.keep_days, loaded.policy)
    return Engine(phone, agents, paths, _bridges(paths, settings.playout_ms / 1000), archive)


def _bridges(paths: AudioPaths, depth: float) -> BridgeFactory:
    def bridge(call: CallId, emit: Emit, clock: Callable[[], float]) -> CallBridge:
        return Bridge(call, None, emit, clock, depth, ear=paths)

    return bridge


def _embedded(settings: Settings) -> tuple[Phone, AudioPaths]:
    from .phone.embedded import EmbeddedPhone
    from .phone.embedded_account import CODECS, EmbeddedLine
    from .phone.embedded_audio import MemoryPaths

    line = EmbeddedLine(
        user=settings.sip_user,
        domain=settings.sip_domain,
        password=settings.sip_pass,
        outbound=settings.sip_outbound,
        register=settings.sip_register,
        listen=str(settings.sip_listen or ""),
        codecs=settings.sip_codecs or CODECS,
        rtp_timeout=settings.rtp_timeout,
    )
    paths = MemoryPaths()
    return EmbeddedPhone(line, paths), paths


def _external(settings: Settings) -> tuple[Phone, AudioPaths]:
    raise SystemExit
