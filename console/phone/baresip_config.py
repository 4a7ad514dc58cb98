"""Baresip's configuration for one run, generated from `config/baresip/`. Pure but for reading these."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template

from ..core.words import phrase
from ..ports import PhoneError
from . import sip_tls
from .baresip_program import BaresipProgram
from .baresip_version import Version

_CODECS = {
    # setting: (module, name as in `audio_codecs`)
    "opus": ("opus", "opus/48000/2"),
    "g722": ("g722", "G722/16000/1"),
    "pcma": ("g711", "PCMA/8000/1"),
    "pcmu": ("g711", "PCMU/8000/1"),
}
DEFAULT_CODECS = ("pcma", "pcmu", "g722", "opus")
"""The telephone network speaks G.711: anything else is only transcoded on the way, which costs delay."""


@dataclass(frozen=True, slots=True)
class SipAccount:
    """The SIP account. `domain` and `listen` may carry a port; `listen` empty: chosen here. `packet_ms`:
    audio in an RTP packet, as we ask for it.

    The password appears in no `repr`; it may be empty where `register` is False.
    """

    user: str
    password: str = field(repr=False)
    domain: str
    outbound: str = ""
    register: bool = True
    listen: str = ""
    codecs: tuple[str, ...] = ()
    packet_ms: int = 20


@dataclass(frozen=True, slots=True)
class BaresipAudio:
    """Where Baresip plays and records, `DRIVER,DEVICE` as in its config; `environment`: for the child."""

    player: str
    source: str
    environment: Mapping[str, str] = field(default_factory=dict)
    extra_config: str = ""  # further config lines that the drivers need


AudioChoice = Callable[[frozenset[str]], BaresipAudio]
"""Says which devices to use, given the modules that are installed: `pulse` where it is one, else `alsa`."""


@dataclass(frozen=True, slots=True)
class PhoneLimits:
    """`rtp_timeout` in seconds, 0 = never; `jitter_ms` as (least, most), (0, 0): no jitter buffer, but the
    playback buffer, which grows with the jitter it meets."""

    rtp_timeout: int = 30
    jitter_ms: tuple[int, int] = (0, 0)


_SAFE = {
    "user": re.compile(r"[A-Za-z0-9.!%*_+~'&=$-]{1,128}\Z"),
    "domain": re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?\Z"),
    "outbound": re.compile(r"sips?:[A-Za-z0-9.:;=\[\]-]{1,253}\Z"),
}


def check_account(account: SipAccount, version: Version) -> None:
    """Raise `PhoneError` with one sentence when Baresip cannot carry this account."""
    for name, pattern in _SAFE.items():
        value = getattr(account, name)
        if (value or name != "outbound") and not pattern.match(value):
            raise PhoneError(
                phrase(
                    "The SIP account cannot be used: SIP_{name} is missing or malformed.", name=name.upper()
                )
            )
    if '"' in account.password or not account.password.isprintable():
        raise PhoneError(
            phrase(
                "The SIP password cannot be used: Baresip has no way to write a double quote or a line "
                "break in one; change the password at the provider."
            )
        )
    if account.register and not account.password:
        raise PhoneError(
            phrase("The SIP password is missing: set SIP_PASS, or SIP_REGISTER=no to dial directly.")
        )
    sip_tls.check_proxy(account.outbound, version)
    unknown = [codec for codec in account.codecs if codec.lower() not in _CODECS]
    if unknown:
        raise PhoneError(
            phrase(
                "SIP_CODECS names {unknown!r}; known are {codecs}.",
                unknown=unknown[0],
                codecs=", ".join(_CODECS),
            )
        )
    longest = 511 if version < (2, 0) else 1023
    if len(account_line(account, _known_codecs(account)).encode()) > longest:
        raise PhoneError(
            phrase(
                "The SIP account is too long: Baresip {version} reads {longest} bytes of it.",
                version=version,
                longest=longest,
            )
        )


def account_line(account: SipAccount, codecs: tuple[str, ...]) -> str:
    """The line of the accounts file; holds the password."""
    credentials = f';auth_user={account.user};auth_pass="{account.password}"' if account.password else ""
    line = _template("accounts.template").substitute(
        user=account.user,
        domain=account.domain,
        interval=600 if account.register else 0,
        codecs=",".join(_CODECS[codec][1] for codec in codecs),
        packet=account.packet_ms,
        credentials=credentials,
        outbound=f';outbound="{account.outbound}"' if account.outbound else "",
    )
    return line.strip()


def codecs_for(account: SipAccount, program: BaresipProgram) -> tuple[str, ...]:
    """Codecs in order of preference that this Baresip has; raises `PhoneError` when there are none."""
    codecs = tuple(codec for codec in _known_codecs(account) if _CODECS[codec][0] in program.modules)
    if not codecs:
        raise PhoneError(
            phrase("None of the codecs in SIP_CODECS is installed with {path}.", path=program.path)
        )
    return codecs


def _known_codecs(account: SipAccount) -> tuple[str, ...]:
    wanted = (codec.lower() for codec in account.codecs or DEFAULT_CODECS)
    return tuple(dict.fromkeys(codec for codec in wanted if codec in _CODECS))


def is_local(account: SipAccount) -> bool:
    """Whether the far side is on this machine, so that Baresip must use the loopback interface."""
    server = account.listen or account.outbound.partition(":")[2] or account.domain
    server = server.partition(";")[0]
    host = (server.rpartition(":")[0] if re.search(r":\d+\Z", server) else server).strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class ConfigInputs:
    """What the config is made of. `ctrl`, `listen`: `host:port`; `no_tones`: an empty folder."""

    program: BaresipProgram
    account: SipAccount
    audio: BaresipAudio
    limits: PhoneLimits
    ctrl: str
    listen: str
    no_tones: Path


def config_text(inputs: ConfigInputs) -> str:
    """The config file."""
    version = inputs.program.version
    return _template("config.template").substitute(
        ctrl=inputs.ctrl,
        listen=inputs.listen,
        network=_network(inputs),
        # 1.0.0 hangs up "the current call": an incoming one must never become it.
        max_calls=4 if version.has_call_ids else 1,
        rtp_timeout=inputs.limits.rtp_timeout,
        jitter=_jitter(version, inputs.limits.jitter_ms, inputs.account.packet_ms),
        no_tones=_quoted(str(inputs.no_tones)),
        player=_quoted(inputs.audio.player),
        source=_quoted(inputs.audio.source),
        tones="\n".join([*_tones(version), inputs.audio.extra_config]).strip(),
        module_path=_quoted(str(inputs.program.module_dir)),
        modules="\n".join(_modules(inputs)),
    )


def _network(inputs: ConfigInputs) -> str:
    lines = []
    host = inputs.listen.rpartition(":")[0].strip("[]")
    if host not in ("0.0.0.0", "::"):
        # The name `lo` fails in every version, the address works.
        lines.append(f"net_interface\t\t{host}")
    if inputs.program.version.verifies_tls:
        lines += sip_tls.verification()
    return "\n".join(lines)


def _jitter(version: Version, ms: tuple[int, int], packet_ms: int) -> str:
    least, most = ms
    kind = "fixed" if most else "off"
    packets = f"{-(-least // packet_ms)}-{-(-most // packet_ms)}"
    if version < (1, 1):
        return f"jitter_buffer_delay\t{packets}"
    if version < (3, 2):
        return f"jitter_buffer_type\t{kind}\njitter_buffer_delay\t{packets}"
    if version < (4, 1):
        return f"audio_jitter_buffer_type\t{kind}\naudio_jitter_buffer_delay\t{packets}"
    return f"audio_jitter_buffer_type\t{kind}\naudio_jitter_buffer_ms\t{least}-{most}"


_TONES = ("ring", "ringback", "callwaiting", "busy", "error", "notfound", "sip_autoanswer")


def _tones(version: Version) -> list[str]:
    if not version.has_call_ids:
        return []
    return ["ringback_disabled\tyes", *(f"{tone}_aufile\t\tnone" for tone in _TONES)]


def _modules(inputs: ConfigInputs) -> list[str]:
    available = inputs.program.modules
    codecs = codecs_for(inputs.account, inputs.program)
    drivers = [name.partition(",")[0] for name in (inputs.audio.player, inputs.audio.source)]
    # From 2.0 on Baresip converts formats and rates only with these.
    converters = [name for name in ("auconv", "auresamp") if name in available]
    plain = dict.fromkeys([*(_CODECS[codec][0] for codec in codecs), *drivers, *converters])
    missing = [name for name in plain if name not in available]
    if missing:
        raise PhoneError(
            phrase(
                "Baresip's module {name} is missing in {folder}.",
                name=missing[0],
                folder=inputs.program.module_dir,
            )
        )
    # `menu` before `ctrl_tcp`: its own reactions to an event then come first.
    return [f"module\t\t\t{name}.so" for name in plain] + [
        f"module_app\t\t{name}.so" for name in ("account", "menu", "ctrl_tcp")
    ]


def _quoted(value: str) -> str:
    if '"' in value or not value.isprintable():
        raise PhoneError(
            phrase("Baresip's config cannot hold {value!r}; use a name without quotes.", value=value)
        )
    return f'"{value}"' if " " in value else value


def _template(name: str) -> Template:
    packaged = files("console") / "config" / "baresip" / name
    if packaged.is_file():
        return Template(packaged.read_text())
    # An editable install: the templates lie beside the package, where an operator finds them.
    return Template((Path(__file__).parents[2] / "config" / "baresip" / name).read_text())
