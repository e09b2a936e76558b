"""The expected counts as counters: from them a fleet's estimates follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, counter
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.counts import ClassificationRows
from ml_exporter.signals.signal import Column, Columns, JointCounters, Samples, Views
from ml_exporter.sums.fixed import UNIT_INTERVAL

_OF = ("model", "version")
_CONFUSION = counter(
    "ml_estimated_confusion_total",
    "Sum over predictions of the calibrated probability of each true class, by predicted class.",
    *(*_OF, "class", "predicted"),
)
_SCORE_BINS = counter(
    "ml_estimated_score_bin_total",
    "Sum over predictions of the calibrated probability of each class, by bin of the score.",
    *(*_OF, "class", "bin"),
)
_RANKS = counter(
    "ml_estimated_score_below_total",
    "Expected outcomes of the negative class that scored below the bin, and half of those in it.",
    *(*_OF, "class", "bin"),
)
_OUTCOMES = counter("ml_estimate_outcomes_total", "Labelled predictions that carry scores and a class.", *_OF)
_CORRECT = counter("ml_estimate_correct_total", "Of these, predictions that name the true class.", *_OF)
_EXPECTED = counter(
    "ml_estimate_expected_correct_total",
    "Sum over these of the calibrated probability that the predicted class is true.",
    *_OF,
)
_VARIANCE = counter(
    "ml_estimate_variance_total", "Sum over these of that probability times its distance from 1.", *_OF
)


class EstimationCounts(JointCounters):
    """Counters of what was expected since the start.

    Sum their increase over the replicas, then divide: the estimated accuracy, precision and recall from
    ``ml_estimated_confusion_total`` as the realised ones from ``ml_confusion_total``, the estimated ROC AUC from
    ``ml_estimated_score_bin_total`` and ``ml_estimated_score_below_total``; the gap in accuracy is
    ``ml_estimate_correct_total`` less ``ml_estimate_expected_correct_total``, by ``ml_estimate_outcomes_total``,
    with the root of ``ml_estimate_variance_total`` by the same as its standard error.
    """

    key = "estimation_counts"
    metrics = (_CONFUSION, _SCORE_BINS, _RANKS, _OUTCOMES, _CORRECT, _EXPECTED, _VARIANCE)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters of a model whose baseline holds a calibration."""
        return Columns(views, _columns(views)) if views.context.schema.calibration else [()] * len(views)


def _columns(views: Views) -> Iterator[Column]:
    schema, sums, flat = views.context.schema, views.sums, (len(views), -1)
    rows = views.context.derived(ClassificationRows)
    yield _CONFUSION, rows.pairs, UNIT_INTERVAL.decode(sums["expected_confusion"]).reshape(flat)
    if schema.task is Task.BINARY:
        steps = np.add.reduceat(sums["expected_score_bins"], schema.score_groups, axis=-1)
        shown, below = UNIT_INTERVAL.decode(steps), UNIT_INTERVAL.decode(steps[:, 0].cumsum(axis=-1))
        yield _SCORE_BINS, rows.score_bins, shown.reshape(flat)
        yield _RANKS, rows.ranks, below - shown[:, 0] / 2.0
    counts = sums["outcome_expectation"]
    yield _OUTCOMES, ONE, counts[:, :1]
    yield _CORRECT, ONE, counts[:, 1:2]
    yield _EXPECTED, ONE, UNIT_INTERVAL.decode(counts[:, 2:3])
    yield _VARIANCE, ONE, UNIT_INTERVAL.decode(counts[:, 3:])


SIGNAL: Final = EstimationCounts()
