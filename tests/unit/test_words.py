"""Texts that can be said again in another language, and the Russian catalogues against the source."""

import ast
import gettext
import json
import string
from collections.abc import Iterator
from io import BytesIO
from typing import ClassVar

import pytest

from console.core.recall import recalled
from console.core.words import (
    Words,
    bare,
    enumerated,
    foreign_parts,
    in_language,
    joined,
    msgid,
    phrase,
    phrase_n,
)
from console.doctor.wording import halves
from console.language import DOMAINS, LANGUAGES, catalogue, choose, shown, speaking, tr, tr_n
from tools import words as catalogues


class Pirate:
    """A catalogue with a few words of its own."""

    TEXTS: ClassVar = {
        "Not registered ({said}).": "Arr, nay registered: {said}!",
        "no answer": "no soul answers",
        "{n} call": "{n} hail",
        "{n} calls": "{n} hails",
    }

    def gettext(self, message: str) -> str:
        return self.TEXTS.get(message, message)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return self.gettext(one if n == 1 else many)


def test_words_are_english_and_can_be_said_again() -> None:
    text = phrase("Not registered ({said}).", said=phrase("no answer"))
    assert text == "Not registered (no answer)."
    assert json.dumps({"why": text}) == '{"why": "Not registered (no answer)."}'
    assert in_language(text, Pirate()) == "Arr, nay registered: no soul answers!"
    assert type(in_language(text, Pirate())) is str


def test_words_survive_an_exception_and_a_join() -> None:
    error = ValueError(phrase("no answer"))
    assert in_language(str(error), Pirate()) == "no soul answers"
    both = joined("; ", [phrase("no answer"), "408 {x}"])
    assert both == "no answer; 408 {x}"
    assert in_language(both, Pirate()) == "no soul answers; 408 {x}"
    assert joined(", ", []) == ""
    assert in_language(joined(", ", []), Pirate()) == ""


def test_what_others_wrote_is_never_translated() -> None:
    assert in_language("no answer", Pirate()) == "no answer"
    assert in_language(phrase("Not registered ({said}).", said="no answer"), Pirate()).endswith(
        ": no answer!"
    )


def test_counted_words() -> None:
    assert [in_language(phrase_n("{n} call", "{n} calls", n), Pirate()) for n in (1, 2)] == [
        "1 hail",
        "2 hails",
    ]
    assert str(phrase_n("{n} call", "{n} calls", 5)) == "5 calls"


def test_only_what_strangers_wrote_is_changed() -> None:
    inner = phrase("Not registered ({said}).", said="no <b>answer</b>")
    for text in (inner, bare(inner), joined("; ", (inner, phrase_n("{n} call", "{n} calls", 2)))):
        changed = foreign_parts(text, lambda said: said.replace("<b>", "").replace("</b>", ""))
        assert changed == text.replace("<b>", "").replace("</b>", "")
        assert "Arr, nay registered: no answer!" in in_language(changed, Pirate())
    assert foreign_parts("SECRET", str.lower) == "secret"


def test_a_change_holds_in_every_language() -> None:
    text = bare(phrase("{parts}.", parts=enumerated([phrase("no answer"), "408", phrase("no answer")])))
    assert text == "no answer and 408 and no answer"
    assert in_language(text, Pirate()) == "no soul answers and 408 and no soul answers"


def test_english_texts_are_recalled() -> None:
    templates = Pirate.TEXTS
    for text in (
        phrase("Not registered ({said}).", said=phrase("no answer")),
        phrase("no answer"),
        phrase("Not registered ({said}).", said="403 {x}"),
    ):
        again = recalled("".join(text), templates)
        assert again == text
        assert in_language(again, Pirate()) == in_language(text, Pirate())
    assert not isinstance(recalled("something else", templates), Words)


