"""Data quality: values that are not there, or not what they should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import PERCENT, SHORTEST, Z, number, owned
from definitions.rule import REPLICA, Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import increases

_ROWS: Final = "model_version:ml_feature_rows:increase"
"""The predictions, read in the same moment as the features: a ratio of them is never above 1 for want of that."""

_RATIO: Final = "model_version_feature:ml_feature_quality:ratio"
_BASELINE: Final = "model_version_feature:ml_baseline_feature_quality:ratio"
_GONE: Final = "model_version_feature:ml_feature_missing:ratio"
_GONE_EXCESS: Final = "model_version_feature:ml_feature_missing:certain_excess"
_INVALID_EXCESS: Final = "model_version_feature:ml_feature_invalid:certain_excess"
_WRONG: Final = ("type_error", "nonfinite", "out_of_range", "unseen")
CHECKS: Final = ("missing", "absent", *_WRONG)

MISSING: Final = Threshold(
    "feature_missing",
    "Share of predictions without a value of the feature (null, NaN or not sent), beyond the baseline's own.",
    0.1,
    ("model", "version", "feature"),
)
INVALID: Final = Threshold(
    "feature_invalid",
    "Share of predictions with a value of the feature that fails the `check`, beyond the baseline's own.",
    {"type_error": 0.01, "nonfinite": 0.01, "out_of_range": 0.05, "unseen": 0.05},
    ("model", "version", "feature"),
    (("check", _WRONG),),
)
_THRESHOLDS: Final = (MISSING, INVALID)


def _check(key: str) -> Iterator[Record]:
    counter = f"ml_feature_{key}"
    yield from increases("model_version_feature", f"{counter}_total")
    counted = f"model_version_feature:{counter}:increase"
    yield Record(
        _RATIO,
        f"clamp_max({counted} / ignoring (feature) group_left () ({_ROWS} > 0), 1)",
        {"check": key},
    )
    yield Record(_BASELINE, f"max without ({REPLICA}) (ml_baseline_feature_{key}_ratio)", {"check": key})


def _excess(ratio: str, baseline: str, more: str) -> str:
    """How far a ratio certainly lies above the baseline's: less some standard errors of both."""
    rows = "model_version:ml_baseline_rows:max"
    return f"""
    {ratio}
    - ignoring (window) group_left () {baseline}
    - {Z} * sqrt(
      {ratio} * (1 - {ratio}) / ignoring (feature{more}) group_left () ({_ROWS} > 0)
      + ignoring (window) group_left ()
      ({baseline} * (1 - {baseline}) / ignoring (feature{more}) group_left () {rows})
    )
    """


_WRONG_ONES: Final = f'{{check=~"{"|".join(_WRONG)}"}}'

_RECORDS: Final = (
    *increases("model_version", "ml_predictions_total", record="ml_feature_rows"),
    *(record for key in CHECKS for record in _check(key)),
    Record(_GONE, f'clamp_max(sum without (check) ({_RATIO}{{check=~"missing|absent"}}), 1)'),
    Record(
        "model_version_feature:ml_baseline_feature_missing:ratio",
        f'sum without (check) ({_BASELINE}{{check=~"missing|absent"}})',
    ),
    Record(_GONE_EXCESS, _excess(_GONE, "model_version_feature:ml_baseline_feature_missing:ratio", "")),
    Record(_INVALID_EXCESS, _excess(_RATIO + _WRONG_ONES, _BASELINE + _WRONG_ONES, ", check")),
    MISSING.records(_GONE_EXCESS, "model_version_feature"),
    INVALID.records(_INVALID_EXCESS, "model_version_feature"),
)


def _judged(ratio: str, excess: str, threshold: str, *more: str) -> str:
    labels = ", ".join(("feature", *more))
    return owned(
        f"{ratio}\nand\n{excess} > {threshold}\nand ignoring ({labels})\n{SHORTEST}",
        *("version", "feature", "window", *more),
    )


_MISSING_LIMIT: Final = "model_version_feature:ml_feature_missing:threshold"
_INVALID_LIMIT: Final = "model_version_feature:ml_feature_invalid:threshold"
_OF_FEATURE: Final = ("model", "version", "feature")

_ALERTS: Final = (
    Alert(
        "MLFeatureMissing",
        "critical",
        _judged(_GONE, _GONE_EXCESS, _MISSING_LIMIT),
        "A feature has no values any more, or far fewer.",
        "{{ $value | humanizePercentage }} of the predictions of model {{ $labels.model }} {{ $labels.version }} over"
        " {{ $labels.window }} had no value of {{ $labels.feature }}; the baseline has"
        f" {number('model_version_feature:ml_baseline_feature_missing:ratio', PERCENT, *_OF_FEATURE)}, and"
        f" {number(_MISSING_LIMIT, PERCENT, *_OF_FEATURE, 'window')} more are allowed.",
        "Find the feed that delivers {{ $labels.feature }} and see when it last did; features of one feed fail together.",
        "ml-quality",
        "1m",
        "5m",
    ),
    Alert(
        "MLFeatureInvalid",
        "warning",
        _judged(_RATIO, _INVALID_EXCESS, _INVALID_LIMIT, "check"),
        "A feature has values that it should not have.",
        "{{ $value | humanizePercentage }} of the predictions of model {{ $labels.model }} {{ $labels.version }} over"
        " {{ $labels.window }} had a value of {{ $labels.feature }} that fails the check {{ $labels.check }};"
        f" {number(_INVALID_LIMIT, PERCENT, *_OF_FEATURE, 'check', 'window')} more than in the baseline are allowed.",
        "Compare what callers send as {{ $labels.feature }} with the baseline: a unit, an encoding or a type has changed.",
        "ml-quality",
        "5m",
        "10m",
    ),
)

FAMILY: Final = Family("quality", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
