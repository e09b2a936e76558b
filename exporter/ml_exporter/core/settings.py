"""Settings of the web face that the configuration reads and the server applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Certificate, key and client authentication, named as in the web configuration of Prometheus."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: str = "NoClientCert"
    min_version: str = "TLS12"
    max_version: str = "TLS13"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What a web configuration file says; the default is plain HTTP for everybody."""

    tls: TlsSettings | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return the settings without the password hashes."""
        return f"WebSettings(tls={self.tls!r}, users={sorted(self.users)!r}, headers={dict(self.headers)!r})"
