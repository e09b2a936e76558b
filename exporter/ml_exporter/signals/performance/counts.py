"""The sums over labelled predictions as counters: from them a fleet's performance follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, Rows, counter
from ml_exporter.core.schema import Task
from ml_exporter.core.text import label_value
from ml_exporter.signals.performance.expected_calibration_error import by_tenth
from ml_exporter.signals.performance.top_k_accuracy import rows as top_rows
from ml_exporter.signals.signal import Column, Columns, JointCounters, ModelContext, Samples, Views
from ml_exporter.sums.classification import CALIBRATION_BINS
from ml_exporter.sums.fixed import LOG_LOSS, LOG_LOSS_SQUARED, UNIT_INTERVAL, WIDE

_OF = ("model", "version")
_CONFUSION = counter(
    "ml_confusion_total", "Labelled predictions by true and by predicted class.", *_OF, "class", "predicted"
)
_SCORE_BINS = counter(
    "ml_score_bin_total", "Scored outcomes by true class and bin of the score.", *_OF, "class", "bin"
)
_RANKS = counter(
    "ml_score_below_total",
    "Outcomes of the negative class that scored below the bin, and half of those in it.",
    *(*_OF, "class", "bin"),
)
_ABOVE_BIN = counter(
    "ml_score_above_total",
    "Outcomes of the positive class that scored in the bin or above it.",
    *(*_OF, "class", "bin"),
)
_CALIBRATION = counter(
    "ml_calibration_outcomes_total",
    "Scored outcomes by true class and tenth of the score.",
    *(*_OF, "class", "bin"),
)
_CALIBRATION_SCORES = counter(
    "ml_calibration_score_total", "Sum of the scores of outcomes by tenth of the score.", *_OF, "bin"
)
_LOG_LOSS = counter("ml_outcome_log_loss_total", "Sum of the log losses of scored outcomes in nats.", *_OF)
_SQUARED = counter(
    "ml_outcome_squared_error_total",
    "Sum of the squared errors: of the score (binary), or of the predicted value in squared label units.",
    *_OF,
)
_LOG_LOSS_SQUARED = counter(
    "ml_outcome_log_loss_squared_total", "Sum of the squares of the log losses of scored outcomes.", *_OF
)
_FOURTH = counter(
    "ml_outcome_squared_error_squared_total",
    "Sum of the squares of each outcome's squared error, for standard errors.",
    *_OF,
)
_TOP = counter(
    "ml_outcome_top_k_total", "Scored outcomes whose true class has one of the k highest scores.", *_OF, "k"
)
_SCORED = counter("ml_outcome_scored_total", "Labelled predictions that carry scores or a predicted value.", *_OF)
_OVER = counter("ml_outcome_overestimate_total", "Sum of prediction minus label where positive.", *_OF)
_UNDER = counter("ml_outcome_underestimate_total", "Sum of label minus prediction where positive.", *_OF)
_SHARE = counter("ml_outcome_error_share_total", "Sum of the absolute errors as shares of nonzero labels.", *_OF)
_NONZERO = counter("ml_outcome_nonzero_total", "Labelled predictions whose label is not 0.", *_OF)
_SIZE = counter("ml_outcome_label_size_total", "Sum of the absolute values of the labels.", *_OF)
_SYMMETRIC = counter(
    "ml_outcome_symmetric_error_total",
    "Sum of the absolute errors as shares of the mean of label and prediction.",
    *_OF,
)
_ABOVE = counter(
    "ml_outcome_label_above_total", "Sum of label minus the baseline's mean label where positive.", *_OF
)
_BELOW = counter(
    "ml_outcome_label_below_total", "Sum of the baseline's mean label minus label where positive.", *_OF
)
_SPREAD = counter(
    "ml_outcome_label_squared_total",
    "Sum of the squares of label minus the baseline's mean label.",
    *_OF,
)


class ClassificationRows:
    """Rows of the classification counters, made once a model."""

    def __init__(self, context: ModelContext) -> None:
        schema = context.schema
        names = [label_value(name) for name in schema.classes]
        self.pairs = Rows(tuple((true, predicted) for true in names for predicted in names))
        signs = [names[1 - schema.positive], names[schema.positive]] if schema.task is Task.BINARY else []
        shown = ["0", *(f"{schema.score_edges[start - 1]:.6g}" for start in schema.score_groups[1:]), "1"]
        self.ranks = Rows(tuple((sign, label) for sign in signs[:1] for label in _intervals(shown)))
        self.above = Rows(tuple((sign, label) for sign in signs[1:] for label in _intervals(shown)))
        self.score_bins = Rows(tuple((sign, label) for sign in signs for label in _intervals(shown)))
        tenths = _intervals([f"{edge / CALIBRATION_BINS:g}" for edge in range(CALIBRATION_BINS + 1)])
        self.signed_tenths = Rows(tuple((sign, label) for sign in signs for label in tenths))
        self.tenths = Rows.of(tenths)
        self.tops = top_rows(context)


def _intervals(bounds: list[str]) -> list[str]:
    last = len(bounds) - 2
    return [f"[{bounds[i]}, {bounds[i + 1]}{']' if i == last else ')'}" for i in range(last + 1)]


class OutcomeCounts(JointCounters):
    """Counters of the outcomes since the start.

    Sum their increase over the replicas, then divide: accuracy, precision and recall from
    ``ml_confusion_total``, ROC AUC from ``ml_score_bin_total`` and ``ml_score_below_total`` (which negatives a
    positive of a bin outranks: with it PromQL needs no order of the bins), average precision from these and
    ``ml_score_above_total``, calibration error from ``ml_calibration_outcomes_total`` and
    ``ml_calibration_score_total``, means of the losses and errors from their sums and counts, standard errors from
    the sums of squares.
    """

    key = "outcome_counts"
    metrics = (
        *(_CONFUSION, _SCORE_BINS, _RANKS, _ABOVE_BIN, _CALIBRATION, _CALIBRATION_SCORES),
        *(_LOG_LOSS, _LOG_LOSS_SQUARED, _SQUARED, _FOURTH, _TOP, _SCORED),
        *(_OVER, _UNDER, _SHARE, _NONZERO, _SIZE, _SYMMETRIC, _ABOVE, _BELOW, _SPREAD),
    )

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters of the model's task."""
        of_task = _classification if views.context.schema.is_classifier else _regression
        return Columns(views, of_task(views))


