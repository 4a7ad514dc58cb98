"""Settings come from the environment and `.env`; whatever is in them, the answer is a sentence."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from console.core.tools import transfer_key
from console.phone.baresip_version import Version
from console.settings import phone_choice
from console.settings.loading import VARIABLES, Loaded, Settings, load, make_folders
from console.settings.values import Address

FULL = {
    "ELEVENLABS_API_KEY": "sk_very_secret",
    "ELEVENLABS_AGENT_ID": "agent_7f3a",
    "EXOLVE_SIP_USER": "3289",
    "EXOLVE_SIP_PASS": "pass word$HOME#1",
    "EXOLVE_SIP_DOMAIN": "sip.exolve.ru",
    "SIP_OUTBOUND": "80.75.130.100",
}

Load = Callable[..., Loaded]


@pytest.fixture
def load_with(tmp_path: Path) -> Load:
    """Load from exactly these variables and this `.env`, in a folder of their own."""

    def run(variables: dict[str, str] | None = None, file: str | bytes | None = None) -> Loaded:
        cwd = tmp_path / "cwd"
        cwd.mkdir(exist_ok=True)
        if file is not None:
            path = cwd / ".env"
            path.write_bytes(file if isinstance(file, bytes) else file.encode())
            path.chmod(0o600)
        environ = {"CONSOLE_DATA_DIR": str(tmp_path / "data"), **(variables or {})}
        return load(environ, cwd, choose_engine=lambda s: "embedded")

    return run


def test_nothing_set_gives_the_defaults_of_the_contract(load_with: Load, tmp_path: Path) -> None:
    loaded = load_with()
    s = loaded.settings
    assert loaded.problems == ()
    assert loaded.warnings == ()
    assert not loaded.has_line
    assert (s.ring_seconds, s.call_seconds, s.rtp_timeout, s.keep_days) == (60, 600, 30, 90)
    assert (s.dial_region, s.dial_format, s.sip_register, s.sounds) == ("RU", "digits", True, True)
    assert s.api == Address("127.0.0.1", 8000)
    assert s.base_url == "https://api.elevenlabs.io"
    assert s.ws_url == "wss://api.elevenlabs.io"
    assert s.baresip_ctrl is None
    assert s.log_dir == tmp_path / "data" / "logs"
    assert "EXOLVE_SIP_DOMAIN" in loaded.missing[0]
    assert loaded.policy.not_ready == loaded.missing[0]


def test_a_filled_in_line_is_ready(load_with: Load) -> None:
    loaded = load_with(FULL)
    assert (loaded.problems, loaded.missing, loaded.warnings) == ((), (), ())
    s = loaded.settings
    assert (s.sip_user, s.sip_pass, s.sip_domain) == ("3289", "pass word$HOME#1", "sip.exolve.ru")
    assert s.sip_outbound == "sip:80.75.130.100"
    assert loaded.sources["sip_user"] == "environment as EXOLVE_SIP_USER"
    policy = loaded.policy
    assert (policy.domain, policy.has_agent, policy.incoming_agent, policy.not_ready) == (
        "sip.exolve.ru",
        True,
        False,
        "",
    )


def test_destinations_of_transfers_are_compared_as_the_agent_names_them(load_with: Load) -> None:
    loaded = load_with({**FULL, "TRANSFER_TO": " 8 (495) 777-00-11, Desk@PBX.example.org ,"})
    assert loaded.problems == ()
    policy = loaded.policy
    assert policy.transfer_to == {"+74957770011", "desk@pbx.example.org"}
    assert {transfer_key("+74957770011", policy)[0], transfer_key("sip:desk@pbx.example.org", policy)[0]} == (
        policy.transfer_to
    )
    assert load_with({"TRANSFER_TO": "+74957770011"}).problems == (), "no domain is needed to read it"


@pytest.mark.parametrize(
    "entry", ["112", "+7495", "desk", "sip:a@b?Subject=x", "a b@c", "\u202e+74957770011"]
)
def test_a_destination_that_can_never_be_called_is_one_problem(load_with: Load, entry: str) -> None:
    (problem,) = load_with({**FULL, "TRANSFER_TO": f"+74957770012,{entry}"}).problems
    assert "TRANSFER_TO" in problem


def test_environment_wins_over_the_file_and_sip_over_exolve(load_with: Load) -> None:
    file = "EXOLVE_SIP_USER=a\nSIP_DOMAIN=from.file\nRING_SECONDS=20\n"
    loaded = load_with({"SIP_USER": "b", "EXOLVE_SIP_DOMAIN": "from.env", "RING_SECONDS": "30"}, file)
    s = loaded.settings
    assert (s.sip_user, s.sip_domain, s.ring_seconds) == ("b", "from.file", 30)
    assert loaded.sources["sip_domain"] == ".env line 2"
    assert loaded.sources["ring_seconds"] == "environment"


def test_an_empty_variable_hides_the_one_in_the_file(load_with: Load) -> None:
    assert load_with({"SIP_USER": ""}, "SIP_USER=a\n").settings.sip_user == ""


def test_the_file_of_the_data_dir_is_used_when_the_folder_has_none(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / ".env").write_text("SIP_USER=a")
    (data / ".env").chmod(0o600)
    loaded = load({"CONSOLE_DATA_DIR": str(data)}, tmp_path, choose_engine=lambda s: "embedded")
    assert loaded.env_file == data / ".env"
    assert loaded.settings.sip_user == "a"


def test_every_variable_of_the_table_is_read(load_with: Load, tmp_path: Path) -> None:
    values = {
        **FULL,
        "ELEVENLABS_INCOMING_AGENT_ID": "agent_in",
        "ELEVENLABS_BASE_URL": "http://127.0.0.1:9000/",
        "SIP_REGISTER": "no",
        "SIP_LISTEN": "127.0.0.1:5071",
        "SIP_CODECS": "opus, G722",
        "CONSOLE_ENGINE": "baresip",
        "BARESIP_START": "no",
        "BARESIP_CTRL": "127.0.0.1:4445",
        "BARESIP_BIN": "/bin/sh",
        "AUDIO_INPUT": "in",
        "AUDIO_OUTPUT": "out",
        "EAR_OUTPUT": "ear",
        "RING_SECONDS": "1",
        "CALL_SECONDS": "2",
        "RTP_TIMEOUT": "3",
        "JITTER_MS": "20-80",
        "PACKET_MS": "30",
        "DEVICE_MS": "20",
        "PLAYOUT_MS": "100",
        "DIAL_REGION": "de",
        "DIAL_FORMAT": "e164",
        "TRANSFER_TO": "+4930123456",
        "CONSOLE_API": "off",
        "CONSOLE_API_TOKEN": "t0ken",
        "CONSOLE_LANG": "ru",
        "CONSOLE_SOUNDS": "off",
        "CONSOLE_LOG_DIR": "logs",
        "KEEP_DAYS": "7",
    }
    loaded = load_with(values)
    s = loaded.settings
    assert (loaded.problems, loaded.missing, loaded.warnings) == ((), (), ())
    assert set(loaded.sources) == {f.name for f in dataclasses.fields(Settings)}
    assert s.ws_url == "ws://127.0.0.1:9000"
    assert s.sip_listen == Address("127.0.0.1", 5071)
    assert s.sip_codecs == ("opus", "g722")
    assert (s.engine, s.baresip_start, s.baresip_ctrl) == ("baresip", False, Address("127.0.0.1", 4445))
    assert (s.jitter_ms, s.packet_ms, s.device_ms, s.playout_ms) == ((20, 80), 30, 20, 100)
    assert (s.dial_region, s.api) == ("DE", None)
    assert s.log_dir == tmp_path / "cwd" / "logs"
    assert loaded.policy.e164


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("RING_SECONDS", "soon", "whole number of seconds"),
        ("RING_SECONDS", "0", "from 1 to 600"),
        ("CALL_SECONDS", "٣", "whole number"),
        ("SIP_REGISTER", "maybe", "yes or no"),
        ("SIP_USER", "sip:3289@sip.exolve.ru", "in front of the @"),
        ("SIP_USER", "a;b", "letters, digits"),
        ("SIP_DOMAIN", "sip:sip.exolve.ru", "only a host name"),
        ("SIP_DOMAIN", "host:99999", "optional port"),
        ("EXOLVE_SIP_DOMAIN", "a b", "optional port"),
        ("SIP_OUTBOUND", "sip:a b", "proxy like"),
        ("SIP_OUTBOUND", "sips:proxy;transport=udp", "another transport than TLS"),
        ("SIP_LISTEN", "localhost:5060", "IP address"),
        ("SIP_LISTEN", "127.0.0.1", "host:port"),
        ("SIP_CODECS", "opus,g729", "'g729'"),
        ("SIP_CODECS", "opus,opus", "twice"),
        ("SIP_CODECS", ",", "must be some of"),
        ("CONSOLE_ENGINE", "asterisk", "baresip or embedded"),
        ("BARESIP_BIN", "/no/such/program", "no program"),
        ("BARESIP_CTRL", "4444", "host:port"),
        ("ELEVENLABS_BASE_URL", "api.elevenlabs.io", "URL like"),
        ("ELEVENLABS_BASE_URL", "https://user:pw@h", "without user"),
        ("ELEVENLABS_AGENT_ID", "agent 7", "without spaces"),
        ("JITTER_MS", "120-40", "min-max"),
        ("JITTER_MS", "40", "min-max"),
        ("PACKET_MS", "25", "10, 20, 30, 40 or 60"),
        ("DEVICE_MS", "1", "from 2 to 100"),
        ("PLAYOUT_MS", "5", "from 20 to 1000"),
        ("DIAL_REGION", "Russia", "two letters"),
        ("DIAL_FORMAT", "tel", "digits or e164"),
        ("CONSOLE_API", "8000", "host:port"),
        ("CONSOLE_API", "0.0.0.0:8000", "CONSOLE_API_TOKEN"),
        ("CONSOLE_LANG", "de", "en or ru"),
        ("CONSOLE_DATA_DIR", "/dev/null", "folder"),
        ("KEEP_DAYS", "-1", "whole number of days"),
        ("AUDIO_INPUT", "a\nb", "cannot be printed"),
    ],
)
def test_every_bad_value_is_named_with_the_remedy(load_with: Load, name: str, value: str, part: str) -> None:
    loaded = load_with({**FULL, name: value})
    assert len(loaded.problems) == 1, loaded.problems
    assert name.removeprefix("EXOLVE_") in loaded.problems[0]
    assert part in loaded.problems[0]
    assert loaded.problems[0].isprintable()


def test_all_problems_at_once(load_with: Load) -> None:
    loaded = load_with({"RING_SECONDS": "x", "SIP_REGISTER": "y"}, "CALL_SECONDS=z\n")
    assert len(loaded.problems) == 3
    assert any(".env line 1" in p for p in loaded.problems)


@pytest.mark.parametrize("name", [name for v in VARIABLES if v.secret for name in (v.name, v.alias) if name])
def test_secrets_are_never_quoted(load_with: Load, name: str) -> None:
    for value in ("s3cr3t-value", "s3cr3t-value\x07"):
        loaded = load_with({**FULL, name: value})
        told = repr(loaded) + " ".join(loaded.problems + loaded.warnings + loaded.missing)
        assert "s3cr3t" not in told
        assert bool(loaded.problems) == (not value.isprintable())


def test_joining_needs_both_devices_and_listens_where_baresip_does(load_with: Load) -> None:
    loaded = load_with({"BARESIP_START": "no", "SIP_DOMAIN": "h"})
    assert loaded.settings.engine == "baresip"
    assert loaded.settings.baresip_ctrl == Address("127.0.0.1", 4444)
    assert loaded.missing == ("Fill in AUDIO_INPUT, AUDIO_OUTPUT in .env.",)


def test_a_line_without_registrar_needs_no_password(load_with: Load) -> None:
    loaded = load_with({"SIP_USER": "a", "SIP_DOMAIN": "127.0.0.1:5080", "SIP_REGISTER": "no"})
    assert loaded.missing == ()
    assert loaded.policy.register is False


LEAST = ["ELEVENLABS_API_KEY=k", "EXOLVE_SIP_USER=u", "SIP_DOMAIN=h", "SIP_LISTEN=127.0.0.1:5071"]


@pytest.mark.parametrize("setting", [*LEAST, "BARESIP_START=yes"])
def test_the_least_bit_of_a_line_of_ones_own_rules_out_the_demo_line(load_with: Load, setting: str) -> None:
    name, value = setting.split("=")
    assert load_with({name: value}).has_line
    assert not load_with({"RING_SECONDS": "20", "CONSOLE_ENGINE": "baresip", name: ""}).has_line


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"BARESIP_START": "no", "CONSOLE_ENGINE": "embedded"}, "drop one"),
        ({"SIP_PASS": 'a"b'}, "double quote"),
        ({"CONSOLE_ENGINE": "embedded", "SIP_PASS": "a\\b"}, "backslash"),
        ({"AUDIO_INPUT": "x", "AUDIO_OUTPUT": "x"}, "hear itself"),
    ],
)
def test_contradictions_are_problems(load_with: Load, variables: dict[str, str], part: str) -> None:
    (problem,) = load_with(variables).problems
    assert part in problem


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"BARESIP_CTRL": "10.0.0.1:4444"}, "anyone"),
        ({"ELEVENLABS_BASE_URL": "http://example.com"}, "unencrypted"),
        ({"PLAYOUT_MS": "400"}, "later"),
        ({"SIP_REGSTER": "no"}, "did you mean SIP_REGISTER?"),
        ({"ELEVENLABS_APIKEY": "x"}, "did you mean ELEVENLABS_API_KEY?"),
        ({"exolve_sip_user": "x"}, "did you mean EXOLVE_SIP_USER?"),
    ],
)
def test_doubtful_settings_are_said(load_with: Load, variables: dict[str, str], part: str) -> None:
    (warning,) = load_with({**FULL, **variables}).warnings
    assert part in warning


def test_strangers_in_the_environment_are_left_alone(load_with: Load) -> None:
    assert load_with({"PATH": "/bin", "SIP_PROXY_OF_ANOTHER_PROGRAM": "1", "TERM": "x"}).warnings == ()


# ---- the file ----


def test_bom_and_crlf_are_tolerated(load_with: Load) -> None:
    file = "\ufeffSIP_USER=a\r\n# comment\r\nexport SIP_PASS='p'\r\n\r\nSIP_DOMAIN=h # why\r\n"
    loaded = load_with(file=file)
    s = loaded.settings
    assert (s.sip_user, s.sip_pass, s.sip_domain) == ("a", "p", "h")
    assert loaded.warnings == ()
    assert loaded.sources["sip_domain"] == ".env line 5"


def test_utf16_is_read_and_other_encodings_are_named(load_with: Load) -> None:
    assert load_with(file="SIP_USER=a\n".encode("utf-16")).settings.sip_user == "a"
    (problem,) = load_with(file="SIP_USER=\u0430".encode("cp1251")).problems
    assert "UTF-8" in problem


def test_nothing_is_interpolated(load_with: Load) -> None:
    s = load_with({"HOME": "/x"}, "SIP_PASS=a${HOME}$HOME`id`\nSIP_USER='b'\n").settings
    assert s.sip_pass == "a${HOME}$HOME`id`"


def test_a_password_keeps_its_spaces(load_with: Load) -> None:
    assert load_with(file='SIP_PASS=" a b "\n').settings.sip_pass == " a b "


def test_broken_lines_are_named_and_never_quoted(load_with: Load) -> None:
    loaded = load_with(
        file='SIP_USER=a\n\nsecret words\nSIP_PASS="not closed secret\nSIP_DOMAIN=h\nSIP_USER=b\n'
    )
    assert loaded.settings.sip_domain == "h"
    assert loaded.settings.sip_user == "b"
    told = "\n".join(loaded.warnings)
    assert "Line 3" in told
    assert "Line 4" in told
    assert "lines 1 and 6" in told
    assert "secret" not in told.replace(".env", "")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_can_read_is_said(load_with: Load, tmp_path: Path) -> None:
    load_with(file="SIP_PASS=p\n")
    (tmp_path / "cwd" / ".env").chmod(0o644)
    (warning,) = load_with().warnings
    assert "chmod 600" in warning


def test_an_unreadable_file_is_a_problem(load_with: Load, tmp_path: Path) -> None:
    (tmp_path / "cwd" / ".env").mkdir(parents=True)
    (problem,) = load_with().problems
    assert "cannot be read" in problem


def test_folders_are_the_owners_only(load_with: Load, tmp_path: Path) -> None:
    settings = load_with().settings
    assert make_folders(settings) == []
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    broken = dataclasses.replace(settings, data_dir=tmp_path / "file" / "x")
    (problem,) = make_folders(broken)
    assert "CONSOLE_DATA_DIR" in problem


@pytest.mark.parametrize("name", ["never-call.txt", "calls.jsonl", "console.lock"])
def test_a_file_in_the_data_dir_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    """As one that was left by another user."""
    settings = Settings(data_dir=tmp_path, log_dir=tmp_path / "logs")
    (tmp_path / name).mkdir()
    assert make_folders(settings) == [f"{tmp_path / name} cannot be read and written: Is a directory."]


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode(errors="replace"))))
def test_any_file_is_read_without_a_crash(load_with: Load, raw: bytes) -> None:
    loaded = load_with(file=raw)
    assert all(told.isprintable() for told in loaded.problems)


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from([v.name for v in VARIABLES if not v.name.endswith("_DIR")]),
    st.text(min_size=1, max_size=40),
)
def test_any_value_is_read_without_a_crash(load_with: Load, name: str, value: str) -> None:
    loaded = load_with({name: value})
    assert all(told.isprintable() for told in loaded.problems)


# ---- the engine ----


@pytest.mark.parametrize(
    ("version", "embedded", "engine"),
    [
        (Version(4, 9), True, "baresip"),
        (Version(2, 0), True, "baresip"),
        (Version(1, 0), True, "embedded"),
        (None, True, "embedded"),
        (Version(1, 0), False, "baresip"),
        (None, False, "baresip"),
    ],
)
def test_the_engine_when_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, version: Version | None, embedded: bool, engine: str
) -> None:
    monkeypatch.setattr(phone_choice, "installed_version", lambda program: version)
    monkeypatch.setattr(phone_choice, "embedded_runs_here", lambda: embedded)
    assert phone_choice.choose_engine(Settings()) == engine


@pytest.mark.parametrize(
    ("variables", "engine"),
    [
        ({"BARESIP_BIN": "/bin/sh"}, "baresip"),
        ({"BARESIP_START": "no"}, "baresip"),
        ({"CONSOLE_ENGINE": "embedded", "BARESIP_BIN": "/bin/sh"}, "embedded"),
        ({}, "embedded"),
    ],
)
def test_what_the_settings_say_about_the_engine(
    load_with: Load, variables: dict[str, str], engine: str
) -> None:
    assert load_with(variables).settings.engine == engine


def test_the_version_of_an_installed_program_is_read(tmp_path: Path) -> None:
    program = tmp_path / "baresip"
    program.write_text("#!/bin/sh\necho 'baresip v4.9.0 Copyright (C) 2010 - 2026'\nexit 1\n")
    program.chmod(0o700)
    assert phone_choice.installed_version(str(program)) == Version(4, 9, 0)
    assert phone_choice.installed_version(str(tmp_path / "none")) is None
