"""Numbers from sums: each signal is a pure function, one file a measure, listed by family."""

from ml_exporter.signals import (
    attribution,
    drift,
    estimation,
    fairness,
    feedback,
    multivariate,
    performance,
    quality,
    root_cause,
    segments,
    shadow,
    traffic,
)
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (
    *traffic.SIGNALS,
    *quality.SIGNALS,
    *drift.SIGNALS,
    *multivariate.SIGNALS,
    *performance.SIGNALS,
    *estimation.SIGNALS,
    *segments.SIGNALS,
    *fairness.SIGNALS,
    *attribution.SIGNALS,
    *root_cause.SIGNALS,
    *feedback.SIGNALS,
    *shadow.SIGNALS,
)
"""Every signal, in the order of the page."""
