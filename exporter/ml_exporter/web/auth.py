"""HTTP basic authentication against bcrypt hashes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import bcrypt

_CACHE: Final = 100
_WAITING: Final = 32


class BasicAuth:
    """Checks credentials; a pair that was found right is remembered, bcrypt being slow on purpose.

    The slow check runs in a thread, so that the event loop goes on; when too many wait, further ones are
    told to come again. Unknown users are checked against the slowest hash, so that names cannot be told
    from the time.
    """

    challenge = (("WWW-Authenticate", 'Basic realm="ml-exporter", charset="UTF-8"'),)

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = {name: hashed.encode() for name, hashed in users.items()}
        self._slowest = max(self._users.values(), key=lambda hashed: hashed.split(b"$")[2])
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._waiting = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="auth")

    def check(self, header: str | None) -> bool | Awaitable[bool] | None:
        """Return whether the Authorization header is right, at once where that is known; None if too many wait."""
        credentials = _parse(header)
        if credentials is None:
            return False
        key = hashlib.sha256(repr(credentials).encode()).digest()
        if key in self._right:
            self._right.move_to_end(key)
            return True
        if self._waiting >= _WAITING:
            return None
        return self._slowly(credentials, key)

    def close(self) -> None:
        """Begin no further check; those that wait are still made, as somebody waits for their answer."""
        self._threads.shutdown(wait=False)

    async def _slowly(self, credentials: tuple[str, str], key: bytes) -> bool:
        self._waiting += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(self._threads, self._matches, *credentials)
        finally:
            self._waiting -= 1
        if right:
            self._right[key] = None
            if len(self._right) > _CACHE:
                self._right.popitem(last=False)
        return right

    def _matches(self, user: str, password: str) -> bool:
        known = next((name for name in self._users if hmac.compare_digest(name.encode(), user.encode())), None)
        hashed = self._users[known] if known is not None else self._slowest
        try:
            matches = bcrypt.checkpw(password.encode(), hashed)
        except ValueError:  # a password of more than 72 bytes, or one with a NUL
            return False
        return matches and known is not None


class BearerAuth:
    """Checks for a token that ``token`` returns, asked each time so that it can change; None if it cannot tell."""

    challenge = (("WWW-Authenticate", 'Bearer realm="ml-exporter"'),)

    def __init__(self, token: Callable[[], bytes | None]) -> None:
        self._token = token

    def check(self, header: str | None) -> bool | None:
        """Return whether the Authorization header is right; None if that cannot be told now."""
        scheme, _, given = (header or "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        token = self._token()
        return None if token is None else hmac.compare_digest(given.strip().encode(), token)

    def close(self) -> None:
        """There is nothing to end."""


class EitherAuth:
    """Accepts whom one of two accepts: a token goes to ``bearer``, everything else to ``basic``."""

    def __init__(self, bearer: BearerAuth, basic: BasicAuth) -> None:
        self.challenge = basic.challenge
        self._bearer = bearer
        self._basic = basic

    def check(self, header: str | None) -> bool | Awaitable[bool] | None:
        """Return whether the Authorization header is right, at once where that is known."""
        scheme = (header or "").partition(" ")[0].lower()
        return self._bearer.check(header) if scheme == "bearer" else self._basic.check(header)

    def close(self) -> None:
        """Begin no further check."""
        self._basic.close()


def user_of(header: str | None) -> str | None:
    """Return the user that a header of HTTP basic authentication names, None if it is of another kind."""
    credentials = _parse(header)
    return credentials[0] if credentials else None


def _parse(header: str | None) -> tuple[str, str] | None:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
