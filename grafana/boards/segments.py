"""Segments: which groups of predictions fare worst, one segment over time, and fairness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from boards.board import Row
from boards.chance import around
from boards.graphs import graph
from boards.links import chosen
from boards.queries import VERSION, WINDOW, Query, worst
from boards.sdk import build
from boards.tables import Column, Label, table

_L: Final = "model_version_segment_group"
_P: Final = f"{_L}:ml_segment_performance"
_S: Final = "ml_segment_performance"
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
_RATES: Final = {
    "disparate_impact_ratio": "selection",
    "statistical_parity_difference": "selection",
    "equal_opportunity_difference": "true_positive",
    "average_odds_difference": "true_positive|false_positive",
}
"""The rates on which each measure of fairness rests."""


def rows() -> Sequence[Row]:
    """Return a row for segments and one for fairness."""
    return (Row("Segments", [_ranked(), *_history()]), Row("Fairness", [_compared(), *_differences()]))


def _ranked() -> build.Panel:
    return table(
        "Worst groups",
        """Groups of all segments, the one that fell farthest below its own baseline first; click on one to choose
        its segment. Fall is how far accuracy lies below the baseline's, or which share MAE has grown by: higher is
        worse. Value and baseline are accuracy (higher is better) or MAE (lower is better). Balanced: balanced
        accuracy, higher is better, or RMSE, lower is. ROC AUC: the lowest that a sidecar computes, higher is
        better. After ± stands a standard error, of the last two the largest of the sidecars. PSI of the
        predictions: higher is worse. Gaps: values of features that a prediction lacks, on average. A group with
        fewer labels than the minimum of samples has no fall.""",
        [
            Label("segment", link=chosen("ml-performance", "segment")),
            Label("group"),
            Column("fall", f"{_BY} ({_FALL})", "none", 3),
            Column("value", f"{_BY} ({_P}:accuracy{{{WINDOW}}} or {_P}:mae{{{WINDOW}}})", "none", 3),
            Column(
                "value ±",
                f"{_BY} ({_P}:accuracy_standard_error{{{WINDOW}}} or {_P}:mae_standard_error{{{WINDOW}}})",
                "none",
                3,
            ),
            Column("baseline", f"{_BY} ({_B}_accuracy:max{{{VERSION}}} or {_B}_mae:max{{{VERSION}}})", "none", 3),
            Column(
                "balanced, or RMSE",
                f"{_BY} ({_P}:balanced_accuracy{{{WINDOW}}} or {_P}:rmse{{{WINDOW}}})",
                "none",
                3,
            ),
            Column("balanced ±", f"{_BY} ({_S}_balanced_accuracy_standard_error{{{WINDOW}}})", "none", 3),
            Column("ROC AUC", f"min by (segment, group) ({_S}_roc_auc{{{WINDOW}}})", "none", 3),
            Column("ROC AUC ±", f"{_BY} ({_S}_roc_auc_standard_error{{{WINDOW}}})", "none", 3),
            Column("labels", f"{_BY} ({_P}:labels{{{WINDOW}}} > 0)"),
            Column("PSI", f"{_BY} ({_D}:psi{{{WINDOW}}})", "none", 3),
            Column("predictions", f"{_BY} ({_L}:ml_segment_predictions:increase{{{WINDOW}}} > 0)"),
            Column("share", f"{_BY} ({_L}:ml_segment_share:ratio{{{WINDOW}}} > 0)", "percentunit"),
            Column(
                "errors",
                f"{_BY} ({_L}:ml_segment_prediction_errors_per_prediction:ratio{{{WINDOW}}})",
                "percentunit",
            ),
            Column("gaps", f"{_BY} ({_L}:ml_segment_feature_gaps_per_prediction:ratio{{{WINDOW}}})", "none", 3),
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


def _named(series: str, matchers: str, measures: str, after: str = "") -> str:
    """Return the values of measures by a label ``measure``, from series that have it in their names."""
    name = f"{series}({measures}){after}"
    found = f'{{__name__=~"{name}", {matchers}}}'
    return f'max by (segment, group, measure) (label_replace({found}, "measure", "$1", "__name__", "{name}"))'


def _counted(measure: str, rates: str) -> str:
    least = f'min by (segment, group) ({{__name__=~"{_F}_({rates}):samples", {WINDOW}}})'
    return f'label_replace({least}, "measure", "{measure}", "", "")'


def _compared() -> build.Panel:
    errors = _named(f"{_F}:", WINDOW, ".*", "_standard_error")
    ratio = _named(f"{_F}:", WINDOW, "disparate_impact_ratio")
    difference = _named(f"{_F}:", WINDOW, ".*_difference")
    ends = zip(around(ratio, errors), around(difference, errors), strict=True)
    lower, upper = (f"clamp({one}, 0, Inf)\nor\nclamp({other}, -1, 1)" for one, other in ends)
    away = f"""abs({difference})
or
abs({ratio} - 1)"""
    return table(
        "Groups beside the reference",
        """Groups of protected segments beside their reference group, the one that is most certainly treated
        otherwise first. Parity is 1 for the ratio of positive predictions, below 0.8 the four-fifths rule is
        broken, and 0 for the differences: of the shares of positive predictions (statistical parity), of the true
        positive rates (equal opportunity), of both error rates (average odds). From and to: the 95 % interval. Off
        parity: by how many standard errors; beyond 3 chance does not explain it. Counted: the group's predictions,
        or labels, behind a measure; of the reference group that is all there is.""",
        [
            Label("segment"),
            Label("group"),
            Label("measure"),
            Column("now", _named(f"{_F}:", WINDOW, ".*_(?:difference|ratio)"), "none", 3),
            Column("from", lower, "none", 3),
            Column("to", upper, "none", 3),
            Column("standard error", errors, "none", 3),
            Column("baseline", _named("ml_baseline_fairness_", VERSION, ".*"), "none", 3),
            Column("off parity", f"(\n{away}\n)\n/\n({errors} > 0)", "none", 1),
            Column("counted", "\nor\n".join(_counted(*each) for each in _RATES.items())),
        ],
        sort="off parity",
        none=_UNPROTECTED,
        size=(24, 9),
    )


def _of_groups(title: str, says: str, measure: str) -> build.Panel:
    return graph(
        title,
        f"{says}; far from it is worse.",
        Query(f"{_F}:{measure}{{{WINDOW}}}", "{{segment}} {{group}}"),
        unit="none",
        lowest=0 if measure.endswith("ratio") else None,
        none=_UNPROTECTED,
        size=(8, 8),
    )


def _differences() -> Sequence[build.Panel]:
    return (
        _of_groups(
            "Disparate impact",
            "Positive predictions of a group as a multiple of the reference's. 1 is parity",
            "disparate_impact_ratio",
        ),
        _of_groups(
            "Equal opportunity",
            "True positive rate of a group less that of the reference group. 0 is parity",
            "equal_opportunity_difference",
        ),
        _of_groups(
            "Average odds",
            """Mean of the differences of true and of false positive rate to the reference group; those of opposite
            sign cancel out. 0 is parity""",
            "average_odds_difference",
        ),
    )
