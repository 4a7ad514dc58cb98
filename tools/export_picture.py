"""Draw the README's picture: the real screen in a real call on the demo line, exported by the program itself.

.venv/bin/python tools/export_picture.py docs/screen.svg
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from console.demo.cast import CAST
from console.settings.demo import demo_line, kept_apart
from console.settings.loading import load, make_folders
from console.ui.app import ConsoleApp
from console.ui.options import Offer, ScreenOptions
from console.wiring import build

SIZE = (110, 32)
CALL_SECONDS = 14.0
"""Into the call: both sides have spoken by then."""


async def export(folder: Path) -> str:
    environment = {**os.environ, "CONSOLE_DATA_DIR": str(folder), "CONSOLE_LANG": "en"}
    with demo_line(environment, folder, kept_apart(load(environment, folder))) as loaded:
        make_folders(loaded.settings)
        offers = tuple(Offer(who.number, who.name, who.does) for who in CAST)
        options = ScreenOptions(
            account=f"{loaded.settings.sip_user}@{loaded.settings.sip_domain}",
            demo=True,
            offers=offers,
            number=CAST[0].number,
            sounds=False,
        )
        app = ConsoleApp(build(loaded), options)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(2.0)
            await pilot.press("enter")
            await pilot.pause(CALL_SECONDS)
            picture = app.export_screenshot(title="Call Console")
            await pilot.press("h")
            await pilot.pause(1.0)
            return picture


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        Path(sys.argv[1]).write_text(asyncio.run(export(Path(temporary))))
