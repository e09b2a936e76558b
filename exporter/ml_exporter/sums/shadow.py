"""Sums over predictions that a shadow made beside the version at work: how alike the two are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_exporter.core.columns import NO_CLASS, PairColumns
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.fixed import UNIT_INTERVAL, WIDE
from ml_exporter.sums.layout import BlockSpec, Sums


class ShadowTally:
    """Adds pairs of predictions; with ``d`` the shadow's score or value less that of the version at work.

    - ``shadow_classes`` (classes, classes): pairs that both name a class, by that of the version at work and that
      of the shadow; classifiers alone.
    - ``shadow_scored`` (1,): pairs of two scores or values; not of more than two classes.
    - ``shadow_differences`` (2, 12), as :data:`fixed.WIDE`: sum of ``d`` where positive and of ``-d`` where
      negative; of scores rounded to :data:`fixed.UNIT_INTERVAL` before.
    """

    key: ClassVar[str] = "shadow"

    def __init__(self, schema: ModelSchema) -> None:
        self._classes = len(schema.classes)
        self._has_values = schema.task is not Task.MULTICLASS
        self._is_score = schema.task is Task.BINARY
        blocks = [BlockSpec("shadow_classes", (self._classes, self._classes))] if schema.is_classifier else []
        if self._has_values:
            blocks += [BlockSpec("shadow_scored", (1,)), BlockSpec("shadow_differences", (2, WIDE.limbs))]
        self.blocks = tuple(blocks)

    @classmethod
    def of(cls, schema: ModelSchema) -> ShadowTally | None:
        """Return the tally of a shadow; None for a version at work."""
        return cls(schema) if schema.is_shadow else None

    def add(self, batch: PairColumns, sums: Sums) -> None:
        """Add a batch of pairs."""
        if self._classes:
            named = (batch.working_predicted != NO_CLASS) & (batch.predicted != NO_CLASS)
            cells = batch.working_predicted[named].astype(np.int64) * self._classes + batch.predicted[named]
            counted = np.bincount(cells, minlength=self._classes**2)
            sums["shadow_classes"][:] += counted.reshape(self._classes, self._classes)
        if self._has_values:
            with np.errstate(over="ignore"):
                difference = batch.output - batch.working_output
            difference = difference[~np.isnan(difference)]
            if self._is_score:
                difference = UNIT_INTERVAL.decode(UNIT_INTERVAL.encode(difference))
            sums["shadow_scored"][0] += len(difference)
            both = np.stack((np.maximum(difference, 0.0), np.maximum(-difference, 0.0)))
            sums["shadow_differences"][:] += WIDE.totals(both)
