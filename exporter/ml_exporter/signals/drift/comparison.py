"""Two distributions of every variable of a model, side by side: the baseline's and a window's."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema, NumericVariable
from ml_exporter.signals.signal import ModelContext, Views
from ml_exporter.sums.fixed import VALUES
from ml_exporter.sums.layout import BlockSpec, Layout, Sums
from ml_exporter.sums.variables import STATUSES, Cells

T = TypeVar("T")


class Geometry:
    """How the flat counts of a schema's cells regroup for the drift measures.

    *Bins* are what is exposed and what PSI and its like compare: a numeric variable's deciles, a
    categorical one's categories, each followed by ``other`` (infinities, unseen categories, wrong types)
    and ``missing`` (null or absent). *Fine bins* are those of numeric variables, values only.

    ``extremes`` (numeric variables, 2) are the baseline's in standard deviations from the center, infinite where
    it does not tell them.
    """

    def __init__(self, schema: ModelSchema) -> None:
        cells = Cells(schema)
        self.variables = len(schema.variables)
        self.numeric = np.arange(len(schema.numeric))
        self.categorical = np.arange(len(schema.numeric), self.variables)
        order: list[int] = []
        firsts: list[int] = []
        sizes: list[int] = []
        for variable, start, bins in zip(schema.variables, cells.starts, cells.bins, strict=True):
            inner = variable.groups if isinstance(variable, NumericVariable) else np.arange(bins)
            firsts += [len(order) + int(first) for first in inner]
            order += range(start, start + bins)
            status = {name: start + bins + number for number, name in enumerate(STATUSES)}
            for pair in (("other", "type_error"), ("missing", "absent")):
                firsts.append(len(order))
                order += [int(status[name]) for name in pair]
            sizes.append(len(inner) + 2)
        self._order = np.array(order, np.int64)
        self._firsts = np.array(firsts, np.int64)
        self.sizes: IntArray = np.array(sizes, np.int64)
        self.starts: IntArray = np.cumsum(self.sizes) - self.sizes
        self.variable_of_bin: IntArray = np.repeat(np.arange(self.variables), self.sizes)

        fine = cells.bins[: len(schema.numeric)]
        self.fine_starts: IntArray = np.cumsum(fine) - fine
        self.variable_of_fine: IntArray = np.repeat(self.numeric, fine)
        places = [np.arange(start, start + size) for start, size in zip(cells.starts, fine, strict=False)]
        self.numbers_cells: IntArray = np.concatenate(places) if places else np.zeros(0, np.int64)
        self._set_widths(schema)
        extremes = [((v.minimum - v.center) / v.scale, (v.maximum - v.center) / v.scale) for v in schema.numeric]
        self.extremes: FloatArray = np.array(extremes).reshape(-1, 2)

    def _set_widths(self, schema: ModelSchema) -> None:
        """Set, for each fine bin, its upper edge and its width in standard deviations from the center.

        The last bin of a variable is open: its reach is measured from its lower edge, as the first bin's
        is from its upper one, and neither has a width.
        """
        reach: list[FloatArray] = []
        width: list[FloatArray] = []
        for variable in schema.numeric:
            edges = (variable.edges - variable.center) / variable.scale
            last = edges[-1:] if len(edges) else np.zeros(1)
            reach.append(np.concatenate((edges, last)))
            inner = np.diff(edges)
            width.append(np.concatenate(([0.0], inner, [0.0])) if len(edges) else np.zeros(1))
        self.reach: FloatArray = np.concatenate(reach) if reach else np.zeros(0)
        self.width: FloatArray = np.concatenate(width) if width else np.zeros(0)

    def bins_of(self, counts: IntArray) -> IntArray:
        """Return the count of every bin, (…, bins), from the counts of the cells, (…, cells)."""
        regrouped: IntArray = np.add.reduceat(counts[..., self._order], self._firsts, axis=-1)
        return regrouped

    def fine_of(self, counts: IntArray) -> IntArray:
        """Return the count of every fine bin, (…, fine bins), from the counts of the cells, (…, cells)."""
        return counts[..., self.numbers_cells]


class Distribution:
    """One side of a comparison.

    - ``bins`` (bins,), ``rows`` (variables,): counts and their sum; ``shares`` (bins,): their ratio.
    - ``numbers`` (fine bins,): counts; ``present`` (numeric variables,): their sum, the rows with a number.
    - ``values`` (variables,): rows with a number, or with a category, known or not.
    - ``means`` (fine bins,): mean of the numbers in standard deviations from the center, NaN where there is none.
    - ``cumulative`` (fine bins,): share of the numbers below the upper edge of each fine bin.
    - ``reached`` (fine bins,): sum over the bin of its edge minus the number, in standard deviations, as a
      share of ``present``; the integral of the cumulative distribution over the bin rests on it.
    """

    def __init__(self, geometry: Geometry, sums: Sums) -> None:
        self._geometry = geometry
        counts = sums["variable_counts"]
        self.bins = geometry.bins_of(counts)
        self.rows: IntArray = np.add.reduceat(self.bins, geometry.starts) if geometry.variables else self.bins
        self.numbers = geometry.fine_of(counts)
        self._value_sums = sums["variable_sums"]

    @cached_property
    def shares(self) -> FloatArray:
        """Share of the rows in each bin, (bins,)."""
        rows = np.maximum(self.rows, 1)
        return self.bins / rows[self._geometry.variable_of_bin]

    @cached_property
    def present(self) -> IntArray:
        """Rows with a number, (numeric variables,)."""
        totals: IntArray = np.add.reduceat(self.numbers, self._geometry.fine_starts)
        return totals

    @cached_property
    def values(self) -> IntArray:
        """Rows whose value is not missing, (variables,)."""
        geometry = self._geometry
        categorical = geometry.categorical
        missing = self.bins[geometry.starts[categorical] + geometry.sizes[categorical] - 1]
        return np.concatenate((self.present, self.rows[categorical] - missing))

    @cached_property
    def means(self) -> FloatArray:
        """Mean of the numbers in each fine bin, (fine bins,)."""
        mean: FloatArray = VALUES.decode(self._value_sums) / np.maximum(self.numbers, 1)
        return np.where(self.numbers > 0, mean, np.nan)

    @cached_property
    def cumulative(self) -> FloatArray:
        """Share of the numbers below the upper edge of each fine bin, (fine bins,)."""
        total = np.cumsum(self.numbers)
        before = (total - self.numbers)[self._geometry.fine_starts]
        variable = self._geometry.variable_of_fine
        return (total - before[variable]) / np.maximum(self.present, 1)[variable]

    @cached_property
    def reached(self) -> FloatArray:
        """Mean over the numbers of ``edge - number`` within each fine bin, (fine bins,)."""
        variable = self._geometry.variable_of_fine
        total = self.numbers * self._geometry.reach - VALUES.decode(self._value_sums)
        return total / np.maximum(self.present, 1)[variable]


class Comparison:
    """A window's distribution beside the baseline's; what every drift measure reads."""

    def __init__(self, geometry: Geometry, baseline: Distribution, window: Distribution) -> None:
        self.geometry = geometry
        self.baseline = baseline
        self.window = window
        self._derived: dict[Callable[..., Any], Any] = {}

    def derived(self, make: Callable[[Comparison], T]) -> T:
        """Return ``make(self)``, made at the first call and kept: a score that several signals read."""
        if make not in self._derived:
            self._derived[make] = make(self)
        value: T = self._derived[make]
        return value

    @cached_property
    def samples(self) -> FloatArray:
        """Rows of the window that a measure over bins rests on, (variables,)."""
        return self.window.rows.astype(np.float64)

    @cached_property
    def difference(self) -> FloatArray:
        """Cumulative share of the window minus the baseline's at each fine edge, (fine bins,)."""
        return self.window.cumulative - self.baseline.cumulative


