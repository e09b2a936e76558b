"""Labels."""

from __future__ import annotations

from support.rules import Case, Fleet, place


def _stopped(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        of = place(model, replica)
        fleet.counter("ml_label_last_timestamp_seconds", [(30, 60), (70, 0), (1, 70 * 60), (90, 60)], **of)


def _few(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        of = place(model, replica)
        fleet.counter("ml_label_delay_seconds_count", [(380, 0.5), (300, 10)], **of)


_SOON = """\
      - {record: "ml:label_silence_seconds:threshold", labels: {model: m, version: "1"}, expr: vector(1800)}
      - {record: "ml:label_silence_seconds:threshold", labels: {model: blind}, expr: vector(1800)}
"""

CASES = (
    Case(
        "MLLabelsStopped",
        _stopped,
        76,
        101,
        {"version": "1"},
        "The last label of model m 1 came 46m 0s ago; allowed are 30m 0s. Until they come, nobody knows whether the model"
        " is right.",
        ("ml_predictions_total",),
        thresholds=_SOON,
    ),
    Case(
        "MLLabelCoverageLow",
        _few,
        365,
        455,
        {"version": "1", "window": "24h"},
        "Model m 1 got labels for 2.5% as many events as it predicted over 24h; at least 10% are wanted.",
        ("ml_label_last_timestamp_seconds",),
    ),
)
