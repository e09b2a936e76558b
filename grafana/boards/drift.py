"""Drift: which feature moved, since when, and how."""

from __future__ import annotations

from typing import Final

from boards import attributions, distributions, together, variables
from boards.board import Board, Row
from boards.colours import ALLOWED
from boards.distributions import NO_PREDICTIONS
from boards.graphs import graph, heat
from boards.links import chosen, there
from boards.panels import stat, verdict
from boards.queries import (
    FEATURE,
    VERSION,
    WINDOW,
    Query,
    baseline,
    current,
    threshold,
    worst,
)
from boards.queries import verdict as level
from boards.tables import Column, Label, table

_F: Final = "model_version_feature:ml_feature_drift"
_O: Final = "model_version:ml_prediction_drift"
_SHARE: Final = "model_version:ml_feature_drift_share:ratio"
_ONE: Final = f'{VERSION}, feature="$feature"'
_UNJUDGED: Final = "too little seen"
_WORDS: Final = ("like it", "drifting", "drifting")

_TILES: Final = (
    verdict(
        "Features",
        """Does a feature lie beyond its threshold, its noise floor taken off? Over the window in which alerts
        judge. Grey: too few predictions, or too little of the window seen.""",
        level(
            f"{_F}:certain_psi{{{VERSION}}}",
            "",
            f"{_F}:certain_psi{{{VERSION}}} > {_F}_psi:threshold{{{VERSION}}}",
        ),
        there("ml-model"),
        _UNJUDGED,
        _WORDS,
    ),
    verdict(
        "Predictions",
        """Do the predictions lie beyond their threshold, the noise floor taken off? Over the window in which
        alerts judge.""",
        level(
            f"{_O}:certain_psi{{{VERSION}}}",
            "",
            f"{_O}:certain_psi{{{VERSION}}} > {_O}_psi:threshold{{{VERSION}}}",
        ),
        there("ml-model"),
        _UNJUDGED,
        _WORDS,
    ),
    stat(
        "Drifted features",
        "Features whose PSI is at least 0.1 and above its noise floor, of all. More is worse.",
        Query(f"model_version:ml_feature_drift:count{{{WINDOW}}}", "drifted"),
        Query(f"count({_F}:psi{{{WINDOW}}})", "of"),
        unit="none",
    ),
    stat(
        "Share of what is allowed",
        """The share of drifted features as a share of its threshold, over the window in which alerts judge; at
        100 %, and with three features, it alerts. Grey: too little of that window seen.""",
        Query(
            f"max({_SHARE}{{{VERSION}}} / model_version:ml_drift_share:threshold{{{VERSION}}}"
            f" and model_version:ml_window:covered_ratio{{{VERSION}}} >= scalar(ml:window_covered:threshold)"
            f" and {_O}:certain_psi{{{VERSION}}})",
            "used",
        ),
        unit="percentunit",
        colours=ALLOWED,
        none=_UNJUDGED,
    ),
    stat(
        "Predictions in the window",
        "Rows that are compared with the baseline. With fewer, noise floors are higher.",
        Query(f"model_version:ml_predictions:increase{{{WINDOW}}}", "rows"),
    ),
    stat(
        "Window seen",
        "Share of the window's length that was seen. Alerts wait for 80 %, unless that threshold was changed.",
        Query(f"model_version:ml_window:covered_ratio{{{WINDOW}}}", "seen"),
        unit="percentunit",
        none="nothing seen",
    ),
)


_BINS: Final = f"model_version_feature_bin:ml_feature_bin:ratio{{{FEATURE}}}"
_BASE_BINS: Final = f"model_version_feature_bin:ml_baseline_feature_bin:ratio{{{_ONE}}}"
_OUT_BINS: Final = f"model_version_bin:ml_prediction_bin:ratio{{{WINDOW}}}"
_OUT_BASE_BINS: Final = f"model_version_bin:ml_baseline_prediction_bin:ratio{{{VERSION}}}"
_BELOW: Final = f"model_version_feature_below:ml_feature_below:increase{{{FEATURE}}}"
_BASE_BELOW: Final = f"model_version_feature_below:ml_baseline_feature_below:ratio{{{_ONE}}}"
_OUT_BELOW: Final = f"model_version_below:ml_prediction_below:increase{{{WINDOW}}}"
_OUT_BASE_BELOW: Final = f"model_version_below:ml_baseline_prediction_below:ratio{{{VERSION}}}"
_FLOOR: Final = f"max by (feature) ({_F}:psi_noise_floor{{{WINDOW}}})"
_USED: Final = f"clamp_min(max by (feature) ({_F}:certain_psi{{{VERSION}}} / {_F}_psi:threshold{{{VERSION}}}), 0)"
_PSI: Final = f"max by (feature) ({_F}:psi{{{WINDOW}}})"
_ALLOWED: Final = f"max by (feature) ({_F}_psi:threshold{{{VERSION}}})"

