"""Repeated rows: predictions with exactly the same features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.signal import NO_BASELINE, NO_EVENTS, NO_FEATURES, JointSignal, Samples, View, Views
from ml_exporter.sums.repeats import pairs_per_row

_LABELS: Final = ("model", "version", "window")
_FOUND: Final = gauge(
    "ml_repeated_rows_per_prediction",
    "Other predictions within the window with exactly the same features, mean over its predictions; estimated.",
    *_LABELS,
)
_EXPECTED: Final = gauge(
    "ml_baseline_repeated_rows_per_prediction",
    "What ml_repeated_rows_per_prediction would be for as many rows like the baseline's.",
    *_LABELS,
)


class Repeats(JointSignal):
    """Mean number of other predictions within the window with the same features; higher is worse.

    ``R = F / n - 1`` with ``n`` the predictions and ``F = sum_r f_r^2`` over the distinct rows of features, each
    of which came ``f_r`` times. If a share ``d`` of the predictions came twice and nothing else repeats,
    ``R = d``; a single request sent ``k`` times among ``n`` others adds about ``k^2 / n``. ``F`` is estimated as
    the sum of the squares of 1,024 signed counts into which rows are hashed: they add up over slices, versions do
    not mix.
    Beside it stands ``(n - 1) q``, ``q`` the share of the pairs of the baseline's rows that are equal: features of
    few values repeat by nature, the more the longer the window.

    Range: 0 (no two alike) to ``n - 1`` (all alike).
    Bound: no bias but that it is never below 0; the standard error is at most 4.4 % of ``1 + R``
    (``sqrt(2 / 1,024)``), whatever the traffic: a share of repeated rows below about 0.13 cannot be told from
    none. ``q`` below three of its standard errors counts as 0.
    Missing values are values here; predictions without any usable feature are left out. Exact numbers are
    compared: what differs in its last digit is another row.
    Minimum samples: one prediction with features in the window.
    Cost: O(features) for each event, O(1) for each window; 8 KiB for each slice.

    Reference: N. Alon, Y. Matias, M. Szegedy, The space complexity of approximating the frequency moments,
    STOC 1996, section 2.2, doi:10.1145/237814.237823.
    """

    key = "repeated_rows"
    metrics = (_FOUND, _EXPECTED)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the mean of each window, and what the baseline's rows would have."""
        if "repeats" not in views.sums:
            return [()] * len(views)
        repeats = views.sums["repeats"]
        return map(self._of_view, views, repeats[:, 0].tolist(), pairs_per_row(repeats).tolist())

    def _of_view(self, view: View, rows: int, pairs: float) -> Samples:
        if not rows:
            yield NoData(view.scope, self.key, NO_FEATURES if view.sums["traffic"][0] else NO_EVENTS)
            return
        yield one(_FOUND, pairs, *view.scope)
        equal = view.context.reference.equal_pairs
        if np.isnan(equal):
            yield NoData(view.scope, "baseline_repeated_rows", NO_BASELINE)
        else:
            yield one(_EXPECTED, (rows - 1) * equal, *view.scope)


SIGNAL: Final = Repeats()
