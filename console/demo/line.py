"""The built-in line: the exchange and the conversation server, each in a process of its own, and the settings
that point the console at them. The console is not told that they are ours: it registers, dials and opens AI
sessions as it would anywhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from dataclasses import asdict
from types import TracebackType
from typing import Self

from . import clips
from .child import Child, ChildFailed
from .conversation.script import Script, Setup
from .exchange import PASSWORD_VARIABLE

USER, AGENT = "console", "demo-agent"


class DemoLine:
    """`language` of the agent: `en` or `ru`. `pace`: how long rings and pauses last, 1 as in life."""

    def __init__(self, language: str = "en", pace: float = 1.0) -> None:
        self._language = language if language == "ru" else "en"
        self._password, self._key = secrets.token_urlsafe(12), secrets.token_urlsafe(24)
        self.exchange = Child(
            "console.demo.exchange",
            "--user",
            USER,
            "--pace",
            str(pace),
            "--report",
            environment={PASSWORD_VARIABLE: self._password},
        )
        self.conversations: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> dict[str, str]:
        """Start both (about half a second); returns the settings. Raises `ChildFailed`."""
        descriptor, path = tempfile.mkstemp(prefix="console-demo-", suffix=".json")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(self._setup()), file)
            self.conversations = Child("console.demo.conversation_server", "--setup", path)
            self.exchange.launch()
            self.conversations.launch()
            self.exchange.ready()
            self.conversations.ready()
        except ChildFailed:
            self.stop()
            raise
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return self.settings()

    def settings(self) -> dict[str, str]:
        """What a user would write into `.env` for this line; the account and the key are of this run only."""
        if self.conversations is None:
            raise ChildFailed("The demo line has not been started.")
        return {
            "SIP_USER": USER,
            "SIP_PASS": self._password,
            "SIP_DOMAIN": str(self.exchange.lines[0]["sip"]),
            "SIP_REGISTER": "yes",
            "ELEVENLABS_BASE_URL": f"http://127.0.0.1:{self.conversations.lines[0]['port']}",
            "ELEVENLABS_API_KEY": self._key,
            "ELEVENLABS_AGENT_ID": AGENT,
            "ELEVENLABS_INCOMING_AGENT_ID": AGENT,
            "DIAL_REGION": "RU",
            "RTP_TIMEOUT": "10",
        }

    def stop(self) -> None:
        for child in (self.conversations, self.exchange):
            if child is not None:
                child.stop()

    def _setup(self) -> Setup:
        turns = tuple((text, str(file)) for text, file in clips.agent_sentences(self._language))
        hears = tuple((text, str(file)) for text, file in clips.callee_sentences())
        return Setup(api_key=self._key, agents={AGENT: Script(turns=turns, hears=hears)})
