"""A baseline's sums, laid out as a model's own sums are: what the signals compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ml_exporter.baseline import attributions
from ml_exporter.baseline.calibration import expected_sums
from ml_exporter.baseline.document import BaselineDocument, VariableDocument
from ml_exporter.baseline.multivariate import fill_multivariate
from ml_exporter.baseline.segments import fill
from ml_exporter.baseline.volume import hourly_of
from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, NumericVariable, Variable
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.segments import Groups
from ml_exporter.sums.tally import Tallies
from ml_exporter.sums.variables import STATUSES, Cells


@dataclass(frozen=True, eq=False, slots=True)
class NoiseFloors:
    """What each drift measure shows without drift: its 99.9 % quantile at some window sizes.

    ``samples`` (sizes,) ascends; ``floors`` holds, by measure, (variables, sizes) in the order of the
    schema's variables, NaN where nothing was fitted.
    """

    samples: IntArray
    floors: Mapping[str, FloatArray] = field(default_factory=dict)

    def at(self, measure: str, variables: IntArray, samples: FloatArray) -> FloatArray:
        """Return the floor of each of ``variables`` at its number of ``samples``, both of one length.

        Between two sizes the floor follows a power law, and below the first that of the first two; beyond the
        last it is that of the last. Where one of the two is 0, so is the floor.
        """
        table = self.floors.get(measure)
        if table is None:
            return np.full(len(variables), np.nan)
        sizes = np.log(self.samples)
        place = np.log(np.clip(samples, 1.0, self.samples[-1]))
        right = np.clip(np.searchsorted(sizes, place), 1, len(sizes) - 1)
        weight = (place - sizes[right - 1]) / (sizes[right] - sizes[right - 1])
        low, high = table[variables, right - 1], table[variables, right]
        positive = (low > 0) & (high > 0)
        law = np.where(positive, low, 1.0) ** (1 - weight) * np.where(positive, high, 1.0) ** weight
        return np.where(positive, law, low * high)


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """What a model is compared with. Without a baseline the sums are zero and ``rows`` is 0.

    ``equal_pairs`` is the share of the pairs of its rows whose features are equal; NaN if it does not say.
    ``hourly`` (168,) are its mean rows in each hour of the week, NaN where it does not say.
    """

    schema: ModelSchema
    sums: Sums
    rows: int = 0
    digest: str = ""
    created: float = np.nan
    noise: NoiseFloors = field(default_factory=lambda: NoiseFloors(np.zeros(0, np.int64)))
    equal_pairs: float = np.nan
    hourly: FloatArray = field(default_factory=lambda: hourly_of(None))


def reference_of(schema: ModelSchema, tallies: Tallies, document: BaselineDocument | None) -> Reference:
    """Return the baseline's sums laid out as the model's own sums are."""
    sums = tallies.zero()
    if document is None:
        return Reference(schema, sums)
    by_key = {(variable.role, variable.name): variable for variable in document.variables}
    cells = Cells(schema)
    counts, value_sums = sums["variable_counts"], sums["variable_sums"]
    tables: dict[str, FloatArray] = {}
    start_of_sums = 0
    for number, variable in enumerate(schema.variables):
        found = by_key.get((variable.role.value, variable.name))
        if found is not None:
            start = int(cells.starts[number])
            here = _cell_counts(found, variable)
            counts[start : start + len(here)] = here
            if isinstance(variable, NumericVariable) and found.sums is not None:
                value_sums[start_of_sums : start_of_sums + variable.bins] = found.sums
            for measure, floors in found.noise.items():
                shape = (len(schema.variables), len(document.noise_samples))
                tables.setdefault(measure, np.full(shape, np.nan))[number] = floors
        if isinstance(variable, NumericVariable):
            start_of_sums += variable.bins
    for block, flat in (document.outcomes | expected_sums(document.calibration)).items():
        if block in sums and sums[block].size == len(flat):
            sums[block][:] = np.array(flat, np.int64).reshape(sums[block].shape)
    fill(sums, schema.segments, Groups(schema), document.segments)
    attributions.fill(sums, schema, document.attributions)
    fill_multivariate(sums, document.multivariate)
    noise = NoiseFloors(np.array(document.noise_samples, np.int64), tables)
    equal = np.nan if document.equal_pairs is None else document.equal_pairs
    hourly = hourly_of(document.volume)
    return Reference(schema, sums, document.rows, document.sha256[:12], document.created, noise, equal, hourly)


def _cell_counts(found: VariableDocument, variable: Variable) -> IntArray:
    status = {name: getattr(found, name) for name in STATUSES}
    counts = list(found.counts)
    if isinstance(variable, CategoricalVariable):
        by_name = dict(zip(found.categories or (), found.counts, strict=True))
        counts = [by_name.pop(name, 0) for name in variable.categories]
        status["other"] += sum(by_name.values())
    return np.array([*counts, *(status[name] for name in STATUSES)], np.int64)
