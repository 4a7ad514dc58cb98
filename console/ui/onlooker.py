"""What stands before somebody who looks on while another console works: everything is shown, nothing can be
done."""

from __future__ import annotations

from dataclasses import replace

from console.core.events import CallId
from console.language import tr

from .operator import Operator
from .present.keys import Key

LOOKS_ONLY = ("tab",)
"""Keys that change only what is shown."""


class Onlooker(Operator):
    """Sends nothing: every command key is greyed, and each says why."""

    def __init__(self) -> None:
        super().__init__(lambda event: None)

    def keys(self) -> tuple[Key, ...]:
        why, keys = self._why(), super().keys()
        return tuple(
            key
            if key.key in LOOKS_ONLY
            else replace(key, enabled=False, loud=False, why=why, meaning=key.key)
            for key in keys
        )

    def type(self, character: str, at: float) -> None:
        self._refuse(character, self._why(), at)

    def put(self, text: str, as_uri: bool = False) -> None:
        """Nothing is dialed from here, so nothing is taken up to be dialed."""

    def backspace(self) -> None: ...

    def paste(self, text: str, at: float) -> None:
        self._refuse(tr("paste"), self._why(), at)

    def recall(self, step: int, at: float) -> None:
        self._refuse(tr("Up, Down"), self._why(), at)

    def hang_up(self, call: CallId | None, at: float) -> None:
        self._refuse("h", self._why(), at)

    def allow_dialing(self, at: float) -> None:
        self._refuse("ctrl+p", self._why(), at)

    def dial_uri(self, text: str, at: float) -> bool:
        self._refuse("u", self._why(), at)
        return False

    def _why(self) -> str:
        return tr("you only look on: the other console has the line")
