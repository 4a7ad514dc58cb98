"""Reading `.env`: names, values and line numbers, and a sentence for whatever is odd in it.

The syntax is python-dotenv's, without interpolation: a `$` in a password is a `$`. Sentences never quote a
line, which may hold a secret.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import platformdirs
from dotenv.parser import parse_stream

from ..core.system_errors import system_error
from ..core.words import phrase

NAME = ".env"


@dataclass(frozen=True, slots=True)
class EnvFile:
    """`values`: name -> (value, line number). `problems` stop the program, `warnings` do not."""

    path: Path
    values: dict[str, tuple[str, int]]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def default_data_dir() -> Path:
    return platformdirs.user_data_path("call-console", appauthor=False)


def in_force(environ: Mapping[str, str], cwd: Path) -> EnvFile | None:
    """The `.env` of the current folder or else of the data dir, read; None if there is none."""
    data_dir = os.path.expanduser(environ.get("CONSOLE_DATA_DIR") or default_data_dir())
    paths = (cwd / NAME, cwd / data_dir / NAME)
    found = next((path for path in paths if os.path.exists(path)), None)
    return read(found) if found else None


def read(path: Path) -> EnvFile:
    """Read the file; whatever it holds, nothing is raised."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        why = phrase("{path} cannot be read: {error}.", path=path, error=system_error(error))
        return EnvFile(path, {}, (why,))
    try:
        text = _decoded(raw)
    except UnicodeDecodeError:
        return EnvFile(path, {}, (phrase("{path} is not UTF-8 text: save it as UTF-8.", path=path),))
    values, warnings = _parsed(text, path)
    if values and (warning := exposed(path)):
        warnings.append(warning)
    return EnvFile(path, values, (), tuple(warnings))


def exposed(path: Path) -> str:
    """A sentence if other users can read this file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    if os.name == "posix" and mode & 0o077:
        return phrase("{path} can be read by other users: chmod 600 {path}", path=path)
    return ""


def _decoded(raw: bytes) -> str:
    """Text in UTF-8, or in UTF-16 if it begins with that byte order mark (as some editors save it)."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")


def _parsed(text: str, path: Path) -> tuple[dict[str, tuple[str, int]], list[str]]:
    values: dict[str, tuple[str, int]] = {}
    warnings: list[str] = []
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line + _blank_lines(binding.original.string)
        if binding.error or (binding.key is not None and binding.value is None):
            warnings.append(
                phrase(
                    "Line {line} of {path} is not NAME=value (or a quote is not closed): ignored.",
                    line=line,
                    path=path,
                )
            )
        elif binding.key is not None and binding.value is not None:
            if binding.key in values:
                warnings.append(
                    phrase(
                        "{key} is set in lines {first} and {line} of {path}: the last one counts.",
                        key=binding.key,
                        first=values[binding.key][1],
                        line=line,
                        path=path,
                    )
                )
            values[binding.key] = (binding.value, line)
    return values, warnings


def _blank_lines(original: str) -> int:
    """Blank lines that the parser counts to the entry behind them."""
    blank = original[: len(original) - len(original.lstrip())]
    return blank.replace("\r\n", "\n").replace("\r", "\n").count("\n")
