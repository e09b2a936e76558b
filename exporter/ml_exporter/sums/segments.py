"""Sums by segment: how many predictions each group had, what they were, and how right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import CodeArray, FloatArray, IntArray, payload_of
from ml_exporter.core.columns import NO_CLASS, OutcomeColumns, PredictionColumns
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, NumericVariable, Role, Task, Variable
from ml_exporter.core.segments import SegmentKind
from ml_exporter.sums.classification import SCORED_CLASSES
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import BlockSpec, Sums
from ml_exporter.sums.variables import STATUSES

TRAFFIC: Final = ("predictions", "failed", "gaps")
ERRORS: Final = ("over", "under", "squared")

_OTHER_OF_PAYLOAD: Final = np.array([False, False, True, True])


def group_codes(
    schema: ModelSchema, numeric: FloatArray, categorical: CodeArray, sent: Mapping[str, CodeArray]
) -> CodeArray | None:
    """Return the group of each row, (segments, rows); None if the model has no segments.

    ``numeric`` and ``categorical`` are those of :class:`PredictionColumns`, ``sent`` the codes of the segments
    that come beside the features; one that is not there is missing.
    """
    if not schema.segments:
        return None
    rows = numeric.shape[1] if len(numeric) else categorical.shape[1]
    numbers = {
        variable.name: place for place, variable in enumerate(schema.numeric) if variable in schema.features
    }
    names = {v.name: place for place, v in enumerate(schema.categorical) if v in schema.features}
    codes = np.empty((len(schema.segments), rows), np.int32)
    for place, segment in enumerate(schema.segments):
        if segment.kind is SegmentKind.NUMERIC:
            codes[place] = segment.of_numbers(numeric[numbers[segment.name]])
        elif segment.kind is SegmentKind.CATEGORICAL:
            variable = schema.categorical[names[segment.name]]
            codes[place] = segment.of_categories(variable.categories)[categorical[names[segment.name]]]
        else:
            codes[place] = sent.get(segment.name, segment.named + 1)
    return codes


class Groups:
    """Where the groups of each segment lie among all groups of a model: (total,) is the length of every sum."""

    def __init__(self, schema: ModelSchema) -> None:
        sizes = [segment.named + 2 for segment in schema.segments]
        self.sizes: IntArray = np.array(sizes, np.int64)
        self.starts: IntArray = np.cumsum(self.sizes) - self.sizes
        self.total = int(self.sizes.sum())
        self.rows = [(s.name, group) for s in schema.segments for group in s.groups]

    def flat(self, codes: CodeArray) -> IntArray:
        """Return the place of each row's group among all groups, (segments, rows)."""
        return codes + self.starts[:, None]

    def counts(self, flat: IntArray, cells: IntArray, size: int) -> IntArray:
        """Return how often each of ``size`` cells, (rows,), occurs in each group, (total, size)."""
        places = flat * size + cells
        return np.bincount(places.ravel(), minlength=self.total * size).reshape(self.total, size)


