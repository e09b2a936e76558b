"""Outcomes in detail: by class, by score, and as residuals of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from boards.board import Row
from boards.chance import wilson
from boards.colours import CURRENT, NOISE
from boards.graphs import columns, graph
from boards.queries import VERSION, WINDOW, Query, baseline, bin_order, current
from boards.sdk import build
from boards.tables import Column, Label, matrix, table

_P: Final = "model_version:ml_performance"
_CLASS: Final = "model_version_class:ml_performance"
_CELLS: Final = f"model_version_class_predicted:ml_confusion:increase{{{WINDOW}}}"
_CLASSIFIER: Final = "classifier only, or no labels in this window"
_BINARY: Final = "two classes with scores only, or no labels in this window"
_REGRESSION: Final = "regression only, or no labels in this window"
_COUNTS: Final = f"increase(ml_calibration_outcomes_total{{{VERSION}}}[$window])"
_RANKED: Final = f"increase(ml_score_below_total{{{VERSION}}}[$window])"
"""Of the negative class alone, which tells the classes apart."""
_POSITIVE: Final = f"sum by (bin) ({_COUNTS} unless ignoring (bin) group without (bin) ({_RANKED}))"
_ALL: Final = f"(sum by (bin) ({_COUNTS}) > 0)"
_SCORES: Final = f"sum by (bin) (increase(ml_calibration_score_total{{{VERSION}}}[$window]))"
_NEGATIVE: Final = f"({_ALL} - {_POSITIVE})"
_ERRED: Final = f"(model_version:ml_outcome_scored:increase{{{WINDOW}}} > 0)"


def _beside(
    title: str, says: str, key: str, unit: str, none: str, size: tuple[int, int], *more: Query
) -> build.Panel:
    """Return a recorded measure beside the baseline's."""
    return graph(
        title,
        f"{says} Over the labels of the window.",
        current(f"{_P}:{key}{{{WINDOW}}}", title),
        baseline(f"max(ml_baseline_performance_{key}{{{VERSION}}})"),
        *more,
        unit=unit,
        none=none,
        size=size,
    )


def _by_class(key: str) -> tuple[Column, Column]:
    return (
        Column(key, f"max by (class) ({_CLASS}:{key}{{{WINDOW}}})", "none", 3),
        Column(f"{key}, baseline", f"max by (class) (ml_baseline_performance_{key}{{{VERSION}}})", "none", 3),
    )


_CLASSES: Final = (
    matrix(
        "Confusion matrix",
        """Of the labels of each true class (a row), the share predicted as each class (a column). The diagonal is
        right; darker is more.""",
        "class",
        "predicted",
        f"sum by (class, predicted) ({_CELLS})\n/ on (class) group_left ()\n(sum by (class) ({_CELLS}) > 0)",
        _CLASSIFIER,
        (6, 8),
    ),
    table(
        "Classes",
        """Precision (of the predictions of a class, the share that is right), recall (of the events of a class,
        the share found) and F1 (their harmonic mean), beside the baseline's. Higher is better.""",
        [
            Label("class"),
            Column("labels", f"max by (class) (model_version_class:ml_confusion:actual{{{WINDOW}}})"),
            *_by_class("precision"),
            *_by_class("recall"),
            *_by_class("f1"),
        ],
        sort="class",
        descending=False,
        none=_CLASSIFIER,
        size=(18, 8),
    ),
)


def _with_interval(key: str, trials: str) -> tuple[Column, Column, Column]:
    of, counted = f"{_CLASS}:{key}{{{WINDOW}}}", f"model_version_class:ml_confusion:{trials}{{{WINDOW}}}"
    lower, upper = (f"max by (class) ({end})" for end in wilson(of, counted))
    return (
        Column(key, f"max by (class) ({of})", "none", 3),
        Column(f"{key} from", lower, "none", 3),
        Column(f"{key} to", upper, "none", 3),
    )


