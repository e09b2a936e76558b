"""``ml-exporter healthcheck`` against real sidecars: well, away, silent, restoring, with users and TLS."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from support.engine import write_config
from support.guarded import PASSWORD, USERS, certificate, serve
from support.http import running
from support.processes import free_port


def check(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command; return exit code, standard output and standard error."""
    command = [sys.executable, "-m", "ml_exporter", "healthcheck", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_a_sidecar_that_is_well(tmp_path: Path) -> None:
    with running(write_config(tmp_path)) as sidecar:
        url = f"http://127.0.0.1:{sidecar.port}"
        assert check(url) == (0, f"{url}/-/healthy: 200 Healthy.\n", "")
        assert check(f"{url}/", "--ready") == (0, f"{url}/-/ready: 200 Ready.\n", "")
        code, out, err = check(f"{url}/elsewhere")
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"{url}/elsewhere/-/healthy: 404 ")
        secure = url.replace("http", "https")
        told = f"{secure}/-/healthy: cannot connect to {url[7:]}: no TLS there; is it http://?\n"
        assert check(secure) == (1, "", told)


def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert check(url) == (1, "", f"{url}/-/healthy: cannot connect to {url[7:]}: Connection refused\n")


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Take one connection and hand it to ``answer``."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_one_that_is_silent_is_waited_for_no_longer_than_told() -> None:
    with answering(lambda connection: connection.recv(1)) as url:  # type: ignore[arg-type, return-value]
        assert check(url, "--timeout", "300ms") == (1, "", f"{url}/-/healthy: no answer within 0.3 s\n")


def test_one_that_restores_is_not_ready_and_takes_one_line() -> None:
    body = b"earlier state\nis being restored"
    reply = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with answering(lambda connection: connection.sendall(reply)) as url:
        assert check(url, "--ready") == (1, "", f"{url}/-/ready: 503 earlier state is being restored\n")


def test_a_guarded_sidecar_with_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate(authority, tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    sidecar = serve(tmp_path, f"tls_server_config: {{cert_file: server.crt, key_file: server.key}}\n{USERS}")
    try:
        url = f"https://127.0.0.1:{sidecar.port}"
        alice = ["--user", "alice", "--password-file", tmp_path / "password"]
        assert check(url, "--ca", tmp_path / "ca.crt", *alice)[:2] == (0, f"{url}/-/healthy: 200 Healthy.\n")
        code, _, err = check(url, "--ca", tmp_path / "ca.crt")
        assert code == 1
        assert ": 401 " in err
        assert check(url, *alice)[0] == 1
        assert "certificate" in check(url, *alice)[2]
    finally:
        sidecar.stop()


MISTAKES = {
    "no url": (["127.0.0.1:19100"], "URL: must be like http://127.0.0.1:19100"),
    "a port": (["http://127.0.0.1:0"], "URL: must be like"),
    "a timeout": (["--timeout", "soon"], '--timeout: "soon" is not a duration'),
    "no timeout": (["--timeout", "0s"], "--timeout: must be longer than 0s"),
    "half a user": (["--user", "alice"], "--user: needs --password-file, and the other way round"),
    "authorities": (["--ca", "/nowhere"], "--ca: /nowhere cannot be used: No such file or directory"),
    "no password": (["--user", "a", "--password-file", "/nowhere"], "--password-file: /nowhere cannot be read"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_says_what_is_right(mistake: str) -> None:
    arguments, message = MISTAKES[mistake]
    code, out, err = check(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"ml-exporter: {re.escape(message)}.*\n", err)


def test_it_loads_no_numbers() -> None:
    code = (
        "import sys; from ml_exporter.cli import main;"
        f"main(['healthcheck', 'http://127.0.0.1:{free_port()}']);"
        "heavy = {'numpy', 'scipy', 'msgspec', 'uvloop'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
