"""The notifications of Alertmanager, version 4, and which of their alerts count."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from ml_exporter.core.errors import PayloadError
from ml_exporter.core.text import printable
from ml_exporter.retrain.settings import JobSettings

MALFORMED: Final = "malformed"
VERSION: Final = "version"

_VERSION: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._+:@-]{0,63})?")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{1,64}")


class Fate(StrEnum):
    """What became of an alert."""

    JOB = "job"
    RESOLVED = "resolved"
    NO_MODEL = "no_model"
    UNKNOWN_MODEL = "unknown_model"
    OTHER_VERSION = "other_version"
    UNLISTED = "unlisted"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    UNDER_WAY = "under_way"
    COOLDOWN = "cooldown"
    BUDGET = "budget"


FATES: Final = {
    Fate.JOB: "it started a job, or is one of several that did",
    Fate.RESOLVED: "it is resolved",
    Fate.NO_MODEL: "it has no label `model`",
    Fate.UNKNOWN_MODEL: "no job has its model",
    Fate.OTHER_VERSION: "the job of its model is for another version",
    Fate.UNLISTED: "its name is not in `alerts` of the job",
    Fate.INVALID: (
        "its version has other characters than letters, digits and `. _ + : @ -`, is longer than 64 or begins with"
        " a sign, or its fingerprint or time is none"
    ),
    Fate.DUPLICATE: "it came before: from the other Alertmanager of a pair, or as a repetition",
    Fate.UNDER_WAY: "a job of its model waits or runs",
    Fate.COOLDOWN: "a run was started less than `cooldown` ago",
    Fate.BUDGET: "`budget.runs` runs were started within `budget.per`",
}


class _Alert(msgspec.Struct):
    status: str
    labels: dict[str, str]
    startsAt: str  # noqa: N815
    fingerprint: str


class _Notification(msgspec.Struct):
    groupKey: str  # noqa: N815
    alerts: list[_Alert]


class _Version(msgspec.Struct):
    version: str


@dataclass(frozen=True)
class Alert:
    """An alert that may start a job: all of its values are checked. ``key`` is the same in every repetition."""

    name: str
    version: str
    fingerprint: str
    starts_at: str
    key: bytes


@dataclass(frozen=True)
class Ignored:
    """Alerts that are of no consequence, and why; names are fit for a log line."""

    model: str
    alert: str
    fate: Fate


@dataclass(frozen=True)
class Reading:
    """The alerts of a notification that may start jobs, by model, and those that do not."""

    candidates: Mapping[str, tuple[Alert, ...]]
    ignored: tuple[Ignored, ...]


def read(body: bytes, jobs: Mapping[str, JobSettings]) -> Reading:
    """Return what a notification asks for; PayloadError if it is none of version 4."""
    try:
        version = msgspec.json.decode(body, type=_Version).version
        if version != "4":
            raise PayloadError(VERSION, f'version must be "4", got "{printable(version, 20)}"')
        notification = msgspec.json.decode(body, type=_Notification)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PayloadError(MALFORMED, f"not a notification of Alertmanager: {printable(str(error))}") from None
    candidates: dict[str, list[Alert]] = {}
    ignored = []
    for alert in notification.alerts:
        model = alert.labels.get("model", "")
        read = _screen(alert, notification.groupKey, jobs.get(model))
        if isinstance(read, Alert):
            candidates.setdefault(model, []).append(read)
        else:
            ignored.append(Ignored(printable(model, 64), printable(alert.labels.get("alertname", ""), 64), read))
    return Reading({model: tuple(alerts) for model, alerts in candidates.items()}, tuple(ignored))


def _screen(alert: _Alert, group_key: str, job: JobSettings | None) -> Alert | Fate:
    if alert.status != "firing":
        return Fate.RESOLVED
    if not alert.labels.get("model"):
        return Fate.NO_MODEL
    if job is None:
        return Fate.UNKNOWN_MODEL
    name, version = alert.labels.get("alertname", ""), alert.labels.get("version", "")
    if name not in job.alerts:
        return Fate.UNLISTED
    if job.version is not None and version != job.version:
        return Fate.OTHER_VERSION
    starts_at = _moment(alert.startsAt)
    if starts_at is None or not _VERSION.fullmatch(version) or not _FINGERPRINT.fullmatch(alert.fingerprint):
        return Fate.INVALID
    key = hashlib.sha256(json.dumps([group_key, alert.fingerprint, starts_at]).encode()).digest()
    return Alert(name, version, alert.fingerprint, starts_at, key)


def _moment(text: str) -> str | None:
    """Return a time of RFC 3339 in UTC, None if it is none."""
    if len(text) > 40 or not text.isascii():
        return None
    try:
        # Go writes nanoseconds, of which Python reads six digits.
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
