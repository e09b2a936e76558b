"""Share of positive feedback, known as customer satisfaction (CSAT)."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.feedback.counts import WITHIN, all_of, shortage
from ml_exporter.signals.performance.uncertainty import wilson
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.sums.feedback import POSITIVE

_SHARE = gauge(
    "ml_feedback_positive_ratio",
    "Share of thumbs up, and of ratings in the upper two fifths of the scale, in the feedback within the window.",
    *WITHIN,
)
_ENDS = tuple(
    gauge(
        f"ml_feedback_positive_ratio_{end}",
        f"{end.capitalize()} end of the 95 % interval of the share of positive feedback within the window.",
        *WITHIN,
    )
    for end in ("lower", "upper")
)


def feedback_positive_ratio(positive: int, samples: int) -> float:
    """Share of positive feedback, customer satisfaction (CSAT): lower is worse.

    ``share = positive / samples`` over ratings and thumbs. Positive are a thumb up, and a rating of
    ``(rating - lowest) / (highest - lowest) >= 3/5``: 4 and 5 on a scale from 1 to 5. Returns a number.

    Range: 0 to 1. Exact. Empty: without feedback there is no share. Missing: who says nothing is not in it, and
    those who do are rarely like those who do not.
    Minimum samples: the configured minimum of ratings and thumbs together; below it there is no sample.
    Interval: Wilson's, of 95 %, as if those who told were drawn by chance.
    Cost: O(1).

    Reference: the top-two-box share of a rating scale, P. Farris, N. Bendle, P. Pfeifer, D. Reibstein, Marketing
    Metrics, 2nd edition, Pearson 2010, chapter 2 (customer satisfaction).

    >>> feedback_positive_ratio(9, 12)
    0.75
    """
    return positive / samples


class PositiveRatio(Signal):
    """The share of positive feedback of each window, and the ends of its interval."""

    key = "feedback_positive_ratio"
    metrics = (_SHARE, *_ENDS)
    formula = staticmethod(feedback_positive_ratio)

    def over_window(self, view: View) -> Samples:
        """Yield the share of the window and its interval."""
        if view.context.schema.feedback is None:
            return
        samples = all_of(view.sums)
        reason = shortage(view, samples)
        if reason:
            yield NoData(view.scope, self.key, reason)
            return
        positive = int(view.sums["feedback_totals"][POSITIVE])
        yield one(_SHARE, feedback_positive_ratio(positive, samples), *view.scope)
        ends = wilson(np.array([positive]), np.array([samples]))
        for metric, (end,) in zip(_ENDS, ends, strict=True):
            yield one(metric, float(end), *view.scope)


SIGNAL: Final = PositiveRatio()
