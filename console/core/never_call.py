"""The never-call list: one number a line in any spelling, comments after `#`."""

from __future__ import annotations

from collections.abc import Iterable

from . import sip_uri
from .numbering_plan import e164_of, parse
from .numbers import without_separators
from .text import clean
from .words import phrase


def read(lines: Iterable[str], region: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The entries as `numbers.judge` compares them, and a sentence for each line that is none.

    A public number becomes E.164; an extension, a name or `name@host` is kept as it stands, in small letters.
    """
    numbers: set[str] = set()
    problems: list[str] = []
    for position, line in enumerate(lines, start=1):
        entry = line.split("#", 1)[0].replace("\ufeff", "").strip()
        if not entry:
            continue
        digits = without_separators(entry)
        number = parse(digits, region) if digits.lstrip("+").isdecimal() else None
        if number is not None:
            numbers.add(e164_of(number))
        elif sip_uri.USER.fullmatch(digits):
            numbers.add(digits.lower())
        elif (uri := sip_uri.parse(entry)[0]) is not None:
            numbers.add(f"{uri.user}@{uri.host}".lower())
        else:
            problems.append(
                phrase(
                    "Line {position} is neither a number nor a SIP name: {entry!r}.",
                    position=position,
                    entry=clean(entry, 40),
                )
            )
    return frozenset(numbers), tuple(problems)
