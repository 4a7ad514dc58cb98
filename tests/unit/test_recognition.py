"""The demo line's ears: every recorded sentence is known again as the telephone brings it."""

from __future__ import annotations

import numpy as np
import pytest

from console.audio.pcm import FORMATS, decode
from console.demo import clips
from console.demo.conversation.recognition import Recognition, sentence
from console.demo.conversation.sound import babble
from console.ports import PCM

RATE = 16000
SAID = {clip.text: clip.file.read_bytes() for clip in clips.index() if clip.speaker == "callee"}
KNOWN = [sentence(text, wav) for text, wav in SAID.items()]
PAUSE = np.zeros(RATE, np.int16)


def over_the_line(text: str) -> PCM:
    """The clip as the agent gets it: at twice the rate, quieter, with the noise of the line."""
    pcm = np.repeat(decode(clips.wave_data(SAID[text]), FORMATS["ulaw_8000"]), 2)
    noise = np.random.default_rng(1).normal(0, 12, len(pcm))
    return (pcm * 0.7 + noise).astype(np.int16)


def heard(*parts: PCM, chunk: int = 317) -> list[str]:
    recognition, pcm = Recognition(KNOWN, RATE), np.concatenate(parts)
    return [
        text for start in range(0, len(pcm), chunk) for text in recognition.feed(pcm[start : start + chunk])
    ]


@pytest.mark.parametrize("text", SAID)
@pytest.mark.parametrize("late", [0, 77, 160, 251], ids=lambda n: f"{n} samples late")
def test_every_sentence_is_known_wherever_a_block_begins(text: str, late: int) -> None:
    assert heard(np.zeros(late, np.int16), over_the_line(text), PAUSE) == [text]


@pytest.mark.parametrize("text", SAID)
def test_a_busy_line_adds_and_leaves_out_some_sound(text: str) -> None:
    pcm = over_the_line(text)
    half = len(pcm) // 2
    assert heard(pcm[:half], np.zeros(640, np.int16), pcm[half:], PAUSE) == [text]
    assert heard(pcm[:half], pcm[half + 320 :], PAUSE) == [text]


def test_nothing_is_said_before_the_caller_has_finished() -> None:
    assert heard(over_the_line("Hello?"), PAUSE[: RATE // 4]) == []


def test_two_sentences_without_a_pause_between_them() -> None:
    first, second = "Sorry, who is calling, please?", "Thank you, goodbye!"
    assert heard(over_the_line(first), PAUSE[:4800], over_the_line(second), PAUSE) == [first, second]


def test_a_sentence_that_is_cut_off() -> None:
    story = next(text for text in SAID if text.startswith("Well, you know"))
    cut = over_the_line(story)[: int(2.5 * RATE)]
    (said,) = heard(cut, PAUSE)
    assert story.startswith(said)
    assert 3 < len(said.split()) < len(story.split()) * 0.6


def test_what_nobody_recorded_is_not_known() -> None:
    assert heard(babble(2.0, RATE), PAUSE) == []
    assert heard(PAUSE, PAUSE) == []
