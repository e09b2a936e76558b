"""Alerts on made-up lives of a model: nothing is told before a change, and the right thing soon after it.

``make bench`` plays sixty quiet days and every change at three traffics, beside rivals: benchmarks/alerting.md.
"""

from pathlib import Path

import pytest

from support.rules import defaults
from support.streams import CHANGES, Stream, notifications

DAY = 86_400


@pytest.mark.parametrize(
    ("name", "days", "at", "alerts", "hours"),
    [
        ("mean shift", 2, 1.0, {"MLFeatureDrift", "MLPredictionDrift"}, 24),
        ("missing feed", 1, 0.5, {"MLFeatureMissing"}, 1),
    ],
)
def test_a_change_is_told_and_nothing_else(
    name: str, days: int, at: float, alerts: set[str], hours: int, tmp_path: Path
) -> None:
    told = notifications("m", Stream(5_000, days, CHANGES[name], at, seed=1), tmp_path, defaults("24h"))
    first = {labels["alertname"]: when for labels, when in reversed(told)}
    assert alerts <= set(first)
    assert all(when > at * DAY for when in first.values()), told
    assert min(first.values()) < at * DAY + hours * 3_600
    assert {labels["severity"] for labels, _ in told} <= {"warning", "critical"}
