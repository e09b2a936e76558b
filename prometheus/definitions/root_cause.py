"""Root cause: with which features and with which groups did a loss of performance come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import Z
from definitions.rule import Family, Record
from definitions.windows import constant

_FEATURE: Final = "model_version_feature"
_DRIFT: Final = f"{_FEATURE}:ml_feature_drift"
_LEVEL: Final = "model_version_segment_group"
_P: Final = f"{_LEVEL}:ml_segment_performance"
_B: Final = f"{_LEVEL}:ml_baseline_segment_performance"
_C: Final = f"{_LEVEL}:ml_root_cause"
_WHOLE: Final = "model_version_segment:ml_root_cause:loss"
_BESIDE: Final = "ignoring (window) group_left ()"


def _features() -> Iterator[Record]:
    """PSI beyond noise times importance; without attributions in the baseline all features matter alike."""
    importance = constant(f"{_FEATURE}_source", "ml_baseline_feature_importance_ratio")
    yield importance
    yield Record(
        f"{_FEATURE}:ml_root_cause:score",
        f"""
        clamp_min({_DRIFT}:psi - {_DRIFT}:psi_noise_floor, 0)
        * {_BESIDE} max without (source) ({importance.name})
        """,
    )


def _groups() -> Iterator[Record]:
    """The loss of accuracy, or the growth of MAE, in two parts for each group, which add up to the whole."""
    labels, rows = f"sum without (measure) ({_P}:labels)", f"{_B}_samples:max"
    share, before = f"{_C}_labels:ratio", f"{_LEVEL}:ml_baseline_root_cause_labels:ratio"
    quality = f"{_LEVEL}:ml_baseline_root_cause_quality:value"
    mean = "model_version_segment:ml_baseline_root_cause_quality:mean"
    of_segment = "ignoring (group) group_left ()"
    yield Record(share, f"{labels} / {of_segment} (sum without (group) ({labels}) > 0)")
    yield Record(before, f"{rows} / {of_segment} (sum without (group) ({rows}) > 0)")
    yield Record(quality, f"{_B}_accuracy:max or -{_B}_mae:max")
    yield Record(mean, f"sum without (group) ({before} * {quality})")
    yield Record(
        f"{_C}:loss",
        f"""
        {share} * (
          (
            {share} * 0 + {_BESIDE} {quality}
            or
            {share} * 0 + ignoring (window, group) group_left () {mean}
          )
          - ({_P}:accuracy or -{_P}:mae)
        )
        """,
    )
    yield Record(
        f"{_C}:mix_loss",
        f"""
        -({share} - {_BESIDE} {before})
        * {_BESIDE} ({quality} - {of_segment} {mean})
        """,
    )
    yield Record(_WHOLE, f"sum without (group) ({_C}:loss) + sum without (group) ({_C}:mix_loss)")
    error = "model_version:ml_performance:drop_standard_error"
    yield Record(
        f"{_C}:share",
        f"""
        {_C}:loss
        / {of_segment} (
          {_WHOLE}
          > ignoring (segment) group_left () (
            {Z} * sum without (measure) (
              {error}{{measure="accuracy"}}
              or
              {error}{{measure="mae"}} * ignoring (window, measure) group_left () model_version:ml_baseline_performance_mae:max
            )
          )
        )
        """,
    )


FAMILY: Final = Family("root_cause", __doc__, (*_features(), *_groups()), ())
