"""The language of the screen and of the command line, chosen once when the program starts.

Only what shows text to a person asks for it: `shown` for a text that was made elsewhere, `tr` for a label
on the spot. A label in a constant is `phrase(...)` there and `shown(...)` where it is used, because constants
are made before the language is known.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .core.words import in_language, phrase, phrase_n

LANGUAGES = ("en", "ru")
FOLDER = Path(__file__).parent / "locale"
DOMAINS = ("console", "screen")
"""One catalogue for `console/ui`, one for everything else."""

_spoken = "en"
_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def catalogue(language: str) -> gettext.NullTranslations:
    """The texts of one of `LANGUAGES`; English is what stands in the source."""
    found = gettext.NullTranslations()
    for domain in DOMAINS if language != "en" else ():
        found.add_fallback(gettext.translation(domain, FOLDER, [language]))
    return found


def texts(language: str) -> tuple[str, ...]:
    """Every text that this language has words for; none in English, which stands in the source."""
    found: list[str] = []
    kept: gettext.NullTranslations | None = catalogue(language)
    while kept is not None:
        # The standard library offers no other way to what it has read.
        ids = getattr(kept, "_catalog", {})
        found += [key for key in (k[0] if isinstance(k, tuple) else k for k in ids) if key]
        kept = getattr(kept, "_fallback", None)
    return tuple(dict.fromkeys(found))


def choose(language: str) -> None:
    """From now on everything is shown in this one of `LANGUAGES`."""
    global _catalogue, _spoken
    _catalogue, _spoken = catalogue(language), language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Show everything in this language meanwhile."""
    before = _spoken
    choose(language)
    try:
        yield
    finally:
        choose(before)


def spoken() -> str:
    """The language that was chosen."""
    return _spoken


def shown(text: str) -> str:
    """A text as people are to read it: `Words` in the chosen language, foreign text as it is."""
    return in_language(text, _catalogue)


def tr(template: str, /, **values: object) -> str:
    """A text of the program in the chosen language, with its `{values}` filled in."""
    return shown(phrase(template, **values))


def tr_n(one: str, many: str, n: int, /, **values: object) -> str:
    """The same for a counted thing; `{n}` stands for the number."""
    return shown(phrase_n(one, many, n, **values))
