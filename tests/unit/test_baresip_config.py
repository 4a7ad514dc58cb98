"""The generated config: right for each version, private, and with one sentence where it cannot be made."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.phone.baresip_config import (
    BaresipAudio,
    ConfigInputs,
    PhoneLimits,
    SipAccount,
    account_line,
    check_account,
    codecs_for,
    config_text,
    is_local,
)
from console.phone.baresip_program import BaresipProgram
from console.phone.baresip_version import Version
from console.ports import PhoneError

MODULES = frozenset({"account", "menu", "ctrl_tcp", "g711", "g722", "opus", "alsa", "auconv", "auresamp"})
OLD = BaresipProgram(Path("/usr/bin/baresip"), Version(1, 0), Path("/usr/lib/baresip/modules"), MODULES)
NEW = BaresipProgram(Path("/usr/bin/baresip"), Version(4, 9), Path("/usr/lib/baresip/modules"), MODULES)


def account(**changes: object) -> SipAccount:
    given = {"user": "79001234567", "password": "geheim", "domain": "sip.example.com"} | changes
    return SipAccount(**given)  # type: ignore[arg-type]


def config(program: BaresipProgram, listen: str = "127.0.0.1:5071", **changes: object) -> dict[str, str]:
    """The config as Baresip reads it: the first of equal keys wins, `module` keys joined."""
    inputs = ConfigInputs(
        program,
        account(**changes),
        BaresipAudio("alsa,a name", "alsa,b"),
        PhoneLimits(rtp_timeout=30, jitter_ms=(40, 120)),
        ctrl="127.0.0.1:40001",
        listen=listen,
        no_tones=Path("/data/no-tones"),
    )
    read: dict[str, str] = {}
    for line in config_text(inputs).splitlines():
        key, _, value = line.replace("\t", " ").partition(" ")
        if key in ("module", "module_app"):
            read[key] = (read.get(key, "") + " " + value.strip()).strip()
        elif key and not key.startswith("#"):
            read.setdefault(key, value.strip())
    return read


@pytest.mark.parametrize("program", [OLD, NEW])
def test_what_every_version_needs(program: BaresipProgram) -> None:
    made = config(program)
    assert made["ctrl_tcp_listen"] == "127.0.0.1:40001"
    assert made["net_interface"] == "127.0.0.1"
    assert made["audio_path"] == "/data/no-tones"
    assert made["audio_player"] == '"alsa,a name"'
    assert made["rtp_timeout"] == "30"
    assert made["redial_attempts"] == "0"
    assert made["module_app"] == "account.so menu.so ctrl_tcp.so"
    assert not {"httpd", "stdio", "cons"} & set(made["module"].replace(".so", "").split())
    assert "$" not in "".join(made)


def test_before_1_1_there_is_room_for_one_call_only() -> None:
    assert config(OLD)["call_max_calls"] == "1"
    assert int(config(NEW)["call_max_calls"]) > 1


@pytest.mark.parametrize(
    ("version", "key", "value"),
    [
        ((1, 0), "jitter_buffer_delay", "2-6"),
        ((2, 0), "jitter_buffer_delay", "2-6"),
        ((3, 2), "audio_jitter_buffer_delay", "2-6"),
        ((4, 1), "audio_jitter_buffer_ms", "40-120"),
    ],
)
def test_the_jitter_buffer_in_the_words_of_each_version(
    version: tuple[int, int], key: str, value: str
) -> None:
    program = BaresipProgram(OLD.path, Version(*version), OLD.module_dir, MODULES)
    assert config(program)[key] == value


def test_tones_are_off_where_there_are_keys_for_it() -> None:
    made = config(NEW)
    assert made["ringback_disabled"] == "yes"
    assert {made[f"{tone}_aufile"] for tone in ("ring", "ringback", "busy", "error", "notfound")} == {"none"}


def test_an_address_of_the_network_carries_the_rtp_too_and_any_address_does_not() -> None:
    assert config(NEW, listen="192.0.2.7:5060")["net_interface"] == "192.0.2.7"
    assert "net_interface" not in config(NEW, listen="0.0.0.0:5060")


def test_codecs_by_preference_as_far_as_installed() -> None:
    wish = account(codecs=("OPUS", "pcmu"))
    assert codecs_for(wish, NEW) == ("opus", "pcmu")
    bare = BaresipProgram(NEW.path, NEW.version, NEW.module_dir, MODULES - {"opus"})
    assert codecs_for(wish, bare) == ("pcmu",)
    assert "audio_codecs=opus/48000/2,PCMU/8000/1" in account_line(wish, ("opus", "pcmu"))
    with pytest.raises(PhoneError, match="SIP_CODECS"):
        codecs_for(account(codecs=("opus",)), bare)


def test_the_account_line() -> None:
    line = account_line(account(outbound="sip:192.0.2.1;transport=tcp"), ("pcma",))
    assert line == (
        "<sip:79001234567@sip.example.com>;regint=600;answermode=manual;call_transfer=no;mwi=no;ptime=20"
        ';audio_codecs=PCMA/8000/1;auth_user=79001234567;auth_pass="geheim"'
        ';outbound="sip:192.0.2.1;transport=tcp"'
    )
    direct = account_line(account(register=False, password=""), ("pcma",))
    assert ";regint=0;" in direct
    # `auth_user` without a password makes Baresip ask on stdin, and wait.
    assert "auth_user" not in direct


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"password": 'a"b'}, "double quote"),
        ({"password": "a\nb"}, "line break"),
        ({"password": ""}, "SIP_PASS"),
        ({"user": ""}, "SIP_USER"),
        ({"user": "a b"}, "SIP_USER"),
        ({"user": "a>;x"}, "SIP_USER"),
        ({"domain": "a;b"}, "SIP_DOMAIN"),
        ({"domain": "a\nb"}, "SIP_DOMAIN"),
        ({"outbound": 'sip:a"b'}, "SIP_OUTBOUND"),
        ({"outbound": "80.75.130.100"}, "SIP_OUTBOUND"),
        ({"codecs": ("g729",)}, "g729"),
        ({"password": "x" * 500}, "511"),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_one_sentence(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PhoneError, match=sentence) as caught:
        check_account(account(**changes), Version(1, 0))
    password = str(changes.get("password", "geheim"))
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize(
    "outbound", ["sip:proxy;transport=tls", "sips:proxy", "sip:proxy:5061;TRANSPORT=tls;lr"]
)
def test_tls_to_whoever_answers_is_refused(outbound: str) -> None:
    """Baresip 1.0 checks no certificate: what it sends over TLS, anybody on the way can have."""
    with pytest.raises(PhoneError, match=r"1\.0\.0 cannot verify the server"):
        check_account(account(outbound=outbound), Version(1, 0))
    check_account(account(outbound="sip:proxy;transport=tcp"), Version(1, 0))
    check_account(account(outbound=outbound.lower()), Version(1, 1))


@pytest.mark.parametrize("host", ["80.75.130.100", "192.0.2.1:5061", "[2001:db8::1]"])
def test_tls_to_an_address_is_refused_because_only_names_are_verified(host: str) -> None:
    for outbound in (f"sip:{host};transport=tls", f"sips:{host}"):
        with pytest.raises(PhoneError, match="verifies only names"):
            check_account(account(outbound=outbound), Version(4, 9))
    check_account(account(outbound=f"sip:{host}"), Version(4, 9))


@pytest.mark.parametrize("trusted", [True, False])
def test_where_it_can_the_server_is_verified(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file of trusted certificates every server is refused, none is believed."""
    store = tmp_path / "trusted certificates.pem"
    store.write_text("")
    monkeypatch.setattr("console.phone.sip_tls.certifi.where", lambda: str(tmp_path / "none"))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    found = type("Paths", (), {"cafile": str(store) if trusted else None})
    monkeypatch.setattr("ssl.get_default_verify_paths", lambda: found)
    assert config(NEW)["sip_verify_server"] == "yes"
    assert config(NEW).get("sip_cafile", "none") == (f'"{store}"' if trusted else "none")
    assert "sip_verify_server" not in config(OLD)


