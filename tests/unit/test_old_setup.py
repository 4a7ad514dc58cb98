"""`config --import`: what is taken over of an old set-up, what is refused, and the new `.env`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.commands.import_config import quoted, take_over, write
from console.phone.baresip_files import parse_accounts, parse_config
from console.settings import env_file, old_setup
from console.settings.loading import load

ROOT = Path(__file__).parents[2]
SECRET = "pa$$ w'ord#1"
OLD_ENV = f"""
# the old system
ELEVENLABS_API_KEY=sk_secret_key
ELEVENLABS_AGENT_ID=agent_01
EXOLVE_SIP_USER=883140000000001
EXOLVE_SIP_PASS="{SECRET}"
EXOLVE_SIP_DOMAIN=sip.exolve.ru
EXOLVE_SIP_OUTBUOND=sip:80.75.130.100
BARESIP_HOST=127.0.0.1
"""
OLD_ACCOUNTS = (
    '# comment\n<sip:883140000000001@sip.exolve.ru>;auth_user=883140000000001;auth_pass="another secret";'
    'outbound="sip:80.75.130.100";regint=600;audio_codecs=PCMA/8000/1,opus/48000/2,x/1;answermode=auto\n'
)
OLD_CONFIG = """
#ctrl_tcp_listen 127.0.0.1:5555
ctrl_tcp_listen\t\t0.0.0.0:4444
ctrl_tcp_listen 127.0.0.1:4444
sip_listen 0.0.0.0:5060
audio_player pulse,callee
rtp_timeout\t60
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    (folder / "config" / "baresip").mkdir(parents=True)
    (folder / ".env").write_text(OLD_ENV)
    (folder / old_setup.ACCOUNTS).write_text(OLD_ACCOUNTS)
    (folder / old_setup.CONFIG).write_text(OLD_CONFIG)
    return folder


def told(folder: Path, target: Path, force: bool = False, answer: bool = False) -> tuple[int, str]:
    lines: list[str] = []
    code = take_over(folder, target, force=force, say=lines.append, ask=lambda question: answer)
    return code, "\n".join(lines)


def test_an_old_set_up_is_taken_over(old: Path, tmp_path: Path) -> None:
    target = tmp_path / ".env"
    code, said = told(old, target)
    assert code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    loaded = load({"PATH": os.environ["PATH"]}, tmp_path, lambda s: "embedded")
    assert loaded.problems == loaded.missing == loaded.warnings == ()
    settings = loaded.settings
    assert (settings.api_key, settings.agent_id) == ("sk_secret_key", "agent_01")
    assert (settings.sip_user, settings.sip_domain) == ("883140000000001", "sip.exolve.ru")
    assert settings.sip_pass == SECRET
    assert settings.sip_outbound == "sip:80.75.130.100"
    assert settings.sip_codecs == ("pcma", "opus")
    assert settings.rtp_timeout == 60
    assert settings.baresip_ctrl is None
    for secret in (SECRET, "sk_secret_key", "another secret"):
        assert secret not in said


@pytest.mark.parametrize(
    "words",
    [
        "ctrl_tcp_listen 0.0.0.0:4444: anyone on the network could dial",
        "EXOLVE_SIP_OUTBUOND of .env line 8 is no setting of the console; if EXOLVE_SIP_OUTBOUND was meant",
        "BARESIP_HOST of .env line 9 is no setting",
        "EXOLVE_SIP_PASS of accounts differs from EXOLVE_SIP_PASS",
        "answermode of accounts",
        "sip_listen 0.0.0.0:5060",
        "audio_player pulse,callee: the console makes its own devices",
    ],
)
def test_what_is_refused_is_said(old: Path, tmp_path: Path, words: str) -> None:
    _, said = told(old, tmp_path / ".env")
    assert any(words in line for line in said.splitlines() if line.startswith("not taken ")), said


def test_an_env_that_exists_is_replaced_only_on_demand(old: Path, tmp_path: Path) -> None:
    target = tmp_path / ".env"
    target.write_text("precious")
    assert told(old, target)[0] == 2
    assert target.read_text() == "precious"
    assert told(old, target, answer=True)[0] == 0
    target.write_text("precious")
    assert told(old, target, force=True)[0] == 0
    assert "SIP_USER" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_what_it_led_to_is_left(old: Path, tmp_path: Path) -> None:
    precious, target = tmp_path / "precious", tmp_path / ".env"
    precious.write_text("x")
    target.symlink_to(precious)
    assert told(old, target, force=True)[0] == 0
    assert precious.read_text() == "x"


def test_no_old_set_up(tmp_path: Path) -> None:
    code, said = told(tmp_path / "none", tmp_path / ".env")
    assert code == 2
    assert "is no old set-up" in said
    assert not (tmp_path / ".env").exists()


def test_accounts_alone(old: Path, tmp_path: Path) -> None:
    (old / ".env").unlink()
    (old / old_setup.CONFIG).unlink()
    assert told(old, tmp_path / ".env")[0] == 0
    settings = load({}, tmp_path, lambda s: "embedded").settings
    assert settings.sip_user == "883140000000001"
    assert settings.sip_pass == "another secret"


