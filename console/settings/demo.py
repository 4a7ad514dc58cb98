"""The settings of the built-in line while it runs: everything of one's own line is set aside, the rest
(limits, devices, region) stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .loading import Loaded, Settings, load

_SET_ASIDE = (
    "EXOLVE_SIP_USER",
    "EXOLVE_SIP_PASS",
    "EXOLVE_SIP_DOMAIN",
    "EXOLVE_SIP_OUTBOUND",
    "SIP_OUTBOUND",
    "SIP_LISTEN",
    "BARESIP_START",
    "BARESIP_CTRL",
)
DATA_FOLDER = "demo"
"""Calls to characters are kept apart from calls to people."""


def kept_apart(own: Loaded) -> Settings:
    """The settings with the folders of the demo line, which need no line that runs."""
    folder = own.settings.data_dir / DATA_FOLDER
    log_dir = own.settings.log_dir if "log_dir" in own.sources else folder / "logs"
    return replace(own.settings, data_dir=folder, log_dir=log_dir)


@contextmanager
def demo_line(environ: Mapping[str, str], cwd: Path, apart: Settings) -> Iterator[Loaded]:
    """Start the built-in line and yield the settings that point at it. `apart`: its folders and its language.
    Raises `console.demo.child.ChildFailed` when it does not come up."""
    from ..demo.line import DemoLine

    with DemoLine(apart.lang) as line:
        folders = {"CONSOLE_DATA_DIR": str(apart.data_dir), "CONSOLE_LOG_DIR": str(apart.log_dir)}
        loaded = load({**environ, **dict.fromkeys(_SET_ASIDE, ""), **folders, **line.settings()}, cwd)
        yield replace(loaded, demo=True)
