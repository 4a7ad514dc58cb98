"""Sentences that can be said again in another language.

The program thinks in English: `Words` is an English `str`, so JSON, log files and comparisons need to know
nothing of this. It also remembers its template and what was filled in, so that whoever shows it to a person
(`console.language`) can say it in that person's language. Pure.

Templates are the message ids of the gettext catalogues, found in the source by `tools/words.py`: they are
literals as the first argument of `phrase`, `phrase_n`, `msgid`, `tr` or `tr_n`, never f-strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from types import MappingProxyType
from typing import Protocol


class Catalogue(Protocol):
    """What is needed of `gettext.NullTranslations`: unknown texts come back as they are."""

    def gettext(self, message: str, /) -> str: ...

    def ngettext(self, one: str, many: str, n: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class _Number:
    """A value that is written with other marks than Python does."""

    value: int | float
    marks: Mapping[int, str]

    def __format__(self, form: str) -> str:
        return format(self.value, form).translate(self.marks)

    def __repr__(self) -> str:
        return format(self)


class Words(str):
    """An English text that remembers its `template` and the `values` in it, which may be `Words` themselves.
    `many`: the plural template, where there is one; `values["n"]` is then what is counted. `change`: what
    was done to another text, `values["text"]`, and has to be done to it in each language."""

    template: str = ""
    many: str = ""
    change: Callable[[str], str] | None = None
    values: Mapping[str, object] = MappingProxyType({})

    def __str__(self) -> str:
        return self  # so that str(error) keeps what it remembers


def phrase(template: str, /, **values: object) -> Words:
    """The template with its `{values}` filled in as `str.format` does; a literal brace is doubled."""
    return _words(template.format(**values), template, values)


def phrase_n(one: str, many: str, n: int, /, **values: object) -> Words:
    """The same for a counted thing; `{n}` stands for the number."""
    values["n"] = n
    return _words((one if n == 1 else many).format(**values), one, values, many)


def msgid(template: str, /) -> str:
    """The template itself: marks a literal that reaches `phrase` by another way, as through a table."""
    return template


SAMPLE = msgid("1,234.5")
"""How numbers are written: a catalogue has it with the marks of its language."""


def joined(separator: str, parts: Iterable[str]) -> Words:
    """Like `separator.join(parts)`; each part stays translatable. `separator` holds no braces."""
    values = {f"p{place}": part for place, part in enumerate(parts)}
    template = separator.join(f"{{{name}}}" for name in values)
    return _words(template.format(**values), template, values)


def enumerated(parts: Iterable[str]) -> str:
    """`one and another and a third`."""
    return reduce(lambda first, last: phrase("{first} and {last}", first=first, last=last), parts)


def altered(text: str, change: Callable[[str], str]) -> str:
    """`change(text)`, in whatever language it is said. `change` must hold for any language."""
    if not isinstance(text, Words):
        return change(text)
    words = Words(change(text))
    words.change, words.values = change, {"text": text}
    return words


def bare(text: str) -> str:
    """A sentence without its full stop, to go on in another one."""
    return altered(text, lambda said: said.rstrip("."))


def foreign_parts(text: str, change: Callable[[str], str]) -> str:
    """`change` applied to what strangers wrote: to the values in `Words`, and to any other text whole."""
    if not isinstance(text, Words):
        return change(text)
    values = {name: str(v) if isinstance(v, Exception) else v for name, v in text.values.items()}
    parts = {name: foreign_parts(v, change) if isinstance(v, str) else v for name, v in values.items()}
    if text.change is not None:
        return altered(str(parts["text"]), text.change)
    template = text.many if text.many and parts["n"] != 1 else text.template
    return _words(template.format(**parts), text.template, parts, text.many) if template else change(text)


def in_language(text: str, catalogue: Catalogue) -> str:
    """`Words` as the catalogue has them, and what is in them too; any other text is foreign and stays."""
    if not isinstance(text, Words):
        return text
    if text.change is not None:
        return text.change(in_language(str(text.values["text"]), catalogue))
    if not text.template:
        return str.__str__(text)
    marks = _marks(catalogue.gettext(SAMPLE))
    values = {name: _value(value, catalogue, marks) for name, value in text.values.items()}
    if text.many:
        count = text.values["n"]
        assert isinstance(count, int)
        return catalogue.ngettext(text.template, text.many, count).format(**values)
    return catalogue.gettext(text.template).format(**values)


@lru_cache
def _marks(sample: str) -> Mapping[int, str]:
    """Python's own marks and what stands for them in this sample; empty when it is Python's own."""
    pairs = zip(SAMPLE, sample, strict=True)
    return {ord(mark): other for mark, other in pairs if mark != other}


def _value(value: object, catalogue: Catalogue, marks: Mapping[int, str]) -> object:
    value = str(value) if isinstance(value, Exception) else value
    if isinstance(value, str):
        return in_language(value, catalogue)
    return _Number(value, marks) if marks and isinstance(value, int | float) else value


def _words(text: str, template: str, values: Mapping[str, object], many: str = "") -> Words:
    words = Words(text)
    words.template, words.many, words.values = template, many, values
    return words
