"""Data quality: values that are not there, not what they should be, or always the same; features nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import MINIMUM, PERCENT, SHORTEST, Z, number, owned
from definitions.rule import REPLICA, Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import SIGNAL_WINDOWS, TILE, constant, increases

_ROWS: Final = "model_version:ml_feature_rows:increase"
"""The predictions, read in the same moment as the features: a ratio of them is never above 1 for want of that."""

_RATIO: Final = "model_version_feature:ml_feature_quality:ratio"
_BASELINE: Final = "model_version_feature:ml_baseline_feature_quality:ratio"
_GONE: Final = "model_version_feature:ml_feature_missing:ratio"
_GONE_EXCESS: Final = "model_version_feature:ml_feature_missing:certain_excess"
_INVALID_EXCESS: Final = "model_version_feature:ml_feature_invalid:certain_excess"
_WRONG: Final = ("type_error", "nonfinite", "out_of_range", "unseen")
CHECKS: Final = ("missing", "absent", *_WRONG, "outlier")

_MODEL_ROWS: Final = "model:ml_feature_rows:increase"
_MODEL_SHORTEST: Final = "model:ml_window:shortest"
_SCHEMA: Final = "model_feature:ml_feature_schema:ratio"
_SCHEMA_EXCESS: Final = "model_feature:ml_feature_schema:certain_excess"

_BINS: Final = "model_version_feature_bin:ml_feature_bin:increase"
_BASELINE_BINS: Final = "model_version_feature_bin:ml_baseline_feature_bin:ratio"
_VALUES: Final = "model_version_feature:ml_feature_values:increase"
_MODAL: Final = "model_version_feature:ml_feature_modal_bin:ratio"
_BASELINE_MODAL: Final = "model_version_feature:ml_baseline_feature_modal_bin:ratio"
_MODAL_JUDGED: Final = "model_version_feature:ml_feature_modal_bin:judged_ratio"
_VARIES: Final = 0.9
"""Share in the fullest bin below which a feature varies; one that does not by nature cannot freeze."""

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
SCHEMA: Final = Threshold(
    "feature_schema",
    "Share of a model's predictions with a feature that nobody knows, or without one beyond the baseline's own.",
    0.01,
    ("model", "feature"),
)
FROZEN: Final = Threshold(
    "feature_frozen",
    "Share of a feature's values in one bin from which on it counts as frozen.",
    0.999,
    ("model", "version", "feature"),
)
_THRESHOLDS: Final = (MISSING, INVALID, SCHEMA, FROZEN)


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


def _schema() -> Iterator[Record]:
    """Features that nobody knows, and known ones that are not sent, as shares of a model's predictions."""
    yield from increases("model_feature", "ml_exporter_unknown_features_total", record="ml_unknown_feature")
    yield Record(_MODEL_ROWS, f"sum without (version) ({_ROWS})")
    absent = "sum without (version) (model_version_feature:ml_feature_absent:increase)"
    for check, counted in (("unknown", "model_feature:ml_unknown_feature:increase"), ("absent", absent)):
        ratio = f"clamp_max({counted} / ignoring (feature) group_left () ({_MODEL_ROWS} > 0), 1)"
        yield Record(_SCHEMA, ratio, {"check": check})
    yield Record(
        _SCHEMA_EXCESS,
        f"""
        (
          {_SCHEMA}{{check="unknown"}}
          or
          {_SCHEMA}{{check="absent"}} - ignoring (window) group_left () max without (version) ({_BASELINE}{{check="absent"}})
        )
        - {Z} * sqrt({_SCHEMA} * (1 - {_SCHEMA}) / ignoring (feature, check) group_left () ({_MODEL_ROWS} > 0))
        """,
    )
    enough = [
        f'({_MODEL_ROWS}{{window="{window}"}} >= ignoring (window) group_left () max without (version) ({MINIMUM}))'
        for window in (TILE, *SIGNAL_WINDOWS)
    ]
    yield Record(_MODEL_SHORTEST, "(\n  " + "\n  or ignoring (window)\n  ".join(enough) + "\n) ^ 0")


