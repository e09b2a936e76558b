"""Sums over labelled predictions of regressions: errors, squared errors, percentage errors, labels."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import BlockSpec, Sums

ERROR_SUMS: Final = ("over", "under", "squared", "percentage")
LABEL_SUMS: Final = ("above", "below", "squared")
SCALE_SUMS: Final = ("label", "symmetric", "fourth")
RELATIVE_SUMS: Final = ("percentage", "symmetric", "both", "label")


class RegressionTally:
    """Adds two counts, ``estimated`` and ``scaled``, and four blocks of sums.

    With ``e = prediction - label`` and ``y = label - label_center``:

    - ``estimated``: outcomes, and those whose label is not 0.
    - ``error_sums`` (4, 12), as :data:`fixed.WIDE`: sum of ``e`` where positive and of ``-e`` where negative; of
      ``e**2``; of ``|e / label|`` where the label is not 0.
    - ``label_sums`` (3, 12), as :data:`fixed.WIDE`: sum of ``y`` where positive, of ``-y`` where negative, of
      ``y**2``.
    - ``scaled``: outcomes that ``error_scales`` rests on.
    - ``error_scales`` (3, 12), as :data:`fixed.WIDE`: sum of ``|label|``; of ``2 |e| / (|prediction| + |label|)``,
      0 where both are 0; of ``e**4``.
    - ``relative_squares`` (4, 12), as :data:`fixed.WIDE`: sums of the squares of ``|e / label|`` and of the term
      above; of ``|e| |label|``; of ``label**2``.

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
            BlockSpec("relative_squares", (len(RELATIVE_SUMS), WIDE.limbs)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> RegressionTally | None:
        """Return the tally of a regression; None for a classifier."""
        return cls(schema) if schema.task is Task.REGRESSION else None

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a predicted value are left out."""
        known = ~np.isnan(batch.output)
        label, root = batch.label[known], WIDE.root_limit
        with np.errstate(over="ignore"):
            error = batch.output[known] - label
            nonzero = label != 0.0
            share = np.abs(np.divide(error, label, out=np.zeros(len(label)), where=nonzero))
            share = np.minimum(share, root)
            above_center = np.clip(label - self._center, -root, root)
            share_squared = share**2
        # As far as their squares are told apart, so that means and squares are of the same numbers.
        error = np.clip(error, -root, root)
        guess, truth = (np.clip(values, -WIDE.limit, WIDE.limit) for values in (batch.output[known], label))
        distance, size = np.abs(guess - truth), np.abs(guess) + np.abs(truth)
        symmetric = 2.0 * distance / np.where(size > 0, size, 1.0)
        height = np.minimum(np.abs(truth), root)
        sums["estimated"][0] += len(label)
        sums["estimated"][1] += np.count_nonzero(nonzero)
        sums["scaled"][0] += len(label)
        parts = {
            "error_sums": (*_signed(error), WIDE.squares(error), share),
            "label_sums": (*_signed(above_center), WIDE.squares(above_center)),
            "error_scales": (height, symmetric, WIDE.squares(distance * distance)),
            "relative_squares": (share_squared, symmetric**2, np.abs(error) * height, height**2),
        }
        rows = [np.atleast_2d(part) for block in parts.values() for part in block]
        totals = iter(np.add.reduceat(WIDE.totals(np.concatenate(rows)), np.cumsum([0, *map(len, rows[:-1])])))
        for name, block in parts.items():
            for place in range(len(block)):
                sums[name][place] += next(totals)


def _signed(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the positive values, and the magnitudes of the negative ones, 0 in place of the others."""
    return np.maximum(values, 0.0), np.maximum(-values, 0.0)
