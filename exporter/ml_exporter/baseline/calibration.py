"""The calibration of a model's scores, from a bounded sample of the labelled rows of its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.baseline.document import CalibrationDocument, MapDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.arrays import BoolArray, FloatArray
from ml_exporter.core.calibration import CalibrationMap
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.classification import SCORED_CLASSES
from ml_exporter.sums.layout import Sums

SAMPLE: Final = 100_000
"""Labelled rows kept for the calibration, drawn evenly (chosen: as many as of a column for its quantiles)."""

LEAST: Final = 300
"""Labelled rows below which there is no calibration (chosen: as many as alerts want of labels)."""

BLOCKS: Final = ("expected_confusion", "expected_score_bins")
"""Sums over predictions that the baseline keeps with its calibration; those over outcomes stand with others."""


class LabelledScores:
    """First pass: an even sample of the rows that have a label and all scores, in bounded memory."""

    def __init__(self, options: FitOptions, rng: np.random.Generator) -> None:
        self._label = options.label
        self._columns = _score_columns(options) if options.label is not None else {}
        self._rng = rng
        self._seen = 0
        self.scores: FloatArray = np.zeros((len(self._columns), 0))
        self.labels: npt.NDArray[Any] = np.zeros(0, object)

    def add(self, chunk: Chunk) -> None:
        """Take in the next rows."""
        if self._label is None or not self._columns or not {self._label, *self._columns.values()} <= chunk.keys():
            return
        scores = np.array([chunk[column].numbers() for column in self._columns.values()])
        labels = chunk[self._label].names()
        known: BoolArray = ~np.isnan(scores).any(axis=0) & np.array([label is not None for label in labels], bool)
        scores, labels = scores[:, known], labels[known]
        room = min(SAMPLE - len(self.labels), len(labels))
        if room:
            self.scores = np.concatenate((self.scores, scores[:, :room]), axis=1)
            self.labels = np.concatenate((self.labels, labels[:room]))
        places = self._rng.integers(0, self._seen + np.arange(room, len(labels)) + 1)
        # Of several rows that are drawn for one place the last one stays.
        taken, order = np.unique(places[::-1], return_index=True)
        rows = len(labels) - 1 - order[taken < SAMPLE]
        self.scores[:, taken[taken < SAMPLE]] = scores[:, rows]
        self.labels[taken[taken < SAMPLE]] = labels[rows]
        self._seen += len(labels)

    def maps(self, schema: ModelSchema) -> tuple[CalibrationMap, ...]:
        """Return a map for the positive class, or for each class against the rest; none if one cannot be had."""
        if not self._columns or len(self.labels) < LEAST or len(schema.classes) > SCORED_CLASSES:
            return ()
        scores = dict(zip(self._columns, self.scores, strict=True))
        if schema.task is Task.BINARY:
            scores = {schema.classes[schema.positive]: scores[""]}
        truths = {name: self.labels == name for name in schema.classes if name in scores}
        if not all(truth.any() and not truth.all() for truth in truths.values()):
            return ()
        return tuple(isotonic(scores[name], truth) for name, truth in truths.items())


def _score_columns(options: FitOptions) -> Mapping[str, str]:
    """Return the column of each class's score; that of a binary model, whose class is not known yet, under ''."""
    if options.task is Task.MULTICLASS:
        return options.class_scores
    return {"": options.score} if options.task is Task.BINARY and options.score is not None else {}


def isotonic(scores: FloatArray, truth: BoolArray) -> CalibrationMap:
    """Return the isotonic regression of ``truth`` on ``scores``, both (rows,): the rising map of least squares.

    Rows of one score count as one, of their mean. Neighbours that fall are pooled to their mean until none falls;
    a pool is flat from its first score to its last. O(rows log rows).

    Reference: R. Barlow, D. Bartholomew, J. Bremner, H. Brunk, Statistical Inference under Order Restrictions,
    Wiley 1972 (pool adjacent violators); B. Zadrozny and C. Elkan, Transforming classifier scores into accurate
    multiclass probability estimates, KDD 2002, doi:10.1145/775047.775151.

    >>> rising = isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True]))
    >>> rising.scores.tolist(), rising.probabilities.tolist()
    ([0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.5, 1.0])
    """
    distinct, place = np.unique(scores, return_inverse=True)
    rows = np.bincount(place).tolist()
    hits = np.bincount(place, truth).tolist()
    pools: list[tuple[int, int, float]] = []
    """The first score of each pool, its rows, and how many of them are true."""
    for start, (count, hit) in enumerate(zip(rows, hits, strict=True)):
        while pools and pools[-1][2] * count >= hit * pools[-1][1]:
            start, before, above = pools.pop()
            count, hit = count + before, hit + above
        pools.append((start, count, hit))
    first = np.array([start for start, _, _ in pools])
    last = np.append(first[1:], len(distinct)) - 1
    values = np.array([hit / count for _, count, hit in pools])
    ends = np.column_stack((first, last)).ravel()
    kept = np.append(True, np.diff(ends) > 0)
    return CalibrationMap(distinct[ends[kept]], np.repeat(values, 2)[kept])


def document_of(schema: ModelSchema, sums: Sums) -> CalibrationDocument | None:
    """Return the calibration with its part of ``sums``; None without one."""
    if not schema.calibration:
        return None
    return CalibrationDocument(
        maps=[
            MapDocument(scores=each.scores.tolist(), probabilities=each.probabilities.tolist())
            for each in schema.calibration
        ],
        sums={name: sums[name].ravel().tolist() for name in BLOCKS},
    )


def calibration_of(document: CalibrationDocument | None) -> tuple[CalibrationMap, ...]:
    """Return the maps of a baseline."""
    maps = document.maps if document is not None else ()
    return tuple(CalibrationMap(np.array(each.scores), np.array(each.probabilities)) for each in maps)


def expected_sums(document: CalibrationDocument | None) -> dict[str, list[int]]:
    """Return the baseline's sums of expectations by block name."""
    return document.sums if document is not None else {}
