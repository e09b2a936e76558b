"""Every performance measure of a model in one table."""

from __future__ import annotations

from typing import Final

from boards.queries import VERSION, WINDOW
from boards.tables import Column, Label, table

_P: Final = "model_version:ml_performance"
_MEASURES: Final = (
    *("accuracy", "balanced_accuracy", "matthews_correlation", "precision_macro", "precision_weighted"),
    *("f1_macro", "f1_weighted", "roc_auc", "average_precision", "log_loss", "brier"),
    *("expected_calibration_error", "calibration_bias", "mae", "rmse", "mape", "wape", "smape", "r2", "bias"),
)


def _named(series: str, matchers: str, after: str = "", before: str = "") -> str:
    """Return the values of all measures by a label ``measure``, from series that have it in their names."""
    name = f"{series}{before}({'|'.join(_MEASURES)}){after}"
    found = f'{{__name__=~"{name}", {matchers}}}'
    return f'max by (measure) (label_replace({found}, "measure", "$1", "__name__", "{name}"))'


_TOP: Final = f"""max by (measure) (label_replace(
  model_version_k:ml_performance:top_k_accuracy{{{WINDOW}}}, "measure", "top_k_accuracy, k = $1", "k", "(.*)"
))"""

_CONSTANT: Final = _named(f"{_P}:", WINDOW, before="constant_")

TABLE: Final = table(
    "Every measure",
    """Each measure of the model's task over the labels of the window, beside the baseline's, what the best
    constant answer reaches (where only replicas know it, the largest of theirs), and one standard error. Worse by:
    how many standard errors, of both sides, the measure is worse than on the baseline; beyond 3 chance does not
    explain it, below 0 it is better.""",
    [
        Label("measure"),
        Column("now", f"{_named(f'{_P}:', WINDOW)}\nor\n{_TOP}", "none", 4),
        Column("baseline", _named("ml_baseline_performance_", VERSION), "none", 4),
        Column(
            "best constant", f"{_CONSTANT}\nor\n{_named('ml_performance_', WINDOW, before='constant_')}", "none", 4
        ),
        Column("standard error", _named(f"{_P}:", WINDOW, after="_standard_error"), "none", 4),
        Column("worse by", f"max by (measure) ({_P}:drop_standard_errors{{{WINDOW}}})", "none", 1),
    ],
    sort="measure",
    descending=False,
    none="no labels in this window",
    size=(24, 15),
)
