"""The calls that this console has on the phone, kept on disk so that a later console can end what it left."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from .ctrl_listings import ListedCall
from .dialogs import Dialog


class KnownCalls:
    """A small file (0600) with SIP Call-ID and peer of each call that this console dialed."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "calls-on-phone.json"
        self._before = self._read()
        self._now: list[dict[str, str]] = []

    def save(self, dialogs: list[Dialog]) -> None:
        """Keep what is on the phone now; a full disk only costs the memory, not the call."""
        calls = [{"id": d.sip_call_id, "peer": d.peer_uri} for d in dialogs if d.ours]
        if calls == self._now and self._path.exists():
            return
        self._now = calls
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(calls, file)
            fresh.replace(self._path)

    def is_ours(self, call: ListedCall) -> bool:
        """Whether an earlier console dialed it: by id, or by peer where Baresip lists no ids (1.0.0)."""
        if call.incoming or call.state == "INCOMING":
            return False
        for known in self._before:
            if call.sip_call_id and known["id"]:
                if call.sip_call_id == known["id"]:
                    return True
            elif call.peer_uri == known["peer"]:
                return True
        return False

    def _read(self) -> list[dict[str, str]]:
        try:
            found = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return []
        if not isinstance(found, list):
            return []
        return [
            {"id": str(item.get("id", "")), "peer": str(item.get("peer", ""))}
            for item in found
            if isinstance(item, dict)
        ]
