"""Reading a report about a run of a pipeline."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ml_exporter.core.errors import PayloadError
from ml_exporter.core.pipelines import Report, State
from ml_exporter.ingest.events import Seconds, Timestamp
from ml_exporter.ingest.reasons import INVALID, MALFORMED

AHEAD_SECONDS: Final = 300.0
"""How far another clock may be ahead (chosen): a success of tomorrow would hide that a run is overdue."""

Text = Annotated[str, Meta(min_length=1, max_length=250)]


class PipelineRun(msgspec.Struct, forbid_unknown_fields=True):
    """A report about a run."""

    id: Text
    state: State
    scheduled: Timestamp | None = None
    start: Timestamp | None = None
    end: Timestamp | None = None
    rows: Annotated[int, Meta(ge=0, le=1 << 53)] | None = None
    data_version: Text | None = None
    error: Text | None = None
    interval: Seconds | None = None


_decode: Final = msgspec.json.Decoder(PipelineRun).decode


def read(pipeline: str, body: bytes, now: float) -> Report:
    """Return the report in a body that arrived ``now``; PayloadError says what is wrong with it."""
    try:
        given = _decode(body)
    except msgspec.ValidationError as error:
        raise PayloadError(INVALID, _told(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(MALFORMED, f"not JSON: {error}") from None
    start, end = (_moment(name, getattr(given, name), now) for name in ("start", "end"))
    if start is not None and end is not None and end < start:
        raise PayloadError(INVALID, "end: must not be before start")
    if end is not None and given.state is State.STARTED:
        raise PayloadError(INVALID, "end: a run that is started has none")
    if given.error is not None and given.state is not State.FAILED:
        raise PayloadError(INVALID, "error: is of a run that failed")
    return Report(
        pipeline,
        given.id,
        given.state,
        now,
        _seconds(given.scheduled),
        start,
        end,
        given.rows,
        given.data_version,
        given.error,
        given.interval or None,
    )


def _seconds(value: datetime | float | None) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else value


def _moment(name: str, value: datetime | float | None, now: float) -> float | None:
    seconds = _seconds(value)
    if seconds is not None and seconds > now + AHEAD_SECONDS:
        raise PayloadError(INVALID, f"{name}: must not lie more than {AHEAD_SECONDS:g} s ahead of this machine")
    return seconds


def _told(error: str) -> str:
    """Return the decoder's words with what is allowed beside them."""
    if "`$.state`" in error:
        return f"{error}; allowed are {', '.join(State)}"
    if re.search("unknown field", error):
        return f"{error}; allowed are {', '.join(PipelineRun.__struct_fields__)}"
    return error
