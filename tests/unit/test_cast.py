"""The cast of the demo line: dialable numbers, and speech for every line they say."""

from __future__ import annotations

import inspect
import re
import wave
from pathlib import Path

import pytest

from console.core.numbers import Verdict, judge
from console.demo import cast, clips

DOMAIN = "127.0.0.1:5060"


@pytest.mark.parametrize("character", cast.CAST, ids=lambda c: c.name)
def test_every_number_may_be_dialed_in_both_forms(character: cast.Character) -> None:
    for typed in (character.number, "8" + character.number[2:]):
        judgement = judge(typed, "RU", DOMAIN)
        assert (judgement.verdict, judgement.e164) == (Verdict.OK, character.number)
    assert judge(character.number, "RU", DOMAIN).uri == f"sip:{character.number[1:]}@{DOMAIN}"


def test_numbers_and_names_are_their_own() -> None:
    assert len({c.number for c in cast.CAST}) == len({c.name for c in cast.CAST}) == len(cast.CAST)
    assert all(c.does for c in cast.CAST)


def test_every_clip_that_is_said_exists_and_every_clip_is_said() -> None:
    source = inspect.getsource(cast)
    said = set(re.findall(r'"((?:en|ru)_\w+)"', source))
    said |= {"en_are_you_there", "ru_are_you_there"}
    assert said == set(clips.callee_speech())


def test_the_speech_is_small_and_is_speech() -> None:
    folder = Path(clips.__file__).with_name("clips")
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 1_500_000
    for name, data in clips.callee_speech().items():
        assert 0.2 < len(data) / 8000 < 8, name
        assert len(set(data)) > 20, name


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_agent_has_sentences(language: str) -> None:
    sentences = clips.agent_sentences(language)
    assert len(sentences) >= 4
    for text, file in sentences:
        assert text
        with file.open("rb") as opened, wave.open(opened) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16000)
            assert 0.5 < sound.getnframes() / 16000 < 6


@pytest.mark.parametrize("junk", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", b"OggS" + bytes(40)])
def test_a_file_that_is_no_recording(junk: bytes) -> None:
    with pytest.raises(ValueError, match="RIFF"):
        clips.wave_data(junk)
