"""Drift against the past: are inputs and predictions distributed as in the same window a day and a week ago."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.rule import Family, Record

PASTS: Final = ("1d", "7d")
_FLOOR: Final = "1e-4"
_WHOLE: Final = 0.99


def _measures(level: str, metric: str) -> Iterator[Record]:
    """PSI and its noise floor against earlier windows.

    Where the bins of one side are not those of the other, as after a new baseline, shares that both know do not add
    up to 1, and there is no value.
    """
    shares, rows, score = (
        f"{level}_bin:{metric}_bin:ratio",
        f"{level}:{metric}_bin:rows",
        f"{level}:{metric}_drift_past",
    )
    scale = f"{level}:ml_baseline_{metric.removeprefix('ml_')}_drift_psi_noise_scale:max"
    for past in PASTS:
        before = f"{shares} offset {past}"
        yield Record(
            f"{score}:psi",
            f"""
            sum without (bin) (
              (clamp_min({shares}, {_FLOOR}) - clamp_min({before}, {_FLOOR}))
              * (ln(clamp_min({shares}, {_FLOOR})) - ln(clamp_min({before}, {_FLOOR})))
            )
            and
            sum without (bin) ({shares} and {before}) > {_WHOLE}
            and
            sum without (bin) ({before} and {shares}) > {_WHOLE}
            """,
            {"past": past},
        )
        yield Record(
            f"{score}:psi_noise_floor",
            f"""
            (1 / ({rows} > 0) + 1 / ({rows} offset {past} > 0))
            * ignoring (window) group_left () {scale}
            """,
            {"past": past},
        )


_RECORDS: Final = (
    *_measures("model_version_feature", "ml_feature"),
    *_measures("model_version", "ml_prediction"),
)

FAMILY: Final = Family("past", __doc__, _RECORDS, ())
