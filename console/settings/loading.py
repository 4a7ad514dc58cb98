"""The settings: the environment first, then `.env` of the current folder or of the data dir, then defaults.

`load` never raises and never stops at the first problem: every one becomes a sentence that names the variable
and the remedy. What is merely not filled in is `missing`: the screen opens and says so, dialing waits for it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ..core.state import Policy
from ..core.system_errors import system_error
from ..core.words import joined, phrase
from ..language import LANGUAGES
from ..line_lock import NAME as LOCK
from ..records.calls import CALLS, NEVER_CALL
from . import checks as setting_checks
from . import env_file, phone_choice, spoken
from . import values as values
from .values import Address

_API = Address("127.0.0.1", 8000)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; names and meanings as in the README. Empty text: not set."""

    api_key: str = field(default="", repr=False)
    agent_id: str = ""
    incoming_agent_id: str = ""
    base_url: str = "https://api.elevenlabs.io"
    sip_user: str = ""
    sip_pass: str = field(default="", repr=False)
    sip_domain: str = ""
    sip_outbound: str = ""
    sip_register: bool = True
    sip_listen: Address | None = None
    sip_codecs: tuple[str, ...] = ()
    engine: str = "baresip"  # or "embedded"
    baresip_start: bool = True
    baresip_ctrl: Address | None = None  # None: a free port
    baresip_bin: str = "baresip"
    audio_input: str = ""
    audio_output: str = ""
    ear_output: str = ""
    ring_seconds: int = 60
    call_seconds: int = 600
    rtp_timeout: int = 30
    jitter_ms: tuple[int, int] = (0, 0)  # none
    packet_ms: int = 20
    device_ms: int = 10
    playout_ms: int = 60
    dial_region: str = "RU"
    dial_format: str = "digits"  # or "e164"
    transfer_to: tuple[str, ...] = ()
    api: Address | None = _API  # None: off
    api_token: str = field(default="", repr=False)
    lang: str = "en"
    sounds: bool = True
    data_dir: Path = Path()
    log_dir: Path = Path()
    keep_days: int = 90

    @property
    def ws_url(self) -> str:
        """The WebSocket base that follows from the REST base."""
        return "ws" + self.base_url.removeprefix("http")

    def policy(self, not_ready: str = "", single_call: bool = True) -> Policy:
        """What the core decides by."""
        policy = Policy(
            domain=self.sip_domain,
            region=self.dial_region,
            e164=self.dial_format == "e164",
            register=self.sip_register,
            ring_seconds=float(self.ring_seconds),
            call_seconds=float(self.call_seconds),
            incoming_agent=bool(self.incoming_agent_id),
            has_agent=bool(self.agent_id),
            single_call=single_call,
            joined=self.engine == "baresip" and not self.baresip_start,
            not_ready=not_ready,
        )
        destinations = (setting_checks.destination(self, entry) for entry in self.transfer_to)
        return replace(policy, transfer_to=frozenset(filter(None, destinations)))


class Variable(NamedTuple):
    """One variable: its name, the field of `Settings`, the parser of its text."""

    name: str
    field: str
    parse: Callable[[str], Any]
    secret: bool = False
    alias: str = ""

    @property
    def line(self) -> bool:
        """Whether it belongs to a line or an agent of one's own."""
        return self.name.startswith(("ELEVENLABS_", "SIP_")) or self.name in ("BARESIP_START", "BARESIP_CTRL")


