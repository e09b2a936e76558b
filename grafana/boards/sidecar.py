"""The work of a sidecar in detail: intake, joins, state, scrapes and rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.panels import bars
from boards.queries import INSTANCE, Query, current, threshold
from boards.sdk import build

_KNOWN: Final = "instance:ml_exporter:known"
_BY: Final = "{{instance}}"
_NONE: Final = "no sidecar is scraped"
_THIRD: Final = (8, 8)


def each(title: str, says: str, expr: str, unit: str, legend: str = _BY, none: str = _NONE) -> build.Panel:
    """Return a graph with a line for each sidecar, or for each value of another label."""
    return graph(title, says, Query(expr, legend), unit=unit, none=none, lowest=0, size=_THIRD)


def rate(label: str, counter: str) -> str:
    """Return how fast a counter of the chosen sidecars grows, by a label."""
    return f"sum by ({label}) (rate({counter}{{{INSTANCE}}}[$__rate_interval]))"


def _gauge(title: str, says: str, metric: str, unit: str, legend: str = _BY) -> build.Panel:
    return each(title, says, f"{metric}{{{INSTANCE}}}", unit, legend)


def rows() -> Sequence[Row]:
    """Return a row each for intake, work and scrapes."""
    return (
        Row(
            "Intake and joins",
            [
                each(
                    "Warnings",
                    "Parts of events left out, by reason; the rest of the event is counted. More is worse.",
                    rate("reason", "ml_exporter_event_warnings_total"),
                    "cps",
                    "{{reason}}",
                    "none",
                ),
                each(
                    "Uncounted",
                    "Events taken from the queue that could not be counted; the log says why. Any is bad.",
                    rate("instance", "ml_exporter_events_uncounted_total"),
                    "cps",
                ),
                each(
                    "Requests by status",
                    "HTTP requests answered, by status. 429 means a full queue, 5xx an error of the sidecar.",
                    rate("code", "ml_exporter_http_requests_total"),
                    "reqps",
                    "{{code}}",
                ),
                graph(
                    "Ids known",
                    """Ids of predictions kept for joining labels, those still without one, and what is kept at
                    least. Near the capacity old ids are forgotten.""",
                    current(f"sum(ml_exporter_join_ids{{{INSTANCE}}})", "known"),
                    Query(f"sum(ml_exporter_join_pending_ids{{{INSTANCE}}})", "without a label"),
                    Query(f"sum(ml_exporter_join_early_labels{{{INSTANCE}}})", "early labels"),
                    threshold(f"sum(ml_exporter_join_capacity_ids{{{INSTANCE}}})", "capacity"),
                    none=_NONE,
                    logarithmic=True,
                    size=_THIRD,
                ),
                each(
                    "Forgotten ids",
                    """Predictions forgotten before their time because more came than are kept; their labels find
                    nothing.""",
                    rate("model", "ml_predictions_evicted_total"),
                    "cps",
                    "{{model}}",
                    "none",
                ),
                each(
                    "Refused connections",
                    "Connections or bodies that a sidecar itself refused, by reason. More is worse.",
                    rate("reason", "ml_exporter_http_refused_total"),
                    "cps",
                    "{{reason}}",
                    "none",
                ),
            ],
        ),
        Row(
            "Work and state",
            [
                _gauge(
                    "Tick",
                    "Time that the last tick took: commit and evaluation. Beyond a second numbers come late.",
                    "ml_exporter_tick_duration_seconds",
                    "s",
                ),
                bars(
                    "Slowest collectors",
                    """Time of the ten slowest signals and readers at their last evaluation, of the slowest
                    sidecar.""",
                    Query(
                        "sort_desc(topk(10, max by (collector)"
                        f" (ml_exporter_collector_duration_seconds{{{INSTANCE}}})))",
                        "{{collector}}",
                    ),
                    unit="s",
                    none=_NONE,
                    size=_THIRD,
                ),
                each(
                    "CPU",
                    "CPU cores that each sidecar keeps busy. Higher is worse.",
                    f"rate(ml_exporter_cpu_seconds_total{{{INSTANCE}}}[$__rate_interval])",
                    "none",
                ),
                _gauge(
                    "Memory",
                    "Resident memory. Steady growth is a leak.",
                    "ml_exporter_resident_memory_bytes",
                    "bytes",
                ),
                _gauge(
                    "Journal",
                    "Size of the journal since the last snapshot of the state; it falls at each snapshot.",
                    "ml_exporter_journal_bytes",
                    "bytes",
                ),
                each(
                    "Age of the checkpoint",
                    "Time since the state was last written to disk. A crash loses what came after.",
                    f"time() - ml_exporter_checkpoint_timestamp_seconds{{{INSTANCE}}}",
                    "s",
                ),
            ],
        ),
        Row(
            "Prediction log and audit log",
            [
                graph(
                    "Prediction log",
                    """Sampled events written to the prediction log, and those lost, by reason. Any that is lost is
                    worse; beyond one in a thousand it alerts.""",
                    current(
                        f"sum(rate(ml_exporter_prediction_log_lines_total{{{INSTANCE}}}[$__rate_interval]))",
                        "written",
                    ),
                    Query(rate("reason", "ml_exporter_prediction_log_lost_total"), "lost, {{reason}}"),
                    unit="cps",
                    none="no sidecar has a prediction log",
                    lowest=0,
                ),
                graph(
                    "Lines that the audit log lacks",
                    "Lines of 15 minutes that could not be written to the audit log of a sidecar. Any alerts.",
                    Query(f"increase(ml_exporter_audit_failures_total{{{INSTANCE}}}[15m])", _BY),
                    unit="none",
                    none="no sidecar has an audit log",
                    lowest=0,
                ),
            ],
        ),
        Row(
            "Scrapes and rules",
            [
                graph(
                    "Duration of a scrape",
                    "Time that Prometheus takes to read a sidecar's page. Higher is worse.",
                    Query(f"scrape_duration_seconds{{{INSTANCE}}} and on (job, instance) {_KNOWN}", _BY),
                    threshold("max(ml:exporter_page_seconds:threshold)"),
                    unit="s",
                    none=_NONE,
                    logarithmic=True,
                    size=_THIRD,
                ),
                each(
                    "Series",
                    "Series on each sidecar's page. A jump is a new model, version or label.",
                    f"scrape_samples_scraped{{{INSTANCE}}} and on (job, instance) {_KNOWN}",
                    "short",
                ),
                each(
                    "Rule evaluation",
                    """Time that Prometheus takes for each group of rules; beyond its interval alerts come late.
                    Prometheus must scrape itself for this.""",
                    "max by (group) (label_replace(prometheus_rule_group_last_duration_seconds"
                    '{rule_group=~".*;ml-.*"}, "group", "$1", "rule_group", ".*;(.+)"))',
                    "s",
                    "{{group}}",
                    "Prometheus does not scrape itself",
                ),
            ],
        ),
    )
