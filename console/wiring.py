"""The one place that knows every part: builds the engine from the settings.

Imports are late, so that a command loads only what its engine needs: the embedded phone never loads
sounddevice unless the ear is switched on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .agent import own_tools
from .agent.agents import ElevenLabsAgents
from .audio.bridge import Bridge
from .call_audio import Bridge as CallBridge
from .call_audio import BridgeFactory
from .core.events import CallId, Ignored
from .engine import Engine
from .ports import AudioPaths, Emit, Phone
from .records.archive import Archive
from .settings.loading import Loaded, Settings
from .settings.values import Address

if TYPE_CHECKING:
    from .audio.ear import EarSwitch
    from .phone.baresip_config import PhoneLimits, SipAccount
    from .phone.ctrl_phone import JoinSetup
    from .phone.embedded_account import EmbeddedLine

JOINED_CTRL = Address("127.0.0.1", 4444)
"""Where ctrl_tcp of a Baresip that runs already listens, unless BARESIP_CTRL says otherwise."""


def build(loaded: Loaded) -> Engine:
    """An engine that has done nothing yet; what the settings leave open is in its policy's `not_ready`."""
    settings = loaded.settings
    embedded = settings.engine == "embedded"
    policy = replace(loaded.policy, single_call=not embedded)
    archive = Archive(settings.data_dir, settings.log_dir, settings.keep_days, policy)
    phone, paths = _embedded(settings) if embedded else _external(settings, archive.phone_output)
    tools = own_tools.installed()
    agents = ElevenLabsAgents(
        base_url=settings.base_url,
        api_key=settings.api_key,
        agent_id=settings.agent_id,
        incoming_agent_id=settings.incoming_agent_id,
        call_seconds=float(settings.call_seconds),
        tools=tools,
    )
    engine = Engine(phone, agents, paths, _bridges(paths, settings.playout_ms / 1000), archive)
    for problem in tools.problems:
        engine.send(Ignored("tools", problem))
    return engine


def _bridges(paths: AudioPaths, depth: float) -> BridgeFactory:
    def bridge(call: CallId, emit: Emit, clock: Callable[[], float]) -> CallBridge:
        return Bridge(call, None, emit, clock, depth, ear=paths)

    return bridge


def _embedded(settings: Settings) -> tuple[Phone, AudioPaths]:
    from .phone.embedded import EmbeddedPhone
    from .phone.embedded_audio import MemoryPaths

    paths = MemoryPaths(lambda: _ear(settings.ear_output))
    return EmbeddedPhone(embedded_line(settings), paths), paths


def embedded_line(settings: Settings) -> EmbeddedLine:
    """The account as the embedded phone takes it."""
    from .phone.embedded_account import CODECS, EmbeddedLine

    return EmbeddedLine(
        user=settings.sip_user,
        domain=settings.sip_domain,
        password=settings.sip_pass,
        outbound=settings.sip_outbound,
        register=settings.sip_register,
        listen=str(settings.sip_listen or ""),
        codecs=settings.sip_codecs or CODECS,
        rtp_timeout=settings.rtp_timeout,
        jitter_ms=settings.jitter_ms,
        packet_ms=settings.packet_ms,
    )


def _ear(name: str) -> EarSwitch:
    """Imports sounddevice: called only when the ear is first switched on."""
    from .audio.ear import Ear, EarSwitch

    return EarSwitch(lambda: Ear(name))


def _external(settings: Settings, output: Callable[[str], None]) -> tuple[Phone, AudioPaths]:
    from .audio.devices import DeviceAudio
    from .phone.baresip_process import BaresipSetup
    from .phone.ctrl_phone import CtrlPhone

    period = settings.device_ms / 1000
    paths = DeviceAudio(settings.audio_input, settings.audio_output, settings.ear_output, period)
    if not settings.baresip_start:
        return CtrlPhone(join_setup(settings)), paths
    setup = BaresipSetup(
        account=sip_account(settings),
        audio=paths.baresip_side,
        data_dir=settings.data_dir,
        binary=settings.baresip_bin,
        ctrl=str(settings.baresip_ctrl or ""),
        limits=phone_limits(settings),
        output=output,
    )
    return CtrlPhone(setup), paths


def join_setup(settings: Settings) -> JoinSetup:
    """How a Baresip that runs already is joined."""
    from .phone.ctrl_phone import JoinSetup

    ctrl = settings.baresip_ctrl or JOINED_CTRL
    ours = f"sip:{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else ""
    return JoinSetup(ctrl.host, ctrl.port, settings.data_dir, ours)


def phone_limits(settings: Settings) -> PhoneLimits:
    """The limits as a Baresip of our own takes them."""
    from .phone.baresip_config import PhoneLimits

    return PhoneLimits(settings.rtp_timeout, settings.jitter_ms)


def sip_account(settings: Settings) -> SipAccount:
    """The account as a Baresip of our own takes it."""
    from .phone.baresip_config import SipAccount

    return SipAccount(
        user=settings.sip_user,
        password=settings.sip_pass,
        domain=settings.sip_domain,
        outbound=settings.sip_outbound,
        register=settings.sip_register,
        listen=str(settings.sip_listen or ""),
        codecs=settings.sip_codecs,
        packet_ms=settings.packet_ms,
    )
