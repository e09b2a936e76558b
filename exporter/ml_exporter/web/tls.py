"""TLS from a web configuration; certificates renewed on disk are used without a restart."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Final

from ml_exporter.core.errors import ConfigError, Problem
from ml_exporter.core.settings import TlsSettings

log = logging.getLogger(__name__)

_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

Stamp = tuple[int, int, int] | None


class Tls:
    """The context of new connections, another one when certificate or key change on disk."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._stamp = self._stamps()
        self._bad: tuple[Stamp, Stamp] | None = None
        try:
            self.context = self._load()
        except (OSError, ssl.SSLError) as error:
            problem = Problem("tls_server_config", f"certificates cannot be used: {error}")
            raise ConfigError(str(settings.cert_file), [problem]) from error

    def renew(self) -> None:
        """Load certificate and key again if their files have changed; keep the old ones if they are not usable."""
        stamp = self._stamps()
        if stamp in (self._stamp, self._bad):
            return
        try:
            self.context = self._load()
            self._stamp, self._bad = stamp, None
        except (OSError, ssl.SSLError) as error:
            self._bad = stamp
            log.warning("renewed certificate not usable; the old one stays", extra={"error": str(error)})

    def _load(self) -> ssl.SSLContext:
        """Return a new context: one that got a certificate without its key serves nobody, so none is changed."""
        settings = self._settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[settings.min_version]
        context.maximum_version = _VERSIONS[settings.max_version]
        context.verify_mode = _CLIENT_AUTH[settings.client_auth_type]
        if settings.client_ca_file is not None:
            context.load_verify_locations(settings.client_ca_file)
        context.load_cert_chain(settings.cert_file, settings.key_file)
        return context

    def _stamps(self) -> tuple[Stamp, Stamp]:
        return _stamp(self._settings.cert_file), _stamp(self._settings.key_file)


def _stamp(file: Path) -> Stamp:
    """Return what changes when the file does; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
