"""The web configuration file of Prometheus' exporter-toolkit, and what of it is refused."""

import shutil
import subprocess
from pathlib import Path

import bcrypt
import pytest

from ml_exporter.config.web_file import load
from ml_exporter.core.errors import ConfigError

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
GOOD = f"""\
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  min_version: TLS13
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  prometheus: {HASH}
"""


def test_a_good_file_is_read_as_it_says_and_hides_its_hashes(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text(GOOD)
    settings = load(path)
    assert settings.tls is not None
    assert settings.tls.cert_file == tmp_path / "server.crt"
    assert (settings.tls.min_version, settings.tls.max_version) == ("TLS13", "TLS13")
    assert settings.users == {"prometheus": HASH}
    assert settings.headers == {"Strict-Transport-Security": "max-age=31536000"}
    assert HASH not in repr(settings)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_takes_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    users = f"basic_auth_users:\n  prometheus: {HASH}\nhttp_server_config:\n  http2: false\n"
    path.write_text(users)
    load(path)
    subprocess.run(["promtool", "check", "web-config", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_server_config: {cert_file: a}", "line 1: tls_server_config.key_file: must be given: path, relative"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}", "must be one of TLS12, TLS13"),
        (
            "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}",
            "must be one of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
        ),
        (
            "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}",
            '"RequireAndVerifyClientCert" needs client_ca_file',
        ),
        (
            "tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}",
            "must not be below min_version",
        ),
        (
            "tls_server_config: {cert_file: a, key_file: b, cipher_suites: [X]}",
            "is not supported here; OpenSSL's defaults are used",
        ),
        ("basic_auth_users: {joe: secret}", "basic_auth_users.joe: must be a bcrypt hash"),
        ("basic_auth_user: {}", 'basic_auth_user: unknown key; did you mean "basic_auth_users"?'),
        ("rate_limit: {interval: 1s, burst: 5}", "rate_limit: is not supported here"),
        (
            'http_server_config: {headers: {X: "a\\r\\nb"}}',
            "http_server_config.headers.X: must be text on one line",
        ),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "web.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert message in str(caught.value)
