"""Exporter: can the other dashboards be believed."""

from __future__ import annotations

from typing import Final

from boards import sidecar, variables
from boards.board import Board
from boards.colours import ALL_UP, ALLOWED, CRITICAL, NONE_IS_OK, OK, WARNING
from boards.graphs import graph
from boards.links import there
from boards.panels import stat
from boards.queries import INSTANCE, Query, threshold, worst
from boards.tables import Column, Label, alerts, table

_KNOWN: Final = "instance:ml_exporter:known"
_UP: Final = f"up{{{INSTANCE}}} and on (job, instance) {_KNOWN}"
_LOST: Final = "instance_reason:ml_exporter_events_lost_per_event:ratio"
_QUEUE: Final = f"instance:ml_exporter_queue:ratio{{{INSTANCE}}}"
_CHECKPOINT: Final = f"ml_exporter_checkpoint_successful{{{INSTANCE}}}"
_BY: Final = "{{instance}}"
_NONE: Final = "no sidecar is scraped"
_THIRD: Final = (8, 8)


_TILES: Final = (
    stat(
        "Sidecars up",
        """Share of the known sidecars that Prometheus can scrape. Less is worse: of one that is down nothing is
        known.""",
        Query(f"sum({_UP}) / count({_UP})", "up"),
        unit="percentunit",
        colours=ALL_UP,
        none=_NONE,
        link=there("ml-fleet"),
    ),
    stat(
        "Events",
        "Predictions and labels put into the queues each second, over 15 minutes.",
        Query(f"sum(instance:ml_exporter_events:increase15m{{{INSTANCE}}}) / 900", "events"),
        unit="cps",
        none=_NONE,
    ),
    stat(
        "Lost",
        """Highest share of its events that a sidecar lost for one reason within 15 minutes, as a share of what is
        allowed.""",
        Query(
            f"max({_LOST}{{{INSTANCE}}}) / scalar(ml:exporter_lost:threshold) or 0 * count(({_UP}) == 1)", "lost"
        ),
        unit="percentunit",
        colours=ALLOWED,
        none=_NONE,
    ),
    stat(
        "State on disk",
        "Share of the sidecars whose last commit reached the disk; the others would lose their sums in a crash.",
        Query(
            f"sum({_CHECKPOINT}) / count({_CHECKPOINT})",
            "written",
        ),
        unit="percentunit",
        colours=ALL_UP,
        none="no state on a disk",
    ),
    stat(
        "Oldest page",
        """Age of the oldest numbers on a page. More than some seconds means that counting stands; from 180 s it
        alerts.""",
        Query(f"max(time() - ml_exporter_snapshot_timestamp_seconds{{{INSTANCE}}})", "age"),
        unit="s",
        colours=((None, OK), (30.0, WARNING), (180.0, CRITICAL)),
        none=_NONE,
    ),
    stat(
        "Failed collectors",
        "Signals and readers that raised an error at the last evaluation: their series are absent. More is worse.",
        Query(
            f"count(ml_exporter_collector_success{{{INSTANCE}}} == 0)"
            f" or 0 * count(ml_exporter_collector_success{{{INSTANCE}}})",
            "failed",
        ),
        unit="none",
        colours=NONE_IS_OK,
        none=_NONE,
    ),
)

BOARD: Final = Board(
    "ml-exporter",
    "ML exporter",
    "The sidecars themselves: do they run, count every event and keep their state, and what do they lack.",
    [variables.datasource(), variables.instances()],
    [
        *_TILES,
        sidecar.each(
            "Events",
            "Predictions and labels put into the queue each second.",
            sidecar.rate("event", "ml_exporter_events_accepted_total"),
            "cps",
            "{{event}}",
        ),
        graph(
            "Losses by reason",
            "Share of a sidecar's events that were lost within 15 minutes, by reason. Higher is worse.",
            Query(f"max by (reason) ({_LOST}{{{INSTANCE}}}) > 0", "{{reason}}"),
            threshold("max(ml:exporter_lost:threshold)"),
            unit="percentunit",
            lowest=0,
            none="nothing was lost",
            size=_THIRD,
        ),
        graph(
            "Queue",
            """How full the queues are, by events and by bytes, of the 20 fullest. Higher is worse; at 100 % events
            are lost.""",
            Query(worst(_QUEUE, "instance", "of"), "{{instance}} {{of}}"),
            threshold("max(ml:exporter_queue:threshold)"),
            unit="percentunit",
            lowest=0,
            none=_NONE,
            size=_THIRD,
        ),
        table(
            "Why there is no data",
            """Signals that have no value now, by reason and in how many windows and features: nothing is silently
            missing. Some are as they should be, such as labels that have not come yet.""",
            [
                Label("model"),
                Label("version"),
                Label("signal"),
                Label("reason"),
                Column(
                    "times",
                    f"count by (model, version, signal, reason) (ml_signal_no_data{{{INSTANCE}}} == 1)",
                    "none",
                    width=70,
                ),
            ],
            sort="times",
            none="every signal has a value",
            size=(12, 8),
        ),
        alerts(
            ('alertname=~"ML(Exporter|Retrain).*"',),
            ("instance", "reason", "collector", "log"),
            "Alerts of sidecars and of the retraining bridge; what to do is in the notification and the runbook.",
            (12, 8),
        ),
    ],
    [
        *sidecar.rows(),
    ],
)
