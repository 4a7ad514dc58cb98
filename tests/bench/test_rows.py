"""The benchmark's own arithmetic: what it says of given measurements."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench import report
from tests.bench.clicks import LOUD, onsets, pairs
from tests.bench.proxy import ClientFrames
from tests.bench.rows import row, single

ABOUT = {
    "measured": "today",
    "commit": "abc",
    "machine": "a machine",
    "system": "Linux",
    "load": "0.1",
    "versions": {"python": "3.11"},
}


def test_a_row_says_how_it_stands_to_floor_and_goal() -> None:
    late = row("answer", "200 OK -> upgrade", "embedded", [3.0, 1.0, 2.0, 5.0, 4.0], floor=0.5, goal=2.5)
    assert (late.median, late.p95, late.max, late.n) == (3.0, 5.0, 5.0, 5)
    assert late.multiple == 6.0
    assert late.verdict == "missed by 0.50 ms"
    assert row("answer", "x", "", [1.0], goal=2.5).verdict == "met"
    assert row("answer", "x", "", [1.0]).verdict == ""
    assert single("quality", "images", "", -70.0, "dB", goal=-60.0).verdict == "met"
    assert single("quality", "calls", "", 20.0, "", goal=50.0, least=True).verdict == "missed by 30 "


def test_p95_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 21)]
    assert row("answer", "x", "", values).p95 == 19.0


def test_nothing_measured_is_no_row() -> None:
    with pytest.raises(LookupError, match="nothing was measured"):
        row("answer", "x", "embedded", [])


def test_the_run_writes_only_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"by hand\n{report.BEGIN}\nold\n{report.END}\nalso by hand\n")
    rows = [row("floor", "a floor", "", [0.1]), row("answer", "200 OK | 2", "embedded", [1.0, 2.0], goal=1.0)]
    report.write(page, report.markdown(ABOUT, rows, {"cost": "no room"}))
    text = page.read_text()
    assert text.startswith("by hand\n")
    assert text.endswith("\nalso by hand\n")
    assert "old" not in text
    assert "| 200 OK / 2 | embedded | 2 | 1.50 ms | 2 | 2 |  | 1 | missed by 0.50 ms |" in text
    assert "NOT MEASURED: no room" in text
    assert json.loads(report.as_json(ABOUT, rows, {}))["rows"][1]["verdict"] == "missed by 0.50 ms"


def test_the_sdk_stands_beside_the_console() -> None:
    rows = [
        row("delay", "in", "embedded", [40.0]),
        row("delay", "in", "embedded", [99.0], note="with another setting"),
        row("answer", "200 OK -> upgrade", "baresip", [50.0], note=""),
        row("answer", "200 OK -> upgrade, prepared", "embedded", [2.0]),
        row("beside", "200 OK -> upgrade", "sdk", [160.0]),
        row("beside", "in", "sdk", [300.0]),
    ]
    text = report.markdown(ABOUT, rows, {})
    assert "| 200 OK -> upgrade | 160 ms | 50 ms | 2 ms |" in text
    assert "| in | 300 ms |  | 40 ms |" in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("by hand\n")
    with pytest.raises(LookupError, match="no place"):
        report.write(page, "tables")
    assert page.read_text() == "by hand\n"


def test_clicks_are_found_where_they_begin() -> None:
    pcm = np.zeros(16000, np.int16)
    for start in (1000, 9000):
        pcm[start : start + 320] = LOUD
    assert onsets(pcm, 16000) == [1000, 9000]
    assert onsets(np.zeros(100, np.int16), 16000) == []


def test_a_lost_click_is_told() -> None:
    assert pairs([1.0, 2.0], [1.1, 2.2], "in") == [(1.0, 1.1), (2.0, 2.2)]
    for came in ([1.1], [0.9, 2.1]):
        with pytest.raises(LookupError, match="2 clicks"):
            pairs([1.0, 2.0], came, "in")


def test_the_proxy_sees_the_upgrade_and_the_close_frame() -> None:
    """Whatever pieces the bytes come in, and only a frame's own first byte counts."""
    request = b"GET /c HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    text = b"\x81\x83mask\x88\x88\x88"  # its payload looks like close frames
    long = b"\x81\xfe\x00\x80mask" + b"\x88" * 128
    close = b"\x88\x82mask\x03\xe8"
    stream = request + text + long + close
    for size in (1, 3, len(stream)):
        told: list[str] = []
        frames = ClientFrames(lambda event, mono, told=told: told.append(event))
        for start in range(0, len(stream), size):
            frames.feed(stream[start : start + size], 0.0)
        assert told == ["upgrade", "close"]


def test_a_request_that_is_no_upgrade_is_passed_over() -> None:
    told: list[str] = []
    frames = ClientFrames(lambda event, mono: told.append(event))
    frames.feed(b"GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n", 0.0)
    assert told == []
    frames.feed(b"GET /c HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 0.0)
    assert told == ["upgrade"]
