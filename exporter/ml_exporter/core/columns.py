"""A batch of events as columns: what every source of events is turned into before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ml_exporter.core.arrays import BoolArray, CodeArray, FloatArray, IntArray

NO_CLASS = -1


def likeliest(scores: FloatArray) -> CodeArray:
    """Return the class of the highest score of each row, NO_CLASS if none; ``scores`` are (classes, rows).

    >>> likeliest(np.array([[0.2, np.nan], [0.5, np.nan]])).tolist()
    [1, -1]
    """
    best = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0)
    return np.where(np.isnan(scores).all(axis=0), NO_CLASS, best).astype(np.int32)


@dataclass(slots=True)
class PredictionColumns:
    """Predictions of one model, one row an event.

    - ``numeric``: (numeric variables, rows) float64; a NaN with its payload says why there is no number.
    - ``categorical``: (categorical variables, rows) int32 codes: ``0 … k-1`` the variable's categories,
      then ``k`` other, ``k+1`` missing, ``k+2`` absent, ``k+3`` wrong type.
    - ``output``: (rows,) the score of the positive class, or the value that a regression predicts; NaN if none.
    - ``predicted``: (rows,) code of the predicted class; -1 if none.
    - ``class_scores``: (classes, rows) scores of a multiclass model, NaN if none; None if no row has them.
    - ``latency``: (rows,) seconds; NaN if not told.
    - ``failed``: (rows,) whether the model server answered with an error.
    - ``timestamp``: (rows,) seconds since the Unix epoch; NaN if not told.
    - ``segments``: (segments, rows) int32 code of the group of each segment of the model; None if it has none.
    - ``attributions``: (features, rows) what each feature added to the prediction, NaN if not told, in the order
      of ``schema.features``; None if no row has any.
    """

    numeric: FloatArray
    categorical: CodeArray
    output: FloatArray
    predicted: CodeArray
    class_scores: FloatArray | None
    latency: FloatArray
    failed: BoolArray
    timestamp: FloatArray
    segments: CodeArray | None = None
    attributions: FloatArray | None = None

    @property
    def rows(self) -> int:
        """The number of events."""
        return len(self.output)

    @classmethod
    def joined(cls, parts: Sequence[PredictionColumns]) -> PredictionColumns:
        """Return the rows of several batches, at least one, one after the other."""
        return cls(*(_joined(parts, part.name) for part in fields(cls)))

    def take(self, rows: BoolArray | slice) -> PredictionColumns:
        """Return the rows of a slice, or those where a mask is true."""
        return PredictionColumns(*(_rows(getattr(self, part.name), rows) for part in fields(self)))


@dataclass(slots=True)
class OutcomeColumns:
    """Predictions whose labels have arrived, one row a pair.

    - ``output``, ``predicted``, ``class_scores``: as in :class:`PredictionColumns`.
    - ``label``: (rows,) code of the true class, or the true value of a regression, as float64.
    - ``delay``: (rows,) seconds from the prediction to its label; never negative.
    - ``segments``: as in :class:`PredictionColumns`.
    """

    output: FloatArray
    predicted: CodeArray
    class_scores: FloatArray | None
    label: FloatArray
    delay: FloatArray
    segments: CodeArray | None = None

    @property
    def rows(self) -> int:
        """The number of pairs."""
        return len(self.label)

    @classmethod
    def joined(cls, parts: Sequence[OutcomeColumns]) -> OutcomeColumns:
        """Return the rows of several batches, at least one, one after the other."""
        return cls(*(_joined(parts, part.name) for part in fields(cls)))

    def take(self, rows: BoolArray | slice) -> OutcomeColumns:
        """Return the rows of a slice, or those where a mask is true."""
        return OutcomeColumns(*(_rows(getattr(self, part.name), rows) for part in fields(self)))


@dataclass(slots=True)
class PairColumns:
    """Predictions that a shadow made beside the version at work, one row a pair of the same id.

    ``output`` and ``predicted`` are the shadow's as in :class:`PredictionColumns`, the others those at work.
    """

    output: FloatArray
    predicted: CodeArray
    working_output: FloatArray
    working_predicted: CodeArray

    @property
    def rows(self) -> int:
        """The number of pairs."""
        return len(self.output)

    @classmethod
    def joined(cls, parts: Sequence[PairColumns]) -> PairColumns:
        """Return the rows of several batches, at least one, one after the other."""
        return cls(*(_joined(parts, part.name) for part in fields(cls)))

    def take(self, rows: slice) -> PairColumns:
        """Return the rows of a slice."""
        return PairColumns(*(_rows(getattr(self, part.name), rows) for part in fields(self)))


@dataclass(slots=True)
class FeedbackColumns:
    """What people said about predictions, one row a prediction.

    - ``rating``: (rows,) within the scale of the model; NaN if none.
    - ``thumb``: (rows,) 1 up, 0 down; -1 if none.
    """

    rating: FloatArray
    thumb: CodeArray

    def take(self, rows: BoolArray | IntArray) -> FeedbackColumns:
        """Return the rows where a mask is true, or those of the given numbers."""
        return FeedbackColumns(self.rating[rows], self.thumb[rows])


def _joined(parts: Sequence[PredictionColumns | OutcomeColumns | PairColumns], name: str) -> Any:
    found = [getattr(part, name) for part in parts]
    there = [values for values in found if values is not None]
    if not there:
        return None
    leading = there[0].shape[:-1]
    filled = [
        np.full((*leading, part.rows), np.nan) if values is None else values
        for part, values in zip(parts, found, strict=True)
    ]
    return np.concatenate(filled, axis=-1)


def _rows(values: FloatArray | CodeArray | BoolArray | None, rows: BoolArray | slice) -> Any:
    return None if values is None else values[..., rows]