class SegmentTally:
    """Adds what predictions were, by group; ``groups`` are all groups of all segments, see :class:`Groups`.

    - ``segment_traffic`` (groups, 3): predictions, those that failed, and the values of features that they lack,
      null, absent, of another type or not finite.
    - ``segment_output`` (groups, bins): predictions by exposed bin of the output, then other and missing.
    - ``segment_selected`` (groups, 2): predictions that name a class, and those that name the positive one; binary
      classifiers alone.
    """

    key: ClassVar[str] = "segments"

    def __init__(self, schema: ModelSchema) -> None:
        self._groups = Groups(schema)
        self._output = schema.output
        self._place = _place_of_output(schema)
        self._positive = schema.positive if schema.task is Task.BINARY else None
        self._numeric = [place for place, v in enumerate(schema.numeric) if v.role is Role.FEATURE]
        features = [(place, v) for place, v in enumerate(schema.categorical) if v.role is Role.FEATURE]
        self._categorical = [place for place, _ in features]
        self._known = np.array([len(v.categories) for _, v in features]).reshape(-1, 1)
        self._bins = output_bins(schema)
        total = self._groups.total
        blocks = [BlockSpec("segment_traffic", (total, len(TRAFFIC)))]
        if self._bins:
            blocks.append(BlockSpec("segment_output", (total, self._bins)))
        if self._positive is not None:
            blocks.append(BlockSpec("segment_selected", (total, 2)))
        self.blocks = tuple(blocks)

    @classmethod
    def of(cls, schema: ModelSchema) -> SegmentTally | None:
        """Return the tally of a model with segments; None for one without."""
        return cls(schema) if schema.segments else None

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions."""
        if batch.segments is None:
            return
        flat = self._groups.flat(batch.segments)
        total = self._groups.total
        gaps = np.isnan(batch.numeric[self._numeric]).sum(axis=0)
        gaps += (batch.categorical[self._categorical] > self._known).sum(axis=0)
        traffic = sums["segment_traffic"]
        for part, values in enumerate((np.ones(batch.rows), batch.failed, gaps)):
            weights = np.broadcast_to(values, flat.shape).ravel()
            traffic[:, part] += np.bincount(flat.ravel(), weights, total).astype(np.int64)
        if self._output is not None:
            bins = _bins_of(self._output, batch, self._place)
            sums["segment_output"][:] += self._groups.counts(flat, bins, self._bins)
        if self._positive is not None:
            for part, chosen in enumerate((batch.predicted != NO_CLASS, batch.predicted == self._positive)):
                counts = np.bincount(flat[:, chosen].ravel(), minlength=total)
                sums["segment_selected"][:, part] += counts


class SegmentOutcomeTally:
    """Adds how right predictions were, by group; ``groups`` are all groups of all segments.

    - ``segment_confusion`` (groups, classes, classes): true class by predicted class, of at most 20 classes.
    - ``segment_score_bins`` (groups, 2, bins): outcomes by true class and exposed score bin; binary alone.
    - ``segment_estimated`` (groups,), ``segment_errors`` (groups, 3, 12): of regressions, outcomes; and with
      ``e = prediction - label`` the sums of ``e`` where positive, of ``-e`` where negative, and of ``e**2``, as
      :data:`fixed.WIDE`.
    """

    key: ClassVar[str] = "segment_outcomes"

    def __init__(self, schema: ModelSchema) -> None:
        self._groups = Groups(schema)
        self._classes = len(schema.classes)
        self._task = schema.task
        self._positive = schema.positive
        self._edges = schema.score_edges[schema.score_groups[1:] - 1]
        total = self._groups.total
        if schema.task is Task.REGRESSION:
            errors = BlockSpec("segment_errors", (total, len(ERRORS), WIDE.limbs))
            self.blocks: tuple[BlockSpec, ...] = (BlockSpec("segment_estimated", (total,)), errors)
            return
        self.blocks = (BlockSpec("segment_confusion", (total, self._classes, self._classes)),)
        if schema.task is Task.BINARY:
            self.blocks += (BlockSpec("segment_score_bins", (total, 2, len(self._edges) + 1)),)

    @classmethod
    def of(cls, schema: ModelSchema) -> SegmentOutcomeTally | None:
        """Return the tally of a model with segments and not too many classes; None for others."""
        return cls(schema) if schema.segments and len(schema.classes) <= SCORED_CLASSES else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions."""
        if batch.segments is None:
            return
        flat = self._groups.flat(batch.segments)
        if self._task is Task.REGRESSION:
            self._add_errors(flat, batch, sums)
            return
        known = batch.predicted != NO_CLASS
        cell = batch.label[known].astype(np.int64) * self._classes + batch.predicted[known]
        table = self._groups.counts(flat[:, known], cell, self._classes**2)
        sums["segment_confusion"][:] += table.reshape(-1, self._classes, self._classes)
        if self._task is Task.BINARY:
            scored = ~np.isnan(batch.output)
            positive = (batch.label[scored] == self._positive).astype(np.int64)
            bins = np.searchsorted(self._edges, batch.output[scored], side="right")
            size = len(self._edges) + 1
            table = self._groups.counts(flat[:, scored], positive * size + bins, 2 * size)
            sums["segment_score_bins"][:] += table.reshape(-1, 2, size)

    def _add_errors(self, flat: IntArray, batch: OutcomeColumns, sums: Sums) -> None:
        known = ~np.isnan(batch.output)
        with np.errstate(over="ignore"):
            error = batch.output[known] - batch.label[known]
        for places in flat[:, known]:
            for group in np.unique(places).tolist():
                own = error[places == group]
                sums["segment_estimated"][group] += len(own)
                errors = sums["segment_errors"][group]
                errors[0] += WIDE.total(np.maximum(own, 0.0))
                errors[1] += WIDE.total(np.maximum(-own, 0.0))
                errors[2] += WIDE.total_of_squares(own)


def output_bins(schema: ModelSchema) -> int:
    """Return the number of exposed bins of a model's output, other and missing among them; 0 if it has none."""
    output = schema.output
    if output is None:
        return 0
    return (len(output.groups) if isinstance(output, NumericVariable) else len(output.categories)) + 2


def _place_of_output(schema: ModelSchema) -> int:
    same = schema.numeric if isinstance(schema.output, NumericVariable) else schema.categorical
    return next((place for place, variable in enumerate(same) if variable is schema.output), -1)


def _bins_of(output: Variable, batch: PredictionColumns, place: int) -> IntArray:
    """Return the exposed bin of each prediction's output, (rows,)."""
    if isinstance(output, CategoricalVariable):
        known = len(output.categories)
        others = {"other": known, "missing": known + 1, "absent": known + 1, "type_error": known}
        bin_of_code = np.array([*range(known), *(others[status] for status in STATUSES)], np.int64)
        coded: IntArray = bin_of_code[batch.categorical[place]]
        return coded
    values = batch.numeric[place]
    known = len(output.groups)
    bins: IntArray = np.searchsorted(output.edges[output.groups[1:] - 1], values, side="right").astype(np.int64)
    gaps = np.isnan(values)
    bins[gaps] = np.where(_OTHER_OF_PAYLOAD[payload_of(values[gaps])], known, known + 1)
    return bins
