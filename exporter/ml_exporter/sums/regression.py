"""Sums over labelled predictions of regressions: errors, squared errors, percentage errors, labels."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.fixed import ERRORS, SQUARED_ERRORS, VALUES
from ml_exporter.sums.layout import BlockSpec, Sums

ERROR_SUMS: Final = ("count", "over", "under", "squared", "percentage", "percentage_count")
LABEL_SUMS: Final = ("above", "below", "squared")


class RegressionTally:
    """Adds ``errors`` (6,) and ``label_moments`` (3,).

    With ``e = (prediction - label) / error_unit`` and ``y = (label - label_center) / label_scale``:

    - ``errors``: outcomes; sum of ``e`` where positive and of ``-e`` where negative (:data:`fixed.ERRORS`);
      sum of ``e**2`` (:data:`fixed.SQUARED_ERRORS`); sum of ``|prediction - label| / |label|`` where the
      label is not 0 (:data:`fixed.ERRORS`), and how many those are.
    - ``label_moments``: sum of ``y`` where positive, of ``-y`` where negative, and of ``y**2``
      (:data:`fixed.VALUES`).

    No sum ever falls, so that each can be exposed as a counter.
    """

    key: ClassVar[str] = "regression"

    def __init__(self, schema: ModelSchema) -> None:
        self._unit = schema.error_unit
        self._center = schema.label_center
        self._scale = schema.label_scale
        self.blocks = (
            BlockSpec("errors", (len(ERROR_SUMS),)),
            BlockSpec("label_moments", (len(LABEL_SUMS),)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> RegressionTally | None:
        """Return the tally of a regression; None for a classifier."""
        return cls(schema) if schema.task is Task.REGRESSION else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a predicted value are left out."""
        known = ~np.isnan(batch.output)
        label = batch.label[known]
        error = batch.output[known] - label
        scaled = error / self._unit
        nonzero = label != 0.0
        with np.errstate(over="ignore"):
            share = np.abs(error[nonzero] / label[nonzero])
        errors = sums["errors"]
        errors[0] += len(label)
        errors[1] += ERRORS.encode(np.maximum(scaled, 0.0)).sum()
        errors[2] += ERRORS.encode(np.maximum(-scaled, 0.0)).sum()
        errors[3] += SQUARED_ERRORS.encode(np.minimum(np.abs(scaled), ERRORS.limit) ** 2).sum()
        errors[4] += ERRORS.encode(share).sum()
        errors[5] += np.count_nonzero(nonzero)
        moment = (label - self._center) / self._scale
        moments = sums["label_moments"]
        moments[0] += VALUES.encode(np.maximum(moment, 0.0)).sum()
        moments[1] += VALUES.encode(np.maximum(-moment, 0.0)).sum()
        moments[2] += VALUES.encode(np.minimum(np.abs(moment), 64.0) ** 2).sum()
