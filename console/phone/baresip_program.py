"""Finding Baresip on this machine: the program, its version, and which of its modules are installed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..core.words import phrase
from ..ports import PhoneError
from .baresip_version import Version, parse_version

_INSTALL = phrase("install it (Debian: `apt install baresip-core`) or set BARESIP_BIN")
_NEEDED = ("account", "menu", "ctrl_tcp", "g711")


@dataclass(frozen=True, slots=True)
class BaresipProgram:
    """An installed Baresip. `modules`: names without `.so`."""

    path: Path
    version: Version
    module_dir: Path
    modules: frozenset[str]


def _no_phone(what: str) -> PhoneError:
    return PhoneError(phrase("No phone: {what}; {remedy}.", what=what, remedy=_INSTALL))


def locate(binary: str = "") -> Path:
    """The program named by BARESIP_BIN, else `baresip` on PATH; raises `PhoneError`."""
    found = shutil.which(binary or "baresip")
    if found is None:
        if binary:
            raise _no_phone(phrase("the program {path} was not found", path=binary))
        raise _no_phone(phrase("baresip is not installed"))
    return Path(found).absolute()


async def inspect(binary: str = "") -> BaresipProgram:
    """Find the program and look at it; raises `PhoneError` with the remedy."""
    path = locate(binary)
    version = parse_version(await _usage(path))
    if version is None:
        raise _no_phone(phrase("{path} does not say which Baresip it is", path=path))
    module_dir = _module_dir(path)
    if module_dir is None:
        raise _no_phone(phrase("the modules of {path} were not found beside it", path=path))
    modules = frozenset(file.stem for file in module_dir.glob("*.so"))
    missing = [name for name in _NEEDED if name not in modules]
    if missing:
        what = phrase("Baresip's module {name} is missing in {folder}", name=missing[0], folder=module_dir)
        raise _no_phone(what)
    return BaresipProgram(path, version, module_dir, modules)


async def _usage(path: Path) -> str:
    """The usage text; every version prints its name and version above it."""
    process = await asyncio.create_subprocess_exec(
        path,
        "-h",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(5):
            output, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return output.decode("utf-8", "replace")


def _module_dir(program: Path) -> Path | None:
    prefix = Path(os.path.realpath(program)).parent.parent
    candidates = [prefix / "lib", prefix / "lib64", *sorted((prefix / "lib").glob("*-linux-*"))]
    return next(
        (folder for lib in candidates if (folder := lib / "baresip" / "modules").is_dir()),
        None,
    )