def _of_sidecars(title: str, key: str) -> tuple[Column, Column]:
    name = f"ml_performance_class_{key}"
    return (
        Column(title, f"min by (class) ({name}{{{WINDOW}}})", "none", 3),
        Column(f"{title} ±", f"max by (class) ({name}_standard_error{{{WINDOW}}})", "none", 3),
    )


_LABELS: Final = f"model_version_class:ml_confusion:actual{{{WINDOW}}}"
_SHARE: Final = f"{_LABELS} / ignoring (class) group_left () (model_version:ml_confusion:outcomes{{{WINDOW}}} > 0)"

_EVERY_CLASS: Final = table(
    "Every class",
    """How sure the numbers of each class are: precision and recall with their 95 % interval; F1 with one standard
    error; and where there are more than two classes, the area under the ROC curve and the average precision (AP)
    against the rest with theirs, as the sidecar computes them, of several the lowest area and the largest error.
    Share: of all labels, which is the precision that always naming the class would have, and chance for AP;
    constant F1 is the F1 of the same. Higher is better but for the last two, which are marks to compare with.""",
    [
        Label("class"),
        *_with_interval("precision", "predicted"),
        *_with_interval("recall", "actual"),
        Column("F1", f"max by (class) ({_CLASS}:f1{{{WINDOW}}})", "none", 3),
        Column("F1 ±", f"max by (class) ({_CLASS}:f1_standard_error{{{WINDOW}}})", "none", 3),
        *_of_sidecars("ROC AUC", "roc_auc"),
        *_of_sidecars("AP", "average_precision"),
        Column("share", f"max by (class) ({_SHARE})", "none", 3),
        Column("constant F1", f"max by (class) (2 * {_SHARE} / (1 + {_SHARE}))", "none", 3),
    ],
    sort="class",
    descending=False,
    none=_CLASSIFIER,
    size=(24, 8),
)

_SCORED: Final = (
    columns(
        "Calibration",
        """Of the predictions in each tenth of the score: their mean score, and the share of them that was of the
        positive class. Equal columns are calibrated; where the observed one is lower the model is too sure.""",
        "bin",
        {"mean score": f"{_SCORES} / {_ALL}", "observed": f"{_POSITIVE} / {_ALL}"},
        bin_order(_SCORES),
        none=_BINARY,
        colours={"mean score": NOISE, "observed": CURRENT},
    ),
    columns(
        "Scores by true class",
        """Of the labels of each class, the share in each tenth of the score. A model that tells classes apart has
        the negative class at the left and the positive one at the right.""",
        "bin",
        {
            "negative": f"{_NEGATIVE} / on () group_left () (sum({_NEGATIVE}) > 0)",
            "positive": f"{_POSITIVE} / on () group_left () (sum({_POSITIVE}) > 0)",
        },
        bin_order(_SCORES),
        none=_BINARY,
        colours={"negative": NOISE, "positive": CURRENT},
    ),
)


def _constant(key: str) -> Query:
    return Query(f"{_P}:constant_{key}{{{WINDOW}}}", "best constant")


def _class_history(key: str, says: str) -> build.Panel:
    return graph(
        f"{key.capitalize()} by class",
        f"{says} Grey: the baseline. Higher is better.",
        Query(f"{_CLASS}:{key}{{{WINDOW}}}", "{{class}}"),
        baseline(f"max by (class) (ml_baseline_performance_{key}{{{VERSION}}})", "baseline of {{class}}"),
        unit="none",
        none=_CLASSIFIER,
        size=(8, 8),
    )


