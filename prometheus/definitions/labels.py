"""Labels: do they still come, for how many predictions, and how late."""

from __future__ import annotations

from typing import Final

from definitions.common import PERCENT, PREDICTIONS, number, owned
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increases

_SINCE: Final = "model_version:ml_label_silence:seconds"
_COVERAGE: Final = "model_version:ml_label_coverage:ratio"
_DELAY: Final = "model_version:ml_label_delay_seconds"

STOPPED: Final = Threshold(
    "label_silence_seconds",
    "Seconds without a label, once labels have come.",
    129_600.0,
    ("model", "version"),
    highest=1e9,
)
COVERAGE: Final = Threshold(
    "label_coverage",
    "Labels of a day per prediction of a day, once labels have come.",
    0.1,
    ("model", "version"),
    silent=0.0,
)
_THRESHOLDS: Final = (STOPPED, COVERAGE)

_RECORDS: Final = (
    *increases("model_version", "ml_label_delay_seconds_count", "ml_label_delay_seconds_sum"),
    *increases("model_version_le", "ml_label_delay_seconds_bucket"),
    Record(_COVERAGE, f"{_DELAY}_count:increase / ({PREDICTIONS} > 0)"),
    Record(f"{_DELAY}:mean", f"{_DELAY}_sum:increase / ({_DELAY}_count:increase > 0)"),
    *(
        Record(
            f"{_DELAY}:{name}",
            f"histogram_quantile({quantile}, model_version_le:ml_label_delay_seconds_bucket:increase) >= 0",
        )
        for quantile, name in ((0.5, "p50"), (0.9, "p90"))
    ),
    constant("model_version", "ml_label_last_timestamp_seconds"),
    Record(_SINCE, "time() - model_version:ml_label_last_timestamp_seconds:max"),
    STOPPED.records(_SINCE, "model_version"),
    COVERAGE.records(f'{_COVERAGE}{{window="24h"}}', "model_version"),
)

_ALERTS: Final = (
    Alert(
        "MLLabelsStopped",
        "warning",
        owned(
            f"""
            {_SINCE} > model_version:ml_label_silence_seconds:threshold
            and ignoring (window)
            {PREDICTIONS}{{window="24h"}} > 0
            """,
            "version",
        ),
        "Labels of a model no longer arrive.",
        "The last label of model {{ $labels.model }} {{ $labels.version }} came {{ $value | humanizeDuration }} ago;"
        f" allowed are {number('model_version:ml_label_silence_seconds:threshold', 'humanizeDuration', 'model', 'version')}."
        " Until they come, nobody knows whether the model is right.",
        "See whether the job that sends labels ran, and what the sidecar answered it.",
        "ml-performance",
        "15m",
    ),
    Alert(
        "MLLabelCoverageLow",
        "warning",
        owned(
            f"""
            {_COVERAGE}{{window="24h"}} < model_version:ml_label_coverage:threshold
            and
            {PREDICTIONS}{{window="24h"}} >= 100
            and ignoring (window)
            model_version:ml_label_last_timestamp_seconds:max
            """,
            *("version", "window"),
        ),
        "Too few predictions get a label.",
        "Model {{ $labels.model }} {{ $labels.version }} got labels for {{ $value | humanizePercentage }} as many events as"
        f" it predicted over 24h; at least {number('model_version:ml_label_coverage:threshold', PERCENT, 'model', 'version')}"
        " are wanted.",
        "See `ml_labels_total` by result: unmatched labels carry ids that no prediction had.",
        "ml-performance",
        "6h",
    ),
)

FAMILY: Final = Family("labels", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