def test_figures_are_written_as_in_the_language() -> None:
    def russian(text: str) -> str:
        return in_language(text, catalogue("ru"))

    one, many = "{n:,} credit left", "{n:,} credits left"
    assert russian(phrase_n(one, many, 99_000)) == "осталось 99\u00a0000 кредитов"
    assert russian(phrase("first word {seconds:.1f} s after the answer", seconds=0.84)) == (
        "первое слово через 0,8 с после ответа"
    )
    assert russian(phrase("no answer within {seconds:.0f} s", seconds=60.0)) == "нет ответа за 60 с"
    assert russian(phrase("a text of our own: {x} {y!r}", x=1.5, y=2.5)) == "a text of our own: 1,5 2,5"
    assert russian(phrase("phone ready: {engine} {version}", engine="baresip", version="3.20")) == (
        "телефон готов: baresip 3.20"
    )
    assert russian(phrase("{address} is free", address="127.0.0.1:8000")) == "127.0.0.1:8000 свободен"
    assert russian(phrase("nobody listens at {host}:{port}", host="a.b", port=8000)) == (
        "на a.b:8000 никто не слушает"
    )
    assert str(phrase_n(one, many, 99_000)) == "99,000 credits left"
    assert in_language(phrase_n(one, many, 99_000), Pirate()) == "99,000 credits left"


def test_figures_in_the_log_are_told_from_versions() -> None:
    templates = ("phone ready: {engine} {version}", "first word {seconds:.1f} s after the answer")
    version = recalled("phone ready: baresip 3.20", templates)
    assert in_language(version, catalogue("ru")) == "телефон готов: baresip 3.20"
    seconds = recalled("first word 1.0 s after the answer", templates)
    assert in_language(seconds, catalogue("ru")) == "первое слово через 1,0 с после ответа"


def test_the_language_is_english_until_another_one_is_chosen() -> None:
    assert tr("no answer") == shown(phrase("no answer")) == "no answer"
    assert tr_n("{n} call", "{n} calls", 2) == "2 calls"
    for language in LANGUAGES:
        with speaking(language):
            assert tr("a text that is in no catalogue: {x}", x=1) == "a text that is in no catalogue: 1"
    choose("en")
    assert isinstance(phrase("x"), Words)
    assert msgid("x") == "x"


# ---- the catalogues ----


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def texts(message: catalogues.Message) -> Iterator[tuple[str, str]]:
    """Each Russian form with the English text it stands for."""
    if isinstance(message.id, (tuple, list)):
        for form in message.string:
            yield message.id[1], form
    else:
        yield message.id, message.string


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_catalogue_is_what_the_source_says_in_russian(domain: str) -> None:
    kept = catalogues.stored(domain)
    source = catalogues.extracted(domain)
    missing = [m.id for m in source if m.id and kept.get(m.id) is None]
    gone = [m.id for m in kept if m.id and source.get(m.id) is None]
    assert not missing, "run `make words` and translate"
    assert not gone, "run `make words`"
    assert not kept.obsolete, "run `make words`"
    assert not [m.id for m in catalogues.untranslated(kept)]


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_the_program_reads_is_compiled_from_it(domain: str) -> None:
    path = catalogues.po_path(domain)
    text = path.read_bytes()
    compiled, fresh = (
        gettext.GNUTranslations(BytesIO(data))._catalog  # type: ignore[attr-defined]
        for data in (path.with_suffix(".mo").read_bytes(), catalogues.mo_bytes(text))
    )
    assert {**compiled, "": None} == {**fresh, "": None}, "run `make words`"
    assert text == catalogues.po_text(catalogues.renewed(domain)), "run `make words`"


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_translation_has_the_same_places_to_fill_in(domain: str) -> None:
    for message in catalogues.stored(domain):
        for english, russian in texts(message) if message.id else ():
            assert fields(russian) == fields(english), russian
            assert english.endswith(".") == russian.endswith("."), russian
            assert english.strip() == english or russian.strip() != russian, russian


def test_sentences_with_a_remedy_have_it_in_russian_too() -> None:
    """The doctor tells what is wrong apart from what to do, in either language at the same place."""
    for message in catalogues.stored("console"):
        places = [place for place, _ in message.locations]
        if any(
            place.startswith(("console/settings/", "console/audio/", "console/phone/")) for place in places
        ):
            assert (halves(message.id, "")[1] == "") == (halves(message.string, "")[1] == ""), message.id


def test_only_literals_are_texts() -> None:
    """An f-string or a choice as the template would never be found in a catalogue."""
    wrong = [
        f"{path}:{node.lineno}"
        for domain in DOMAINS
        for path in catalogues.sources(domain)
        for call in catalogues.calls(path)
        for node in call
        if not _is_text(node)
    ]
    assert not wrong


def _is_text(node: ast.expr) -> bool:
    """A literal, or a name that stands for one that is marked where it is written."""
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)
    )
