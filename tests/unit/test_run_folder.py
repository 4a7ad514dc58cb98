"""Folders of consoles that were killed are removed; those of living ones, and of others, are not."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from console.audio.run_folder import clear_leftovers, make_run_folder


def _dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_run_folder_is_private_and_names_its_process(tmp_path: Path) -> None:
    folder = make_run_folder(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert f"-{os.getpid()}-" in folder.name


def test_only_folders_of_dead_consoles_go(tmp_path: Path) -> None:
    mine = make_run_folder(tmp_path)
    dead = tmp_path / f"call-console-audio-{_dead_pid()}-abc"
    dead.mkdir()
    (dead / "asound.conf").write_text("x")
    other = tmp_path / "call-console-audio-notes"
    other.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"call-console-audio-{_dead_pid()}-link").symlink_to(elsewhere)
    clear_leftovers(tmp_path)
    assert not dead.exists()
    assert mine.exists()
    assert other.exists()
    assert elsewhere.exists()


def test_a_sound_server_left_behind_is_ended_and_a_strangers_process_is_not(tmp_path: Path) -> None:
    wait = "import sys; print('up', flush=True); sys.stdin.read()"
    dead = tmp_path / f"call-console-audio-{_dead_pid()}-abc"
    reused = tmp_path / f"call-console-audio-{_dead_pid()}-def"
    processes = []
    for folder, argument in ((dead, str(dead / "native")), (reused, "something else")):
        folder.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", wait, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        (folder / "pulseaudio.pid").write_text(str(process.pid))
        processes.append(process)
    try:
        clear_leftovers(tmp_path)
        assert processes[0].wait(20) == -15
        assert processes[1].poll() is None
        assert not dead.exists()
        assert not reused.exists()
    finally:
        for process in processes:
            process.kill()
            process.communicate()
