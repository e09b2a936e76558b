"""Events as one schema codes them, as another one counts them: the versions of a model differ in theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_exporter.core.arrays import CodeArray, FloatArray, IntArray
from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.schema import CategoricalVariable, ModelSchema
from ml_exporter.sums.variables import STATUSES


class Recoding:
    """Picks the variables of ``to`` from columns of ``given``, and gives categories the codes of ``to``.

    ``given`` knows every variable of ``to``, and every category of its features. What ``to`` does not know is left
    out: a feature altogether, a category as other. Groups of segments, scores and classes stay as they are.
    """

    def __init__(self, given: ModelSchema, to: ModelSchema) -> None:
        numeric = {(variable.role, variable.name): place for place, variable in enumerate(given.numeric)}
        categorical = {(variable.role, variable.name): place for place, variable in enumerate(given.categorical)}
        features = {variable.name: place for place, variable in enumerate(given.features)}
        self._numeric = [numeric[variable.role, variable.name] for variable in to.numeric]
        self._categorical = [categorical[variable.role, variable.name] for variable in to.categorical]
        self._features = [features[variable.name] for variable in to.features]
        self._codes = [
            _codes(given.categorical[place], variable)
            for place, variable in zip(self._categorical, to.categorical, strict=True)
        ]

    @classmethod
    def between(cls, given: ModelSchema, to: ModelSchema) -> Recoding | None:
        """Return what turns columns of one schema into those of another; None where they are the same."""
        if [_identity(given, place) for place in range(2)] == [_identity(to, place) for place in range(2)]:
            return None
        return cls(given, to)

    def __call__(self, batch: PredictionColumns) -> PredictionColumns:
        """Return a batch as the other schema has it."""
        categorical: CodeArray = np.empty((len(self._codes), batch.rows), np.int32)
        for row, place, codes in zip(categorical, self._categorical, self._codes, strict=True):
            row[:] = codes[batch.categorical[place]]
        attributions: FloatArray | None = batch.attributions
        if attributions is not None:
            attributions = attributions[self._features]
        return replace(
            batch, numeric=batch.numeric[self._numeric], categorical=categorical, attributions=attributions
        )


def _identity(schema: ModelSchema, kind: int) -> list[object]:
    if kind == 0:
        return [(variable.role, variable.name) for variable in schema.numeric]
    return [(variable.role, variable.name, variable.categories) for variable in schema.categorical]


def _codes(given: CategoricalVariable, to: CategoricalVariable) -> IntArray:
    """Return the code in ``to`` of each code of ``given``: those of its categories, then the statuses."""
    known = {name: code for code, name in enumerate(to.categories)}
    other = len(to.categories)
    codes = [known.get(name, other) for name in given.categories]
    return np.array([*codes, *(other + place for place in range(len(STATUSES)))], np.int32)