VARIABLES = (
    Variable("ELEVENLABS_API_KEY", "api_key", values.token, secret=True),
    Variable("ELEVENLABS_AGENT_ID", "agent_id", values.token),
    Variable("ELEVENLABS_INCOMING_AGENT_ID", "incoming_agent_id", values.token),
    Variable("ELEVENLABS_BASE_URL", "base_url", values.base_url),
    Variable("SIP_USER", "sip_user", values.sip_user, alias="EXOLVE_SIP_USER"),
    Variable("SIP_PASS", "sip_pass", values.secret, secret=True, alias="EXOLVE_SIP_PASS"),
    Variable("SIP_DOMAIN", "sip_domain", values.sip_domain, alias="EXOLVE_SIP_DOMAIN"),
    Variable("SIP_OUTBOUND", "sip_outbound", values.sip_outbound, alias="EXOLVE_SIP_OUTBOUND"),
    Variable("SIP_REGISTER", "sip_register", values.yes_no),
    Variable("SIP_LISTEN", "sip_listen", values.ip_address),
    Variable("SIP_CODECS", "sip_codecs", values.codecs),
    Variable("CONSOLE_ENGINE", "engine", values.one_of("baresip", "embedded")),
    Variable("BARESIP_START", "baresip_start", values.yes_no),
    Variable("BARESIP_CTRL", "baresip_ctrl", values.address),
    Variable("BARESIP_BIN", "baresip_bin", values.text),
    Variable("AUDIO_INPUT", "audio_input", values.text),
    Variable("AUDIO_OUTPUT", "audio_output", values.text),
    Variable("EAR_OUTPUT", "ear_output", values.text),
    Variable("RING_SECONDS", "ring_seconds", values.whole(1, 600, phrase("seconds"))),
    Variable("CALL_SECONDS", "call_seconds", values.whole(1, 86_400, phrase("seconds"))),
    Variable("RTP_TIMEOUT", "rtp_timeout", values.whole(1, 3600, phrase("seconds"))),
    Variable("JITTER_MS", "jitter_ms", values.milliseconds_range),
    Variable("PACKET_MS", "packet_ms", values.packet_ms),
    Variable("DEVICE_MS", "device_ms", values.whole(2, 100, phrase("milliseconds"))),
    Variable("PLAYOUT_MS", "playout_ms", values.whole(20, 1000, phrase("milliseconds"))),
    Variable("DIAL_REGION", "dial_region", values.region),
    Variable("DIAL_FORMAT", "dial_format", values.one_of("digits", "e164")),
    Variable("TRANSFER_TO", "transfer_to", values.comma_separated),
    Variable("CONSOLE_API", "api", values.address_or_off),
    Variable("CONSOLE_API_TOKEN", "api_token", values.token, secret=True),
    Variable("CONSOLE_LANG", "lang", values.one_of(*LANGUAGES)),
    Variable("CONSOLE_SOUNDS", "sounds", values.on_off),
    Variable("CONSOLE_DATA_DIR", "data_dir", values.folder),
    Variable("CONSOLE_LOG_DIR", "log_dir", values.folder),
    Variable("KEEP_DAYS", "keep_days", values.whole(1, 3650, phrase("days"))),
)
_NAMES = [name for v in VARIABLES for name in (v.name, v.alias) if name]
_PREFIXES = tuple(sorted({name.split("_")[0] + "_" for name in _NAMES}))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` found. `problems` stop the program (exit 2); `missing` stops dialing; `warnings` are said.

    `sources`: the field of `Settings` -> where its value came from, in words.
    """

    settings: Settings
    problems: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    env_file: Path | None = None
    demo: bool = False  # the line is the built-in one

    @property
    def policy(self) -> Policy:
        policy = self.settings.policy(joined(" ", self.missing))
        return replace(policy, ask_if_answered=not self.demo, demo=self.demo)

    @property
    def has_line(self) -> bool:
        """Whether anything of a line of one's own is set, however little; if not, the demo line serves."""
        return any(variable.field in self.sources for variable in VARIABLES if variable.line)


class _Found(NamedTuple):
    name: str
    text: str
    source: str
    folder: Path  # what a relative path is relative to


class _Read(NamedTuple):
    values: dict[str, Any]
    sources: dict[str, str]
    problems: list[str]


def load(
    environ: Mapping[str, str],
    cwd: Path,
    choose_engine: Callable[[Settings], str] = phone_choice.choose_engine,
) -> Loaded:
    """Read every setting. `choose_engine` is asked only where the settings leave the engine open."""
    found = env_file.in_force(environ, cwd)
    file = found or env_file.EnvFile(cwd, {})
    read = _read(environ, cwd, file)
    chosen: dict[str, Any] = {
        "data_dir": env_file.default_data_dir(),
        "lang": spoken.of_locale(environ),
        **read.values,
    }
    chosen.setdefault("log_dir", chosen["data_dir"] / "logs")
    if not chosen.get("baresip_start", True):
        chosen.setdefault("baresip_ctrl", Address("127.0.0.1", 4444))
    settings = Settings(**chosen)
    if "engine" not in chosen:
        settings = replace(settings, engine=_engine(read.values, settings, choose_engine))
    return Loaded(
        settings,
        problems=(*file.problems, *read.problems, *setting_checks.conflicts(settings)),
        missing=tuple(setting_checks.missing(settings)),
        warnings=(*file.warnings, *setting_checks.doubts(settings), *_near_misses({*environ, *file.values})),
        sources={"lang": phrase("the locale"), **read.sources},
        env_file=found.path if found else None,
    )


def make_folders(settings: Settings) -> list[str]:
    """Make the data and log folders, for their owner only; a sentence for each that cannot be made, and for
    each file in the data dir that cannot be used: without the never-call list nothing may be dialed."""
    problems: list[str] = []
    for name, path in (("CONSOLE_DATA_DIR", settings.data_dir), ("CONSOLE_LOG_DIR", settings.log_dir)):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problems.append(
                phrase(
                    "{name}: {path} cannot be made: {error}.",
                    name=name,
                    path=path,
                    error=system_error(error),
                )
            )
    for file in (settings.data_dir / name for name in (CALLS, NEVER_CALL, LOCK)):
        try:
            file.open("r+b").close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            words = phrase(
                "{path} cannot be read and written: {error}.", path=file, error=system_error(error)
            )
            problems.append(words)
    return problems


def _read(environ: Mapping[str, str], cwd: Path, file: env_file.EnvFile) -> _Read:
    """The values that are set, by field of `Settings`, where each came from, and what is wrong with them."""
    read = _Read({}, {}, [])
    for variable in VARIABLES:
        names = filter(None, (variable.name, variable.alias))
        found = next(filter(None, (_find(name, environ, cwd, file) for name in names)), None)
        if found is None:
            continue
        try:
            value = variable.parse(found.text if variable.parse is values.secret else found.text.strip())
        except ValueError as error:
            read.problems.append(
                phrase("{name} ({source}) {error}.", name=found.name, source=found.source, error=error)
            )
            continue
        read.values[variable.field] = found.folder / value if isinstance(value, Path) else value
        if found.name == variable.name:
            read.sources[variable.field] = found.source
        else:
            read.sources[variable.field] = phrase("{source} as {name}", source=found.source, name=found.name)
    return read


def _find(name: str, environ: Mapping[str, str], cwd: Path, file: env_file.EnvFile) -> _Found | None:
    """The variable as it is set, if it is; an empty one in the environment hides the one in the file."""
    if name in environ:
        text, source, folder = environ[name], phrase("environment"), cwd
    elif name in file.values:
        text, line = file.values[name]
        source, folder = phrase(".env line {line}", line=line), file.path.parent
    else:
        return None
    return _Found(name, text, source, folder) if text.strip() else None


def _engine(given: Mapping[str, Any], settings: Settings, choose: Callable[[Settings], str]) -> str:
    if "baresip_bin" in given or not settings.baresip_start:
        return "baresip"
    return choose(settings)


def _near_misses(names: set[str]) -> list[str]:
    """A misspelt variable would otherwise be a setting that silently does nothing."""
    hints: list[str] = []
    for name in sorted(names - set(_NAMES)):
        if not name.upper().startswith(_PREFIXES):
            continue
        near = difflib.get_close_matches(name.upper(), _NAMES, n=1, cutoff=0.8)
        if near:
            hints.append(phrase("{name} is not a setting: did you mean {near}?", name=name, near=near[0]))
    return hints
