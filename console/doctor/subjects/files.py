"""What lies on the disk: files of ours that others can read; leftovers of earlier runs and the old system."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...core.finding import Finding, problem, warning
from ...core.words import phrase
from ...phone import baresip_leftovers
from ..checking import Context, Fix, Result, check

OLD_FLAGS = ("connect_websocket", "disconnect_websocket")
"""By these files in the temporary folder the old system's programs gave each other signs."""


@check("files")
def look(context: Context) -> Result:
    findings: list[Finding] = []
    fixes: list[Fix] = []
    for found, fix in (*_exposed(context), *_leftovers(context), *_old_flags(context)):
        findings.append(found)
        fixes += [fix] if fix else []
    return Result(
        tuple(findings),
        () if findings else (phrase("private in {data_dir}", data_dir=context.settings.data_dir),),
        (),
        tuple(fixes),
    )


def _exposed(context: Context) -> Iterator[tuple[Finding, Fix | None]]:
    """Files of ours that other users can open: their folder lets them in, and so do they."""
    settings = context.settings
    for folder in dict.fromkeys((settings.data_dir, settings.log_dir)):
        for path in sorted(_files(folder)):
            found = problem(
                "files.exposed",
                phrase("{path} can be read by other users.", path=path),
                phrase("Run chmod 600 {path}.", path=path),
            )
            yield (
                found,
                Fix(
                    "files.exposed",
                    phrase("Let only you read {path}?", path=path),
                    partial(path.chmod, 0o600),
                ),
            )


def _files(folder: Path) -> Iterator[Path]:
    """What others can read in a folder that is ours, and in the folders of runs."""
    runs = folder / "baresip"
    for place in (folder, runs, *(runs.glob("*/") if runs.is_dir() else ())):
        if not all(_lets_in(on_the_way, 0o011) for on_the_way in (folder, place)):
            continue
        for path in place.iterdir():
            if path.is_file() and not path.is_symlink() and _lets_in(path, 0o044):
                yield path


def _lets_in(path: Path, bits: int) -> bool:
    """Whether the group or others have any of these permissions."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & bits)
    except OSError:
        return False


def _leftovers(context: Context) -> Iterator[tuple[Finding, Fix | None]]:
    data_dir = context.settings.data_dir
    for folder in baresip_leftovers.leftovers(data_dir):
        found = warning(
            "files.leftover",
            phrase(
                "A console that is gone left {folder} with the SIP password in it, and maybe a running "
                "Baresip.",
                folder=folder,
            ),
            phrase("Start the console once, or add --fix."),
        )
        yield (
            found,
            Fix(
                "files.leftover",
                phrase("End what still runs of it and remove {folder}?", folder=folder),
                partial(baresip_leftovers.clear_leftovers, data_dir),
            ),
        )


def _old_flags(context: Context) -> Iterator[tuple[Finding, Fix | None]]:
    for name in OLD_FLAGS:
        path = context.temp / name
        if not os.path.lexists(path):
            continue
        found = warning(
            "files.old-flag",
            phrase(
                "{path} is left of the old system; while its audio bridge runs, it may open a paid session.",
                path=path,
            ),
            phrase("End the old programs and remove {path}.", path=path),
        )
        removable = path.is_symlink() or not path.is_dir()
        yield (
            found,
            Fix("files.old-flag", phrase("Remove {path}?", path=path), path.unlink) if removable else None,
        )
