"""Sums of what is to be expected of predictions before their labels come, by their calibrated scores."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.columns import NO_CLASS, OutcomeColumns, PredictionColumns
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.fixed import UNIT_INTERVAL
from ml_exporter.sums.layout import BlockSpec, Sums

ONE: Final = int(1.0 / UNIT_INTERVAL.step)
"""A certainty in steps; the probabilities of a prediction add up to it exactly."""


class _Expectation:
    """What calibrated scores say of a model's predictions."""

    def __init__(self, schema: ModelSchema) -> None:
        self._maps = schema.calibration
        self._is_binary = schema.task is Task.BINARY
        self._positive = schema.positive
        self._edges = schema.score_edges
        self._bins = len(self._edges) + 1
        self.classes = len(schema.classes)
        self.shape = (2, self._bins) if self._is_binary else (self.classes, 2, self._bins)

    def of(self, output: FloatArray, class_scores: FloatArray | None) -> tuple[BoolArray, FloatArray, IntArray]:
        """Return which rows carry all scores; of these the scores, (scores, rows), and the chance of each class.

        Chances are (classes, rows) in steps of :data:`fixed.UNIT_INTERVAL`, in the order of the classes.
        """
        scores = output[None] if self._is_binary else class_scores
        if scores is None:
            return np.zeros(len(output), bool), np.zeros((self.classes, 0)), np.zeros((self.classes, 0), np.int64)
        known: BoolArray = np.asarray(~np.isnan(scores).any(axis=0))
        scores = scores[:, known]
        chances = np.array([to(row) for to, row in zip(self._maps, scores, strict=True)])
        if self._is_binary:
            positive = UNIT_INTERVAL.encode(chances[0])
            both = (ONE - positive, positive) if self._positive == 1 else (positive, ONE - positive)
            return known, scores, np.stack(both)
        # One class after the other: a sum over an axis would depend on the number of rows.
        total = reduce(np.add, chances)
        shares = np.where(total > 0, chances / np.where(total > 0, total, 1.0), 1.0 / self.classes)
        steps = UNIT_INTERVAL.encode(shares)
        steps[steps.argmax(axis=0), np.arange(steps.shape[1])] += ONE - steps.sum(axis=0)
        return known, scores, steps

    def add_bins(self, scores: FloatArray, steps: IntArray, sums: IntArray) -> None:
        """Add the expected negative and positive outcomes to the bin of each score, one class against the rest."""
        bins = self._edges.searchsorted(scores, side="right")
        positive = steps[self._positive][None] if self._is_binary else steps
        tables = sums.reshape(-1, 2, self._bins)
        for table, places, chances in zip(tables, bins, positive, strict=True):
            for row, weights in zip(table, (ONE - chances, chances), strict=True):
                row += weighted(places, weights, self._bins)


class EstimationTally:
    """Adds what is to be expected of each prediction, as :data:`fixed.UNIT_INTERVAL`.

    - ``expected_confusion`` (classes, classes): probability of each true class, by predicted class.
    - ``expected_score_bins`` (2, bins): probability of the negative and of the positive class by score bin; of a
      multiclass model (classes, 2, bins), each class against the rest by the bin of that class's score.
    """

    key: ClassVar[str] = "estimation"

    def __init__(self, schema: ModelSchema) -> None:
        self._expectation = _Expectation(schema)
        self._classes = self._expectation.classes
        self.blocks = (
            BlockSpec("expected_confusion", (self._classes, self._classes)),
            BlockSpec("expected_score_bins", self._expectation.shape),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> EstimationTally | None:
        """Return the tally of a model whose baseline holds a calibration; None for others."""
        return cls(schema) if schema.calibration else None

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions; those without scores are left out."""
        known, scores, steps = self._expectation.of(batch.output, batch.class_scores)
        if not known.any():
            return
        self._expectation.add_bins(scores, steps, sums["expected_score_bins"])
        predicted = batch.predicted[known]
        named = predicted != NO_CLASS
        for true, chances in enumerate(steps):
            sums["expected_confusion"][true] += weighted(predicted[named], chances[named], self._classes)


class ExpectedOutcomeTally:
    """Adds what was to be expected of predictions whose labels have come, beside what was.

    - ``outcome_expectation`` (4,): with ``q`` the calibrated probability of the predicted class, the number of
      outcomes, of those the correct ones, and the sums of ``q`` and of ``q (1 - q)`` as
      :data:`fixed.UNIT_INTERVAL`.
    - ``outcome_expected_bins``: as ``expected_score_bins`` of :class:`EstimationTally`.
    """

    key: ClassVar[str] = "expected_outcomes"

    def __init__(self, schema: ModelSchema) -> None:
        self._expectation = _Expectation(schema)
        self.blocks = (
            BlockSpec("outcome_expectation", (4,)),
            BlockSpec("outcome_expected_bins", self._expectation.shape),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> ExpectedOutcomeTally | None:
        """Return the tally of a model whose baseline holds a calibration; None for others."""
        return cls(schema) if schema.calibration else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; those without scores are left out."""
        known, scores, steps = self._expectation.of(batch.output, batch.class_scores)
        if not known.any():
            return
        self._expectation.add_bins(scores, steps, sums["outcome_expected_bins"])
        predicted, label = batch.predicted[known], batch.label[known]
        named = np.flatnonzero(predicted != NO_CLASS)
        chances = steps[predicted[named], named]
        shares = UNIT_INTERVAL.decode(chances)
        sums["outcome_expectation"][:] += (
            len(named),
            int(np.count_nonzero(predicted[named] == label[named])),
            int(chances.sum()),
            int(UNIT_INTERVAL.encode(shares * (1.0 - shares)).sum()),
        )


def weighted(places: IntArray, weights: IntArray, size: int) -> IntArray:
    """Return the sum of the weights of each of ``size`` places; exact for fewer than 2**23 certainties."""
    return np.bincount(places, weights, size).astype(np.int64)