def test_a_longer_account_fits_a_newer_version() -> None:
    check_account(account(password="x" * 500), Version(4, 9))


def test_the_password_is_in_no_repr() -> None:
    assert "geheim" not in repr(account())


@given(st.text(min_size=1, max_size=40), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_account_makes_a_second_line_or_parameter(
    password: str, user: str, domain: str, outbound: str
) -> None:
    wish = account(password=password, user=user, domain=domain, outbound=outbound)
    try:
        check_account(wish, Version(1, 0))
    except PhoneError:
        return
    line = account_line(wish, ("pcma",))
    assert len(line.splitlines()) == 1
    assert line.startswith(f"<sip:{user}@{domain}>;regint=600;")
    assert line.count('"') == (4 if outbound else 2)


@pytest.mark.parametrize(
    ("changes", "local"),
    [
        ({"domain": "127.0.0.1:5099"}, True),
        ({"domain": "localhost"}, True),
        ({"domain": "[::1]:5060"}, True),
        ({"domain": "sip.example.com:5060"}, False),
        ({"domain": "sip.example.com", "outbound": "sip:127.0.0.1:5060;transport=tcp"}, True),
        ({"domain": "127.0.0.1", "outbound": "sip:192.0.2.1"}, False),
        ({"domain": "sip.example.com", "listen": "127.0.0.1:5071"}, True),
    ],
)
def test_whether_the_far_side_is_on_this_machine(changes: dict[str, object], local: bool) -> None:
    assert is_local(account(**changes)) is local


def test_a_device_name_that_would_break_out_of_its_value_is_refused() -> None:
    inputs = ConfigInputs(
        NEW,
        account(),
        BaresipAudio('alsa,"x', "alsa,y"),
        PhoneLimits(),
        ctrl="127.0.0.1:1",
        listen="127.0.0.1:2",
        no_tones=Path("/x"),
    )
    with pytest.raises(PhoneError):
        config_text(inputs)


def test_a_missing_driver_is_named() -> None:
    bare = BaresipProgram(NEW.path, NEW.version, NEW.module_dir, MODULES - {"alsa"})
    with pytest.raises(PhoneError, match="alsa"):
        config(bare)
