"""The conversation server as a child process, as the demo line and the end-to-end tests use it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.core import events as ev
from console.demo.conversation.process import ConversationProcess, ConversationServerError
from console.demo.conversation.script import Script, Setup, Step

KEY = "key-of-the-child"


async def test_child_process_holds_a_conversation_and_reports_it(tmp_path: Path, agent: Any) -> None:
    setup = Setup(api_key=KEY, agents={"agent": Script()})
    log = tmp_path / "conversation.jsonl"
    began = time.time()
    async with ConversationProcess(setup, log) as server:
        hello, heard = Step("say", "Hello", hz=440, seconds=0.5), Step("say", "I heard you", seconds=0.1)
        await server.define("agent", Script(steps=(hello, Step("hear", seconds=0.02), heard)))
        session = agent.session(url=server.url, key=KEY)
        session.open("")
        await agent.seen(ev.AgentLive)
        await agent.until(lambda: len(agent.media.played) == 16000)
        tone = (8000 * np.sin(np.arange(320) / 5)).astype("<i2").tobytes()
        session.send_audio(tone)
        await agent.seen(ev.AgentTranscript, 2)
        assert (await server.caller_audio()).tobytes() == tone
        await server.do(Step("close", code=1011, reason="tired"))
        closed = await agent.closed()
        assert (closed.code, closed.reason) == (1011, "tired")
        report = await server.report()
        with pytest.raises(ConversationServerError, match="no conversation"):
            await server.do(Step("ping"))
    seen = report["conversations"][0]
    assert began < seen["opened"] <= seen["closed"] < time.time()
    assert (seen["close_code"], seen["closed_by"]) == (1011, "server")
    assert report["violations"] == []
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"tcp_open", "request", "open", "step", "closed", "tcp_close"} <= {e["event"] for e in entries}
    assert KEY not in log.read_text()


async def test_a_setup_that_is_none_is_said() -> None:
    with pytest.raises(ConversationServerError):
        async with ConversationProcess(Setup(agents={"a": {"nonsense": 1}})):  # type: ignore[dict-item]
            pass
