"""Our ALSA configuration: the system's first, then our PCMs."""

from pathlib import Path

from console.audio.alsa_config import PulsePcm, config_text


def test_the_system_comes_first_and_every_pcm_names_its_device_and_server(tmp_path: Path) -> None:
    system = tmp_path / "alsa.conf"
    system.write_text("")
    environ = {"ALSA_CONFIG_PATH": f"{system}:{tmp_path / 'missing.conf'}"}
    pcms = (PulsePcm("heard", "callee.monitor", "From the phone"), PulsePcm("hidden", "agent"))
    assert config_text(pcms, "unix:/run/x/native", environ).splitlines() == [
        f"<{system}>",
        'pcm.heard { type pulse device "callee.monitor" server "unix:/run/x/native" '
        'hint { show on description "From the phone" } }',
        'pcm.hidden { type pulse device "agent" server "unix:/run/x/native" }',
    ]


def test_the_users_server_is_not_named() -> None:
    assert config_text((PulsePcm("a", "b"),), "", {"ALSA_CONFIG_PATH": "/nowhere"}) == (
        'pcm.a { type pulse device "b" }\n'
    )