def test_placeholders_are_no_values(old: Path) -> None:
    (old / ".env").write_text("ELEVENLABS_API_KEY=your_api_key_here\nEXOLVE_SIP_USER=a\n")
    (old / old_setup.ACCOUNTS).write_text('<sip:${EXOLVE_SIP_USER}@host>;auth_pass="${EXOLVE_SIP_PASS}"\n')
    (old / old_setup.CONFIG).unlink()
    found = old_setup.read(old)
    assert found.values == {"EXOLVE_SIP_USER": "a", "SIP_DOMAIN": "host"}
    assert sum("is a placeholder" in sentence for sentence in found.refused) == 3


@pytest.mark.parametrize("address", ["0.0.0.0:4444", "192.0.2.1:4444", "[::]:4444"])
def test_a_public_control_port_in_env_is_refused(old: Path, address: str) -> None:
    (old / ".env").write_text(f"BARESIP_CTRL={address}\n")
    found = old_setup.read(old)
    assert "BARESIP_CTRL" not in found.values
    assert any("anyone on the network" in sentence for sentence in found.refused)


def test_a_public_api_wants_its_token(old: Path) -> None:
    (old / ".env").write_text("CONSOLE_API=0.0.0.0:8000\n")
    assert "CONSOLE_API" not in old_setup.read(old).values
    (old / ".env").write_text("CONSOLE_API=0.0.0.0:8000\nCONSOLE_API_TOKEN=tttttttttttttttt\n")
    assert "CONSOLE_API" in old_setup.read(old).values


def test_the_plain_name_wins_as_it_does_at_work(old: Path) -> None:
    (old / ".env").write_text("EXOLVE_SIP_USER=first\nSIP_USER=second\n")
    found = old_setup.read(old)
    assert found.values["SIP_USER"] == "second"
    assert "EXOLVE_SIP_USER" not in found.values


@pytest.mark.parametrize("value", ["not a user", 'x"y'])
def test_a_wrong_value_is_refused_in_words(old: Path, value: str) -> None:
    (old / ".env").write_text(f"SIP_USER='{value}'\n")
    (old / old_setup.ACCOUNTS).unlink()
    assert "must be a SIP user name" in " ".join(old_setup.read(old).refused)


def test_virtual_devices_of_macos(old: Path) -> None:
    (old / old_setup.CONFIG).write_text(
        'audio_player "coreaudio,BlackHole 2ch"\naudio_source "coreaudio,BlackHole 16ch"\n'
    )
    values = old_setup.read(old).values
    assert (values["AUDIO_INPUT"], values["AUDIO_OUTPUT"]) == ("BlackHole 2ch", "BlackHole 16ch")
    (old / old_setup.CONFIG).write_text("audio_player coreaudio,A\naudio_source coreaudio,A\n")
    found = old_setup.read(old)
    assert "AUDIO_INPUT" not in found.values
    assert any("name two" in sentence for sentence in found.refused)


def test_a_second_account_and_transport(old: Path) -> None:
    (old / ".env").unlink()
    (old / old_setup.ACCOUNTS).write_text(
        '"Me" <sip:me@host:5061;transport=tls>;regint=0\n<sip:other:word@elsewhere>\n'
    )
    found = old_setup.read(old)
    assert found.values["SIP_OUTBOUND"] == "sip:host:5061;transport=tls"
    assert found.values["SIP_REGISTER"] == "no"
    assert any("other@elsewhere" in sentence for sentence in found.refused)
    assert "word" not in repr(found) + repr(parse_accounts("<sip:other:word@elsewhere>"))


def test_the_first_of_two_equal_keys_counts() -> None:
    assert parse_config('a 1\na 2\n#b 3\n c "x y" # z\n') == {"a": "1", "c": "x y"}


@given(st.dictionaries(st.sampled_from(["SIP_PASS", "EAR_OUTPUT"]), st.text(min_size=1)))
def test_every_value_comes_back_from_the_file_as_it_was(values: dict[str, str]) -> None:
    import tempfile

    values = {name: text for name, text in values.items() if text.isprintable() and text.strip() == text}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / ".env"
        write(path, values)
        assert {key: text for key, (text, _) in env_file.read(path).values.items()} == values
        assert os.listdir(name) == [".env"]


def test_plain_values_stay_plain() -> None:
    assert quoted("sip:80.75.130.100") == "sip:80.75.130.100"
    assert quoted("a b") == "'a b'"


@given(st.text(max_size=300))
def test_whatever_the_files_hold_nothing_breaks(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config" / "baresip").mkdir(parents=True)
        for relative in (Path(".env"), old_setup.ACCOUNTS, old_setup.CONFIG):
            (folder / relative).write_text(text, encoding="utf-8", errors="replace")
        old_setup.read(folder)


def test_as_a_program(old: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console", "config", "--import", str(old), *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    first = run()
    assert first.returncode == 0, first.stderr
    assert "taken     EXOLVE_SIP_USER=883140000000001 from .env line 5." in first.stdout
    assert run().returncode == 2
    assert run("--force").returncode == 0
