"""The sums that performance measures read, and what several of them derive from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema
from ml_exporter.signals.signal import ModelContext, Views
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums

T = TypeVar("T")


class Outcomes(Sums):
    """Sums of a model, of several windows or groups if they have leading axes, that do not change any more.

    So what several measures derive from them is made once.
    """

    __slots__ = ("_derived", "_listed", "schema")

    def __init__(self, sums: Sums, schema: ModelSchema) -> None:
        super().__init__(sums.layout, sums.vector)
        self.schema = schema
        self._derived: dict[Callable[..., Any], Any] = {}
        self._listed: dict[Callable[..., Any], list[int]] = {}

    def derived(self, make: Callable[[Outcomes], T]) -> T:
        """Return ``make(self)``, made at the first call and kept."""
        value: T | None = self._derived.get(make)
        if value is None:
            value = self._derived[make] = make(self)
        return value

    def listed(self, samples: Callable[[Outcomes], IntArray]) -> list[int]:
        """Return the ``samples`` (windows,) as a list, which several measures look through."""
        value: list[int] | None = self._listed.get(samples)
        if value is None:
            value = self._listed[samples] = samples(self).tolist()
        return value


def outcomes_of_all(views: Views) -> Outcomes:
    """Return the sums of all windows in one, with the windows as leading axis."""
    return Outcomes(views.sums, views.context.schema)


def outcomes_of_baseline(context: ModelContext) -> Outcomes:
    """Return the sums of the baseline."""
    return Outcomes(context.reference.sums, context.schema)


@dataclass(frozen=True, slots=True)
class Confusion:
    """What follows from the counts by true and by predicted class, (…, classes, classes).

    ``counts`` are these; ``right``, ``actual`` and ``predicted``, (…, classes), are the outcomes of each class
    that were predicted so, those that a label named so, and those predicted so; ``hits`` and ``outcomes``, (…,),
    the right ones and all.
    """

    counts: IntArray
    right: IntArray
    actual: IntArray
    predicted: IntArray
    hits: IntArray
    outcomes: IntArray

    @classmethod
    def of(cls, counts: IntArray) -> Confusion:
        """Return what follows from counts."""
        right, actual = counts.diagonal(axis1=-2, axis2=-1), counts.sum(axis=-1)
        return cls(counts, right, actual, counts.sum(axis=-2), right.sum(axis=-1), actual.sum(axis=-1))


@dataclass(frozen=True, slots=True)
class Scores:
    """What follows from the outcomes of two classes by bin of the score, (…, 2, bins): negatives, positives.

    ``upto`` counts those in the bins up to each bin, itself included; ``below`` those in the bins below it and
    half of its own; ``totals``, (…, 2), all.
    """

    bins: IntArray
    upto: IntArray
    below: FloatArray
    totals: IntArray

    @classmethod
    def of(cls, bins: IntArray) -> Scores:
        """Return what follows from counts."""
        upto = bins.cumsum(axis=-1)
        return cls(bins, upto, upto - bins / 2.0, upto[..., -1])


def ratio(total: FloatArray | IntArray, outcomes: IntArray) -> FloatArray:
    """Return ``total / outcomes``, both (…,), as (…, 1); without an outcome both are 0, and so is the ratio."""
    return np.asarray(total / np.maximum(outcomes, 1))[..., None]


def shares(part: FloatArray | IntArray, whole: FloatArray | IntArray) -> FloatArray:
    """Return ``part / whole``, NaN where the whole is 0."""
    return np.asarray(part / np.where(whole > 0, whole, np.nan))


def no_outcomes(sums: Outcomes) -> IntArray:
    """Return 0 labelled predictions, (…,), for what the model has no sums of."""
    return np.zeros(sums.vector.shape[:-1], np.int64)


def joined(sums: Sums) -> int:
    """Return the number of labelled predictions of one window."""
    return int(sums["label_delay"][:-1].sum())


def confusion_of(sums: Outcomes) -> Confusion:
    """Return what follows from the counts by true and by predicted class."""
    return sums.derived(_confusion)


def _confusion(sums: Outcomes) -> Confusion:
    return Confusion.of(sums["confusion"])


def scores_of(sums: Outcomes) -> Scores:
    """Return what follows from the score bins: of two classes, or of each class against the rest."""
    return sums.derived(_scores)


def _scores(sums: Outcomes) -> Scores:
    return Scores.of(sums["score_bins" if "score_bins" in sums else "class_score_bins"])


def confused(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions that carry a predicted class, (…,)."""
    return confusion_of(sums).outcomes


def scored(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions that carry scores, (…,)."""
    if "score_bins" in sums:
        return sums.derived(_scored)
    return sums["class_score_loss"][..., 2] if "class_score_loss" in sums else no_outcomes(sums)


def _scored(sums: Outcomes) -> IntArray:
    return np.asarray(scores_of(sums).totals.sum(axis=-1))


def labels_scored(sums: Outcomes) -> IntArray:
    """Return the labelled predictions that carry scores, by true class, (…, classes)."""
    totals = scores_of(sums).totals
    return totals if "score_bins" in sums else totals[..., 1]


def errors_of(sums: Outcomes) -> FloatArray:
    """Return ``error_sums`` as numbers, (…, 4)."""
    return sums.derived(_errors)


def _errors(sums: Outcomes) -> FloatArray:
    return WIDE.decode(sums["error_sums"])


def estimated(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions that carry a predicted value, (…,)."""
    return sums["estimated"][..., 0]


def measured(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions whose error was set beside the size of its label, (…,)."""
    return sums["scaled"][..., 0]