def _modal() -> Iterator[Record]:
    """The share of a feature's values in its fullest bin, unseen categories and infinities no bin of their own."""
    for record, bins in ((_MODAL, _BINS), (_BASELINE_MODAL, _BASELINE_BINS)):
        if record == _MODAL:
            yield Record(_VALUES, f'sum without (bin) ({bins}{{bin!="missing"}})')
        values = _VALUES if record == _MODAL else f'sum without (bin) ({bins}{{bin!="missing"}})'
        yield Record(record, f'max without (bin) ({bins}{{bin!~"other|missing"}}) / ({values} > 0)')
    enough = [
        f'({_MODAL}{{window="{window}"}}'
        f' and {_VALUES}{{window="{window}"}} >= ignoring (feature, window) group_left () {MINIMUM})'
        for window in SIGNAL_WINDOWS
    ]
    yield Record(_MODAL_JUDGED, "\nor ignoring (window)\n".join(enough))


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
    *_schema(),
    SCHEMA.records(_SCHEMA_EXCESS, "model_feature"),
    *_modal(),
    FROZEN.records(_MODAL_JUDGED, "model_version_feature"),
    *(constant("model_version", f"ml_{of}repeated_rows_per_prediction") for of in ("", "baseline_")),
)


def _judged(ratio: str, excess: str, threshold: str, *more: str) -> str:
    labels = ", ".join(("feature", *more))
    return owned(
        f"{ratio}\nand\n{excess} > {threshold}\nand ignoring ({labels})\n{SHORTEST}",
        *("version", "feature", "window", *more),
    )


_MISSING_LIMIT: Final = "model_version_feature:ml_feature_missing:threshold"
_INVALID_LIMIT: Final = "model_version_feature:ml_feature_invalid:threshold"
_SCHEMA_LIMIT: Final = "model_feature:ml_feature_schema:threshold"
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
    Alert(
        "MLFeatureFrozen",
        "warning",
        owned(
            f"""
            {_MODAL_JUDGED} >= model_version_feature:ml_feature_frozen:threshold
            and ignoring (window)
            {_BASELINE_MODAL} < {_VARIES}
            and
            ({_MODAL} offset 1d < {_VARIES} or {_MODAL} offset 7d < {_VARIES})
            """,
            *("version", "feature", "window"),
        ),
        "A feature does not vary any more.",
        "{{ $value | humanizePercentage }} of the values of {{ $labels.feature }} that model {{ $labels.model }}"
        " {{ $labels.version }} got over {{ $labels.window }} are in one bin; in the baseline"
        f" {number(_BASELINE_MODAL, PERCENT, *_OF_FEATURE)} are, and a day or a week ago it varied, too.",
        "Look at the source of {{ $labels.feature }}: a sensor that stands, a cache that is not refreshed, a default.",
        "ml-quality",
        "10m",
        "10m",
    ),
    Alert(
        "MLSchemaChanged",
        "warning",
        owned(
            f"""
            {_SCHEMA}
            and
            {_SCHEMA_EXCESS} > {_SCHEMA_LIMIT}
            and ignoring (feature, check)
            {_MODEL_SHORTEST}
            """,
            *("feature", "check", "window"),
        ),
        "Callers send other features than the model has.",
        "{{ $value | humanizePercentage }} of the predictions of model {{ $labels.model }} over {{ $labels.window }} came"
        ' {{ if eq $labels.check "unknown" }}with {{ $labels.feature }}, which neither baseline nor configuration knows'
        "{{ else }}without {{ $labels.feature }}{{ end }}; allowed are"
        f" {number(_SCHEMA_LIMIT, PERCENT, 'model', 'feature', 'check', 'window')} more than in the baseline.",
        "Ask who deployed a caller since: a feature that appears beside one that is gone was renamed.",
        "ml-quality",
        "5m",
        "10m",
    ),
)

FAMILY: Final = Family("quality", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
