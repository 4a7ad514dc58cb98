"""`make words`: brings the Russian catalogues up to date with the source, and compiles them.

Finds the texts in the source (see console/core/words.py), adds the new ones to the .po files in
console/locale/ru/LC_MESSAGES, drops those that are gone, writes the .mo files that the program reads, and
names what is still without Russian words. `python tools/words.py screen`: only this catalogue.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
LANGUAGE = "ru"
FOLDER = ROOT / "console" / "locale" / LANGUAGE / "LC_MESSAGES"
KEYWORDS = {"phrase": 1, "phrase_n": 2, "msgid": 1, "tr": 1, "tr_n": 2}
"""The functions that take texts: how many of their first arguments are some."""

DOMAINS = ("console", "screen")


def po_path(domain: str) -> Path:
    return FOLDER / f"{domain}.po"


def sources(domain: str) -> list[Path]:
    """The modules whose texts are in this catalogue."""
    on_screen = ROOT / "console" / "ui"
    found = sorted((ROOT / "console").rglob("*.py"))
    return [path for path in found if path.is_relative_to(on_screen) == (domain == "screen")]


def extracted(domain: str) -> Catalog:
    """The texts as they stand in the source, each with the modules it stands in."""
    catalog = Catalog(project="call-console", charset="utf-8")
    for path in sources(domain):
        for call in calls(path):
            texts = [node.value for node in call if isinstance(node, ast.Constant)]
            if len(texts) == len(call):
                place = (path.relative_to(ROOT).as_posix(), None)
                catalog.add(texts[0] if len(texts) == 1 else tuple(texts), locations=[place])
    return catalog


def calls(path: Path) -> Iterator[list[ast.expr]]:
    """What stands in the place of texts wherever a function of `KEYWORDS` is called, top down."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS
    ]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        assert isinstance(node.func, ast.Name)
        yield node.args[: KEYWORDS[node.func.id]]


def stored(domain: str) -> Catalog:
    """The catalogue as it is kept."""
    path = po_path(domain)
    if not path.exists():
        return Catalog(locale=LANGUAGE)
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE, domain=domain)


def renewed(domain: str) -> Catalog:
    """The kept catalogue with the texts of the source: new ones empty, old ones gone."""
    catalog = stored(domain)
    catalog.update(extracted(domain), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    return catalog


def po_text(catalog: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, catalog, width=110, sort_by_file=True, omit_header=True, ignore_obsolete=True)
    return _HEADER + out.getvalue()


_HEADER = b"""msgid ""
msgstr ""
"Language: ru\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : "
"n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

"""


_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""The same texts make the same file."""


def mo_bytes(po: bytes) -> bytes:
    """The compiled form of a .po file."""
    catalog = read_po(BytesIO(po), locale=LANGUAGE)
    catalog.creation_date = catalog.revision_date = _NO_DATE
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def untranslated(catalog: Catalog) -> list[Message]:
    """The texts without words in every form, and those that are marked as doubtful."""
    return [message for message in catalog if message.id and (message.fuzzy or not _whole(message))]


def _whole(message: Message) -> bool:
    texts = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return all(texts)


def main() -> int:
    left = 0
    for domain in sys.argv[1:] or DOMAINS:
        catalog = renewed(domain)
        text = po_text(catalog)
        po_path(domain).write_bytes(text)
        po_path(domain).with_suffix(".mo").write_bytes(mo_bytes(text))
        missing = untranslated(catalog)
        left += len(missing)
        print(f"{po_path(domain).relative_to(ROOT)}: {len(catalog)} texts, {len(missing)} without Russian")
        for message in missing:
            print(f"  {message.id!r}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
