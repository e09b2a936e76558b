"""Numbers from sums: each signal is a pure function, one file a measure, listed by family."""

from ml_exporter.signals import drift, estimation, fairness, performance, quality, segments, traffic
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (
    *traffic.SIGNALS,
    *quality.SIGNALS,
    *drift.SIGNALS,
    *performance.SIGNALS,
    *estimation.SIGNALS,
    *segments.SIGNALS,
    *fairness.SIGNALS,
)
"""Every signal, in the order of the page."""
