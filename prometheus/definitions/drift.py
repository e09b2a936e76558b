"""Drift: are inputs and predictions distributed as in the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import COVERED, MINIMUM, PREDICTIONS, WINDOW_COVERED, number, owned
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increases

WINDOW: Final = "ml:drift:window"
"""1 with the window that drift alerts look at as its label; set in thresholds.yml."""

FEATURE_PSI: Final = Threshold(
    "feature_drift_psi",
    "Population stability index of a feature, beyond its noise floor.",
    0.25,
    ("model", "version", "feature"),
    highest=10.0,
)
PREDICTION_PSI: Final = Threshold(
    "prediction_drift_psi",
    "Population stability index of the predictions, beyond its noise floor.",
    0.25,
    ("model", "version"),
    highest=10.0,
)
SHARE: Final = Threshold(
    "drift_share",
    "Share of features with a PSI of at least 0.1 and above the noise floor; at least three.",
    0.3,
    ("model", "version"),
)
_THRESHOLDS: Final = (FEATURE_PSI, PREDICTION_PSI, SHARE)

_MODERATE: Final = 0.1
_FLOOR: Final = "1e-4"


def _measures(level: str, metric: str, of: str) -> Iterator[Record]:
    """Shares of the bins, and every measure over them; ``of`` is the label that tells variables apart, or none."""
    counts, shares = f"{level}_bin:{metric}_bin:increase", f"{level}_bin:{metric}_bin:ratio"
    baseline = f"{level}_bin:ml_baseline_{metric.removeprefix('ml_')}_bin:ratio"
    score, rows = f"{level}:{metric}_drift", f"{level}:{metric}_bin:rows"
    scale = f"ml_baseline_{metric.removeprefix('ml_')}_drift_psi_noise_scale"
    beside = "ignoring (window) group_left ()"
    model = f"ignoring ({of}, window)" if of else "ignoring (window)"

    yield from increases(f"{level}_bin", f"{metric}_bin_total")
    fact = constant(f"{level}_bin", f"ml_baseline_{metric.removeprefix('ml_')}_bin_ratio")
    yield Record(baseline, fact.expr)
    yield Record(rows, f"sum without (bin) ({counts})")
    yield Record(shares, f"{counts} / ignoring (bin) group_left () ({rows} > 0)")

    yield Record(
        f"{score}:psi",
        f"""
        sum without (bin) (
          (clamp_min({shares}, {_FLOOR}) - {beside} clamp_min({baseline}, {_FLOOR}))
          * (ln(clamp_min({shares}, {_FLOOR})) - {beside} ln(clamp_min({baseline}, {_FLOOR})))
        )
        """,
    )
    mean = f"(({shares} + {beside} {baseline}) / 2)"
    yield Record(
        f"{score}:jensen_shannon",
        f"""
        sqrt(clamp_min(
          sum without (bin) (
            {shares} * log2(clamp_min({shares}, 1e-300)) / 2
            + {beside} ({baseline} * log2(clamp_min({baseline}, 1e-300)) / 2)
            - {mean} * log2(clamp_min({mean}, 1e-300))
          ), 0
        ))
        """,
    )
    yield Record(
        f"{score}:hellinger", f"sqrt(sum without (bin) ((sqrt({shares}) - {beside} sqrt({baseline})) ^ 2) / 2)"
    )
    gap = f"abs({shares} - {beside} {baseline})"
    yield Record(f"{score}:l_infinity", f"max without (bin) ({gap})")
    yield Record(f"{score}:total_variation", f"sum without (bin) ({gap}) / 2")

    scale_once = constant(level, scale)
    yield scale_once
    yield Record(
        f"{score}:psi_noise_floor",
        f"""
        (1 / ({rows} > 0) + {model} group_left () (1 / model_version:ml_baseline_rows:max))
        * {beside} {scale_once.name}
        """,
    )
    windows = f"and ignoring ({of})" if of else "and"
    yield Record(
        f"{score}:certain_psi",
        f"""
        {score}:psi - {score}:psi_noise_floor
        and
        {rows} >= {model} group_left () {MINIMUM}
        {windows}
        {COVERED} >= scalar({WINDOW_COVERED.series})
        and on (window)
        {WINDOW}
        """,
    )


def _below() -> Iterator[Record]:
    """Numbers below edges, from which quantiles follow; and the baseline's shares below them."""
    for level, of in (("model_version_feature_below", "feature"), ("model_version_below", "prediction")):
        yield from increases(level, f"ml_{of}_below_total")
        fact = constant(level, f"ml_baseline_{of}_below_ratio")
        yield Record(f"{level}:ml_baseline_{of}_below:ratio", fact.expr)


