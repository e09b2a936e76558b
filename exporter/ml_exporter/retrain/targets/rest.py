"""What the targets with an HTTP API have in common: settings, credentials, and what an answer means."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ml_exporter.config.fields import Field, Kind, duration, path, text
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.text import printable
from ml_exporter.retrain.outgoing import Endpoint, NotSentError, Reply, UnansweredError, send
from ml_exporter.retrain.secrets import SecretFile, secret_file
from ml_exporter.retrain.targets.target import Outcome, Result

_AMBIGUOUS: Final = frozenset({502, 504})
"""Answers of a proxy that does not know what the server behind it did."""


def url(query: bool = False) -> Kind:
    """An HTTP URL without user, password and fragment, and without a query unless allowed."""

    def read(value: Any, where: str, document: Document) -> Any:
        without = "user and fragment" if query else "user, query and fragment"
        what = f"must be a URL such as https://host:8080/path, without {without}"
        try:
            parts = urlsplit(value if isinstance(value, str) and value.isascii() and value.isprintable() else "")
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or "@" in parts.netloc or parts.fragment or (parts.query and not query) or " " in value:
            document.problem(where, what)
            return None
        return value if query else value.rstrip("/")

    pattern = r"^https?://[^\s@#]+$" if query else r"^https?://[^\s@#?]+$"
    return Kind("http or https URL", read, schema={"type": "string", "pattern": pattern})


def http_fields(meaning: str, query: bool = False, **given: Any) -> tuple[Field, ...]:
    """Return the keys that every target with an HTTP API has; ``given`` can set the default of ``url``."""
    return (
        Field("url", url(query), meaning, **given),
        Field("ca_file", path(), "Certificate authorities that sign the server's certificate.", None),
        Field("timeout", duration(0.1, 600), "Longest time to wait for the answer.", 30.0),
    )


TOKEN: Final = Field("token_file", secret_file(), "File with the bearer token.", None)
USER: Final = (
    Field("username", text(r"[^:\x00-\x1f\x7f]+", "a user name without colon"), "User, if not a token.", None),
    Field("password_file", secret_file(), "File with the user's password.", None),
)


def token_or_user(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what is wrong with credentials that are a token, a user with a password, or none."""
    if (values["username"] is None) != (values["password_file"] is None):
        yield "username", "needs password_file, and the other way round"
    if values["username"] is not None and values["token_file"] is not None:
        yield "token_file", "is instead of username; give one"


@dataclass(frozen=True)
class Credentials:
    """Headers that authenticate a request, and the secrets in them, which no message may quote."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def bearer(token_file: SecretFile | None) -> Credentials:
    """Return the credentials of a token, or none; the file may begin with ``Bearer``."""
    if token_file is None:
        return Credentials()
    token = token_file.read().removeprefix("Bearer ")
    return Credentials({"Authorization": f"Bearer {token}"}, (token,))


def basic(user: str, password_file: SecretFile) -> Credentials:
    """Return the credentials of a user."""
    password = password_file.read()
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Credentials({"Authorization": f"Basic {pair}"}, (password, pair))


@dataclass(frozen=True)
class Api:
    """The settings of :func:`http_fields`; a base of the targets that have them."""

    url: str
    ca_file: Path | None
    timeout: float

    def ask(
        self,
        method: str,
        path: str,
        document: Any,
        credentials: Credentials,
        read: Callable[[Reply], Outcome],
        *,
        idempotent: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Send a request; ``read`` sees an answer of 2xx, everything else is judged here.

        ============================  ==========  ==============
        what happens                  idempotent  not idempotent
        ============================  ==========  ==============
        no connection, 429, 5xx       retry       retry
        no answer, 502, 504           retry       unknown
        3xx, other 4xx                failed      failed
        ============================  ==========  ==============
        """
        body = None if document is None else json.dumps(document).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        lost = Result.RETRY if idempotent else Result.UNKNOWN
        try:
            reply = send(
                Endpoint(self.url, self.ca_file, self.timeout),
                method,
                path,
                body,
                {**kind, **(headers or {}), **credentials.headers},
            )
        except NotSentError as error:
            return Outcome(Result.RETRY, str(error))
        except UnansweredError as error:
            return Outcome(lost, str(error))
        if 200 <= reply.status < 300:
            return read(reply)
        told = f"answered {reply.status}{_excerpt(reply, credentials)}"
        if 300 <= reply.status < 400:
            told = f"answered {reply.status}: redirects are not followed"
            return Outcome(Result.FAILED, told, status=reply.status)
        if reply.status in _AMBIGUOUS:
            return Outcome(lost, told, retry_after=reply.retry_after, status=reply.status)
        if reply.status == 429 or reply.status >= 500:
            return Outcome(Result.RETRY, told, retry_after=reply.retry_after, status=reply.status)
        return Outcome(Result.FAILED, told, status=reply.status)


def json_object(reply: Reply) -> Mapping[str, Any]:
    """Return the JSON object in an answer, an empty one if it is none."""
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _excerpt(reply: Reply, credentials: Credentials) -> str:
    text = reply.body.decode("utf-8", "replace")
    for secret in credentials.secrets:
        text = text.replace(secret, "<secret>")
    text = " ".join(text[:2000].split())
    return f": {printable(text, 200)}" if text else ""
