"""Sidecars with users and certificates."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import bcrypt
import trustme

from support.engine import write_config
from support.http import Running

PASSWORD = "correct horse"
USERS = f"basic_auth_users:\n  alice: {bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n"


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def serve(folder: Path, web: str) -> Running:
    """Run a sidecar with a web configuration."""
    (folder / "web.yml").write_text(web)
    return Running(write_config(folder), web_config_file=folder / "web.yml")


def certificate(authority: trustme.CA, folder: Path) -> None:
    """Write a new certificate and its key, each at once."""
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "server.key.new")
    with open(folder / "server.crt.new", "wb") as file:
        for part in issued.cert_chain_pems:
            file.write(part.bytes())
    for name in ("server.key", "server.crt"):
        os.replace(folder / f"{name}.new", folder / name)
