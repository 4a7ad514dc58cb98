"""The set-up of the system before this one: its `.env` and its Baresip's `accounts` and `config`, turned into
settings of ours. Says what was taken over and what was not, and why; never quotes a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..core.system_errors import system_error
from ..core.text import clean
from ..core.words import phrase
from ..phone.baresip_files import AccountLine, parse_accounts, parse_config
from . import env_file
from .loading import VARIABLES, Variable
from .values import Address, ip_address

ACCOUNTS = Path("config") / "baresip" / "accounts"
CONFIG = Path("config") / "baresip" / "config"
_BY_NAME = {name: variable for variable in VARIABLES for name in (variable.name, variable.alias) if name}
_CODECS = {"opus": "opus", "g722": "g722", "pcma": "pcma", "pcmu": "pcmu"}
_SAME_NAMES = ("coreaudio", "portaudio", "wasapi", "winwave")
"""Drivers that call a device by the name that PortAudio has for it."""

_PLACEHOLDER = re.compile(
    r"\$\{?\w+\}?|<[^>]*>|\{\{?\s*\w+\s*\}?\}|(?:your|change)[-_ ]\w[\w-]*|changeme", re.IGNORECASE
)


@dataclass(slots=True)
class OldSetup:
    """`values`: name of a variable -> its text, as `.env` shall have it. `taken` and `refused`: sentences.
    `read`: the files that were there."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    read: list[Path] = field(default_factory=list)


def read(folder: Path) -> OldSetup:
    """Read what is there; raises nothing that the files could be the cause of."""
    found = OldSetup()
    path = folder / env_file.NAME
    if path.is_file():
        found.read.append(path)
        _take_env(found, env_file.read(path))
    for relative, take in ((ACCOUNTS, _take_accounts), (CONFIG, _take_config)):
        path = folder / relative
        if not path.is_file():
            continue
        found.read.append(path)
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            found.refused.append(
                phrase("{path} cannot be read: {error}.", path=path, error=system_error(error))
            )
            continue
        take(found, text)
    return found


def _take(found: OldSetup, name: str, text: str, source: str) -> None:
    """Take this value over if it is well-formed, and nothing else says otherwise already."""
    variable = _BY_NAME[name]
    try:
        variable.parse(text)
    except ValueError as error:
        found.refused.append(phrase("{name} of {source} {error}.", name=name, source=source, error=error))
        return
    known = next((n for n in (variable.name, variable.alias) if n in found.values), None)
    if known is None:
        found.values[name] = text
        found.taken.append(
            phrase("{name}{value} from {source}.", name=name, value=_shown(variable, text), source=source)
        )
    elif found.values[known] != text:
        found.refused.append(
            phrase(
                "{name} of {source} differs from {known}, which was taken: compare them.",
                name=name,
                source=source,
                known=known,
            )
        )


def _shown(variable: Variable, text: str) -> str:
    return "" if variable.secret else f"={clean(text, 80)}"


# ---- .env ----


def _take_env(found: OldSetup, file: env_file.EnvFile) -> None:
    found.refused += [*file.problems, *(w for w in file.warnings if w != env_file.exposed(file.path))]
    plain_first = sorted(file.values.items(), key=lambda entry: entry[0].startswith("EXOLVE_"))
    for name, (text, line) in plain_first:
        source = phrase(".env line {line}", line=line)
        if not text.strip():
            continue
        if name not in _BY_NAME:
            found.refused.append(_unknown(name, source))
        elif _PLACEHOLDER.fullmatch(text.strip()):
            found.refused.append(
                phrase("{name} of {source} is a placeholder, not a value.", name=name, source=source)
            )
        elif name == "BARESIP_CTRL" and _is_public(text):
            found.refused.append(
                _public(phrase("BARESIP_CTRL={text} of {source}", text=clean(text, 40), source=source))
            )
        elif name == "CONSOLE_API" and _is_public(text) and not _set(file, "CONSOLE_API_TOKEN"):
            found.refused.append(
                phrase(
                    "CONSOLE_API={text} of {source}: set CONSOLE_API_TOKEN, or others could dial.",
                    text=clean(text, 40),
                    source=source,
                )
            )
        else:
            _take(found, name, text if name.endswith("_PASS") else text.strip(), source)


def _set(file: env_file.EnvFile, name: str) -> bool:
    return bool(file.values.get(name, ("", 0))[0].strip())


def _unknown(name: str, source: str) -> str:
    near = difflib.get_close_matches(name.upper(), _BY_NAME, n=1, cutoff=0.85)
    hint = phrase("; if {near} was meant, set that", near=near[0]) if near else ""
    return phrase(
        "{name} of {source} is no setting of the console{hint}.",
        name=clean(name, 60),
        source=source,
        hint=hint,
    )