def geometry_of(context: ModelContext) -> Geometry:
    """Return the geometry of a model."""
    return Geometry(context.schema)


def baseline_of(context: ModelContext) -> Distribution:
    """Return the distribution of a model's baseline."""
    return Distribution(context.derived(geometry_of), context.reference.sums)


class _Copies:
    """A model whose every variable stands there several times, so that several windows compare in one call."""

    def __init__(self, context: ModelContext) -> None:
        self._context = context
        self._made: dict[int, tuple[Geometry, Distribution]] = {}
        self.numeric = len(context.schema.numeric)
        cells = Cells(context.schema)
        self._cut = int((cells.bins + len(STATUSES))[: self.numeric].sum())

    def of(self, count: int) -> tuple[Geometry, Distribution]:
        """Return the geometry of ``count`` copies, and the baseline's distribution in it."""
        if count not in self._made:
            schema = self._context.schema
            copied = ModelSchema(schema.name, schema.task, schema.numeric * count, schema.categorical * count)
            geometry = Geometry(copied)
            self._made[count] = (
                geometry,
                Distribution(geometry, self.stacked(_repeated(self._context.reference.sums, count))),
            )
        return self._made[count]

    def stacked(self, sums: Sums) -> Sums:
        """Return sums of several windows as those of the copies: numeric variables first, as everywhere."""
        counts, values = sums["variable_counts"], sums["variable_sums"].ravel()
        cells = np.concatenate((counts[:, : self._cut].ravel(), counts[:, self._cut :].ravel()))
        layout = Layout((BlockSpec("variable_counts", cells.shape), BlockSpec("variable_sums", values.shape)))
        return Sums(layout, np.concatenate((cells, values)))


def _repeated(sums: Sums, count: int) -> Sums:
    return Sums(sums.layout, np.broadcast_to(sums.vector, (count, len(sums.vector))))


class Comparisons(Comparison):
    """The windows of several views beside the baseline, every variable once for each of them."""

    def __init__(self, views: Views) -> None:
        copies = views.context.derived(_Copies)
        geometry, baseline = copies.of(len(views))
        window = Distribution(geometry, copies.stacked(views.sums))
        super().__init__(geometry, baseline, window)
        self.views = len(views)
        self._numeric = copies.numeric * self.views

    def by_view(self, values: FloatArray) -> FloatArray:
        """Return (views, variables) of a flat array over all variables, the numeric or the categorical ones."""
        if len(values) < self.geometry.variables:
            return values.reshape(self.views, -1)
        numeric, categorical = values[: self._numeric], values[self._numeric :]
        return np.hstack((numeric.reshape(self.views, -1), categorical.reshape(self.views, -1)))
