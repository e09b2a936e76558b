"""The samples of one moment, found by metric and labels: all that a page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ml_exporter.core.metrics import Block, Kind, Metric
from ml_exporter.core.text import parse_duration

Row = tuple[str, ...]


class Snapshot:
    """Blocks by the name of their metric; ``at`` is the time at which they are looked at.

    Nothing is computed here but the answer to "what is the value of this series": a NaN counts as absent.
    """

    def __init__(self, blocks: Iterable[Block], at: float) -> None:
        self.at = at
        self._blocks: dict[str, list[Block]] = {}
        self._reasons: dict[Row, dict[str, dict[str, str]]] | None = None
        for block in blocks:
            self._blocks.setdefault(block.metric.name, []).append(block)

    def rows(self, name: str, *scope: str) -> dict[Row, float]:
        """Return the values of a metric whose first labels are ``scope``, by the labels after them."""
        found: dict[Row, float] = {}
        for block in self._of(name, scope):
            for row, value in zip(block.rows.values, block.values.tolist(), strict=True):
                labels = (*block.scope, *row)
                if value == value and labels[: len(scope)] == scope:
                    found[labels[len(scope) :]] = value
        return found

    def value(self, name: str, *labels: str) -> float | None:
        """Return the value of one series, None if there is none."""
        return self.rows(name, *labels).get(())

    def by_first(self, name: str, *scope: str) -> dict[str, float]:
        """Return the values of a metric that has one label beyond ``scope``, by that label."""
        return {row[0]: value for row, value in self.rows(name, *scope).items() if len(row) == 1}

    def metrics(self, prefix: str) -> Iterator[Metric]:
        """Yield the metrics whose names begin with ``prefix``, in the order of the page of metrics."""
        for name, blocks in self._blocks.items():
            if name.startswith(prefix):
                yield blocks[0].metric

    def histogram(self, name: str, *scope: str) -> tuple[Sequence[float], list[float]] | None:
        """Return the upper bounds of a histogram's buckets and the cumulative counts, ``+Inf`` last; or None."""
        for block in self._blocks.get(name, ()):
            if block.metric.kind is Kind.HISTOGRAM and block.scope == scope:
                return block.metric.buckets, np.cumsum(block.values[:-1]).tolist()
        return None

    def models(self) -> list[str]:
        """Return the names of the models."""
        return sorted({labels[0] for labels in self.rows("ml_model_info")})

    def versions(self, model: str) -> list[str]:
        """Return the versions of a model."""
        return sorted({labels[0] for labels in self.rows("ml_model_info", model)})

    def is_shadow(self, model: str, version: str) -> bool:
        """Return whether a version answers beside the one at work."""
        return self.value("ml_model_shadow_info", model, version) is not None

    def windows(self, model: str, version: str) -> list[str]:
        """Return the windows of a version, the shortest first."""
        found = {labels[0] for labels in self.rows("ml_window_predictions", model, version)}
        return sorted(found, key=parse_duration)

    def reasons(self, model: str, version: str, window: str) -> dict[str, dict[str, str]]:
        """Return why there is no sample: by signal, the reason by feature; "" stands for the signal as a whole."""
        if self._reasons is None:
            self._reasons = {}
            for *scope, signal, feature, reason in self.rows("ml_signal_no_data"):
                self._reasons.setdefault(tuple(scope), {}).setdefault(signal, {})[feature] = reason
        return self._reasons.get((model, version, window), {})

    def _of(self, name: str, scope: Row) -> Iterator[Block]:
        for block in self._blocks.get(name, ()):
            length = min(len(scope), len(block.scope))
            if block.metric.kind is not Kind.HISTOGRAM and block.scope[:length] == scope[:length]:
                yield block
