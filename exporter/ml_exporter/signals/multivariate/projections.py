"""Projections of whole rows as counters: the sums from which a fleet's multivariate drift follows."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.metrics import Block, Rows, counter, gauge, one
from ml_exporter.signals.signal import ModelContext, Samples, Signal, View
from ml_exporter.sums.fixed import VALUES
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.multivariate import PROJECTIONS, SQUARES

_OF: Final = ("model", "version")

_ROWS = counter("ml_multivariate_rows_total", "Predictions whose features were looked at together.", *_OF)
_PROJECTIONS = counter(
    "ml_multivariate_projection_total",
    "Sum of (1 + cos) / 2 or (1 + sin) / 2 of the angles of whole rows at a random frequency.",
    *_OF,
    "component",
)
_COMPLETE = counter("ml_multivariate_complete_rows_total", "Predictions that lack no feature.", *_OF)
_ERRORS = counter(
    "ml_multivariate_reconstruction_error_total",
    "Sum of the reconstruction errors of predictions that lack no feature.",
    *_OF,
)
_SQUARED = counter(
    "ml_multivariate_reconstruction_squared_error_total",
    "Sum of the squared reconstruction errors of predictions that lack no feature.",
    *_OF,
)
_BASELINE = gauge(
    "ml_baseline_multivariate_projection_ratio",
    "Mean of (1 + cos) / 2 or (1 + sin) / 2 of the angles of the baseline's rows at a random frequency.",
    *_OF,
    "component",
)


def _rows_of(context: ModelContext) -> Rows:
    known = context.schema.multivariate
    count = known.frequencies if known else 0
    return Rows.of(f"{wave}{number:02d}" for wave in ("cos", "sin") for number in range(count))


class Projections(Signal):
    """What :class:`Mmd` and :class:`ReconstructionError` rest on, since the start, and the baseline's means.

    With these a rule computes both of any number of replicas over any range. 128 counters of a model are the
    price; a cosine is between -1 and 1, its counter takes ``(1 + cos) / 2``, so that it never falls.
    """

    key = "multivariate_projections"
    metrics = (_ROWS, _PROJECTIONS, _COMPLETE, _ERRORS, _SQUARED, _BASELINE)

    def since_start(self, view: View) -> Samples:
        """Yield the counters; they begin at 0."""
        sums = view.sums
        if "multivariate_rows" not in sums:
            return
        rows, complete = sums["multivariate_rows"].tolist()
        total, squares = sums["multivariate_errors"].tolist()
        yield one(_ROWS, rows, *view.scope)
        projections = PROJECTIONS.decode(_flat(sums))
        yield Block(_PROJECTIONS, view.scope, view.context.derived(_rows_of), projections)
        yield one(_COMPLETE, complete, *view.scope)
        yield one(_ERRORS, total * VALUES.step, *view.scope)
        yield one(_SQUARED, squares * SQUARES.step, *view.scope)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the baseline's means."""
        sums = context.reference.sums
        if "multivariate_rows" in sums and sums["multivariate_rows"][0]:
            means = PROJECTIONS.decode(_flat(sums)) / sums["multivariate_rows"][0]
            yield Block(_BASELINE, (context.schema.name, version), context.derived(_rows_of), means)


def _flat(sums: Sums) -> IntArray:
    return sums["multivariate_projections"].ravel()


SIGNAL: Final = Projections()
