"""The rules of ml-exporter, from which the files in prometheus/rules are written: one module a family.

Adding a recording rule, a threshold or an alert: its line in the family's tuples, its case in
tests/support/alert_cases, its runbook; then ``make rules docs``. Adding a family: its module, its name in FAMILIES.
"""

from definitions import (
    attribution,
    drift,
    estimation,
    exporter,
    feedback,
    gpu,
    labels,
    multivariate,
    past,
    performance,
    pipelines,
    quality,
    resources,
    retrain,
    root_cause,
    segments,
    server,
    shadow,
    traffic,
)
from definitions.rule import Family
from definitions.thresholds import Threshold

FAMILIES: tuple[Family, ...] = (
    traffic.FAMILY,
    labels.FAMILY,
    quality.FAMILY,
    drift.FAMILY,
    past.FAMILY,
    multivariate.FAMILY,
    performance.FAMILY,
    estimation.FAMILY,
    segments.FAMILY,
    attribution.FAMILY,
    root_cause.FAMILY,
    feedback.FAMILY,
    shadow.FAMILY,
    server.FAMILY,
    resources.FAMILY,
    gpu.FAMILY,
    pipelines.FAMILY,
    exporter.FAMILY,
    retrain.FAMILY,
)

THRESHOLDS: tuple[Threshold, ...] = tuple(threshold for family in FAMILIES for threshold in family.thresholds)
