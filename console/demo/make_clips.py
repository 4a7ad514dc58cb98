"""Makes the recorded speech of the demo line anew: `python -m console.demo.make_clips` (espeak-ng, sox).

The results are kept in `clips/` and shipped, so that nobody needs these programs to run the console.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("clips")


@dataclass(frozen=True, slots=True)
class Script:
    """One clip to make. `voice`: an espeak-ng voice; `pitch` 0 to 99, `speed` in words a minute."""

    name: str
    voice: str
    text: str
    speaker: str = "callee"
    pitch: int = 50
    speed: int = 165


def _callee(name: str, text: str, voice: str, pitch: int = 50, speed: int = 165) -> Script:
    return Script(name, voice, text, "callee", pitch, speed)


ANNA, IVAN, OFFICE, DIKTOR = "en-us+f3", "ru+m3", "en-gb+f2", "ru+f2"
SCRIPTS = (
    _callee("en_hello", "Hello?", ANNA, 60),
    _callee("en_who_is_it", "Sorry, who is calling, please?", ANNA, 60),
    _callee("en_well_tell_me", "All right. Tell me more, what is this about?", ANNA, 60),
    _callee("en_wait_interrupt", "Wait, wait. One moment please.", ANNA, 65, 185),
    _callee("en_thinking", "Let me think about it.", ANNA, 60),
    _callee("en_sounds_good", "Yes, that sounds good to me.", ANNA, 60),
    _callee("en_goodbye", "Thank you, goodbye!", ANNA, 60),
    _callee("en_are_you_there", "Hello? Are you there?", ANNA, 60),
    _callee("en_hm", "Hm.", "en-us+m3", 30, 120),
    _callee(
        "en_not_available", "The person you are calling is not available. Please try again later.", OFFICE
    ),
    _callee("en_please_hold_line", "Please hold the line, you are being connected.", OFFICE),
    _callee(
        "en_screener",
        "Hi. The person you are calling is using a screening service. "
        "Please say your name, and why you are calling.",
        OFFICE,
    ),
    _callee("en_screener_wait", "Thank you. Stay on the line, please.", OFFICE),
    _callee("en_screener_nobody", "I could not hear you. Goodbye.", OFFICE),
    _callee(
        "en_long_story",
        "Well, you know, I was just thinking about it yesterday, when my neighbour came and told me that",
        "en-us+m1",
    ),
    _callee("en_call_you_back", "I cannot talk now. I will call you right back!", ANNA, 70),
    _callee("en_calling_back", "Hello, this is Olga. You have called me. What was it about?", ANNA, 70),
    _callee("ru_hello", "Алло, слушаю вас.", IVAN),
    _callee("ru_who_is_it", "Простите, а кто это говорит?", IVAN),
    _callee("ru_well_tell_me", "Хорошо, расскажите подробнее.", IVAN),
    _callee("ru_wait_interrupt", "Подождите, подождите минуту.", IVAN, 55, 185),
    _callee("ru_sounds_good", "Да, мне это подходит.", IVAN),
    _callee("ru_goodbye", "Спасибо, до свидания!", IVAN),
    _callee("ru_are_you_there", "Алло? Вас не слышно.", IVAN),
    _callee("ru_not_available", "Аппарат абонента выключен или находится вне зоны действия сети.", DIKTOR),
    _callee(
        "ru_voicemail", "Здравствуйте. Сейчас я не могу ответить. Оставьте сообщение после сигнала.", DIKTOR
    ),
    _callee(
        "ru_menu",
        "Здравствуйте! Чтобы узнать о ценах, нажмите один. Чтобы поговорить с сотрудником, нажмите два.",
        DIKTOR,
    ),
    _callee("ru_menu_sales", "Все цены есть на нашем сайте. До свидания.", DIKTOR),
    _callee("ru_menu_person", "Соединяю с сотрудником.", DIKTOR),
    _callee("ru_menu_wrong", "Такого пункта нет.", DIKTOR),
    Script("agent_01", "en-us+m7", "Hello! This is the assistant of the demo company.", "agent", 40, 190),
    Script(
        "agent_02",
        "en-us+m7",
        "I am calling to confirm your appointment for tomorrow at ten.",
        "agent",
        40,
        190,
    ),
    Script(
        "agent_03",
        "en-us+m7",
        "It takes half an hour. You only need to bring your contract.",
        "agent",
        40,
        190,
    ),
    Script("agent_04", "en-us+m7", "Shall I put you down for ten o'clock, then?", "agent", 40, 190),
    Script("agent_05", "en-us+m7", "Wonderful. Thank you for your time, and goodbye!", "agent", 40, 190),
    Script("agent_11", "ru+m7", "Здравствуйте! Это помощник демонстрационной компании.", "agent", 40, 190),
    Script("agent_12", "ru+m7", "Звоню подтвердить вашу запись на завтра в десять часов.", "agent", 40, 190),
    Script("agent_13", "ru+m7", "Это займёт полчаса. Возьмите с собой договор.", "agent", 40, 190),
    Script("agent_14", "ru+m7", "Записываю вас на десять часов?", "agent", 40, 190),
    Script("agent_15", "ru+m7", "Отлично. Спасибо и до свидания!", "agent", 40, 190),
)


def make(script: Script, spoken: Path) -> None:
    """One WAV: mu-law at 8 kHz for callees, 16-bit PCM at 16 kHz for the agent; trimmed, at -3 dBFS."""
    said = (
        "-v",
        script.voice,
        "-p",
        str(script.pitch),
        "-s",
        str(script.speed),
        "-w",
        str(spoken),
        script.text,
    )
    subprocess.run(("espeak-ng", *said), check=True)
    phone, wide = ("-r", "8000", "-e", "u-law"), ("-r", "16000", "-e", "signed", "-b", "16")
    coding = phone if script.speaker == "callee" else wide
    trimmed = ("silence", "1", "0.02", "0.2%", "reverse", "silence", "1", "0.02", "0.2%", "reverse")
    target = FOLDER / f"{script.name}.wav"
    command = ("sox", "-R", str(spoken), *coding, "-c", "1", str(target), *trimmed, "gain", "-n", "-3")
    subprocess.run(command, check=True)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for script in SCRIPTS:
            make(script, Path(folder) / "spoken.wav")
    entries = [
        {"name": s.name, "speaker": s.speaker, "language": s.voice[:2], "text": s.text} for s in SCRIPTS
    ]
    (FOLDER / "index.json").write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n", "utf-8")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(SCRIPTS)} clips, {size / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
