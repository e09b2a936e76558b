"""The web configuration file, in the format of Prometheus' exporter-toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ml_exporter.config import yaml_file
from ml_exporter.config.fields import (
    DEFAULTS,
    Field,
    Kind,
    Section,
    boolean,
    choice,
    mapping_of,
    path,
    section,
    text,
)
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.settings import TlsSettings, WebSettings

_HASH: Final = r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"


def _unsupported(instead: str) -> Kind:
    def read(value: Any, where: str, document: Document) -> Any:
        document.problem(where, f"is not supported here; {instead}")

    return Kind("not supported", read)


TLS: Final = Section(
    (
        Field("cert_file", path(), "Certificate in PEM; a renewed file is used without a restart."),
        Field("key_file", path(), "Its private key in PEM."),
        Field("client_ca_file", path(), "Certificate authorities of clients.", None),
        Field(
            "client_auth_type",
            choice(["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]),
            "Whether clients must show a certificate.",
            "NoClientCert",
        ),
        Field("min_version", choice(["TLS12", "TLS13"]), "Oldest protocol version.", "TLS12"),
        Field("max_version", choice(["TLS12", "TLS13"]), "Newest protocol version.", "TLS13"),
        Field("cert", _unsupported("use cert_file"), "Not supported: use `cert_file`.", None),
        Field("key", _unsupported("use key_file"), "Not supported: use `key_file`.", None),
        Field("client_ca", _unsupported("use client_ca_file"), "Not supported: use `client_ca_file`.", None),
        Field(
            "client_allowed_sans",
            _unsupported("use a certificate authority of its own for the clients"),
            "Not supported.",
            None,
        ),
        Field("cipher_suites", _unsupported("OpenSSL's defaults are used"), "Not supported.", None),
        Field("curve_preferences", _unsupported("OpenSSL's defaults are used"), "Not supported.", None),
        Field("prefer_server_cipher_suites", boolean(), "Accepted; OpenSSL's defaults are used.", None),
    )
)

_TOKEN: Final = text(r"[^\r\n]+", "text on one line", 2000)

HTTP: Final = Section(
    (
        Field("http2", boolean(), "Accepted; only HTTP/1.1 is spoken.", None),
        Field("headers", mapping_of(_TOKEN, "header names"), "Headers of every response.", {}),
    )
)

ROOT: Final = Section(
    (
        Field("tls_server_config", section(TLS), "TLS; without it plain HTTP.", None),
        Field("http_server_config", section(HTTP), "Headers of every response.", DEFAULTS),
        Field(
            "basic_auth_users",
            mapping_of(text(_HASH, "a bcrypt hash ($2a$, $2b$ or $2y$)"), "user names"),
            "Users of HTTP basic authentication with the bcrypt hashes of their passwords.",
            {},
        ),
        Field(
            "rate_limit",
            _unsupported("limits.connections bounds the load"),
            "Not supported: `limits.connections` bounds the load.",
            None,
        ),
    )
)


def load(file: Path) -> WebSettings:
    """Return the settings in a web configuration file; ConfigError with every problem in it."""
    document = yaml_file.read(file)
    root = ROOT.read({} if document.data is None else document.data, "", document)
    tls = root["tls_server_config"]
    if tls and tls["client_auth_type"] != "NoClientCert" and tls["client_ca_file"] is None:
        document.problem("tls_server_config.client_auth_type", f'"{tls["client_auth_type"]}" needs client_ca_file')
    if tls and (tls["min_version"], tls["max_version"]) == ("TLS13", "TLS12"):
        document.problem("tls_server_config.max_version", "must not be below min_version")
    document.finish()
    names = ("cert_file", "key_file", "client_ca_file", "client_auth_type", "min_version", "max_version")
    settings = TlsSettings(**{name: tls[name] for name in names}) if tls else None
    return WebSettings(settings, root["basic_auth_users"], root["http_server_config"]["headers"])
