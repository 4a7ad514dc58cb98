"""A disk that is full in mid-call: the call goes on, the console says so once, and the next call works."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.scene import check, record_end, staged
from tests.faults.single import EMBEDDED, EXTERNAL, goes_on, hang_up


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB of our own; mounting one needs rights that not everybody has."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if not mount or not unmount or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("NOT RUN: no right to mount a small tmpfs here, so no disk can be filled")
    yield folder
    subprocess.run([unmount, "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


@pytest.mark.parametrize("engine", [EMBEDDED, pytest.param(EXTERNAL, marks=pytest.mark.live)])
async def test_disk_full(
    engine: str, small_disk: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", "disk full while logging")
    record_property("engine", engine)
    async with staged(tmp_path, engine, CONSOLE_DATA_DIR=str(small_disk / "data")) as scene:
        call = await scene.talking()
        fill(small_disk)
        at = time.time()
        await goes_on(scene, call)
        await hang_up(scene, call)
        end = await scene.aftermath(call)
        check(end)
        await scene.works_again()
        said = [r.fields["why"] for r in scene.of("ignored") if "cannot be written" in str(r.fields["why"])]
        assert said, "nobody was told that the disk is full"
        assert len(said) < 12, said
        record_end(record_property, end, at)
