"""Estimation: what calibrated scores say of performance before labels come, and what labels say of them later."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.queries import VERSION, WINDOW, Query, Role, baseline, current, threshold
from boards.sdk import build

_E: Final = "model_version:ml_estimated_performance"
_P: Final = "model_version:ml_performance"
_GAP: Final = "model_version:ml_performance_estimate_gap:accuracy"
_NONE: Final = "the baseline has no calibrated scores, or no predictions with scores in this window"


def row() -> Row:
    """Return the row of estimates."""
    return Row("Before labels come", [_both("Accuracy", "accuracy"), _both("ROC AUC", "roc_auc"), _gap()])


def _both(name: str, key: str) -> build.Panel:
    return graph(
        f"{name}, estimated and realised",
        f"""{name} that calibrated scores promise of the window's predictions, and what labels said that arrived
        within it. Lower is worse. Where the two part and labels come late, they are of other predictions; the gap
        beside is of the same ones. An estimate cannot see a changed concept.""",
        current(f"{_E}:{key}{{{WINDOW}}}", "estimated"),
        Query(f"{_P}:{key}{{{WINDOW}}}", "realised"),
        baseline(f"max(ml_baseline_estimated_performance_{key}{{{VERSION}}})"),
        threshold(
            f"max(ml_baseline_estimated_performance_{key}{{{VERSION}}})"
            f' - max({_E}_drop:threshold{{{VERSION}, measure="{key}"}})'
        ),
        unit="none",
        none=_NONE,
        size=(8, 8),
    )


def _gap() -> build.Panel:
    error = f"2 * {_GAP}_standard_error{{{WINDOW}}}"
    return graph(
        "Gap of the estimate",
        """Realised less estimated accuracy, of the same predictions, for the labels of the window; the band is two
        standard errors to either side. Far below 0 scores promise too much: the concept has changed, or the
        calibration has decayed.""",
        Query(f"{_GAP}{{{WINDOW}}} - {error}", "two standard errors below", Role.LOWER),
        Query(f"{_GAP}{{{WINDOW}}} + {error}", "two standard errors above", Role.UPPER),
        current(f"{_GAP}{{{WINDOW}}}", "gap"),
        unit="none",
        none="the baseline has no calibrated scores, or no labels in this window",
        size=(8, 8),
    )
