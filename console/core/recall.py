"""From an English text back to the `Words` it was made of: for texts from a file or a library. Pure.

What fits no template, as everything that strangers wrote, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from string import Formatter

from .words import Words, joined, phrase, phrase_n

FOREIGN = frozenset({"agent", "name", "number", "peer", "text", "version"})
"""By these names templates call what strangers wrote: it is never one of ours, nor a figure."""

Template = str | tuple[str, str]
"""What `phrase` takes, or the two that `phrase_n` takes."""


def recalled(text: str, templates: Iterable[Template], inside: Iterable[Template] | None = None) -> str:
    """The text as `Words` if one of these templates makes it, also for the values in it, for which it may be
    one of `inside`; without it, one of the same."""
    known = tuple(templates)
    return _recalled(text, known, known if inside is None else tuple(inside))


@lru_cache(maxsize=4096)
def _recalled(text: str, templates: tuple[Template, ...], inside: tuple[Template, ...]) -> str:
    for template in templates:
        forms = (template,) if isinstance(template, str) else template
        for form in forms:
            words = _made(text, form, template, inside)
            if words is not None:
                return words
    return text


def _made(text: str, form: str, template: Template, inside: tuple[Template, ...]) -> Words | None:
    if not text.startswith(form.partition("{")[0]):
        return None
    match = _pattern(form).fullmatch(text)
    if match is None:
        return None
    values = {name: _value(name, said, inside) for name, said in match.groupdict().items()}
    try:
        words = phrase(template, **values) if isinstance(template, str) else _counted(template, values)
    except ValueError:  # a number was expected there
        return None
    return words if words == text else None


def _counted(template: tuple[str, str], values: dict[str, object]) -> Words:
    count = values.pop("n")
    if not isinstance(count, int):
        raise ValueError
    one, many = template
    return phrase_n(one, many, count, **values)


def _value(name: str, said: str, templates: tuple[Template, ...]) -> object:
    if name in FOREIGN:
        return said
    number = said.replace(",", "")
    if re.fullmatch(r"-?\d{1,15}", number):
        return int(number)
    if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", number):
        return float(number)
    whole = _recalled(said, templates, templates)
    if isinstance(whole, Words):
        return whole
    mark, rest = said[:2], said[2:]
    if mark in _MARKS:
        return joined("", (mark, _recalled(rest, templates, templates)))
    parts = [_recalled(part, templates, templates) for part in said.split(", ")]
    return joined(", ", parts) if all(isinstance(part, Words) for part in parts) else said


_MARKS = (": ", ". ", "; ")
"""How something begins that is added to a line."""


@lru_cache(maxsize=2048)
def _pattern(template: str) -> re.Pattern[str]:
    """Of two places in a row the second one is what is added to the line."""
    pattern, seen = "", set[str]()
    for literal, name, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if name is None:
            continue
        what = ".*?" if literal or not pattern else r"(?:[:.;] .*)?"
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{what})"
        seen.add(name)
    return re.compile(pattern, re.DOTALL)
