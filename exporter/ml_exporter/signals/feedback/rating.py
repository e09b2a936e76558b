"""Mean rating."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.feedback import Scale
from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.feedback.counts import WITHIN, ratings_of, shortage
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.sums.feedback import POINTS
from ml_exporter.sums.fixed import UNIT_INTERVAL

_MEAN = gauge("ml_feedback_rating_mean", "Mean of the ratings that arrived within the window.", *WITHIN)


def feedback_rating_mean(points: int, ratings: int, scale: Scale) -> float:
    """Mean rating: how content those are who rate, on the scale of the model; lower is worse.

    ``mean = lowest + (highest - lowest) * points / ratings`` where ``points`` is the sum of
    ``(rating - lowest) / (highest - lowest)`` in steps of 2^-30. Returns a number.

    Range: that of the scale. Every rating is rounded by at most 2^-31 of the scale; sums are exact.
    Empty: without a rating there is no mean. Missing: thumbs are no ratings; those who rate are rarely like those
    who do not.
    Minimum samples: the configured minimum of ratings; below it there is no sample.
    Cost: O(1).

    Reference: none; it is the arithmetic mean of exact sums.

    >>> feedback_rating_mean(3 << 29, 2, Scale(1, 5))
    4.0
    """
    share = float(UNIT_INTERVAL.step * points / ratings)
    return scale.lowest + scale.length * share


class RatingMean(Signal):
    """The mean rating of each window."""

    key = "feedback_rating_mean"
    metrics = (_MEAN,)
    formula = staticmethod(feedback_rating_mean)

    def over_window(self, view: View) -> Samples:
        """Yield the mean of the window."""
        scale = view.context.schema.feedback
        if scale is None:
            return
        ratings = ratings_of(view.sums)
        reason = shortage(view, ratings)
        if reason:
            yield NoData(view.scope, self.key, reason)
        else:
            points = int(view.sums["feedback_totals"][POINTS])
            yield one(_MEAN, feedback_rating_mean(points, ratings, scale), *view.scope)


SIGNAL: Final = RatingMean()
