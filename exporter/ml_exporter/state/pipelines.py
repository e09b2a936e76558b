"""Runs of pipelines, as they are reported: kept through the journal, bounded in names and in runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ml_exporter.core.pipelines import Report, State
from ml_exporter.core.text import label_value
from ml_exporter.state.directory import Recovered

OTHER: Final = "other"
NAMED: Final = 50
"""Pipelines by name that are in no configuration; further ones count together as ``other`` (chosen)."""

ERRORS: Final = 10
"""Kinds of errors by name of a pipeline; further ones count as ``other`` (chosen)."""

OPEN: Final = 50
OPEN_SECONDS: Final = 30 * 86400.0
"""Runs of a pipeline that go on, and the time after which one has surely ended without a word (chosen)."""

ENDED: Final = 32
"""Newest ended runs that a repeated or late report of is recognised by (chosen)."""

_TIMES: Final = ("known", "scheduled", "start", "end", "success")
_NUMBERS: Final = ("duration", "rows", "interval")


@dataclass(slots=True)
class Pipeline:
    """What is known of one pipeline; None where nothing was said yet. Ids of runs are kept as hashes.

    ``known`` is since when the pipeline is known, ``interval`` what reports say of it. ``open`` holds the start of
    each run that goes on, ``told`` that of the newest run which told rows, the version of its data, the interval.
    """

    known: float | None = None
    scheduled: float | None = None
    start: float | None = None
    end: float | None = None
    success: float | None = None
    duration: float | None = None
    rows: int | None = None
    interval: float | None = None
    data_version: str | None = None
    configured: bool = False
    runs: Counter[str] = field(default_factory=lambda: Counter({state.value: 0 for state in State}))
    errors: Counter[str] = field(default_factory=Counter)
    open: dict[str, float] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    told: dict[str, float] = field(default_factory=dict)

    def take(self, report: Report, key: str) -> None:
        """Add a report about the run ``key``; one that is repeated, or overtaken by the end, adds nothing."""
        if key in self.ended:
            return
        start = max(report.start or 0.0, self.open.get(key, 0.0)) or report.end or report.at
        if key not in self.open:
            self.runs[State.STARTED.value] += 1
            self.start = _latest(self.start, start)
        self.scheduled = _latest(self.scheduled, report.scheduled)
        version = None if report.data_version is None else label_value(report.data_version)
        for name, value in (("rows", report.rows), ("data_version", version), ("interval", report.interval)):
            if value is not None and start >= self.told.get(name, start):
                setattr(self, name, value)
                self.told[name] = start
        if report.state is State.STARTED:
            self._begin(report, key)
        else:
            self._end(report, key)

    def _begin(self, report: Report, key: str) -> None:
        self.open.setdefault(key, report.start or report.at)
        for old in [run for run, start in self.open.items() if start < report.at - OPEN_SECONDS]:
            del self.open[old]
        while len(self.open) > OPEN:
            del self.open[min(self.open, key=self.open.__getitem__)]

    def _end(self, report: Report, key: str) -> None:
        began, end = self.open.pop(key, None), report.end or report.at
        start = report.start or began
        self.ended = [*self.ended, key][-ENDED:]
        self.runs[report.state.value] += 1
        if report.state is State.FAILED:
            error = label_value(report.error or "unknown")
            self.errors[error if error in self.errors or len(self.errors) < ERRORS else OTHER] += 1
        else:
            self.success = _latest(self.success, end)
        if self.end is None or end >= self.end:
            self.end = end
            self.duration = None if start is None else max(end - start, 0.0)

    def dump(self) -> dict[str, Any]:
        """Return what :meth:`load` reads."""
        return {name: getattr(self, name) for name in (*_TIMES, *_NUMBERS, "data_version", "configured")} | {
            "runs": dict(self.runs),
            "errors": dict(self.errors),
            "open": self.open,
            "ended": self.ended,
            "told": self.told,
        }

    @classmethod
    def load(cls, kept: Mapping[str, Any]) -> Pipeline:
        """Return a pipeline as it was; KeyError or TypeError if that cannot be."""
        made = cls(**{name: kept[name] for name in (*_TIMES, *_NUMBERS, "data_version", "configured")})
        made.runs.update(kept["runs"])
        made.errors.update(kept["errors"])
        made.open, made.ended = dict(kept["open"]), list(kept["ended"])
        made.told = dict(kept.get("told", {}))
        return made


class Pipelines:
    """All pipelines. Everything here is for one thread; ``revision`` grows with each change."""

    def __init__(self) -> None:
        self.known: dict[str, Pipeline] = {}
        self.intervals: Mapping[str, float | None] = {}
        self.revision = 0
        self._changed: set[str] = set()

    def configure(self, intervals: Mapping[str, float | None], now: float) -> None:
        """Go on with other configured pipelines and intervals; those that are none any more are forgotten."""
        self.intervals = intervals
        for name in [name for name, item in self.known.items() if item.configured and name not in intervals]:
            self._forget(name)
        for name in intervals:
            item = self.known.setdefault(name, Pipeline(known=now))
            if not item.configured:
                item.configured = True
                self._touch(name)
        self.revision += 1

    def take(self, report: Report) -> None:
        """Add a report."""
        name, key = report.pipeline, report.id
        if name not in self.known and sum(not item.configured for item in self.known.values()) >= NAMED:
            name, key = OTHER, f"{report.pipeline}/{report.id}"
        if name not in self.known:
            self.known[name] = Pipeline(known=report.at)
        self.known[name].take(report, hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16])
        self._touch(name)

    def forget(self, name: str) -> bool | None:
        """Forget a pipeline; return False if there is none of that name, None if it is configured."""
        if name not in self.known:
            return False
        if self.known[name].configured:
            return None
        self._forget(name)
        return True

    def interval(self, name: str) -> float | None:
        """Return the seconds after which the next run is expected: what is configured, else what was reported."""
        return None if name == OTHER else self.intervals.get(name) or self.known[name].interval

    def changes(self) -> dict[str, Any]:
        """Return what changed since the last call, for a record's header; a forgotten pipeline is null."""
        changed, self._changed = self._changed, set()
        if not changed:
            return {}
        return {
            "pipelines": {
                name: self.known[name].dump() if name in self.known else None for name in sorted(changed)
            }
        }

    def whole(self) -> dict[str, Any]:
        """Return everything, for a snapshot's header."""
        return {"pipelines": {name: item.dump() for name, item in self.known.items()}}

    def restore(self, found: Recovered) -> list[str]:
        """Begin with what an earlier run left; return in sentences what could not be used."""
        headers = [record.header for record in ([found.snapshot] if found.snapshot else []) + found.records]
        try:
            for name, kept in (item for header in headers for item in header.get("pipelines", {}).items()):
                if kept is None:
                    self.known.pop(name, None)
                else:
                    self.known[name] = Pipeline.load(kept)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.known.clear()
            return [f"the runs of pipelines cannot be used and begin anew: {error!r}"]
        if not found.trusted:
            for item in self.known.values():
                item.runs, item.errors = Pipeline().runs, Counter()
        return []

    def _forget(self, name: str) -> None:
        del self.known[name]
        self._touch(name)

    def _touch(self, name: str) -> None:
        self._changed.add(name)
        self.revision += 1


def _latest(known: float | None, given: float | None) -> float | None:
    return given if known is None else known if given is None else max(known, given)
