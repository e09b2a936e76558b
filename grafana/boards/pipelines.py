"""Pipelines: when each last ran and how, and whether the next run is overdue."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.colours import CRITICAL, OK, WARNING, words
from boards.graphs import graph
from boards.queries import Query
from boards.tables import Column, Label, table

_NONE: Final = "no run of a pipeline is reported, and none is configured"
_LAST: Final = "pipeline:ml_pipeline_last"
_RUNNING: Final = "sum by (pipeline) (ml_pipeline_running)"
_STATE: Final = "max by (pipeline) (pipeline:ml_pipeline_last_run:failed)"
_STATES: Final = words({"0": ("succeeded", OK), "1": ("failed", CRITICAL)})
_OVERDUE: Final = "max by (pipeline) (pipeline:ml_pipeline_overdue:ratio)"
_BY: Final = "{{pipeline}}"
ROW: Final = Row(
    "Pipelines",
    [
        table(
            "Pipelines",
            """One row for each pipeline whose runs are reported or expected: the version of the data that it last
            named, how its newest run ended, for when it was scheduled, how long ago it last succeeded (age), and
            overdue, that time in intervals between two runs. Beyond 1 a run is late, beyond 1.5 it alerts; higher
            is worse.""",
            [
                Label("pipeline"),
                Label("data_version", "data"),
                Column("", "max by (pipeline, data_version) (ml_pipeline_data_info)"),
                Column("state", _STATE, "none", mapping=_STATES, width=90),
                Column(
                    "scheduled",
                    "1000 * max by (pipeline) (ml_pipeline_last_scheduled_timestamp_seconds)",
                    "dateTimeFromNow",
                ),
                Column(
                    "last start",
                    f"1000 * max by (pipeline) ({_LAST}_start_timestamp_seconds:max)",
                    "dateTimeFromNow",
                ),
                Column(
                    "last success",
                    f"1000 * max by (pipeline) ({_LAST}_success_timestamp_seconds:max)",
                    "dateTimeFromNow",
                ),
                Column("duration", "max by (pipeline) (ml_pipeline_duration_seconds)", "s"),
                Column("rows", "max by (pipeline) (ml_pipeline_rows)", "short"),
                Column("running", _RUNNING, "none", width=75),
                Column("age", "max by (pipeline) (pipeline:ml_pipeline_age:seconds)", "s"),
                Column("every", "max by (pipeline) (pipeline:ml_pipeline_interval_seconds:max)", "s"),
                Column("overdue", _OVERDUE, "none", 2, colours=((None, OK), (1.0, WARNING), (1.5, CRITICAL))),
            ],
            sort="overdue",
            none=_NONE,
            size=(24, 8),
        ),
        graph(
            "Runs that failed",
            "Runs of each pipeline that failed, by the kind of error. More is worse.",
            Query(
                "sum by (pipeline, error) (increase(ml_pipeline_failures_total[$__rate_interval]))",
                "{{pipeline}} {{error}}",
            ),
            none="no run failed",
            lowest=0,
        ),
        graph(
            "Duration of runs",
            "Time that each pipeline's last ended run took. Growth means more data or a slower machine.",
            Query("max by (pipeline) (ml_pipeline_duration_seconds)", _BY),
            unit="s",
            none=_NONE,
            lowest=0,
        ),
    ],
)
