"""The official SDK on the line: what a program has that gives its `Conversation`, with its own audio
interface (PyAudio), to a Baresip over two virtual devices. Speaks as `tests.bench.console` does; runs in the
environment of the SDK:

    build/bench-sdk/bin/python -m tests.bench.sdk_line

Baresip, PulseAudio and its two sinks are started by the console's own parts, so that phone, devices and
settings are the same; conversation and audio are the SDK's alone. Its session is started in the moment in
which Baresip tells the answer, and ended in that in which it tells the end of the call."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import Conversation
from elevenlabs.conversational_ai.default_audio_interface import DefaultAudioInterface

from console.audio import alsa_config, portaudio
from console.audio.devices import DeviceAudio
from console.core.events import (
    CallId,
    Event,
    LineUp,
    PhoneClosed,
    PhoneEstablished,
    RegistrationChanged,
    RegState,
)
from console.phone.baresip_process import BaresipSetup
from console.phone.ctrl_phone import CtrlPhone
from console.settings.loading import load
from console.wiring import phone_limits, sip_account

_DEFAULT_DEVICE = """
pcm.!default {{ type asym playback.pcm "{output}" capture.pcm "{input}" }}
ctl.!default {{ type pulse server "{server}" }}
"""


def tell(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def make_default(audio: DeviceAudio) -> None:
    """The SDK takes PortAudio's default devices: let these be our two, and let PortAudio be new to them."""
    assert audio._server is not None
    file = Path(os.environ[alsa_config.ENVIRONMENT])
    names = {"output": audio._pcms["output"], "input": audio._pcms["input"]}
    file.write_text(file.read_text() + _DEFAULT_DEVICE.format(server=audio._server.address, **names))
    with portaudio.alone():
        portaudio.sounddevice()._terminate()


class Calls:
    """One call after the other, each with a `Conversation` of its own."""

    def __init__(self, phone: CtrlPhone, base_url: str, key: str, agent: str) -> None:
        self._phone, self._agent = phone, agent
        self._client = ElevenLabs(api_key=key, base_url=base_url)
        self._number = 0
        self._conversation: Conversation | None = None
        self._version = ""
        self._ready = False

    def dial(self, uri: str) -> None:
        self._number += 1
        self._conversation = Conversation(
            self._client, self._agent, requires_auth=True, audio_interface=DefaultAudioInterface()
        )
        self._phone.dial(CallId(f"call{self._number}"), uri)

    def take(self, event: Event) -> None:
        match event:
            case LineUp():
                self._version = event.version
            case RegistrationChanged(RegState.OK) if not self._ready:
                self._ready = True
                tell(event="ready", version=self._version)
            case PhoneEstablished():
                assert self._conversation is not None
                threading.Thread(target=self._conversation.start_session, daemon=True).start()
            case PhoneClosed():
                threading.Thread(target=self._end, args=(self._conversation, event.call)).start()

    def _end(self, conversation: Conversation | None, call: CallId) -> None:
        if conversation is not None:
            conversation.end_session()
            conversation.wait_for_session_end()
        tell(event="over", call=call)


async def main() -> None:
    settings = load(os.environ, Path.cwd()).settings
    audio = DeviceAudio()
    await audio.start(lambda event: None)
    await asyncio.to_thread(make_default, audio)
    phone = CtrlPhone(
        BaresipSetup(
            account=sip_account(settings),
            audio=audio.baresip_side,
            data_dir=settings.data_dir,
            binary=settings.baresip_bin,
            limits=phone_limits(settings),
            output=lambda line: None,
        )
    )
    calls = Calls(phone, settings.base_url, settings.api_key, settings.agent_id)
    running = asyncio.create_task(phone.run(calls.take))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        number = json.loads(line)["dial"].lstrip("+")
        calls.dial(f"sip:{number}@{settings.sip_domain}")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await audio.stop()
    tell(event="trace", stages={})


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
