"""The settings of the built-in line while it runs: everything of one's own line is set aside, the rest
(limits, devices, region) stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .loading import Loaded, load

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


@contextmanager
def demo_line(environ: Mapping[str, str], cwd: Path, own: Loaded) -> Iterator[Loaded]:
    """Start the built-in line and yield the settings that point at it. `own`: the settings without it. Raises
    `console.demo.child.ChildFailed` when it does not come up."""
    from ..demo.line import DemoLine

    with DemoLine(own.settings.lang) as line:
        folder = {"CONSOLE_DATA_DIR": str(own.settings.data_dir / DATA_FOLDER)}
        loaded = load({**environ, **dict.fromkeys(_SET_ASIDE, ""), **folder, **line.settings()}, cwd)
        yield replace(loaded, demo=True)
