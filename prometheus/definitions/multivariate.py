"""Multivariate drift: do all features together lie where they did in the baseline, of models fitted for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import COVERED, MINIMUM, WINDOW_COVERED, number, owned
from definitions.drift import FEATURES, WINDOW
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increases

DRIFT: Final = Threshold(
    "multivariate_drift",
    "Maximum mean discrepancy of all features together, beyond its noise floor, as a multiple of that of 1,000 rows.",
    1.0,
    ("model", "version"),
    highest=100.0,
)
_THRESHOLDS: Final = (DRIFT,)

_D: Final = "model_version:ml_multivariate_drift"
_M: Final = "model_version:ml_multivariate"
_ROWS: Final = f"{_M}_rows:increase"
_SHARES: Final = "model_version_component:ml_multivariate_projection:ratio"
_BESIDE: Final = "ignoring (window) group_left ()"
_SCALE: Final = "model_version:ml_baseline_multivariate_drift_mmd_noise_scale:max"
_BASELINE_ROWS: Final = "model_version:ml_baseline_rows:max"


def _discrepancy() -> Iterator[Record]:
    """Means of the projections, their distance to the baseline's, and its noise floor.

    A projection is ``u = (1 + cos) / 2``: squared distances are four times as large, and the mean over the cosines
    and sines of 64 frequencies is half of the sum over the frequencies.
    """
    level = "model_version_component"
    yield from increases(level, "ml_multivariate_projection_total")
    yield from increases("model_version", "ml_multivariate_rows_total")
    yield constant(level, "ml_baseline_multivariate_projection_ratio")
    yield constant("model_version", "ml_baseline_multivariate_drift_mmd_noise_scale")
    yield Record(
        _SHARES,
        f"{level}:ml_multivariate_projection:increase / ignoring (component) group_left () ({_ROWS} > 0)",
    )
    baseline = f"{level}:ml_baseline_multivariate_projection_ratio:max"
    yield Record(
        f"{_D}:mmd",
        f"""
        sqrt(clamp_min(
          8 * avg without (component) (({_SHARES} - {_BESIDE} {baseline}) ^ 2)
          - (1 - 2 * avg without (component) ((2 * {_SHARES} - 1) ^ 2)) / (({_ROWS} > 1) - 1)
          - {_BESIDE} ((1 - 2 * avg without (component) ((2 * {baseline} - 1) ^ 2)) / ({_BASELINE_ROWS} - 1)),
          0
        ))
        """,
    )
    yield Record(
        f"{_D}:mmd_noise_floor",
        f"sqrt((1 / ({_ROWS} > 0) + {_BESIDE} (1 / {_BASELINE_ROWS})) * {_BESIDE} {_SCALE})",
    )
    yield Record(
        f"{_D}:certain_ratio",
        f"""
        ({_D}:mmd - {_D}:mmd_noise_floor) / {_BESIDE} sqrt({_SCALE} / 1000)
        and
        {_ROWS} >= {_BESIDE} {MINIMUM}
        and
        {COVERED} >= scalar({WINDOW_COVERED.series})
        and on (window)
        {WINDOW}
        """,
    )
    yield DRIFT.records(f"{_D}:certain_ratio", "model_version")


def _reconstruction() -> Iterator[Record]:
    """The mean reconstruction error, and the standard error of its difference to the baseline's."""
    error, squared, complete = (
        f"{_M}_reconstruction_error",
        f"{_M}_reconstruction_squared_error",
        f"{_M}_complete_rows",
    )
    yield from increases(
        "model_version", *(f"{name.partition(':')[2]}_total" for name in (complete, error, squared))
    )
    gauge = "ml_baseline_multivariate_drift_reconstruction_error"
    for suffix in ("", "_standard_deviation", "_samples"):
        yield constant("model_version", f"{gauge}{suffix}")
    yield Record(f"{_D}:reconstruction_error", f"{error}:increase / ({complete}:increase > 0)")
    yield Record(
        f"{_D}:reconstruction_error_standard_error",
        f"""
        sqrt(
          clamp_min({squared}:increase / ({complete}:increase > 0) - {_D}:reconstruction_error ^ 2, 0)
          / ({complete}:increase > 0)
          + {_BESIDE} (model_version:{gauge}_standard_deviation:max ^ 2 / model_version:{gauge}_samples:max)
        )
        """,
    )


_TWO_DIGITS: Final = 'printf "%.3f"'
_OF: Final = ("model", "version", "window")

_ALERTS: Final = (
    Alert(
        "MLMultivariateDrift",
        "warning",
        owned(
            f"""
            {_D}:mmd
            and
            {_D}:certain_ratio > model_version:ml_multivariate_drift:threshold
            """,
            *("version", "window"),
        ),
        "All features together are not distributed as in the baseline.",
        "The maximum mean discrepancy of the features of model {{ $labels.model }} {{ $labels.version }} is"
        ' {{ $value | printf "%.3f" }} over {{ $labels.window }}; without drift it stays below'
        f" {number(f'{_D}:mmd_noise_floor', _TWO_DIGITS, *_OF)}. It lies beyond that by"
        f""" {number(f"{_D}:certain_ratio", 'printf "%.1f"', *_OF)} times the noise of 1,000 rows;"""
        f""" {number("model_version:ml_multivariate_drift:threshold", 'printf "%.1f"', *_OF)} is allowed.""",
        "See whether single features drift; if none does, some no longer go together: look for a join or a feed that broke.",
        "ml-drift",
        "2m",
        "30m",
        more={"features": FEATURES},
    ),
)

FAMILY: Final = Family("multivariate", __doc__, (*_discrepancy(), *_reconstruction()), _ALERTS, _THRESHOLDS)