_DRIFT: Final = "model_version_feature:ml_feature_drift"
_OUTPUT: Final = "model_version:ml_prediction_drift"
_SHARE: Final = "model_version:ml_feature_drift_share:ratio"
_COUNT: Final = "model_version:ml_feature_drift:count"
_OF: Final = ("model", "version", "window")

_RECORDS: Final = (
    *_measures("model_version_feature", "ml_feature", "feature"),
    *_measures("model_version", "ml_prediction", ""),
    *_below(),
    FEATURE_PSI.records(f"{_DRIFT}:certain_psi", "model_version_feature"),
    PREDICTION_PSI.records(f"{_OUTPUT}:certain_psi", "model_version"),
    Record(
        _COUNT,
        f"""
        count without (feature) ({_DRIFT}:psi >= {_MODERATE} and {_DRIFT}:psi > {_DRIFT}:psi_noise_floor)
        or
        count without (feature) ({_DRIFT}:psi) * 0
        """,
    ),
    Record(_SHARE, f"{_COUNT} / count without (feature) ({_DRIFT}:psi)"),
    SHARE.records(_SHARE, "model_version"),
)

FEATURES: Final = (
    '{{ range $i, $s := printf "topk(5, model_version_feature:ml_feature_drift:psi{model=%q, version=%q, window=%q} >= 0.1)"'
    " $labels.model $labels.version $labels.window | query }}{{ if $i }}, {{ end }}{{ $s.Labels.feature }}"
    ' {{ $s.Value | printf "%.2f" }}{{ end }}'
)
_TWO_DIGITS: Final = 'printf "%.2f"'
_THREE_DIGITS: Final = 'printf "%.3f"'

_ALERTS: Final = (
    Alert(
        "MLFeatureDrift",
        "warning",
        owned(
            f"""
            {_DRIFT}:psi
            and
            {_DRIFT}:certain_psi > model_version_feature:ml_feature_drift_psi:threshold
            """,
            *("version", "feature", "window"),
        ),
        "A feature is not distributed as in the baseline.",
        "The population stability index of {{ $labels.feature }} of model {{ $labels.model }} {{ $labels.version }} is"
        ' {{ $value | printf "%.2f" }} over {{ $labels.window }}; without drift it stays below'
        f" {number(f'{_DRIFT}:psi_noise_floor', _THREE_DIGITS, 'model', 'version', 'feature', 'window')}, and"
        f" {number('model_version_feature:ml_feature_drift_psi:threshold', _TWO_DIGITS, 'model', 'version', 'feature')}"
        " more are allowed.",
        "Look at the bins of {{ $labels.feature }} beside the baseline's: a jump is a change upstream, a slope the world.",
        "ml-drift",
        "2m",
        "30m",
        more={"features": FEATURES},
    ),
    Alert(
        "MLPredictionDrift",
        "warning",
        owned(
            f"""
            {_OUTPUT}:psi
            and
            {_OUTPUT}:certain_psi > model_version:ml_prediction_drift_psi:threshold
            """,
            *("version", "window"),
        ),
        "Predictions are not distributed as in the baseline.",
        "The population stability index of the predictions of model {{ $labels.model }} {{ $labels.version }} is"
        ' {{ $value | printf "%.2f" }} over {{ $labels.window }}; without drift it stays below'
        f" {number(f'{_OUTPUT}:psi_noise_floor', _THREE_DIGITS, 'model', 'version', 'window')}, and"
        f" {number('model_version:ml_prediction_drift_psi:threshold', _TWO_DIGITS, 'model', 'version')} more are allowed.",
        "See which features moved with them; if none did, the model or its threshold was changed.",
        "ml-drift",
        "2m",
        "30m",
        more={"features": FEATURES},
    ),
    Alert(
        "MLDriftWidespread",
        "warning",
        owned(
            f"""
            {_SHARE} > model_version:ml_drift_share:threshold
            and
            {_COUNT} >= 3
            and
            {COVERED} >= scalar({WINDOW_COVERED.series})
            and
            {PREDICTIONS} >= ignoring (window) group_left () {MINIMUM}
            and on (window)
            {WINDOW}
            """,
            *("version", "window"),
        ),
        "Many features at once are not distributed as in the baseline.",
        "{{ $value | humanizePercentage }} of the features of model {{ $labels.model }} {{ $labels.version }} have drifted"
        f" over {{{{ $labels.window }}}}; {number('model_version:ml_drift_share:threshold', 'humanizePercentage', *_OF)}"
        " are allowed.",
        "Many at once mean another population, another season or one shared feed: see which features lead.",
        "ml-drift",
        "5m",
        "30m",
        more={"features": FEATURES},
    ),
)

FAMILY: Final = Family("drift", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