def _classification(views: Views) -> Iterator[Column]:
    rows = views.context.derived(ClassificationRows)
    schema, sums, flat = views.context.schema, views.sums, (len(views), -1)
    yield _CONFUSION, rows.pairs, sums["confusion"].reshape(flat)
    if schema.task is Task.BINARY:
        bins = sums["score_bins"]
        shown = np.add.reduceat(bins, schema.score_groups, axis=-1)
        yield _SCORE_BINS, rows.score_bins, shown.reshape(flat)
        yield _RANKS, rows.ranks, shown[:, 0].cumsum(axis=-1) - shown[:, 0] / 2.0
        yield _ABOVE_BIN, rows.above, shown[:, 1, ::-1].cumsum(axis=-1)[:, ::-1]
        yield _CALIBRATION, rows.signed_tenths, by_tenth(bins, schema).reshape(flat)
        yield _CALIBRATION_SCORES, rows.tenths, UNIT_INTERVAL.decode(sums["score_sums"])
        yield _LOG_LOSS, ONE, LOG_LOSS.decode(sums["score_loss"][:, :1])
        yield _SQUARED, ONE, UNIT_INTERVAL.decode(sums["score_loss"][:, 1:])
        yield _LOG_LOSS_SQUARED, ONE, LOG_LOSS_SQUARED.decode(sums["loss_squares"][:, :1])
        yield _FOURTH, ONE, UNIT_INTERVAL.decode(sums["loss_squares"][:, 1:])
        yield _SCORED, ONE, bins.sum(axis=(-2, -1))[:, None]
    elif "class_score_loss" in sums:
        losses = sums["class_score_loss"]
        yield _LOG_LOSS, ONE, LOG_LOSS.decode(losses[:, :1])
        yield _SQUARED, ONE, 2.0 * UNIT_INTERVAL.decode(losses[:, 1:2])
        yield _LOG_LOSS_SQUARED, ONE, LOG_LOSS_SQUARED.decode(sums["loss_squares"][:, :1])
        yield _FOURTH, ONE, LOG_LOSS.decode(sums["loss_squares"][:, 1:])
        if len(rows.tops):
            yield _TOP, rows.tops, sums["top_hits"][:, 1:]
        yield _SCORED, ONE, losses[:, 2:]


def _regression(views: Views) -> Iterator[Column]:
    sums = views.sums
    yield _SCORED, ONE, sums["estimated"][:, :1]
    yield _NONZERO, ONE, sums["estimated"][:, 1:]
    for name, metrics in (
        ("error_sums", (_OVER, _UNDER, _SQUARED, _SHARE)),
        ("error_scales", (_SIZE, _SYMMETRIC, _FOURTH)),
        ("label_sums", (_ABOVE, _BELOW, _SPREAD)),
    ):
        totals = WIDE.decode(sums[name])
        for place, metric in enumerate(metrics):
            yield metric, ONE, totals[:, place : place + 1]


SIGNAL: Final = OutcomeCounts()
