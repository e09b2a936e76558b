"""Counts of the values of every feature and of the output by bin, their sums, and values out of range."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray, payload_of
from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.schema import ModelSchema, NumericVariable
from ml_exporter.sums.bins import BinFinder
from ml_exporter.sums.fixed import VALUES
from ml_exporter.sums.layout import BlockSpec, Sums

STATUSES: Final = ("other", "missing", "absent", "type_error")
"""The cells after a variable's bins: unseen category or infinity, null, no such key, another type."""

_PART: Final = 2**18
"""Values counted at once (chosen: what is made of them stays in a core's caches, and floats hold their sums)."""

_STATUS_OF_PAYLOAD = np.array([1, 2, 3, 0])


class Cells:
    """Where each variable's cells lie in the flat array of counts.

    A variable has its bins (or categories) first, then one cell for each of :data:`STATUSES`.
    ``starts`` and ``bins`` are (variables,) in the order of ``schema.variables``, numeric ones first.
    """

    def __init__(self, schema: ModelSchema) -> None:
        bins = [variable.bins for variable in schema.numeric]
        bins += [len(variable.categories) for variable in schema.categorical]
        self.bins: IntArray = np.array(bins, np.int64)
        sizes = self.bins + len(STATUSES)
        self.starts: IntArray = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)[: len(bins)]
        self.total = int(sizes.sum())
        self._status = {name: self.starts + self.bins + number for number, name in enumerate(STATUSES)}
        self.numeric_variables = len(schema.numeric)
        self.numeric_total = int(sizes[: self.numeric_variables].sum())

    def status(self, name: str) -> IntArray:
        """Return the index of the cell ``name`` (one of STATUSES) of every variable."""
        return self._status[name]


class VariableTally:
    """Adds the sums over every feature and the output.

    - ``variable_counts`` (cells,): events in each cell, see :class:`Cells`; each variable's sum to the events.
    - ``variable_sums`` (numeric bins,): sum over each bin of ``(x - center) / scale`` as :data:`fixed.VALUES`.
    - ``variable_range`` (numeric variables, 2): values below ``lower`` and above ``upper``, in a bin as well.

    Time: O(variables x rows). Memory: some arrays of at most 2**18 numbers, or of one row.
    """

    key: ClassVar[str] = "variables"

    def __init__(self, schema: ModelSchema) -> None:
        self._cells = Cells(schema)
        numeric = schema.numeric
        starts = self._cells.starts[: len(numeric)]
        self._bins_of = BinFinder([variable.edges for variable in numeric], starts)
        self._lower = np.array([variable.lower for variable in numeric]).reshape(-1, 1)
        self._upper = np.array([variable.upper for variable in numeric]).reshape(-1, 1)
        self._center = np.array([variable.center for variable in numeric]).reshape(-1, 1)
        scales = np.array([variable.scale for variable in numeric]).reshape(-1, 1)
        self._inverse = 1.0 / np.maximum(scales, np.finfo(np.float64).tiny)
        self._bin_cells = _bin_cells(self._cells, numeric)
        categories = self._cells.starts[self._cells.numeric_variables :] - self._cells.numeric_total
        self._category_offsets = categories.reshape(-1, 1)
        self.blocks = (
            BlockSpec("variable_counts", (self._cells.total,)),
            BlockSpec("variable_sums", (len(self._bin_cells),)),
            BlockSpec("variable_range", (len(numeric), 2)),
        )

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions."""
        counts = sums["variable_counts"]
        variables, rows = batch.numeric.shape
        step = max(1, _PART // max(variables, 1))
        for start in range(0, rows if variables else 0, step):
            part = batch.numeric[:, start : start + step]
            self._add_numeric(part, counts, sums["variable_sums"], sums["variable_range"])
        if len(batch.categorical):
            cells = batch.categorical + self._category_offsets
            size = self._cells.total - self._cells.numeric_total
            counts[self._cells.numeric_total :] += np.bincount(cells.ravel(), minlength=size)

    def _add_numeric(self, values: FloatArray, counts: IntArray, sums: IntArray, out: IntArray) -> None:
        cells = self._bins_of(values)
        self._set_statuses(values, cells)
        size = self._cells.numeric_total
        counts[:size] += np.bincount(cells.ravel(), minlength=size)
        with np.errstate(over="ignore"):
            scaled = np.subtract(values, self._center)
            scaled *= self._inverse
        # NaN is in the cells of statuses alone, of which no sum is read.
        weights = np.bincount(cells.ravel(), VALUES.steps(scaled).ravel(), size)
        sums += weights[self._bin_cells].astype(np.int64)
        for place, outside in enumerate((values < self._lower, values > self._upper)):
            variable = np.flatnonzero(outside) // values.shape[1]
            out[:, place] += np.bincount(variable, minlength=len(values))

    def _set_statuses(self, values: FloatArray, cells: IntArray) -> None:
        """Put what is no number into the cell of why it is none."""
        gaps = np.flatnonzero(np.isnan(values))
        if len(gaps):
            first = self._cells.status(STATUSES[0])[gaps // values.shape[1]]
            np.put(cells, gaps, first + _STATUS_OF_PAYLOAD[payload_of(values.ravel()[gaps])])


def _bin_cells(cells: Cells, numeric: tuple[NumericVariable, ...]) -> IntArray:
    """Return the indices of all numeric bins in the flat counts, statuses left out."""
    parts = [start + np.arange(variable.bins) for start, variable in zip(cells.starts, numeric, strict=False)]
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)
