"""From preparing to the metadata: nothing billed before `open`, at once afterwards (conformance checks 1, 2,
3, 22 and section 1.6 of the protocol)."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.protocol import State

from console.agent.wire import Timing
from console.core import events as ev
from console.core.events import Refusal
from console.demo.conversation.script import RestAnswer, Script, Step

TLS = Path(__file__).parent.parent / "fixtures" / "tls"


async def test_check_1_initiation_first_and_no_audio_before_the_metadata(agent: Any) -> None:
    await agent.serve(Script(opening=(Step("wait", seconds=0.3),)))
    session = agent.session()
    session.open("The call was cut off before.")
    await agent.seen(ev.AgentUpgraded)
    for _ in range(10):
        session.send_audio(bytes(640))
    live = await agent.seen(ev.AgentLive)
    session.send_audio(bytes(640))
    await agent.until(lambda: agent.seen_by_server().audio.messages == 1)
    seen = agent.seen_by_server()
    assert live.conversation_id == seen.conversation_id
    assert seen.violations == []
    assert seen.initiation == {
        "type": "conversation_initiation_client_data",
        "dynamic_variables": {"phone_number": "+79123456789"},
        "user_id": "+79123456789",
    }
    assert [m["text"] for m in seen.messages] == ["The call was cut off before."]


async def test_check_2_nothing_is_overridden_that_was_not_set(agent: Any) -> None:
    await agent.serve(Script(allowed_overrides=()))
    session = agent.session()
    session.open("")
    await agent.seen(ev.AgentLive)
    assert "conversation_config_override" not in agent.seen_by_server().initiation
    assert agent.seen_by_server().messages == []


@pytest.mark.parametrize(
    "name", ["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"]
)
async def test_check_3_all_seven_formats_from_the_metadata(agent: Any, name: str) -> None:
    await agent.serve(Script(input_format=name, output_format="ulaw_8000"))
    agent.session().open("")
    live = await agent.seen(ev.AgentLive)
    assert (live.input_format, live.output_format) == (name, "ulaw_8000")
    assert agent.media.formats == (name, "ulaw_8000")


async def test_check_3_formats_that_are_not_said_are_pcm_16000(agent: Any) -> None:
    await agent.serve(Script(formats=False))
    agent.session().open("")
    await agent.seen(ev.AgentLive)
    assert agent.media.formats == ("pcm_16000", "pcm_16000")


async def test_check_3_an_unknown_format_fails_cleanly_before_any_audio(agent: Any) -> None:
    await agent.serve(Script(output_format="mp3_44100"))
    agent.session().open("")
    closed = await agent.closed()
    assert closed.refusal is Refusal.CONFIG
    assert not closed.ours
    assert "mp3_44100" in closed.reason
    assert "pcm_16000" in closed.reason
    assert agent.media.formats is None
    assert agent.all(ev.AgentLive) == []


# ---- nothing billed before the answer ----


async def test_no_upgrade_before_open_whatever_happens(agent: Any) -> None:
    broken = RestAnswer(503), RestAnswer(200, text="<html>"), RestAnswer(429)
    await agent.serve(Script(signed=broken), open_timeout=0.3)
    session = agent.session(timing=Timing(retry=0.02, retry_most=0.05, hold=60))
    session.prepare()
    await agent.seen(ev.AgentPrepareFailed, 3)
    await agent.seen(ev.AgentWarm)
    await agent.until(lambda: len(agent.record.connections) >= 8, "renewed connections")
    session.close("nobody picked up")
    closed = await agent.closed()
    assert closed.ours
    assert agent.record.upgrades == []
    await agent.until(lambda: all(c.closed for c in agent.record.connections), "all sockets gone")


async def test_a_prepared_session_upgrades_over_the_connection_it_held(agent: Any) -> None:
    await agent.serve()
    session = agent.session()
    session.prepare()
    await agent.seen(ev.AgentWarm)
    await agent.until(lambda: len(agent.record.connections) == 2)
    before = time.time()
    session.open("")
    await agent.seen(ev.AgentUpgraded)
    held = agent.record.connections[agent.seen_by_server().connection - 1]
    assert held.opened < before
    assert len(agent.record.connections) == 2  # one for the signed URL, one for the conversation
    assert len(agent.record.upgrades) == 1


@pytest.mark.parametrize(
    ("open_timeout", "ring", "hold"),
    [(0.8, 2.5, 0.4), pytest.param(10.0, 25.0, Timing().hold, id="real time")],
)
async def test_the_prepared_connection_is_renewed_while_it_rings(
    agent: Any, open_timeout: float, ring: float, hold: float
) -> None:
    await agent.serve(open_timeout=open_timeout)
    session = agent.session(timing=Timing(hold=hold))
    session.prepare()
    await asyncio.sleep(ring)
    assert agent.record.upgrades == []
    before = time.time()
    session.open("")
    await agent.seen(ev.AgentLive)
    held = agent.record.connections[agent.seen_by_server().connection - 1]
    assert held.opened < before
    assert before - held.opened < open_timeout
    assert len(agent.record.upgrades) == 1
    assert len(agent.all(ev.AgentWarm)) == 1
    assert len(agent.record.signed_urls) == 1
    await agent.until(lambda: sum(c.closed is None for c in agent.record.connections) == 1, "one socket")
    kept = [c for c in agent.record.connections if c.asked != "rest"]
    assert len(kept) > 2
    assert all(later.opened < earlier.closed for earlier, later in pairwise(kept)), "never without one"


async def test_the_request_has_left_when_open_returns(agent: Any) -> None:
    """No task has to get its turn between the answer and the upgrade request; so too for the close frame."""
    await agent.serve()
    session = agent.session()
    session.prepare()
    await agent.seen(ev.AgentWarm)
    held = session._preparation._held
    session.open("")
    assert held.asked
    await agent.seen(ev.AgentLive)
    assert held.state is State.OPEN
    session.close("the call is over")
    assert held.state is State.CLOSING
    await agent.closed()
    assert agent.seen_by_server().close_reason == "the call is over"
    assert len(agent.record.upgrades) == 1


async def test_an_answer_during_a_renewal_is_not_kept_waiting_and_opens_one_session(agent: Any) -> None:
    """The second TLS handshake hangs; the connection that is held serves meanwhile."""
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    await agent.serve(Script(private=False), tls=certificate)
    passing, taken = asyncio.Event(), []

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)
        if len(taken) > 1:
            await passing.wait()
        else:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", agent.server.port)
            await asyncio.gather(pump(onward_reader, writer), pump(reader, onward), return_exceptions=True)
        writer.close()

    proxy = await asyncio.start_server(through, "127.0.0.1", 0)
    trusting = ssl.create_default_context(cafile=TLS / "cert.pem")
    url = agent.server.url.replace(str(agent.server.port), str(proxy.sockets[0].getsockname()[1]))
    try:
        session = agent.session(key="", url=url, tls=trusting, timing=Timing(hold=0.05))
        session.prepare()
        await agent.until(lambda: len(taken) > 1)
        session.open("")
        await agent.seen(ev.AgentLive)
        session.close("done")
        await agent.closed()
        assert len(agent.record.upgrades) == 1
    finally:
        passing.set()
        proxy.close()
        await proxy.wait_closed()


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
    sink.close()


async def test_a_connection_that_the_far_side_closes_is_replaced_while_it_rings(agent: Any) -> None:
    await agent.serve(open_timeout=0.2)
    session = agent.session(timing=Timing(hold=60, retry=0.01))
    session.prepare()
    await agent.until(lambda: len(agent.record.connections) >= 4)
    session.open("")
    await agent.seen(ev.AgentLive)
    assert len(agent.record.upgrades) == 1


async def test_a_connection_found_dead_at_the_answer_is_replaced_at_once(agent: Any) -> None:
    """The far side resets the held connection when the upgrade request reaches it, as a stale one does."""
    await agent.serve(Script(private=False))
    taken = []

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)
        request = await reader.read(65536)
        if len(taken) == 1:
            writer.transport.abort()
            return
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", agent.server.port)
        onward.write(request)
        await asyncio.gather(pump(onward_reader, writer), pump(reader, onward), return_exceptions=True)

    proxy = await asyncio.start_server(through, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    try:
        session = agent.session(key="", url=f"http://127.0.0.1:{port}")
        session.prepare()
        await agent.seen(ev.AgentWarm)
        session.open("")
        await agent.seen(ev.AgentLive)
        assert len(taken) == 2
        assert len(agent.all(ev.AgentUpgraded)) == 1
        session.close("done")
        await agent.closed()
    finally:
        proxy.close()
        await proxy.wait_closed()


async def test_open_without_preparing_starts_from_nothing(agent: Any) -> None:
    await agent.serve()
    agent.session().open("")
    await agent.seen(ev.AgentLive)
    assert len(agent.record.upgrades) == 1


async def test_open_wakes_a_session_that_waits_to_try_again(agent: Any) -> None:
    await agent.serve(Script(signed=(RestAnswer(500),)))
    session = agent.session(timing=Timing(retry=3600, retry_most=3600))
    session.prepare()
    await agent.seen(ev.AgentPrepareFailed)
    session.open("")
    await agent.seen(ev.AgentLive)


async def test_a_public_agent_needs_no_key_and_no_signed_url(agent: Any) -> None:
    await agent.serve(Script(private=False))
    session = agent.session(key="")
    session.prepare()
    warm = await agent.seen(ev.AgentWarm)
    assert not warm.signed_url
    session.open("")
    await agent.seen(ev.AgentLive)
    assert agent.record.signed_urls == []


async def test_a_signed_url_that_has_grown_old_is_fetched_again(agent: Any) -> None:
    await agent.serve(url_seconds=0.5)
    session = agent.session(timing=Timing(url_age=0.3, hold=60))
    session.prepare()
    await agent.seen(ev.AgentWarm)
    await asyncio.sleep(0.6)
    session.open("")
    await agent.seen(ev.AgentLive)
    assert len(agent.record.signed_urls) == 2


async def test_a_session_that_cannot_open_gives_up_in_time(agent: Any) -> None:
    await agent.serve(Script(upgrade_delay=60.0), open_timeout=120.0)
    agent.session(timing=Timing(opening=0.5)).open("")
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1006, False, None)
    assert "0.5 s" in closed.reason


async def test_a_conversation_without_metadata_is_given_up_in_time(agent: Any) -> None:
    await agent.serve(Script(metadata=False))
    agent.session(timing=Timing(metadata=0.5)).open("")
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1006, False, None)
    assert "0.5 s" in closed.reason


async def test_once_live_a_conversation_has_no_limit_of_ours(agent: Any) -> None:
    await agent.serve(Script(steps=(Step("wait", seconds=0.8), Step("say", "Still here"))))
    agent.session(timing=Timing(opening=0.3, metadata=0.3, hold=0.1)).open("")
    await agent.seen(ev.AgentTranscript)
    assert agent.all(ev.AgentClosed) == []


async def test_over_tls_the_handshake_is_made_while_it_rings(agent: Any) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    trusting = ssl.create_default_context(cafile=TLS / "cert.pem")
    await agent.serve(tls=server)
    session = agent.session(tls=trusting)
    session.prepare()
    assert (await agent.seen(ev.AgentWarm)).tls
    await agent.until(lambda: len(agent.record.connections) == 2)  # TLS 1.3: the client is done first
    before = time.time()
    session.open("")
    await agent.seen(ev.AgentLive)
    assert agent.record.connections[agent.seen_by_server().connection - 1].opened < before


async def test_a_certificate_that_is_not_trusted_is_said_and_nothing_is_opened(agent: Any) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    await agent.serve(tls=server)
    agent.session().prepare()
    failed = await agent.seen(ev.AgentPrepareFailed)
    assert "certificate" in failed.reason.lower()
    assert failed.refusal is None
    assert agent.record.upgrades == []


# ---- refused while it rings ----


@pytest.mark.parametrize(
    ("wrong", "refusal", "words"),
    [
        ({"key": "a-wrong-key"}, Refusal.KEY, "ELEVENLABS_API_KEY"),
        ({"agent_id": "nobody"}, Refusal.AGENT, "ELEVENLABS_AGENT_ID"),
    ],
)
async def test_check_22_a_definite_refusal_while_ringing(
    agent: Any, wrong: dict[str, str], refusal: Refusal, words: str
) -> None:
    await agent.serve()
    session = agent.session(timing=Timing(retry=0.01), **wrong)
    session.prepare()
    failed = await agent.seen(ev.AgentPrepareFailed)
    assert failed.refusal is refusal
    assert words in failed.reason
    session.close("refused")
    assert (await agent.closed()).ours
    assert len(agent.record.signed_urls) == 1  # not asked again
    assert agent.record.upgrades == []


async def test_check_22_a_definite_refusal_found_only_at_the_answer(agent: Any) -> None:
    await agent.serve()
    session = agent.session(key="a-wrong-key")
    session.open("")
    assert (await agent.seen(ev.AgentPrepareFailed)).refusal is Refusal.KEY
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1006, False, Refusal.KEY)


async def test_check_22_no_agent_set(agent: Any) -> None:
    await agent.serve()
    session = agent.session(agent_id="")
    session.prepare()
    failed = await agent.seen(ev.AgentPrepareFailed)
    assert failed.refusal is Refusal.CONFIG
    assert "ELEVENLABS_AGENT_ID" in failed.reason
    assert agent.record.connections == []


async def test_secrets_are_in_no_log_event_or_repr(agent: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = Step("error", body={"message": "test-key-that-must-never-be-shown"})
    leak = Step("close", code=3000, reason="key test-key-that-must-never-be-shown is bad")
    await agent.serve(Script(steps=(error, leak)))
    accounts = agent.account()
    session = agent.session(accounts)
    session.prepare()
    await agent.seen(ev.AgentWarm)
    url = session._preparation._url
    session.open("")
    await agent.closed()
    told = caplog.text + repr(agent.events) + repr(session) + repr(accounts) + str(session.task)
    signature = url.rpartition("=")[2]
    assert len(signature) > 20
    assert signature not in told
    assert "test-key-that-must-never-be-shown" not in told
    assert "***" in repr(agent.events)
