"""Reading the files that a Baresip is configured with: `config` and `accounts`. Pure, for every version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_CONFIG_LINE = re.compile(r'^[ \t]*([A-Za-z_]\w*)[ \t]+(?:"([^"\n]*)"|(\S+))', re.MULTILINE)
_ADDRESS = re.compile(
    r"<(?P<scheme>sips?):(?P<user>[^:@>;]+)(?::(?P<password>[^@>]*))?@(?P<domain>[^;>]+)(?P<rest>(?:;[^>]*)?)>",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r';\s*(?P<name>[\w-]+)(?:=(?:"(?P<quoted>[^"]*)"|(?P<plain>[^;\s]*)))?')


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of `accounts`: the address, its own parameters (`transport=tls`), and those of the account."""

    user: str
    domain: str
    password: str = field(default="", repr=False)
    address_parameters: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_config(text: str) -> dict[str, str]:
    """Keys and values; of two equal keys the first wins, as in Baresip."""
    found: dict[str, str] = {}
    for key, quoted, plain in _CONFIG_LINE.findall(text):
        found.setdefault(key, quoted or plain)
    return found


def parse_accounts(text: str) -> tuple[AccountLine, ...]:
    """The accounts in their order; comments and what is no account are passed over."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return tuple(account for line in lines if (account := _account(line)))


def _account(line: str) -> AccountLine | None:
    match = _ADDRESS.search(line)
    if match is None:
        return None
    parameters = _parameters(line[match.end() :])
    return AccountLine(
        user=match["user"],
        domain=match["domain"],
        password=parameters.pop("auth_pass", match["password"] or ""),
        address_parameters=_parameters(match["rest"]),
        parameters=parameters,
    )


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(text):
        value = match["plain"] if match["quoted"] is None else match["quoted"]
        found.setdefault(match["name"].lower(), value or "")
    return found
