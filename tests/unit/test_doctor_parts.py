"""The pure parts of the doctor: sentences, sockets, tones, configs, and what a registration means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from console import tcp_table
from console.audio.portaudio import Device
from console.core.events import Event, LineDown, LineFailed, LineUp, RegistrationChanged, RegState
from console.doctor import running_baresip, tone
from console.doctor.subjects.audio import rate_finding
from console.doctor.subjects.line import Unresolved, host_of, judge
from console.doctor.wording import halves
from console.settings.loading import Settings
from console.tcp_table import Process

SETTINGS = Settings(sip_user="u", sip_domain="sip.example:5070")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("It is broken: mend it.", ("It is broken.", "Mend it.")),
        ("It is broken; mend it.", ("It is broken.", "Mend it.")),
        ("It is broken.", ("It is broken.", "Otherwise.")),
        ("X is no setting: did you mean Y?", ("X is no setting.", "Did you mean Y?")),
        ("http: no", ("http: no", "Otherwise.")),
    ],
)
def test_halves(sentence: str, expected: tuple[str, str]) -> None:
    assert halves(sentence, "Otherwise.") == expected


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("sip.example", "sip.example"),
        ("sip.example:5070", "sip.example"),
        ("sip:80.75.130.100;transport=tcp", "80.75.130.100"),
        ("SIPS:[2001:db8::1]:5061;lr", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_host_of(place: str, host: str) -> None:
    assert host_of(place) == host


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (RegistrationChanged(RegState.OK, 200), None),
        (RegistrationChanged(RegState.FAILED, 401, "Unauthorized"), "line.password"),
        (RegistrationChanged(RegState.FAILED, 403, "Forbidden"), "line.password"),
        (RegistrationChanged(RegState.FAILED, 404, "Not Found"), "line.unknown"),
        (RegistrationChanged(RegState.FAILED, 503, ""), "line.registrar"),
        (RegistrationChanged(RegState.FAILED, 423, "Interval Too Brief"), "line.refused"),
        (RegistrationChanged(RegState.FAILED, 408, "Request Timeout"), "line.no-answer"),
        (RegistrationChanged(RegState.FAILED, None, "Connection refused"), "line.no-answer"),
        (RegistrationChanged(RegState.REGISTERING), "line.no-answer"),
        (RegistrationChanged(RegState.OFF), "line.off"),
        (LineFailed("The SIP account cannot be used: mend it."), "line.phone"),
        (LineDown("Baresip ended with status 1", gone=True), "line.phone"),
        (LineUp("baresip", "4.9.0", True), "line.no-answer"),
        (None, "line.no-answer"),
    ],
)
def test_what_the_last_word_of_the_phone_means(last: Event | None, code: str | None) -> None:
    finding = judge(last, SETTINGS, None)
    assert (finding.code if finding else None) == code


def test_a_name_without_an_address_explains_the_silence_but_no_refusal() -> None:
    nowhere = Unresolved("sip.example", "SIP_DOMAIN")
    silent = judge(None, SETTINGS, nowhere)
    assert silent is not None
    assert silent.code == "line.name"
    assert judge(RegistrationChanged(RegState.OK, 200), SETTINGS, nowhere) is None


def test_direct_dialing_needs_only_a_phone() -> None:
    direct = replace(SETTINGS, sip_register=False)
    assert judge(LineUp("embedded", "4", True), direct, None) is None
    silent = judge(None, direct, None)
    assert silent is not None


def test_a_joined_baresip_that_does_not_say_why() -> None:
    joined = replace(SETTINGS, baresip_start=False)
    finding = judge(RegistrationChanged(RegState.FAILED), joined, None)
    assert finding is not None
    assert finding.code == "line.failed"


# ---- sockets ----

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:115C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0
   1: 0100007F:115C 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 100 0
   2: 0100007F:D431 0100007F:115C 01 00000000:00000000 00:00000000 00000000  1000        0 13 1 0 100 0
   3: 0100007F:115C 0100007F:D432 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
   garbage
"""
TCP6 = """  sl  local_address                         remote_address  st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 21 1
   1: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 22 1
   2: 00000000000000000000000001000000:1F92 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 23 1
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TCP)
    (tmp_path / "net" / "tcp6").write_text(TCP6)
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "7" / "comm").write_text("bare\x1b[31msip\n")
    (tmp_path / "7" / "cmdline").write_bytes(b"baresip\0-f\0/etc/b\0")
    (tmp_path / "7" / "fd" / "3").symlink_to("socket:[13]")
    return tmp_path


def test_the_list_of_sockets(proc: Path) -> None:
    sockets = tcp_table.read(proc)
    assert sockets is not None
    assert [(s.host, s.port, s.is_public) for s in sockets if s.peer is None] == [
        ("127.0.0.1", 4444, False),
        ("::", 8080, True),
        ("127.0.0.1", 8081, False),
        ("::1", 8082, False),
    ]
    assert tcp_table.clients(sockets, 4444) == (("127.0.0.1", 54321),)
    client = tcp_table.client_process(sockets, ("127.0.0.1", 54321), proc)
    assert client is not None
    assert (client.pid, client.command) == (7, ("baresip", "-f", "/etc/b"))
    assert "\x1b" not in str(client)


def test_no_list_of_sockets(tmp_path: Path) -> None:
    assert tcp_table.read(tmp_path) is None


# ---- a Baresip that runs ----


def test_where_its_config_is() -> None:
    def folder(*words: str) -> Path:
        return running_baresip.config_folder(Process(1, "baresip", words, "/usr/bin/baresip"))

    assert folder("baresip", "-f", "/etc/b") == Path("/etc/b")
    assert folder("baresip", "-f/etc/b", "-v") == Path("/etc/b")
    assert folder("baresip", "-f") == folder("baresip") == Path.home() / ".baresip"


@pytest.mark.parametrize(
    ("config", "switches", "playing"),
    [
        ({}, True, ("ringback", "busy")),
        ({"ringback_disabled": "yes"}, True, ("busy",)),
        ({"ringback_disabled": "yes"}, False, ("ringback", "busy")),
        ({"ringback_aufile": "none", "busy_aufile": "none"}, True, ()),
        ({"error_aufile": "busy.wav"}, True, ("ringback", "busy", "error")),
        ({"audio_path": "/nowhere"}, False, ()),
    ],
)
def test_local_tones(
    tmp_path: Path, config: dict[str, str], switches: bool, playing: tuple[str, ...]
) -> None:
    for name in ("ringback.wav", "busy.wav", "ring.wav"):
        (tmp_path / name).touch()
    assert running_baresip.local_tones(config, tmp_path, switches) == playing


def test_device() -> None:
    assert running_baresip.device("pulse,callee.monitor") == ("pulse", "callee")
    assert running_baresip.device("coreaudio,BlackHole 2ch") == ("coreaudio", "BlackHole 2ch")
    assert running_baresip.device("") == ("", "")


# ---- sound ----


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_the_tone_is_known_again(rate: int) -> None:
    silence = np.zeros(rate // 3, np.int16)
    played = tone.tone(0, rate // 4, rate)
    assert tone.tone_in(np.concatenate([silence, played, silence]), rate)
    assert tone.tone_in(np.concatenate([silence, played // 10, silence]), rate)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_other_sounds_are_not_the_tone(rate: int) -> None:
    n = np.arange(rate)
    random = np.random.default_rng(1)
    for sound in (
        np.zeros(rate),
        random.normal(0, 3000, rate),
        8000 * np.sin(2 * np.pi * 440 * n / rate),
        5 * np.sin(2 * np.pi * tone.HERTZ * n / rate),
    ):
        assert not tone.tone_in(sound.astype(np.int16), rate)
    assert not tone.tone_in(np.zeros(0, np.int16), rate)


@pytest.mark.parametrize(("rate", "found"), [(16000, 0), (48000, 0), (44100, 1), (8000, 1)])
def test_rates(rate: int, found: int) -> None:
    device = Device(0, "cable", "ALSA", 1, 1, 44100)
    findings = rate_finding("AUDIO_INPUT", device, rate)
    assert [f.code for f in findings] == ["audio.rate"] * found