BOARD: Final = Board(
    "ml-drift",
    "ML drift",
    "Which features and predictions are no longer distributed as in the baseline, since when, and how.",
    [variables.datasource(), variables.models(), variables.versions(), variables.windows(), variables.features()],
    [
        *_TILES,
        heat(
            "PSI by feature",
            """Population stability index of the 20 features that moved most: green is as in the baseline, yellow
            0.25, the customary mark of a shift, red 0.5 and more. A feature that turns at once was changed
            upstream.""",
            Query(worst(f"{_F}:psi{{{WINDOW}}}", "feature", count=20), "{{feature}}"),
            unit="none",
            most=0.5,
            none=NO_PREDICTIONS,
            size=(24, 9),
        ),
        table(
            "Features",
            """All features, the one closest to its threshold first; click on one to choose it. Beyond noise is the
            PSI less its noise floor; used is that as a share of the threshold over the window in which alerts
            judge: at 100 % it alerts. Higher is worse.""",
            [
                Label("feature", link=chosen("ml-drift", "feature")),
                Column("PSI", _PSI, "none", 3),
                Column("noise floor", _FLOOR, "none", 3),
                Column("beyond noise", f"clamp_min({_PSI} - {_FLOOR}, 0)", "none", 3),
                Column("threshold", _ALLOWED, "none", 3),
                Column(
                    "used",
                    _USED,
                    "percentunit",
                    0,
                    colours=ALLOWED,
                    width=80,
                ),
                Column("rows", f"max by (feature) (model_version_feature:ml_feature_bin:rows{{{WINDOW}}})"),
            ],
            sort="PSI",
            none=NO_PREDICTIONS,
            size=(12, 11),
        ),
        distributions.distribution(
            "$feature: now and in the baseline",
            """Share of the rows in each bin. Bins of a number are tenths of the baseline, so that its columns are
            about 10 % high; a taller column now means more rows there. Other is what the baseline did not know,
            missing null or not sent.""",
            _BINS,
            _BASE_BINS,
            (12, 11),
        ),
        distributions.psi(
            "$feature: PSI",
            "Population stability index of the chosen feature.",
            _F,
            FEATURE,
            _ONE,
            (8, 8),
        ),
        distributions.quantiles(
            "$feature: values over time",
            "How the numbers of the feature are spread, in its own unit.",
            _BELOW,
            _BASE_BELOW,
            (8, 8),
        ),
        distributions.bands(
            "$feature: bins over time",
            """Share of the rows in each bin. Bins of a number are tenths of the baseline: without drift every band
            is about 10 % thick. A band that swells or vanishes shows where the values went.""",
            _BINS,
            (8, 8),
        ),
    ],
    [
        Row(
            "Predictions",
            [
                distributions.psi(
                    "Predictions: PSI", "Population stability index of the output.", _O, WINDOW, VERSION, (8, 8)
                ),
                distributions.quantiles(
                    "Predictions: values over time",
                    "How scores, or the values of a regression, are spread.",
                    _OUT_BELOW,
                    _OUT_BASE_BELOW,
                    (8, 8),
                ),
                distributions.bands(
                    "Predictions: bins over time",
                    """Share of the predictions in each bin. Without drift every band of a score is about 10 %
                    thick.""",
                    _OUT_BINS,
                    (8, 8),
                ),
                distributions.distribution(
                    "Predictions: now and in the baseline",
                    """Share of the predictions in each bin of the output: tenths of the baseline's scores, or
                    classes.""",
                    _OUT_BINS,
                    _OUT_BASE_BINS,
                    (12, 8),
                ),
                distributions.measures("Predictions: all measures", "ml_prediction_drift", WINDOW, (12, 8)),
            ],
        ),
        attributions.row(),
        Row(
            "All measures",
            [
                distributions.measures("$feature: all measures", "ml_feature_drift", FEATURE, (12, 9)),
                graph(
                    "$feature: distances",
                    """Distances of the whole fleet from the baseline, each between 0, the same, and 1, nothing in
                    common.""",
                    *(
                        Query(f"{_F}:{key}{{{FEATURE}}}", shown)
                        for key, shown in (
                            ("jensen_shannon", "Jensen-Shannon"),
                            ("hellinger", "Hellinger"),
                            ("l_infinity", "L-infinity"),
                            ("total_variation", "total variation"),
                        )
                    ),
                    unit="none",
                    none=NO_PREDICTIONS,
                    lowest=0,
                    size=(12, 9),
                ),
                graph(
                    "$feature: distances by sidecar",
                    """Of a number Kolmogorov-Smirnov (0 same, 1 nothing in common) and Wasserstein (in standard
                    deviations of the baseline), from fine bins; of a category Cramer's V (0 same, 1 nothing in
                    common), the size of what chi-squared finds. As each sidecar computes them. Higher is worse;
                    dashed: the noise floor.""",
                    Query(f"ml_feature_drift_kolmogorov_smirnov{{{FEATURE}}}", "Kolmogorov-Smirnov {{instance}}"),
                    Query(f"ml_feature_drift_wasserstein{{{FEATURE}}}", "Wasserstein {{instance}}"),
                    baseline(
                        f"max(ml_feature_drift_kolmogorov_smirnov_noise_floor{{{FEATURE}}})",
                        "noise floor of Kolmogorov-Smirnov",
                    ),
                    Query(f"ml_feature_drift_cramers_v{{{FEATURE}}}", "Cramer's V {{instance}}"),
                    baseline(
                        f"max(ml_feature_drift_cramers_v_noise_floor{{{FEATURE}}})", "noise floor of Cramer's V"
                    ),
                    unit="none",
                    none="the sidecar does not keep this window",
                    lowest=0,
                ),
                graph(
                    "Share of drifted features",
                    "Share of the features whose PSI is at least 0.1 and above its noise floor. Higher is worse.",
                    current(f"{_SHARE}{{{WINDOW}}}", "drifted"),
                    threshold(f"model_version:ml_drift_share:threshold{{{WINDOW}}}"),
                    unit="percentunit",
                    none=NO_PREDICTIONS,
                    lowest=0,
                ),
            ],
        ),
        *together.rows(),
    ],
)
