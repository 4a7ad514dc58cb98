"""What is said when the programs of a sound server are missing, and how the user's own one is looked for."""

from pathlib import Path

import pytest

from console.audio.pulse import SoundServer
from console.ports import AudioError


def _programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """These and no other programs are on PATH."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def _environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": "/bin:/usr/bin", **more}


async def test_without_any_sound_server_the_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path / "bin", monkeypatch)
    with pytest.raises(AudioError, match=r"sudo apt install pulseaudio pulseaudio-utils"):
        await SoundServer(tmp_path, _environ(tmp_path)).start()


async def test_a_private_server_that_does_not_come_up_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path / "bin", monkeypatch, pulseaudio="exit 1", pactl="exit 1")
    server = SoundServer(tmp_path, _environ(tmp_path))
    with pytest.raises(AudioError, match="does not start"):
        await server.start()
    await server.stop()


@pytest.mark.parametrize(
    "hint",
    ["socket in the runtime folder", "socket in the home", "an address", "an address in client.conf"],
)
async def test_the_users_server_is_asked_only_where_there_may_be_one(
    hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    _programs(tmp_path / "bin", monkeypatch, pactl=f'echo "$@" >> {asked}; exit 1')
    environ = _environ(tmp_path)
    config = tmp_path / ".config" / "pulse"
    if hint == "an address":
        environ["PULSE_SERVER"] = "tcp:elsewhere"
    elif hint == "an address in client.conf":
        config.mkdir(parents=True)
        (config / "client.conf").write_text("default-server = tcp:elsewhere\n")
    else:
        home = hint == "socket in the home"
        folder = config / "abc-runtime" if home else tmp_path / "run" / "pulse"
        folder.mkdir(parents=True)
        (folder / "native").touch()
        environ["XDG_RUNTIME_DIR"] = str(tmp_path / "run")
    with pytest.raises(AudioError, match="not installed"):
        await SoundServer(tmp_path, environ).start()
    assert asked.read_text() == "info\n"


async def test_a_client_configuration_without_an_address_is_no_reason_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    _programs(tmp_path / "bin", monkeypatch, pactl=f'echo "$@" >> {asked}; exit 1')
    config = tmp_path / ".config" / "pulse"
    config.mkdir(parents=True)
    (config / "client.conf").write_text("; default-server = tcp:elsewhere\n")
    with pytest.raises(AudioError, match="not installed"):
        await SoundServer(tmp_path, _environ(tmp_path)).start()
    assert not asked.exists()
