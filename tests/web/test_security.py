"""TLS, client certificates and users, over real sockets; and no open door by default."""

import base64
import json
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import trustme

from ml_exporter.app.sidecar import ServeOptions, Sidecar
from ml_exporter.core.errors import ConfigError, ExporterError, UsageError
from support.engine import write_config
from support.guarded import PASSWORD, USERS, basic, certificate, serve
from support.http import Running, running

JSON = {"Content-Type": "application/json"}
REFUSED = (ssl.SSLError, ConnectionError)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = serve(tmp_path_factory.mktemp("auth"), USERS)
    yield server
    server.stop()


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/v1/predictions", "/nowhere"])
def test_no_path_is_open_without_credentials(guarded: Running, path: str) -> None:
    status, headers, _ = guarded.request("POST" if path.startswith("/v1") else "GET", path)
    assert status == 401
    assert headers["www-authenticate"] == 'Basic realm="ml-exporter", charset="UTF-8"'


@pytest.mark.parametrize(
    "headers",
    [
        basic("alice", "wrong"),
        basic("bob", PASSWORD),
        basic("alice", ""),
        basic("alice", "x" * 100),
        basic("alice", "a\0b"),
        basic("", ""),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"alice").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"Authorization": "Bearer token"},
        {"Authorization": ""},
    ],
)
def test_wrong_credentials_are_refused(guarded: Running, headers: dict[str, str]) -> None:
    assert guarded.request("GET", "/metrics", headers=headers)[0] == 401


def test_right_credentials_open_everything_also_from_memory(guarded: Running) -> None:
    for _ in range(3):
        assert guarded.request("GET", "/metrics", headers=basic("alice", PASSWORD))[0] == 200
    headers = {**JSON, **basic("alice", PASSWORD)}
    status, _, body = guarded.request("POST", "/v1/predictions", b'{"score":0.5}', headers)
    assert (status, json.loads(body)["accepted"]) == (202, 1)


def test_a_body_is_not_read_before_the_credentials_are(guarded: Running) -> None:
    """The headers of a gigabyte are answered although not a byte of it is sent."""
    head = b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"
    assert guarded.raw(head, wait=5).startswith(b"HTTP/1.1 401 ")


def test_a_large_body_after_slow_credentials_arrives_whole(guarded: Running) -> None:
    """bcrypt runs in a thread meanwhile; what has been received before the word must not be lost."""
    guarded.sidecar._auth._right.clear()  # type: ignore[union-attr]
    events = json.dumps([{"score": 0.5}] * 5000).encode()
    headers = {**JSON, **basic("alice", PASSWORD)}
    status, _, body = guarded.request("POST", "/v1/predictions", events, headers)
    assert (status, json.loads(body)["accepted"]) == (202, 5000)


def test_an_unknown_user_takes_as_long_as_a_wrong_password_whatever_the_cost(tmp_path: Path) -> None:
    users = f"basic_auth_users:\n  alice: {bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()}\n"
    server = serve(tmp_path, users)
    try:

        def seconds(user: str) -> float:
            times = []
            for _ in range(3):
                began = time.perf_counter()
                assert server.request("GET", "/metrics", headers=basic(user, "wrong"))[0] == 401
                times.append(time.perf_counter() - began)
            return sorted(times)[1]

        assert seconds("nobody") > 0.4 * seconds("alice")
    finally:
        server.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def client(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key%s}\n"


def test_tls_is_spoken_old_versions_and_plain_http_are_not(tmp_path: Path, authority: trustme.CA) -> None:
    certificate(authority, tmp_path)
    server = serve(tmp_path, TLS % "" + USERS)
    try:
        status, _, _ = server.request(
            "GET", "/metrics", headers=basic("alice", PASSWORD), context=client(authority)
        )
        assert status == 200
        assert server.request("GET", "/metrics", context=client(authority))[0] == 401
        with pytest.raises(REFUSED):
            server.request("GET", "/metrics", context=ssl.create_default_context())
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(REFUSED), socket.create_connection(("127.0.0.1", server.port), 5) as plain:
            old.wrap_socket(plain)
        assert b"HTTP/1.1 200" not in server.raw(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", wait=2)
        events = json.dumps([{"score": 0.5}] * 3000).encode()
        headers = {**JSON, **basic("alice", PASSWORD)}
        assert server.request("POST", "/v1/predictions", events, headers, client(authority))[0] == 202
    finally:
        server.stop()


def test_a_renewed_certificate_is_used_without_a_restart(tmp_path: Path, authority: trustme.CA) -> None:
    certificate(authority, tmp_path)
    server = serve(tmp_path, TLS % "")
    try:
        context = client(authority)

        def serial() -> str:
            with (
                socket.create_connection(("127.0.0.1", server.port), 5) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
            ):
                return str((secure.getpeercert() or {})["serialNumber"])

        first = serial()
        tls = server.sidecar._tls
        assert tls is not None
        (tmp_path / "other").mkdir()
        certificate(authority, tmp_path / "other")
        for unusable in (b"nonsense", (tmp_path / "other/server.crt").read_bytes()):
            (tmp_path / "server.crt").write_bytes(unusable)
            stamp = tls._stamps()
            end = time.monotonic() + 10
            while tls._bad != stamp and time.monotonic() < end:
                assert serial() == first
            assert tls._bad == stamp
            assert serial() == first
        certificate(authority, tmp_path)
        end = time.monotonic() + 10
        while serial() == first and time.monotonic() < end:
            time.sleep(0.1)
        assert serial() != first
    finally:
        server.stop()


def test_client_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    certificate(authority, tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    required = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt"
    server = serve(tmp_path, TLS % required)
    try:
        context = client(authority)
        authority.issue_cert("prometheus.example").configure_cert(context)
        assert server.request("GET", "/metrics", context=context)[0] == 200
        stranger = client(authority)
        trustme.CA().issue_cert("stranger.example").configure_cert(stranger)
        for refused in (client(authority), stranger):
            with pytest.raises(REFUSED):
                server.request("GET", "/metrics", context=refused)
    finally:
        server.stop()


def test_certificates_that_cannot_be_used_are_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text(TLS % "")
    config = write_config(tmp_path)
    with (
        pytest.raises(ConfigError, match="certificates cannot be used"),
        running(config, web_config_file=tmp_path / "web.yml"),
    ):
        pass


@pytest.mark.parametrize("address", ["0.0.0.0:0", ":0", "[::]:0"])
def test_the_network_cannot_send_events_unless_told_so(tmp_path: Path, address: str) -> None:
    config = write_config(tmp_path)
    with pytest.raises(ExporterError, match="can be reached from other machines"):
        Sidecar(ServeOptions(config, (address,)))
    (tmp_path / "web.yml").write_text(USERS)
    for options in ({"open_intake": True}, {"web_config_file": tmp_path / "web.yml"}):
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        sidecar = Sidecar(ServeOptions(config, (address,), **options))  # type: ignore[arg-type]
        assert sidecar.addresses
        sidecar._release()


@pytest.mark.parametrize("address", ["19100", "host:port", "127.0.0.1:99999", ""])
def test_an_address_that_is_none_is_told(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="must be an address such as"):
        Sidecar(ServeOptions(write_config(tmp_path), (address,)))
