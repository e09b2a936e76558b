"""What became of the retrainings that alerts asked for."""

from __future__ import annotations

from boards.board import Row
from boards.graphs import graph
from boards.links import to
from boards.queries import Query
from boards.tables import Column, Label, table


def row() -> Row:
    """Return the newest jobs and how many entered each state."""
    return Row(
        "Retraining",
        [
            table(
                "Newest jobs",
                """The state of each model's newest retraining job, and when a run was last started. Failed and
                unknown want somebody to look.""",
                [
                    Label("model", link=to("ml-model", model="model")),
                    Label("state"),
                    Column("", "max by (model, state) (ml_retrain_last_job_state == 1)"),
                    Column(
                        "last run",
                        "1000 * max by (model) (ml_retrain_last_success_timestamp_seconds)",
                        "dateTimeFromNow",
                    ),
                ],
                sort="model",
                descending=False,
                none="no retraining bridge is scraped, or it had no job",
                size=(12, 8),
            ),
            graph(
                "Jobs by state",
                "Retraining jobs that entered each state. Failed and unknown are bad.",
                Query("sum by (state) (increase(ml_retrain_jobs_total[$__rate_interval]))", "{{state}}"),
                none="no retraining bridge is scraped",
                lowest=0,
            ),
        ],
    )
