"""Estimation: what calibrated scores say of performance before labels come, and what labels say of them later."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.queries import VERSION, WINDOW, Query, Role, baseline, current, threshold
from boards.sdk import build
from boards.tables import Column, Label, table

_E: Final = "model_version:ml_estimated_performance"
_P: Final = "model_version:ml_performance"
_GAP: Final = "model_version:ml_performance_estimate_gap:accuracy"
_GAP_OF_AREA: Final = "ml_performance_estimate_gap_roc_auc"
_CLASS: Final = "model_version_class:ml_estimated_performance"
_NONE: Final = "the baseline has no calibrated scores, or no predictions with scores in this window"
_UNLABELLED: Final = "the baseline has no calibrated scores, or no labels in this window"


def row() -> Row:
    """Return the row of estimates."""
    return Row(
        "Before labels come",
        [_both("Accuracy", "accuracy"), _both("ROC AUC", "roc_auc"), _gap(), _classes(), _gap_of_area()],
    )


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
        none=_UNLABELLED,
        size=(8, 8),
    )


def _by_class(key: str) -> tuple[Column, Column]:
    before = f"ml_baseline_estimated_performance_{key}{{{VERSION}}}"
    return (
        Column(key, f"max by (class) ({_CLASS}:{key}{{{WINDOW}}})", "none", 3),
        Column(f"{key}, baseline", f"max by (class) ({before})", "none", 3),
    )


def _classes() -> build.Panel:
    return table(
        "Classes, estimated",
        """Precision, recall and F1 of each class that calibrated scores promise of the window's predictions,
        beside the same of the baseline. Lower is worse. What labels say of them stands under Classes.""",
        [Label("class"), *_by_class("precision"), *_by_class("recall"), *_by_class("f1")],
        sort="class",
        descending=False,
        none=_NONE,
        size=(16, 8),
    )


def _gap_of_area() -> build.Panel:
    error = f"2 * {_GAP_OF_AREA}_standard_error{{{WINDOW}}}"
    return graph(
        "Gap of the estimate, ROC AUC",
        """Realised less estimated ROC AUC, of the same predictions, as each sidecar computes it; the band is two
        standard errors to either side, of several sidecars from the lowest end to the highest. Far below 0 is
        worse: scores tell the classes apart less than they promise.""",
        Query(f"min({_GAP_OF_AREA}{{{WINDOW}}} - {error})", "two standard errors below", Role.LOWER),
        Query(f"max({_GAP_OF_AREA}{{{WINDOW}}} + {error})", "two standard errors above", Role.UPPER),
        Query(f"{_GAP_OF_AREA}{{{WINDOW}}}", "{{instance}}"),
        baseline(f"max(ml_baseline_performance_estimate_gap_roc_auc{{{VERSION}}})"),
        unit="none",
        none=f"{_UNLABELLED}, or the sidecar does not keep it",
        size=(8, 8),
    )
