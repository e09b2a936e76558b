"""The rules of ml-exporter, from which the files in prometheus/rules are written: one module a family.

Adding a recording rule, a threshold or an alert: its line in the family's tuples, its cases in tests/rules, its
runbook; then ``make rules``.
"""

from definitions import drift, exporter, labels, performance, quality, retrain, server, traffic
from definitions.rule import Family
from definitions.thresholds import Threshold

FAMILIES: tuple[Family, ...] = (
    traffic.FAMILY,
    labels.FAMILY,
    quality.FAMILY,
    drift.FAMILY,
    performance.FAMILY,
    server.FAMILY,
    exporter.FAMILY,
    retrain.FAMILY,
)

THRESHOLDS: tuple[Threshold, ...] = (
    *traffic.THRESHOLDS,
    *labels.THRESHOLDS,
    *quality.THRESHOLDS,
    *drift.THRESHOLDS,
    *performance.THRESHOLDS,
    *server.THRESHOLDS,
    *exporter.THRESHOLDS,
)
