"""Who may: the same user on this machine, else the token; and no web page of another site."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.api.access import Access, Caller, socket_owner
from console.api.errors import ApiError
from console.api.server import ApiServer, ApiUnavailable
from console.records.feed import Feed
from console.settings.values import Address

pytestmark = pytest.mark.timeout(60)

TOKEN = "a-token-for-tests"
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def as_nobody(port: int, *headers: str, method: str = "GET", path: str = "/api/status") -> str:
    """What the server answers to another user of this machine."""
    lines = (f"{method} {path} HTTP/1.1", f"Host: localhost:{port}", "Connection: close", *headers, "")
    request = "".join(f"{line}\\r\\n" for line in lines)
    script = f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf '{request}' >&3; cat <&3"
    done = subprocess.run(
        ["bash", "-c", script], user=NOBODY, group=NOBODY, cwd="/", capture_output=True, text=True, timeout=30
    )
    assert done.stdout, done.stderr
    return done.stdout


@as_root
def test_another_user_needs_the_token(open_api: Any) -> None:
    api = open_api(token=TOKEN)
    port = api.server.address.port
    assert api.client.get("/api/status").status_code == 200, "the same user needs none"
    refused = as_nobody(port)
    assert refused.startswith("HTTP/1.1 401 ")
    assert '"code":"unauthorized"' in refused
    assert TOKEN not in refused
    assert as_nobody(port, "Authorization: Bearer wrong").startswith("HTTP/1.1 401 ")
    assert as_nobody(port, f"Authorization: Bearer {TOKEN}").startswith("HTTP/1.1 200 ")


@as_root
def test_another_user_is_refused_when_there_is_no_token(api: Any) -> None:
    port = api.server.address.port
    for header in (
        "Accept: */*",
        "Authorization: Bearer ",
        "Authorization: Bearer  ",
        "Authorization: bearer",
    ):
        assert as_nobody(port, header).startswith("HTTP/1.1 401 "), header
    command = as_nobody(port, "Content-Length: 0", method="POST", path="/api/register")
    assert command.startswith("HTTP/1.1 401 ")
    assert not any(type(event).__name__ == "Register" for event in api.console.events)


@as_root
def test_anybody_may_read_the_page_so_that_a_token_can_be_typed_there(api: Any) -> None:
    for path in ("/docs", "/docs/swagger-ui.css", "/openapi.json"):
        assert as_nobody(api.server.address.port, path=path).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_what_came_through_a_proxy_needs_the_token(open_api: Any, name: str) -> None:
    api = open_api(token=TOKEN)
    assert api.fault(api.client.get("/api/status", headers={name: "203.0.113.9"})) == (401, "unauthorized")
    headers = {name: "203.0.113.9", "Authorization": f"Bearer {TOKEN}"}
    assert api.client.get("/api/status", headers=headers).status_code == 200


# ---- the owner of a socket ----

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
PEER, OURS = ("127.0.0.1", 50000), ("127.0.0.1", 8000)


def entry(local: str, remote: str, state: str = "01", uid: int = 1000, inode: int = 7) -> str:
    return (
        f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1\n"
    )


def words(*parts: int) -> str:
    """32-bit words as the kernel of this machine lists bytes in network order."""
    return "".join(f"{int.from_bytes(part.to_bytes(4, 'big'), sys.byteorder):08X}" for part in parts)


V4 = words(0x7F000001)
MAPPED = words(0, 0, 0xFFFF, 0x7F000001)
V6 = words(0, 0, 0, 1)


def listing(folder: Path, tcp: str = "", tcp6: str = "") -> Path:
    (folder / "tcp").write_text(HEAD + tcp)
    (folder / "tcp6").write_text(HEAD + tcp6)
    return folder


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc/net/tcp is Linux's")


@needs_linux
def test_the_owner_is_found(tmp_path: Path) -> None:
    near, far = f"{V4}:1F40", f"{V4}:C350"
    listed = entry(near, far, uid=0) + entry(far, near, uid=1000) + entry(far, f"{V4}:1F41", uid=5)
    assert socket_owner(PEER, OURS, listing(tmp_path, listed)) == 1000


@needs_linux
def test_the_owner_of_a_socket_for_both_families_is_found(tmp_path: Path) -> None:
    assert socket_owner(PEER, OURS, listing(tmp_path, "", entry(f"{MAPPED}:C350", f"{MAPPED}:1F40"))) == 1000


@needs_linux
def test_the_owner_of_an_ipv6_socket_is_found(tmp_path: Path) -> None:
    listed = listing(tmp_path, "", entry(f"{V6}:C350", f"{V6}:1F40"))
    assert socket_owner(("::1", 50000), ("::1", 8000), listed) == 1000
    assert socket_owner(PEER, OURS, listed) is None


@needs_linux
@pytest.mark.parametrize("state", ["06", "04", "05", "08", "07"])
def test_a_closed_socket_is_nobodys_although_it_is_listed_as_roots(tmp_path: Path, state: str) -> None:
    listed = listing(tmp_path, entry(f"{V4}:C350", f"{V4}:1F40", state, uid=0, inode=0))
    assert socket_owner(PEER, OURS, listed) is None


@needs_linux
def test_a_socket_that_nobody_holds_is_nobodys(tmp_path: Path) -> None:
    listed = listing(tmp_path, entry(f"{V4}:C350", f"{V4}:1F40", uid=0, inode=0))
    assert socket_owner(PEER, OURS, listed) is None


def test_without_a_list_nobody_is_known(tmp_path: Path) -> None:
    assert socket_owner(PEER, OURS, tmp_path) is None
    (tmp_path / "tcp").write_text("nonsense\nmore of it\n")
    assert socket_owner(PEER, OURS, tmp_path) is None


def test_elsewhere_than_on_linux_nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert socket_owner(PEER, OURS) is None


# ---- beyond this machine ----


def test_an_address_that_others_reach_wants_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(ApiUnavailable, match="CONSOLE_API_TOKEN"):
            ApiServer(None, Feed(), Address(host, 8000))  # type: ignore[arg-type]


PUBLIC = Access(Address("192.0.2.1", 8000), False, 1000, TOKEN)


def test_beyond_loopback_everybody_needs_the_token() -> None:
    caller = PUBLIC.caller(("127.0.0.1", 50000), ("127.0.0.1", 8000))
    assert caller.owner is None
    with pytest.raises(ApiError) as refusal:
        PUBLIC.check_caller(caller, {})
    assert refusal.value.status == 401
    PUBLIC.check_caller(caller, {"authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \u00e9", "Bearer a b"],
)
def test_what_is_no_token(given: str) -> None:
    with pytest.raises(ApiError):
        PUBLIC.check_caller(Caller("203.0.113.9", None), {"authorization": given})


def test_the_token_is_in_no_text() -> None:
    assert TOKEN not in repr(PUBLIC)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("2001:db8::1:2", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("?", "?"),
    ],
)
def test_a_client_is_counted_by_its_address(host: str, name: str) -> None:
    assert Caller(host, None).name == name


def test_users_of_one_machine_are_counted_apart() -> None:
    assert Caller("127.0.0.1", 1).name != Caller("127.0.0.1", 2).name != Caller("127.0.0.1", None).name


# ---- web pages of other sites ----


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST", "[::1]", "127.0.0.9"])
def test_names_of_this_machine(api: Any, host: str) -> None:
    port = api.server.address.port
    assert api.client.get("/api/status", headers={"Host": f"{host}:{port}"}).status_code == 200
    assert api.client.get("/api/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "192.0.2.7",
        "127.0.0.1.nip.example",
        "[::2]",
    ],
)
@pytest.mark.parametrize("path", ["/api/status", "/docs"])
def test_names_that_somebody_else_can_point_here(api: Any, host: str, path: str) -> None:
    assert api.fault(api.client.get(path, headers={"Host": host})) == (421, "wrong_host")


def test_beyond_loopback_the_machine_has_names_too() -> None:
    own = socket.gethostname().partition(".")[0]
    for host in ("192.0.2.1:8000", "192.0.2.9", "localhost", own, f"{own.upper()}.example:8000"):
        PUBLIC.check_site("GET", {"host": host})
    for host in ("", "evil.example", f"x{own}"):
        with pytest.raises(ApiError):
            PUBLIC.check_site("GET", {"host": host})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_other_sites_command_nothing(api: Any, headers: dict[str, str]) -> None:
    answer = api.client.post("/api/calls/start", json={"phone_number": "+79123456789"}, headers=headers)
    assert api.fault(answer) == (403, "wrong_origin")
    assert api.console.state.calls == ()


def test_our_own_page_may(api: Any) -> None:
    headers = {"Origin": api.server.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    answer = api.client.post("/api/calls/start", json={"phone_number": "+79123456789"}, headers=headers)
    assert answer.status_code == 201


def test_a_link_to_the_page_may_be_followed(api: Any) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert api.client.get("/docs", headers=headers).status_code == 200


def test_no_other_page_is_let_in_by_cors(api: Any) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = api.client.options("/api/calls/start", headers=headers)
    assert api.fault(answer)[0] == 403
    assert not any(name.startswith("access-control") for name in answer.headers)