def _is_public(text: str) -> bool:
    host, _, port = text.strip().rpartition(":")
    return port.isdigit() and not Address(host.strip("[]"), 0).is_loopback


def _public(what: str) -> str:
    return phrase(
        "{what}: anyone on the network could dial; the console keeps its control port to this machine.",
        what=what,
    )


# ---- accounts ----


def _take_accounts(found: OldSetup, text: str) -> None:
    accounts = parse_accounts(text)
    if not accounts:
        found.refused.append(phrase("accounts holds no account."))
        return
    found.refused += [
        phrase(
            "The account {user}@{domain}: the console has one line.",
            user=clean(account.user, 40),
            domain=clean(account.domain, 60),
        )
        for account in accounts[1:]
    ]
    for name, value in _settings_of(accounts[0], found):
        if _PLACEHOLDER.fullmatch(value):
            found.refused.append(phrase("{name} of accounts is a placeholder, not a value.", name=name))
        else:
            _take(found, _ours(name, found), value, "accounts")


def _ours(name: str, found: OldSetup) -> str:
    """The name under which `.env` has it already, else the plain one."""
    variable = _BY_NAME[name]
    return variable.alias if variable.alias in found.values else name


def _settings_of(account: AccountLine, found: OldSetup) -> Iterator[tuple[str, str]]:
    parameters = account.parameters
    yield "SIP_USER", account.user
    if account.password:
        yield "SIP_PASS", account.password
    yield "SIP_DOMAIN", account.domain
    transport = account.address_parameters.get("transport", "")
    if outbound := parameters.get("outbound", ""):
        yield "SIP_OUTBOUND", outbound
    elif transport:
        yield "SIP_OUTBOUND", f"sip:{account.domain};transport={transport}"
    if parameters.get("regint") == "0":
        yield "SIP_REGISTER", "no"
    if codecs := _codecs(parameters.get("audio_codecs", "")):
        yield "SIP_CODECS", codecs
    if parameters.get("auth_user", account.user) != account.user:
        found.refused.append(
            phrase("auth_user of accounts: the console signs in with the name of the account itself.")
        )
    if parameters.get("answermode", "manual") != "manual":
        found.refused.append(phrase("answermode of accounts: the console never answers by itself."))
    if parameters.get("mediaenc"):
        found.refused.append(phrase("mediaenc of accounts: the console has no setting for encrypted media."))


def _codecs(text: str) -> str:
    """`opus/48000/2,PCMA/8000/1` as `opus,pcma`."""
    names = (entry.partition("/")[0].strip().lower() for entry in text.split(","))
    return ",".join(dict.fromkeys(name for name in names if name in _CODECS))


# ---- config ----


def _take_config(found: OldSetup, text: str) -> None:
    config = parse_config(text)
    if ctrl := config.get("ctrl_tcp_listen", ""):
        found.refused.append(
            _public(phrase("ctrl_tcp_listen {ctrl}", ctrl=clean(ctrl, 40)))
            if _is_public(ctrl)
            else phrase(
                "ctrl_tcp_listen {ctrl}: the console finds a free port by itself.", ctrl=clean(ctrl, 40)
            )
        )
    if listen := config.get("sip_listen", ""):
        _take_listen(found, listen)
    if config.get("rtp_timeout", "0") != "0":
        _take(found, "RTP_TIMEOUT", config["rtp_timeout"], "config")
    _take_devices(found, config)


def _take_listen(found: OldSetup, listen: str) -> None:
    try:
        address = ip_address(listen)
    except ValueError:
        found.refused.append(
            phrase("sip_listen {listen}: it names no address and port.", listen=clean(listen, 40))
        )
        return
    if address.host in ("0.0.0.0", "::"):
        found.refused.append(
            phrase(
                "sip_listen {address}: the console chooses an address and a free port by itself.",
                address=address,
            )
        )
    else:
        _take(found, "SIP_LISTEN", str(address), "config")


def _take_devices(found: OldSetup, config: dict[str, str]) -> None:
    """What Baresip plays is what we hear, and what it records is what we say."""
    player, source = (config.get(key, "").partition(",") for key in ("audio_player", "audio_source"))
    if player[0] not in _SAME_NAMES or source[0] not in _SAME_NAMES or not (player[2] and source[2]):
        if config.get("audio_player"):
            found.refused.append(
                phrase(
                    "audio_player {audio_player}: the console makes its own devices.",
                    audio_player=clean(config["audio_player"], 60),
                )
            )
    elif player[2] == source[2]:
        found.refused.append(
            phrase(
                "audio_player and audio_source are both {device}: name two devices.",
                device=clean(player[2], 60),
            )
        )
    else:
        _take(found, "AUDIO_INPUT", player[2], phrase("audio_player in config"))
        _take(found, "AUDIO_OUTPUT", source[2], phrase("audio_source in config"))
