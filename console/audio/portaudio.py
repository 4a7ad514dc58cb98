"""PortAudio, through sounddevice: which devices there are, and finding ours among them.

sounddevice initialises PortAudio when it is imported, and PortAudio reads the ALSA configuration only then;
so it is imported here alone, by a call, after the environment is set. Calls here block: use a thread.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

from ..core.text import clean
from ..core.words import phrase
from ..ports import AudioError

_LOCK = threading.RLock()
_LOCK_LIMIT = 5.0

RATES = (16000, 48000, 44100, 8000)
"""Tried in this order: 16 kHz is all that agents and wideband phones use."""

_PULSE_LATENCY = "PULSE_LATENCY_MSEC"  # read by libpulse when a stream is connected
_initialised = False


@dataclass(frozen=True, slots=True)
class Device:
    """A PortAudio device: channels each way, default rate in Hz."""

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate: int


@contextmanager
def alone() -> Iterator[None]:
    """PortAudio's opening, closing, listing and initialising are not thread-safe: one at a time. `AudioError`
    when another one hangs in a sound server that does not answer."""
    if not _LOCK.acquire(timeout=_LOCK_LIMIT):
        raise AudioError(phrase("The sound server does not answer; restart it."))
    try:
        yield
    finally:
        _LOCK.release()


def sounddevice() -> ModuleType:
    """The library; `AudioError` when PortAudio is missing."""
    global _initialised
    with alone():
        try:
            import sounddevice
        except OSError as error:
            raise AudioError(
                phrase(
                    "The sound library PortAudio is missing: install it (Debian: sudo apt install "
                    "libportaudio2)."
                )
            ) from error
        _initialised = True
        return sounddevice  # type: ignore[no-any-return]


def refresh() -> None:
    """Look at the devices and the ALSA configuration anew. Ends every open stream."""
    with alone():
        known = _initialised
        library = sounddevice()
        if known:
            library._terminate()
            library._initialize()


def devices() -> list[Device]:
    """All devices that PortAudio sees."""
    with alone():
        library = sounddevice()
        hosts = [str(host["name"]) for host in library.query_hostapis()]
        return [
            Device(
                index=index,
                name=str(found["name"]),
                host=hosts[found["hostapi"]],
                inputs=int(found["max_input_channels"]),
                outputs=int(found["max_output_channels"]),
                rate=round(found["default_samplerate"]),
            )
            for index, found in enumerate(library.query_devices())
        ]


def find(name: str, setting: str, *, output: bool) -> Device:
    """The device called `name`, or the only one whose name contains it. `setting` names the variable in the
    sentence of the `AudioError` when there is none."""
    fitting = [device for device in devices() if (device.outputs if output else device.inputs)]
    same = [device for device in fitting if device.name == name]
    like = same or [device for device in fitting if name.lower() in device.name.lower()]
    if len(like) == 1 or (same and like):
        return like[0]
    if output:
        what = phrase("is the name of several output devices") if like else phrase("is no output device")
    else:
        what = phrase("is the name of several input devices") if like else phrase("is no input device")
    names = ", ".join(clean(device.name, 60) for device in like or fitting) or phrase("none")
    given = f"{setting}={clean(name, 60)}"
    raise AudioError(phrase("{given} {what}; there are: {names}.", given=given, what=what, names=names))


def default_output(but_not: str = "") -> Device | None:
    """The system's default output, if there is one; without any, PortAudio names the first device that it
    finds, which may be one of ours: those whose name starts with `but_not` do not count."""
    with alone():
        index = sounddevice().query_hostapis(sounddevice().default.hostapi)["default_output_device"]
    found = next((device for device in devices() if device.index == index and device.outputs), None)
    return None if found is None or (but_not and found.name.startswith(but_not)) else found


def usable_rate(device: Device, *, output: bool) -> int:
    """The best of our rates that the device takes in mono; its own default as the last resort."""
    library = sounddevice()
    check = library.check_output_settings if output else library.check_input_settings
    with alone():
        for rate in RATES:
            try:
                check(device=device.index, channels=1, dtype="int16", samplerate=rate)
            except library.PortAudioError:
                continue
            return rate
    return device.rate


@contextmanager
def pulse_latency(seconds: float) -> Iterator[None]:
    """PulseAudio streams that are opened and started inside ask for this latency: the server then passes
    audio on in blocks so short, which an ALSA client cannot ask for. Inside `alone()`."""
    before = os.environ.get(_PULSE_LATENCY)
    os.environ[_PULSE_LATENCY] = str(round(1000 * seconds))
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PULSE_LATENCY]
        else:
            os.environ[_PULSE_LATENCY] = before


def set_periods(count: int) -> None:
    """Into how many periods PortAudio divides the buffers that are opened next (ALSA only): the sound server
    passes audio on in whole periods, so they must be short however long the buffer is. Inside `alone()`."""
    library = ctypes.CDLL(sounddevice()._libname)
    if hasattr(library, "PaAlsa_SetNumPeriods"):
        library.PaAlsa_SetNumPeriods(count)
