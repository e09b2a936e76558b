"""The errors of a window in the order of time, slice by slice."""

from __future__ import annotations

from ml_exporter.signals.signal import Trail
from ml_exporter.state.ring import Ring
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums


def errors_of(sums: Sums) -> tuple[int, float]:
    """Return the labelled predictions, and the sum of their errors: 1 for a wrong class, or the absolute error."""
    if "confusion" in sums:
        confusion = sums["confusion"]
        outcomes = int(confusion.sum())
        return outcomes, float(outcomes - int(confusion.trace()))
    over, under = WIDE.decode(sums["error_sums"][:2]).tolist()
    return int(sums["estimated"][0]), over + under


def trail_of(ring: Ring) -> Trail:
    """Return the slices of a window that hold labelled predictions, oldest first."""
    layout = ring.total.layout
    found = [(part.first, *part.derived(errors_of, layout)) for part in ring.slices]
    return [part for part in found if part[1]]
