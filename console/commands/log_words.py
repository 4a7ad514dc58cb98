"""Lines of `console.log`, which is English in every language, as the screen would word them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from string import Formatter

from .. import language
from ..core.effects import Record
from ..core.journal_texts import FIGURES, SOURCES, TEMPLATES
from ..core.recall import recalled
from ..language import shown

_SAID = ("> ", "< ", "* ")
"""How lines begin that repeat what somebody said."""


def reworded(line: str, spoken: str) -> str:
    """A line of the log in this language; one that has no words there as it is."""
    head, source, text = line[:_SOURCE], line[_SOURCE:_TEXT].strip(), line[_TEXT:]
    known = _texts(spoken)
    if not known or source not in SOURCES:
        return line
    templates = (*_of_source(source, spoken), *(() if text.startswith(_SAID) else known))
    words = recalled(text, templates, (*known, *FIGURES))
    return f"{head}{shown(SOURCES[source]):7} {shown(words)}"


def remembered(record: Record, spoken: str) -> Record:
    """A record from the event file, which is English too: its texts of ours can be said in this language."""
    known = _texts(spoken)
    if not known:
        return record
    ours = {
        name: recalled(value, _longest_first(spoken), (*known, *FIGURES))
        for name, value in record.fields.items()
        if isinstance(value, str) and (name in _OURS or (name == "text" and record.type == "notice"))
    }
    return replace(record, fields={**record.fields, **ours}) if ours else record


_OURS = frozenset({"reason", "why", "trouble", "doubts", "input", "output"})
"""Fields of records that hold sentences of the console, if they are not a stranger's."""

_SOURCE = len("2026-11-22 10:00:00.000 a24e1740 ")
_TEXT = _SOURCE + 8
"""Where these begin in a line."""


@lru_cache
def _texts(spoken: str) -> tuple[str, ...]:
    """What may stand inside a line: nothing as loose as `{first} and {last}`, which anything fits."""
    return tuple(text for text in language.texts(spoken) if _letters(text) > _LOOSE or "{" not in text)


@lru_cache
def _longest_first(spoken: str) -> tuple[str, ...]:
    """The longer ones leave less open."""
    return tuple(sorted(_texts(spoken), key=_letters, reverse=True))


_LOOSE = 7


def _letters(template: str) -> int:
    return sum(len(literal) for literal, *_ in Formatter().parse(template))


@lru_cache
def _of_source(source: str, spoken: str) -> tuple[str, ...]:
    """What the log may say of this source; longer ones first, which leave less open."""
    mine = {text for whose, text in TEMPLATES.values() if whose == source} & set(language.texts(spoken))
    return tuple(sorted(mine, key=_letters, reverse=True))
