"""Sums over labelled predictions of classifiers: confusion, scores by class, losses, calibration."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.columns import NO_CLASS, OutcomeColumns
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.fixed import LOG_LOSS, LOG_LOSS_SQUARED, UNIT_INTERVAL
from ml_exporter.sums.layout import BlockSpec, Sums

CALIBRATION_BINS: Final = 10
"""Equal-width bins of the calibration error (Naeini et al. 2015 use 10)."""

_TENTHS: Final = np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS

EPSILON: Final = float(np.finfo(np.float64).eps)
"""Scores are kept this far from 0 and 1 in the logarithm, as scikit-learn's log_loss does."""

SCORED_CLASSES: Final = 20
"""Multiclass models with more classes get no per-class score bins: they would cost 2 x bins a class."""

_TOPS: Final = (3, 5)


def tops(schema: ModelSchema) -> tuple[int, ...]:
    """Return each k for which outcomes are counted whose class has one of the k highest scores."""
    return tuple(k for k in _TOPS if k < len(schema.classes))


class ConfusionTally:
    """Adds ``confusion`` (classes, classes): true class by predicted class."""

    key: ClassVar[str] = "confusion"

    def __init__(self, schema: ModelSchema) -> None:
        self._classes = len(schema.classes)
        self.blocks = (BlockSpec("confusion", (self._classes, self._classes)),)

    @classmethod
    def of(cls, schema: ModelSchema) -> ConfusionTally | None:
        """Return the tally of a classifier; None for a regression."""
        return cls(schema) if schema.is_classifier else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a predicted class are left out."""
        known = batch.predicted != NO_CLASS
        cell = batch.label[known].astype(np.int64) * self._classes + batch.predicted[known]
        table = np.bincount(cell, minlength=self._classes**2)
        sums["confusion"][:] += table.reshape(self._classes, self._classes)


class BinaryScoreTally:
    """Adds the sums over scored outcomes of a binary classifier.

    - ``score_bins`` (2, bins): outcomes by true class (negative, positive) and score bin.
    - ``score_sums`` (10,): sum of the scores in each tenth, as :data:`fixed.UNIT_INTERVAL`.
    - ``score_loss`` (2,): sum of the log losses as :data:`fixed.LOG_LOSS`, and of the squared errors of
      the score as :data:`fixed.UNIT_INTERVAL`.
    - ``loss_squares`` (2,): sum of the squares of the same two, as :data:`fixed.LOG_LOSS_SQUARED` and
      :data:`fixed.UNIT_INTERVAL`.
    """

    key: ClassVar[str] = "binary_scores"

    def __init__(self, schema: ModelSchema) -> None:
        self._edges = schema.score_edges
        self._positive = schema.positive
        self._bins = len(self._edges) + 1
        self.blocks = (
            BlockSpec("score_bins", (2, self._bins)),
            BlockSpec("score_sums", (CALIBRATION_BINS,)),
            BlockSpec("score_loss", (2,)),
            BlockSpec("loss_squares", (2,)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> BinaryScoreTally | None:
        """Return the tally of a binary classifier; None for other tasks."""
        return cls(schema) if schema.task is Task.BINARY else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a score are left out."""
        known = ~np.isnan(batch.output)
        scores = batch.output[known]
        positive = (batch.label[known] == self._positive).astype(np.int64)
        bins = self._edges.searchsorted(scores, side="right")
        table = np.bincount(positive * self._bins + bins, minlength=2 * self._bins)
        sums["score_bins"][:] += table.reshape(2, self._bins)
        add_by_tenth(scores, sums["score_sums"])
        losses = log_losses(np.where(positive == 1, scores, 1.0 - scores))
        squared = (scores - positive) ** 2
        loss, squares = sums["score_loss"], sums["loss_squares"]
        loss[0] += LOG_LOSS.encode(losses).sum()
        loss[1] += UNIT_INTERVAL.encode(squared).sum()
        squares[0] += LOG_LOSS_SQUARED.encode(losses**2).sum()
        squares[1] += UNIT_INTERVAL.encode(squared**2).sum()