def rows() -> Sequence[Row]:
    """Return a row each for classes, scores and residuals."""
    return (
        Row(
            "Classes",
            [
                *_CLASSES,
                _EVERY_CLASS,
                _class_history("precision", "Of the predictions of a class, the share that is right."),
                _class_history("recall", "Of the events of a class, the share found."),
                _class_history("f1", "Harmonic mean of precision and recall."),
                _beside(
                    "Balanced accuracy",
                    "Mean recall of the classes, however rare each is. Lower is worse.",
                    "balanced_accuracy",
                    "none",
                    _CLASSIFIER,
                    (12, 8),
                ),
                _beside(
                    "Matthews correlation",
                    "Correlation of true and predicted class; 0 is any constant answer. Lower is worse.",
                    "matthews_correlation",
                    "none",
                    _CLASSIFIER,
                    (12, 8),
                ),
            ],
        ),
        Row(
            "Scores",
            [
                *_SCORED,
                _beside(
                    "Log loss",
                    "Mean negative logarithm of the true class's score, in nats. Higher is worse.",
                    "log_loss",
                    "none",
                    _CLASSIFIER,
                    (8, 8),
                    _constant("log_loss"),
                ),
                _beside(
                    "Brier score",
                    "Mean squared error of the score. Higher is worse.",
                    "brier",
                    "none",
                    _BINARY,
                    (8, 8),
                    _constant("brier"),
                ),
                _beside(
                    "Calibration error",
                    "Mean gap between score and observed share, over tenths of the score. Higher is worse.",
                    "expected_calibration_error",
                    "none",
                    _BINARY,
                    (8, 8),
                ),
                _beside(
                    "Average precision",
                    """Mean precision at the score of each positive event; the share of positives is chance. Lower
                    is worse.""",
                    "average_precision",
                    "none",
                    _BINARY,
                    (12, 8),
                ),
                _beside(
                    "Bias of the calibration",
                    """Mean score minus observed share. Far from 0 is worse: above, the model expects too many
                    positives.""",
                    "calibration_bias",
                    "none",
                    _BINARY,
                    (12, 8),
                ),
            ],
        ),
        Row(
            "Residuals of a regression",
            [
                _beside(
                    "Bias",
                    """Mean of prediction minus label, in its unit. Far from 0 is worse: above, the model predicts
                    too much.""",
                    "bias",
                    "none",
                    _REGRESSION,
                    (8, 8),
                ),
                _beside(
                    "RMSE",
                    "Root mean squared error, in the unit of the label; large errors weigh more. Higher is worse.",
                    "rmse",
                    "none",
                    _REGRESSION,
                    (8, 8),
                ),
                _beside(
                    "MAPE",
                    "Mean absolute error as a share of the label, labels of 0 left out. Higher is worse.",
                    "mape",
                    "percentunit",
                    _REGRESSION,
                    (8, 8),
                ),
                _beside(
                    "WAPE",
                    """Sum of the absolute errors as a share of the labels' sum; labels near 0 weigh little. Higher
                    is worse.""",
                    "wape",
                    "percentunit",
                    _REGRESSION,
                    (8, 8),
                ),
                _beside(
                    "sMAPE",
                    """Mean absolute error as a share of the mean of label and prediction, at most 200 %. Higher is
                    worse.""",
                    "smape",
                    "percentunit",
                    _REGRESSION,
                    (8, 8),
                ),
                graph(
                    "Quantiles of the residuals",
                    """Prediction minus label, in its unit: a twentieth, half and nineteen twentieths of the
                    predictions of a replica stay below. Far from 0 is worse. Over the labels of the window.""",
                    Query(f"ml_performance_residual_quantile{{{WINDOW}}}", "{{share}} {{instance}}"),
                    unit="none",
                    none=_REGRESSION,
                    size=(8, 8),
                ),
                graph(
                    "Too much and too little",
                    """Mean error upwards and downwards, in the unit of the label; together they are MAE. Higher is
                    worse; unequal ones are a bias.""",
                    Query(f"model_version:ml_outcome_overestimate:increase{{{WINDOW}}} / {_ERRED}", "too much"),
                    Query(f"model_version:ml_outcome_underestimate:increase{{{WINDOW}}} / {_ERRED}", "too little"),
                    unit="none",
                    none=_REGRESSION,
                    lowest=0,
                ),
                _beside(
                    "R2",
                    "Share of the variance of the labels that is predicted. Lower is worse.",
                    "r2",
                    "none",
                    _REGRESSION,
                    (12, 8),
                ),
            ],
        ),
    )
