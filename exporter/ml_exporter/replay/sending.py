"""Posts to a sidecar that are repeated until it takes them, and the account of what became of the events."""

from __future__ import annotations

import http.client
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson

from ml_exporter.client.sender import Endpoint
from ml_exporter.core.errors import ExporterError
from ml_exporter.core.text import printable
from ml_exporter.replay.event import Kind

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 30.0
"""Seconds before the first further attempt, doubled each time up to the longest, where the answer names none."""

UNLISTED: Final = "unlisted"
"""Reason of those refused events of one answer that are beyond the number it lists."""


class UnreachableError(ExporterError):
    """The sidecar did not take events for as long as it was waited for, or never will."""


@dataclass
class Account:
    """What became of the events: accepted, refused by reason with the first detail of each, and what it took."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)
    warned: int = 0
    repeated: int = 0

    @property
    def done(self) -> int:
        """The events that were answered for."""
        return self.accepted + self.refused.total()


class Sending:
    """Sends lines to one sidecar.

    A post that is answered 429 or 503, or fails, is repeated after Retry-After or a pause; ids make that harmless.
    UnreachableError once ``patience`` seconds have passed without an event being taken, or the sidecar refuses the
    sender.
    """

    def __init__(
        self,
        url: str,
        model: str | None,
        user: tuple[str, str] | None,
        context: ssl.SSLContext | None,
        timeout: float,
        patience: float,
    ) -> None:
        self.account = Account()
        self._url = url
        self._endpoint = Endpoint(url, user[0] if user else None, user[1] if user else None, context)
        self._query = f"?model={quote(model, safe='')}" if model is not None else ""
        self._timeout = timeout
        self._patience = patience

    def send(self, kind: Kind, lines: Sequence[bytes]) -> None:
        """Send lines and account for them."""
        pause, began = FIRST_PAUSE, time.monotonic()
        while True:
            status, wait, answer, told = self._post(kind, lines)
            if status in (200, 202):
                self._account(answer, len(lines))
                return
            if status == 413 and len(lines) > 1:
                half = len(lines) // 2
                self.send(kind, lines[:half])
                self.send(kind, lines[half:])
                return
            if status in (400, 404, 413) and (refused := _refusal(answer, len(lines))) is not None:
                self._account(refused, len(lines))
                return
            if status and status < 500 and status != 429:
                raise UnreachableError(f"{self._url}: {told}")
            wait = pause if wait is None else wait
            if time.monotonic() + wait - began > self._patience:
                raise UnreachableError(f"{self._url}: took no event for {self._patience:g} s: {told}")
            self.account.repeated += 1
            time.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connection."""
        self._endpoint.close()

    def _post(self, kind: Kind, lines: Sequence[bytes]) -> tuple[int, float | None, dict[str, Any], str]:
        """Return the status, 0 for no answer, seconds to wait if told, the answer's document, and what to say."""
        try:
            status, after, body = self._endpoint.post(f"/v1/{kind}{self._query}", b"\n".join(lines), self._timeout)
        except ssl.SSLCertVerificationError as error:
            raise UnreachableError(f"{self._url}: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
            return 0, None, {}, getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = {}
        document = document if isinstance(document, dict) else {}
        detail = document.get("detail") or body[:200].decode("utf-8", "replace")
        return status, float(after) if after.isdecimal() else None, document, printable(f"{status} {detail}")

    def _account(self, answer: dict[str, Any], count: int) -> None:
        refused = int(answer.get("rejected", 0))
        listed = answer.get("errors", [])
        for item in listed:
            self.account.refused[item["reason"]] += 1
            self.account.details.setdefault(item["reason"], item["detail"])
        if refused > len(listed):
            self.account.refused[UNLISTED] += refused - len(listed)
            self.account.details.setdefault(UNLISTED, "an answer lists the first hundred only")
        self.account.accepted += count - refused
        self.account.warned += len(answer.get("warnings", []))


def _refusal(answer: dict[str, Any], count: int) -> dict[str, Any] | None:
    """Return what became of a body of which nothing is usable, None if the answer is about something else."""
    if "rejected" in answer:
        return answer
    if "reason" not in answer:
        return None
    return {"rejected": count, "errors": [{"reason": answer["reason"], "detail": answer["detail"]}] * count}
