"""Every performance measure of a model in one table."""

from __future__ import annotations

from typing import Final

from boards.queries import VERSION, WINDOW
from boards.tables import Column, Label, table

_P: Final = "model_version:ml_performance"
_MEASURES: Final = (
    *("accuracy", "balanced_accuracy", "matthews_correlation", "precision_macro", "precision_weighted"),
    *("f1_macro", "f1_weighted", "roc_auc", "roc_auc_weighted", "average_precision", "average_precision_weighted"),
    *("log_loss", "brier", "expected_calibration_error", "calibration_bias"),
    *("mae", "rmse", "mape", "wape", "smape", "r2", "bias"),
)
_SIDECARS: Final = "ml_performance_"
_BASELINE: Final = "ml_baseline_performance_"


def _named(series: str, matchers: str, after: str = "", before: str = "") -> str:
    """Return the values of all measures by a label ``measure``, from series that have it in their names."""
    name = f"{series}{before}({'|'.join(_MEASURES)}){after}"
    found = f'{{__name__=~"{name}", {matchers}}}'
    return f'max by (measure) (label_replace({found}, "measure", "$1", "__name__", "{name}"))'


def _known(after: str = "", before: str = "") -> str:
    """Return what rules record of all measures, or else the largest value of a sidecar."""
    return "\nor\n".join(_named(series, WINDOW, after, before) for series in (f"{_P}:", _SIDECARS))


def _top(series: str, matchers: str) -> str:
    """Return the accuracies of the k highest scores by a label ``measure``."""
    named = '"measure", "top_k_accuracy, k = $1", "k", "(.*)"'
    return f"max by (measure) (label_replace({series}top_k_accuracy{{{matchers}}}, {named}))"


TABLE: Final = table(
    "Every measure",
    """Each measure of the model's task over the labels of the window, beside the baseline's, what the best
    constant answer reaches, and one standard error; what no rule computes is the largest of the sidecars' own
    numbers. Worse by: how many standard errors, of both sides, the measure is worse than on the baseline; beyond 3
    chance does not explain it, below 0 it is better.""",
    [
        Label("measure"),
        Column("now", f"{_known()}\nor\n{_top('model_version_k:ml_performance:', WINDOW)}", "none", 4),
        Column("baseline", f"{_named(_BASELINE, VERSION)}\nor\n{_top(_BASELINE, VERSION)}", "none", 4),
        Column(
            "best constant",
            f"{_known(before='constant_')}\nor\n{_top(f'{_SIDECARS}constant_', WINDOW)}",
            "none",
            4,
        ),
        Column("standard error", _known(after="_standard_error"), "none", 4),
        Column("worse by", f"max by (measure) ({_P}:drop_standard_errors{{{WINDOW}}})", "none", 1),
    ],
    sort="measure",
    descending=False,
    none="no labels in this window",
    size=(24, 15),
)
