"""What breaks in the made-up fleet for each alert, one module a family; minutes and words are checked by promtool."""

from support.alert_cases import (
    attribution,
    drift,
    estimation,
    exporter,
    gpu,
    labels,
    multivariate,
    performance,
    pipelines,
    quality,
    resources,
    retrain,
    segments,
    server,
    traffic,
)
from support.rules import Case

CASES: tuple[Case, ...] = (
    *traffic.CASES,
    *labels.CASES,
    *quality.CASES,
    *drift.CASES,
    *multivariate.CASES,
    *performance.CASES,
    *estimation.CASES,
    *segments.CASES,
    *attribution.CASES,
    *server.CASES,
    *resources.CASES,
    *gpu.CASES,
    *pipelines.CASES,
    *exporter.CASES,
    *retrain.CASES,
)
