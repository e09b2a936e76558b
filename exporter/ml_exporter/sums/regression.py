"""Sums over labelled predictions of regressions: errors, squared errors, percentage errors, labels."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import BlockSpec, Sums

ERROR_SUMS: Final = ("over", "under", "squared", "percentage")
LABEL_SUMS: Final = ("above", "below", "squared")
SCALE_SUMS: Final = ("label", "symmetric", "fourth")


class RegressionTally:
    """Adds two counts, ``estimated`` and ``scaled``, and ``error_sums``, ``label_sums``, ``error_scales``.

    With ``e = prediction - label`` and ``y = label - label_center``:

    - ``estimated``: outcomes, and those whose label is not 0.
    - ``error_sums`` (4, 12), as :data:`fixed.WIDE`: sum of ``e`` where positive and of ``-e`` where negative; of
      ``e**2``; of ``|e / label|`` where the label is not 0.
    - ``label_sums`` (3, 12), as :data:`fixed.WIDE`: sum of ``y`` where positive, of ``-y`` where negative, of
      ``y**2``.
    - ``scaled``: outcomes that ``error_scales`` rests on.
    - ``error_scales`` (3, 12), as :data:`fixed.WIDE`: sum of ``|label|``; of ``2 |e| / (|prediction| + |label|)``,
      0 where both are 0; of ``e**4``.

    No sum ever falls, so that each can be exposed as a counter.
    """

    key: ClassVar[str] = "regression"

    def __init__(self, schema: ModelSchema) -> None:
        self._center = schema.label_center
        self.blocks = (
            BlockSpec("estimated", (2,)),
            BlockSpec("error_sums", (len(ERROR_SUMS), WIDE.limbs)),
            BlockSpec("label_sums", (len(LABEL_SUMS), WIDE.limbs)),
            BlockSpec("scaled", (1,)),
            BlockSpec("error_scales", (len(SCALE_SUMS), WIDE.limbs)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> RegressionTally | None:
        """Return the tally of a regression; None for a classifier."""
        return cls(schema) if schema.task is Task.REGRESSION else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a predicted value are left out."""
        known = ~np.isnan(batch.output)
        label = batch.label[known]
        with np.errstate(over="ignore"):
            error = batch.output[known] - label
            nonzero = label != 0.0
            share = np.abs(error[nonzero] / label[nonzero])
            above_center = label - self._center
        sums["estimated"][0] += len(label)
        sums["estimated"][1] += np.count_nonzero(nonzero)
        _add_signed(error, sums["error_sums"])
        sums["error_sums"][3] += WIDE.total(share)
        _add_signed(above_center, sums["label_sums"])
        sums["scaled"][0] += len(label)
        _add_scales(batch.output[known], label, sums["error_scales"])


def _add_signed(values: FloatArray, sums: IntArray) -> None:
    """Add positive values, the magnitudes of negative ones, and the squares, to the first three rows."""
    sums[0] += WIDE.total(np.maximum(values, 0.0))
    sums[1] += WIDE.total(np.maximum(-values, 0.0))
    sums[2] += WIDE.total_of_squares(values)


def _add_scales(prediction: FloatArray, label: FloatArray, sums: IntArray) -> None:
    """Add what the errors are measured by, and their fourth powers."""
    value = np.clip(prediction, -WIDE.limit, WIDE.limit)
    truth = np.clip(label, -WIDE.limit, WIDE.limit)
    error, size = np.abs(value - truth), np.abs(value) + np.abs(truth)
    sums[0] += WIDE.total(np.abs(truth))
    sums[1] += WIDE.total(2.0 * error / np.where(size > 0, size, 1.0))
    sums[2] += WIDE.total_of_squares(error * error)