class MulticlassScoreTally:
    """Adds the sums over outcomes of a multiclass model that told the scores of all classes.

    - ``class_score_bins`` (classes, 2, bins): for each class, outcomes of the others and of the class
      itself by the bin of that class's score (one against the rest).
    - ``top_score`` (2, 10): outcomes and correct outcomes by tenth of the highest score.
    - ``top_score_sums`` (10,): sum of the highest scores in each tenth, as :data:`fixed.UNIT_INTERVAL`.
    - ``class_score_loss`` (3,): sum of the log losses, sum over the classes of the squared errors halved,
      and the number of outcomes with scores.
    - ``loss_squares`` (2,): sum of the squares of the log losses as :data:`fixed.LOG_LOSS_SQUARED`, and of those
      of each outcome's squared errors together as :data:`fixed.LOG_LOSS`.
    - ``top_hits`` (1 + ks,): outcomes, and those whose class has one of the k highest scores, for each of
      :func:`tops`.
    """

    key: ClassVar[str] = "multiclass_scores"

    def __init__(self, schema: ModelSchema) -> None:
        self._classes = len(schema.classes)
        self._edges = schema.score_edges
        self._bins = len(self._edges) + 1
        self._tops = tops(schema)
        self.blocks = (
            BlockSpec("class_score_bins", (self._classes, 2, self._bins)),
            BlockSpec("top_score", (2, CALIBRATION_BINS)),
            BlockSpec("top_score_sums", (CALIBRATION_BINS,)),
            BlockSpec("class_score_loss", (3,)),
            BlockSpec("loss_squares", (2,)),
            BlockSpec("top_hits", (1 + len(self._tops),)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> MulticlassScoreTally | None:
        """Return the tally of a multiclass model of at most 20 classes; None otherwise."""
        fits = schema.task is Task.MULTICLASS and len(schema.classes) <= SCORED_CLASSES
        return cls(schema) if fits else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without the scores of all classes are left out."""
        if batch.class_scores is None:
            return
        known = ~np.isnan(batch.class_scores).any(axis=0)
        scores = batch.class_scores[:, known]
        label = batch.label[known].astype(np.int64)
        rows = len(label)
        truth = np.arange(self._classes)[:, None] == label
        bins = np.searchsorted(self._edges, scores, side="right")
        cells = (np.arange(self._classes)[:, None] * 2 + truth) * self._bins + bins
        table = np.bincount(cells.ravel(), minlength=self._classes * 2 * self._bins)
        sums["class_score_bins"][:] += table.reshape(self._classes, 2, self._bins)
        top = scores.max(axis=0, initial=0.0)
        right = (scores.argmax(axis=0) == label).astype(np.int64)
        tenth = _tenths(top)
        sums["top_score"][0] += np.bincount(tenth, minlength=CALIBRATION_BINS)
        sums["top_score"][1] += np.bincount(tenth[right == 1], minlength=CALIBRATION_BINS)
        add_by_tenth(top, sums["top_score_sums"])
        loss = sums["class_score_loss"]
        # One class after the other: a sum over an axis would depend on the number of rows.
        total = np.maximum(reduce(np.add, scores, np.zeros(rows)), EPSILON)
        own = scores[label, np.arange(rows)]
        losses, halves = log_losses(own / total), (scores - truth) ** 2 / 2.0
        loss[0] += LOG_LOSS.encode(losses).sum()
        loss[1] += UNIT_INTERVAL.encode(halves).sum()
        loss[2] += rows
        squares = sums["loss_squares"]
        squares[0] += LOG_LOSS_SQUARED.encode(losses**2).sum()
        squares[1] += LOG_LOSS.encode((2.0 * reduce(np.add, halves, np.zeros(rows))) ** 2).sum()
        if self._tops:
            later = np.arange(self._classes)[:, None] > label
            rank = ((scores > own) | ((scores == own) & later)).sum(axis=0)
            hits = (rank < np.array(self._tops)[:, None]).sum(axis=1)
            sums["top_hits"][:] += np.concatenate(([rows], hits))


def log_losses(likelihoods: FloatArray) -> FloatArray:
    """Return ``-ln p`` with ``p`` kept :data:`EPSILON` from 0 and 1."""
    return -np.log(np.minimum(np.maximum(likelihoods, EPSILON), 1.0 - EPSILON))


def add_by_tenth(scores: FloatArray, sums: IntArray) -> None:
    """Add each score, in fixed point, to the sum of its tenth."""
    steps = UNIT_INTERVAL.encode(scores)
    np.add.at(sums, _tenths(scores), steps)


def _tenths(scores: FloatArray) -> IntArray:
    return _TENTHS.searchsorted(scores, side="right")
