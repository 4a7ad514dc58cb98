"""From an English text back to the `Words` it was made of: for texts from a file or a library. Pure.

What fits no template, as everything that strangers wrote, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from string import Formatter

from .words import phrase


def recalled(text: str, templates: Iterable[str]) -> str:
    """The text as `Words` if one of these templates makes it, also for the values in it."""
    known = tuple(templates)
    if text in known and "{" not in text:
        return phrase(text)
    for template in known:
        match = _pattern(template).fullmatch(text) if "{" in template else None
        if match is None:
            continue
        values = {name: _value(said, known) for name, said in match.groupdict().items()}
        try:
            words = phrase(template, **values)
        except ValueError:  # a number was expected there
            continue
        if words == text:
            return words
    return text


def _value(said: str, templates: tuple[str, ...]) -> object:
    number = said.replace(",", "")
    if re.fullmatch(r"-?\d{1,15}", number):
        return int(number)
    if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", number):
        return float(number)
    return recalled(said, templates)


@lru_cache(maxsize=2048)
def _pattern(template: str) -> re.Pattern[str]:
    pattern, seen = "", set()
    for literal, name, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if name is not None:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.*)"
            seen.add(name)
    return re.compile(pattern, re.DOTALL)
