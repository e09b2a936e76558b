"""The signals that yield measures of performance over expected counts, and what these are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import NoData
from ml_exporter.signals.performance.measure import PerformanceSignal
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes
from ml_exporter.signals.performance.uncertainty import error_of_share
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    ModelContext,
    Samples,
    Views,
)
from ml_exporter.sums.estimation import ONE
from ml_exporter.sums.layout import Sums


class EstimationSignal(PerformanceSignal):
    """One measure over what is expected of the predictions of each window, and of the baseline."""

    named: ClassVar[str] = "estimated_{}"
    shown: ClassVar[str] = "estimated_performance_{}"
    within: ClassVar[str] = "estimated for the predictions within the window"

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the value of each window; none of a model whose baseline holds no calibration."""
        schema = views.context.schema
        if schema.task in self.measure.tasks and not schema.calibration:
            return [[NoData(view.scope, self.key, NO_BASELINE)] for view in views]
        return super().over_windows(views)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline, if that holds a calibration."""
        if context.schema.calibration:
            yield from super().of_baseline(context, version)

    def shortage(self, sums: Sums, samples: int) -> str:
        """Return why there is no sample over so few ``samples``."""
        if samples:
            return TOO_FEW_SAMPLES
        return NO_SCORES if int(sums["traffic"][0]) else NO_EVENTS


class GapSignal(EstimationSignal):
    """What came less what was expected, over predictions whose labels arrived within each window."""

    named: ClassVar[str] = "estimate_{}"
    shown: ClassVar[str] = "performance_estimate_{}"
    within: ClassVar[str] = PerformanceSignal.within

    def shortage(self, sums: Sums, samples: int) -> str:
        """Return why there is no sample over so few ``samples``."""
        return PerformanceSignal.shortage(self, sums, samples)


def confusion_of(sums: Outcomes) -> Confusion:
    """Return what follows from the expected counts, in steps, by true and by predicted class."""
    return sums.derived(_confusion)


def _confusion(sums: Outcomes) -> Confusion:
    return Confusion.of(sums["expected_confusion"])


def expected(sums: Outcomes) -> IntArray:
    """Return the number of predictions with scores and a class, (…,): their probabilities add up to one each."""
    return sums.derived(_expected)


def _expected(sums: Outcomes) -> IntArray:
    return np.asarray(confusion_of(sums).outcomes // ONE)


def errors_by_class(sums: Outcomes) -> FloatArray:
    """Return the standard errors of precision, recall and F1 of as many labels, (3, …, classes)."""
    return sums.derived(_errors_by_class)


def _errors_by_class(sums: Outcomes) -> FloatArray:
    confusion = confusion_of(sums)
    named, actual, right = confusion.predicted, confusion.actual, confusion.right
    trials = np.array((named, actual, named + actual))
    share = np.array((right, right, 2 * right)) / np.maximum(trials, 1)
    errors = error_of_share(share, trials / ONE)
    errors[2] *= np.sqrt(2.0 - share[2])
    return errors


def scored(sums: Outcomes) -> IntArray:
    """Return the number of predictions with scores, (…,)."""
    return sums.derived(_scored)


def _scored(sums: Outcomes) -> IntArray:
    return _rows(sums["expected_score_bins"], sums["expected_confusion"])


def expected_outcomes(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions with scores and a class, (…,)."""
    return np.asarray(sums["outcome_expectation"][..., 0])


def expected_scored_outcomes(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions with scores, (…,)."""
    return _rows(sums["outcome_expected_bins"], sums["expected_confusion"])


def _rows(bins: IntArray, confusion: IntArray) -> IntArray:
    """Return the predictions in ``bins``, (…, 2, bins) or (…, classes, 2, bins), beside (…, classes, classes)."""
    leading = confusion.ndim - 2
    first = bins if bins.ndim == leading + 2 else bins[..., 0, :, :]
    return np.asarray(first.sum(axis=(-2, -1)) // ONE)
