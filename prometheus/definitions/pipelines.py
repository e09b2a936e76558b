"""Runs of pipelines: did the newest one succeed, and is one missing."""

from __future__ import annotations

from typing import Final

from definitions.rule import REPLICA, Alert, Family, Record
from definitions.thresholds import Threshold, only

OVERDUE: Final = Threshold(
    "pipeline_overdue",
    "Times its interval that a pipeline may go without a success.",
    1.5,
    lowest=1.0,
    highest=100.0,
)

_LAST: Final = "pipeline:ml_pipeline_last"
_INTERVAL: Final = "pipeline:ml_pipeline_interval_seconds:max"
_AGE: Final = "pipeline:ml_pipeline_age:seconds"
_FAILED: Final = "pipeline:ml_pipeline_last_run:failed"
_END: Final = f"{_LAST}_end_timestamp_seconds:max"
_SUCCESS: Final = f"{_LAST}_success_timestamp_seconds:max"
_KNOWN: Final = "pipeline:ml_pipeline_known_timestamp_seconds:min"

_RECORDS: Final = (
    *(
        Record(
            f"{_LAST}_{what}_timestamp_seconds:max",
            f"max without ({REPLICA}) (ml_pipeline_last_{what}_timestamp_seconds)",
        )
        for what in ("start", "end", "success")
    ),
    Record(_KNOWN, f"min without ({REPLICA}) (ml_pipeline_known_timestamp_seconds)"),
    Record(_INTERVAL, f"max without ({REPLICA}) (ml_pipeline_interval_seconds)"),
    Record(_AGE, f"time() - ({_SUCCESS} or {_KNOWN})"),
    Record(_FAILED, f"{_END} > bool {_SUCCESS}\nor\n{_END} ^ 0"),
    Record("pipeline:ml_pipeline_overdue:ratio", f"{_AGE} / {_INTERVAL}"),
)

_ALERTS: Final = (
    Alert(
        "MLPipelineFailed",
        "warning",
        f"last_over_time({_FAILED}[5m]) == 1",
        "The newest run of a pipeline failed.",
        "The run of pipeline {{ $labels.pipeline }} that ended last did not succeed; what it makes is as old as its last"
        " success.",
        "Read the end of the run's own log; ml_pipeline_failures_total names the kind of error. Mend it and start the run"
        " again: a success ends this alert.",
        "ml-fleet",
    ),
    Alert(
        "MLPipelineOverdue",
        "warning",
        f"""
        {_AGE}
        >
        {_INTERVAL} * {only(OVERDUE)}
        """,
        "A pipeline has not succeeded for longer than planned.",
        "Pipeline {{ $labels.pipeline }} last succeeded {{ $value | humanizeDuration }} ago, or was never seen to succeed"
        " in that time;"
        f' a run is expected every {{{{ with printf "{_INTERVAL}{{pipeline=%q}}" $labels.pipeline | query }}}}'
        "{{ . | first | value | humanizeDuration }}{{ end }}.",
        "See whether its scheduler runs and started it, and whether a run still goes on (ml_pipeline_running); then start"
        " it by hand.",
        "ml-fleet",
        "5m",
    ),
)

FAMILY: Final = Family("pipelines", __doc__, _RECORDS, _ALERTS, (OVERDUE,))
