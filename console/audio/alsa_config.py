"""An ALSA configuration of our own: PortAudio, and a Baresip without a pulse module, see a PulseAudio sink
only through a PCM of `type pulse` (alsa-plugins, `doc/README-pulse`). No file of the user is touched: the
system's configuration is included first, and `ALSA_CONFIG_PATH` names ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = "ALSA_CONFIG_PATH"
_SYSTEM = "/usr/share/alsa/alsa.conf"


@dataclass(frozen=True, slots=True)
class PulsePcm:
    """An ALSA PCM on a PulseAudio sink or source. Only with a `description` does PortAudio list it."""

    name: str
    device: str
    description: str = ""


def config_text(pcms: tuple[PulsePcm, ...], server: str, environ: Mapping[str, str] = os.environ) -> str:
    """The configuration. `server`: PulseAudio address; empty: the user's default server."""
    given = environ.get(ENVIRONMENT, "") or _SYSTEM
    lines = [f"<{path}>" for path in given.split(":") if Path(path).exists()]
    return "\n".join([*lines, *(_pcm(pcm, server) for pcm in pcms)]) + "\n"


def _pcm(pcm: PulsePcm, server: str) -> str:
    parts = [f'pcm.{pcm.name} {{ type pulse device "{pcm.device}"']
    if server:
        parts.append(f'server "{server}"')
    if pcm.description:
        parts.append(f'hint {{ show on description "{pcm.description}" }}')
    return " ".join(parts) + " }"
