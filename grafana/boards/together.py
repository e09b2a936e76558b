"""Drift that bins of one window do not show: against earlier windows, and of all features together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from boards.board import Row
from boards.distributions import NO_PREDICTIONS
from boards.graphs import graph
from boards.queries import FEATURE, VERSION, WINDOW, Query, baseline, current, noise, threshold
from boards.sdk import build

_D: Final = "model_version:ml_multivariate_drift"
_B: Final = "model_version:ml_baseline_multivariate_drift_reconstruction_error:max"
_ASKED: Final = "the baseline was not fitted with --multivariate, or no predictions in this window"


def rows() -> Sequence[Row]:
    """Return a row against the past and one of all features together."""
    feature = _past("$feature: PSI against the past", "model_version_feature:ml_feature_drift", FEATURE)
    output = _past("Predictions: PSI against the past", "model_version:ml_prediction_drift", WINDOW)
    return (
        Row("Against yesterday, last week and the baseline", [feature, output]),
        Row("All features together", [_discrepancy(), _reconstruction()]),
    )


def _past(title: str, score: str, chosen: str) -> build.Panel:
    return graph(
        title,
        """Population stability index against the same window a day and a week ago, beside that against the
        baseline. Higher is worse. High against the baseline alone: skew, or a change of long ago; high against
        all: a change of today. Up to the noise floor chance alone explains it.""",
        Query(f"{score}:psi{{{chosen}}}", "against the baseline"),
        Query(f'{score}_past:psi{{{chosen}, past="1d"}}', "against a day ago"),
        Query(f'{score}_past:psi{{{chosen}, past="7d"}}', "against a week ago"),
        noise(f"{score}:psi_noise_floor{{{chosen}}}", "noise floor, against the baseline"),
        unit="none",
        none=NO_PREDICTIONS,
        lowest=0,
    )


def _discrepancy() -> build.Panel:
    floor = f"{_D}:mmd_noise_floor{{{WINDOW}}}"
    allowed = f"max(model_version:ml_multivariate_drift:threshold{{{VERSION}}})"
    scale = f"max(model_version:ml_baseline_multivariate_drift_mmd_noise_scale:max{{{VERSION}}})"
    return graph(
        "Maximum mean discrepancy",
        """Distance of all features together from the baseline: it sees that features no longer go together, where
        each is distributed as ever. Higher is worse. Up to the noise floor chance alone explains it; beyond the
        dashed red line it alerts.""",
        current(f"{_D}:mmd{{{WINDOW}}}", "MMD"),
        noise(floor),
        threshold(f"max({floor}) + {allowed} * sqrt({scale} / 1000)", "noise floor and threshold"),
        unit="none",
        none=_ASKED,
        lowest=0,
    )


def _reconstruction() -> build.Panel:
    error = f"max({_D}:reconstruction_error_standard_error{{{WINDOW}}})"
    return graph(
        "Reconstruction error",
        """Mean distance of complete rows from the principal components of the baseline, in standard deviations.
        Above the band features go together less than in the baseline, below it more; far from it is worse. The
        band is three standard errors on each side.""",
        current(f"{_D}:reconstruction_error{{{WINDOW}}}", "error"),
        baseline(f"max({_B}{{{VERSION}}})"),
        noise(f"max({_B}{{{VERSION}}}) + 3 * {error}", "band, upper end"),
        noise(f"max({_B}{{{VERSION}}}) - 3 * {error}", "band, lower end"),
        unit="none",
        none=_ASKED,
    )
