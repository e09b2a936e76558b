"""TLS from a web configuration; certificates renewed on disk are used without a restart."""

from __future__ import annotations

import logging
import ssl
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


class Tls:
    """The context of the listening sockets, reloaded when certificate or key change on disk."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = _VERSIONS[settings.min_version]
        self.context.maximum_version = _VERSIONS[settings.max_version]
        self.context.verify_mode = _CLIENT_AUTH[settings.client_auth_type]
        self._stamp: tuple[float, float] | None = None
        self._bad: tuple[float, float] | None = None
        try:
            if settings.client_ca_file is not None:
                self.context.load_verify_locations(settings.client_ca_file)
            self._load()
        except (OSError, ssl.SSLError) as error:
            problem = Problem("tls_server_config", f"certificates cannot be used: {error}")
            raise ConfigError(str(settings.cert_file), [problem]) from error

    def renew(self) -> None:
        """Load certificate and key again if their files have changed; keep the old ones if they are not usable."""
        try:
            stamp = self._stamps()
        except OSError:
            return  # being replaced
        if stamp in (self._stamp, self._bad):
            return
        files = self._settings.cert_file, self._settings.key_file
        try:
            # A context into which a certificate without its key was loaded serves nobody: try on another first.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
            self._load()
        except (OSError, ssl.SSLError) as error:
            self._bad = stamp
            log.warning("renewed certificate not usable; the old one stays", extra={"error": str(error)})

    def _load(self) -> None:
        stamp = self._stamps()
        self.context.load_cert_chain(self._settings.cert_file, self._settings.key_file)
        self._stamp = stamp

    def _stamps(self) -> tuple[float, float]:
        return self._settings.cert_file.stat().st_mtime, self._settings.key_file.stat().st_mtime
