"""Models whose features are looked at together, fitted on any table."""

from __future__ import annotations

import numpy as np

from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.rows import predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.drift import MEASURES
from ml_exporter.signals.drift.noise import SIZES, noise_floors
from ml_exporter.signals.signal import ModelContext, View
from ml_exporter.sums.layout import Sums
from support.models import chunk_of, tallies_of
from support.workload import Table

OPTIONS = FitOptions(Task.BINARY, multivariate=True)


def correlated(rows: int, rho: float, rng: np.random.Generator, features: int = 5) -> Table:
    """Return standard normal features, of which the first two have a correlation of ``rho``."""
    columns = rng.normal(size=(features, rows))
    columns[1] = rho * columns[0] + np.sqrt(1 - rho * rho) * columns[1]
    return {f"x{number}": column for number, column in enumerate(columns)}


def fitted(table: Table) -> BaselineDocument:
    """Return the baseline of a table."""
    return fit(
        lambda: iter([chunk_of(table)]),
        OPTIONS,
        tallies_of,
        lambda *known: noise_floors(*known, MEASURES[:1]),
        SIZES,
        source="table",
        created=1.0,
    ).document


class Together:
    """A model with a baseline of its own."""

    def __init__(self, table: Table, minimum: int = 100) -> None:
        self.document = fitted(table)
        self.schema, _ = schema_of("model", Task.BINARY, self.document, {})
        self.tallies = tallies_of(self.schema)
        reference = reference_of(self.schema, self.tallies, self.document)
        self.context = ModelContext(reference, minimum)

    def rows(self, table: Table) -> PredictionColumns:
        """Return a table as predictions."""
        return predictions_of(chunk_of(table), self.schema, OPTIONS)

    def sums(self, rows: PredictionColumns) -> Sums:
        """Return the sums over predictions."""
        sums = self.tallies.zero()
        self.tallies.add_predictions(rows, sums)
        return sums

    def window(self, rows: PredictionColumns) -> dict[str, float]:
        """Return what a window of these predictions shows, by metric, and by metric and feature."""
        view = View(self.context, "1", self.sums(rows), "1h")
        return {
            " ".join((sample.metric.name, *row)): float(value)
            for signal in SIGNALS
            for sample in signal.over_window(view)
            if isinstance(sample, Block)
            for row, value in zip(sample.rows.values, sample.values, strict=True)
        }

    def reasons(self, rows: PredictionColumns) -> dict[str, str]:
        """Return why signals of all features together say nothing of these predictions."""
        view = View(self.context, "1", self.sums(rows), "1h")
        return {
            sample.signal: sample.reason
            for signal in SIGNALS
            for sample in signal.over_window(view)
            if isinstance(sample, NoData) and sample.signal.startswith("multivariate")
        }
