"""One scenario with the official Python SDK and its own audio interface, in a process of its own, since its
threads may stay: `python -m tests.sdk.official TASK`."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
import time
from typing import Any

from tests.sdk.sound_card import Card, install_as_pyaudio
from tests.sdk.task import KEY, USER, Task, Told, read_task, tell


def run(task: Task) -> Told:
    card = Card(task.mic_pause)
    install_as_pyaudio(card)
    from elevenlabs.client import ElevenLabs
    from elevenlabs.conversational_ai.conversation import (
        ClientTools,
        Conversation,
        ConversationInitiationData,
        DisconnectionDetails,
    )
    from elevenlabs.conversational_ai.default_audio_interface import DefaultAudioInterface

    told, digest, over = Told(), hashlib.sha256(), threading.Event()

    class Interface(DefaultAudioInterface):
        def output(self, audio: bytes) -> None:
            told.handed += len(audio)
            digest.update(audio)
            super().output(audio)

    def ended(details: DisconnectionDetails) -> None:
        parts = (details.reason, details.close_code, details.close_reason, details.message)
        told.said += " ".join(str(part) for part in parts if part) + ". "
        told.ended = details.reason != "user"
        over.set()

    def lookup(parameters: dict[str, Any]) -> Any:
        return {"text": "seven", "empty": "", "object": {"n": 7}, "raises": None}[task.tool]

    def session() -> Conversation:
        tools = ClientTools()
        tools.register("lookup", lookup)
        return Conversation(
            ElevenLabs(api_key=KEY, base_url=task.url),
            "agent",
            requires_auth=True,
            audio_interface=Interface(),
            config=ConversationInitiationData(user_id=USER),
            client_tools=tools,
            callback_agent_response=told.texts.append,
            callback_agent_response_correction=lambda _, corrected: told.corrections.append(corrected),
            callback_latency_measurement=lambda _: None,
            callback_disconnect=ended,
        )

    before = threading.active_count()
    for _ in range(task.starts):
        conversation = session()
        time.sleep(task.ring)
        told.answered = time.monotonic()
        try:
            conversation.start_session()
        except Exception as error:
            told.said += f"{type(error).__name__}: {error}. "
            told.failed_after = time.monotonic() - told.answered
            told.ended = True
            continue
        over.wait(task.seconds or 15.0)
        told.asked = time.monotonic()
        # It returns only when the chunk that is being played has ended.
        ending = threading.Thread(target=conversation.end_session, daemon=True)
        ending.start()
        ending.join(3.0)
    told.digest = digest.hexdigest()
    told.played, told.played_until = card.seconds, card.until
    time.sleep(0.3)
    told.threads = threading.active_count() - before
    return told


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    tell(run(read_task()))
    sys.stdin.read()  # the socket must be seen to be closed by the SDK, not by the end of this process
    os._exit(0)
