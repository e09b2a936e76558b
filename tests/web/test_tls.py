"""Certificates renewed on disk: the new pair as a whole, or the old one."""

import logging
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from ml_exporter.core.settings import TlsSettings
from ml_exporter.web.tls import Tls


def write(folder: Path, issued: trustme.LeafCert, *, cert: bool = True, key: bool = True) -> None:
    if cert:
        issued.cert_chain_pems[0].write_to_path(folder / "server.crt")
    if key:
        issued.private_key_pem.write_to_path(folder / "server.key")


def served(tls: Tls, authority: trustme.CA) -> int:
    """Return the serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    here, there = socket.socketpair()

    def serve() -> None:
        with tls.context.wrap_socket(there, server_side=True) as accepted:
            accepted.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    with context.wrap_socket(here, server_hostname="localhost") as secure:
        found = str((secure.getpeercert() or {})["serialNumber"])
        secure.sendall(b"x")
    thread.join()
    return int(found, 16)


def serial(issued: trustme.LeafCert) -> int:
    import cryptography.x509

    return cryptography.x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number


def test_a_pair_that_does_not_fit_is_not_used_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = trustme.CA()
    old, new = (authority.issue_cert("localhost") for _ in range(2))
    write(tmp_path, old)
    tls = Tls(TlsSettings(tmp_path / "server.crt", tmp_path / "server.key"))
    write(tmp_path, new, key=False)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            tls.renew()
    assert caplog.text.count("renewed certificate not usable") == 1
    assert served(tls, authority) == serial(old)
    (tmp_path / "server.key").unlink()
    for _ in range(3):
        tls.renew()
    assert caplog.text.count("renewed certificate not usable") == 2
    assert served(tls, authority) == serial(old)
    write(tmp_path, new, cert=False)
    tls.renew()
    assert served(tls, authority) == serial(new)


def test_a_pair_of_another_kind_replaces_the_old_one(tmp_path: Path) -> None:
    authority = trustme.CA()
    old = authority.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    new = authority.issue_cert("localhost", key_type=trustme.KeyType.RSA)
    write(tmp_path, old)
    tls = Tls(TlsSettings(tmp_path / "server.crt", tmp_path / "server.key"))
    assert served(tls, authority) == serial(old)
    write(tmp_path, new)
    tls.renew()
    assert served(tls, authority) == serial(new)
