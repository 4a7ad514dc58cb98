"""README, `.env.example` and the code say the same."""

import re
from pathlib import Path

from dotenv import dotenv_values

from console import language
from console.demo.cast import CAST
from console.phone.baresip_config import PhoneLimits
from console.settings.loading import VARIABLES, load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
NAMES = {name for v in VARIABLES for name in (v.name, v.alias) if name}


def test_every_setting_is_in_the_readme() -> None:
    listed = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", README))
    assert {v.name for v in VARIABLES} - listed == set()


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    prefixes = tuple({name.split("_")[0] + "_" for name in NAMES})
    named = {name for name in re.findall(r"\b[A-Z]+_[A-Z0-9_]+\b", README) if name.startswith(prefixes)}
    assert named - NAMES == set()


def test_the_example_has_every_setting_and_sets_none(tmp_path: Path) -> None:
    assert set(re.findall(r"^# ([A-Z_]+)=", EXAMPLE, re.M)) == NAMES
    assert dotenv_values(ROOT / ".env.example") == {}


def test_the_example_uncommented_is_well_formed(tmp_path: Path) -> None:
    text = re.sub(r"^# ([A-Z_]+=)", r"\1", EXAMPLE, flags=re.M)
    path = tmp_path / ".env"
    path.write_text(text)
    path.chmod(0o600)
    loaded = load({"PATH": "/usr/bin:/bin"}, tmp_path, lambda s: "embedded")
    wrong = [p for p in loaded.problems if "BARESIP_BIN" not in p]  # it need not be installed here
    assert wrong == []
    assert loaded.warnings == ()
    assert loaded.settings.jitter_ms == PhoneLimits().jitter_ms


def test_everybody_on_the_demo_line_is_in_the_readme() -> None:
    for character in CAST:
        assert f"| `{character.number}` | {character.name}: {character.does} |" in README


RUSSIAN = (ROOT / "README.ru.md").read_text()


def test_both_readmes_have_the_same_parts_programs_and_settings() -> None:
    for what in (r"^#+ ", r"^\| ", r"^```"):
        assert len(re.findall(what, RUSSIAN, re.M)) == len(re.findall(what, README, re.M)), what
    for quoted in (r"`([A-Z][A-Z0-9_]+)`", r"^```sh\n(.*?)```", r"\]\(([^)]*)\)"):
        ours, theirs = (set(re.findall(quoted, text, re.M | re.S)) for text in (RUSSIAN, README))
        assert {_bare(found) for found in ours} == {_bare(found) for found in theirs}, quoted


def _bare(text: str) -> str:
    """Without comments, and without the link from one README to the other."""
    return re.sub(r"#.*", "", text).replace("README.ru.md", "README.md")


def test_everybody_on_the_demo_line_is_in_the_russian_readme() -> None:
    with language.speaking("ru"):
        for character in CAST:
            name, does = language.shown(character.name), language.shown(character.does)
            assert f"| `{character.number}` | {name}: {does} |" in RUSSIAN
