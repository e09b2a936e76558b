"""Segments: which groups of predictions fare worst, one segment over time, and fairness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.links import chosen
from boards.queries import VERSION, WINDOW, Query, worst
from boards.sdk import build
from boards.tables import Column, Label, table

_L: Final = "model_version_segment_group"
_P: Final = f"{_L}:ml_segment_performance"
_B: Final = f"{_L}:ml_baseline_segment_performance"
_D: Final = f"{_L}:ml_segment_prediction_drift"
_F: Final = f"{_L}:ml_fairness"
_ONE: Final = f'{WINDOW}, segment="$segment"'
_BY: Final = "max by (segment, group)"
_NONE: Final = "no segments declared, or no labels in this window"
_QUIET: Final = "no segments declared, or no predictions in this window"
_UNPROTECTED: Final = "no segment has a reference group"
_ENOUGH: Final = (
    f"ignoring (segment, group, measure, window) group_left () model_version:ml_minimum_samples:max{{{VERSION}}}"
)
_FALL: Final = f"{_P}:drop{{{WINDOW}}} and {_P}:labels{{{WINDOW}}} >= {_ENOUGH}"


def rows() -> Sequence[Row]:
    """Return a row for segments and one for fairness."""
    return (Row("Segments", [_ranked(), *_history()]), Row("Fairness", [_compared(), _impact(), _opportunity()]))


def _ranked() -> build.Panel:
    return table(
        "Worst groups",
        """Groups of all segments, the one that fell farthest below its own baseline first; click on one to choose
        its segment. Fall is how far accuracy lies below the baseline's, or which share MAE has grown by: higher is
        worse. Value and baseline are accuracy (higher is better) or RMSE (lower is better). PSI of the
        predictions: higher is worse. A group with fewer labels than the minimum of samples has no fall.""",
        [
            Label("segment", link=chosen("ml-performance", "segment")),
            Label("group"),
            Column("fall", f"{_BY} ({_FALL})", "none", 3),
            Column("value", f"{_BY} ({_P}:accuracy{{{WINDOW}}} or {_P}:rmse{{{WINDOW}}})", "none", 3),
            Column("baseline", f"{_BY} ({_B}_accuracy:max{{{VERSION}}} or {_B}_rmse:max{{{VERSION}}})", "none", 3),
            Column("labels", f"{_BY} ({_P}:labels{{{WINDOW}}} > 0)"),
            Column("PSI", f"{_BY} ({_D}:psi{{{WINDOW}}})", "none", 3),
            Column("predictions", f"{_BY} ({_L}:ml_segment_predictions:increase{{{WINDOW}}} > 0)"),
            Column("share", f"{_BY} ({_L}:ml_segment_share:ratio{{{WINDOW}}} > 0)", "percentunit"),
            Column(
                "errors",
                f"{_BY} ({_L}:ml_segment_prediction_errors_per_prediction:ratio{{{WINDOW}}})",
                "percentunit",
            ),
        ],
        sort="fall",
        none=_QUIET,
        size=(24, 9),
    )


def _history() -> Sequence[build.Panel]:
    return (
        graph(
            "$segment: accuracy, or MAE of a regression",
            "Of the groups of the chosen segment. Higher accuracy is better, lower MAE is.",
            Query(worst(f"({_P}:accuracy{{{_ONE}}} or {_P}:mae{{{_ONE}}})", "group"), "{{group}}"),
            unit="none",
            none=_NONE,
            size=(8, 8),
        ),
        graph(
            "$segment: predictions",
            "Share of the predictions in each group of the chosen segment. A share that moves is another mix.",
            Query(f"{_L}:ml_segment_share:ratio{{{_ONE}}}", "{{group}}"),
            unit="percentunit",
            stacked="percent",
            none=_QUIET,
            size=(8, 8),
        ),
        graph(
            "$segment: PSI of the predictions",
            "How far predictions lie from those of the group's baseline. Higher is worse; small groups are noisy.",
            Query(worst(f"{_D}:psi{{{_ONE}}}", "group"), "{{group}}"),
            unit="none",
            lowest=0,
            none=_QUIET,
            size=(8, 8),
        ),
    )


def _compared() -> build.Panel:
    return table(
        "Groups beside the reference",
        """Groups of protected segments beside their reference group. Ratio of positive predictions: 1 is parity,
        below 0.8 the four-fifths rule is broken. Differences of the shares of positive predictions and of the true
        positive rates: 0 is parity, far from it is worse.""",
        [
            Label("segment"),
            Label("group"),
            Column("ratio", f"{_BY} ({_F}:disparate_impact_ratio{{{WINDOW}}})", "none", 2),
            Column("standard error", f"{_BY} ({_F}:disparate_impact_ratio_standard_error{{{WINDOW}}})", "none", 3),
            Column(
                "ratio, baseline", f"{_BY} (ml_baseline_fairness_disparate_impact_ratio{{{VERSION}}})", "none", 2
            ),
            Column("difference", f"{_BY} ({_F}:statistical_parity_difference{{{WINDOW}}})", "none", 3),
            Column("true positives", f"{_BY} ({_F}:equal_opportunity_difference{{{WINDOW}}})", "none", 3),
        ],
        sort="ratio",
        descending=False,
        none=_UNPROTECTED,
        size=(12, 8),
    )


def _impact() -> build.Panel:
    return graph(
        "Disparate impact",
        "Positive predictions of a group as a multiple of the reference's. 1 is parity; far from it is worse.",
        Query(f"{_F}:disparate_impact_ratio{{{WINDOW}}}", "{{segment}} {{group}}"),
        unit="none",
        lowest=0,
        none=_UNPROTECTED,
        size=(6, 8),
    )


def _opportunity() -> build.Panel:
    return graph(
        "Equal opportunity",
        "True positive rate of a group less that of the reference group. 0 is parity; far from it is worse.",
        Query(f"{_F}:equal_opportunity_difference{{{WINDOW}}}", "{{segment}} {{group}}"),
        unit="none",
        none=_UNPROTECTED,
        size=(6, 8),
    )
