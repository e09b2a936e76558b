"""Ratings by step and thumbs, and the sums from which a fleet's mean and positive share follow."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import Block, Rows, counter, gauge, one
from ml_exporter.signals.feedback.counts import OF, WITHIN, all_of, steps_of
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.sums.feedback import POINTS, POSITIVE, THUMBS
from ml_exporter.sums.fixed import UNIT_INTERVAL

_RATINGS = counter("ml_feedback_rating_total", "Ratings that were joined, by step of the scale.", *OF, "rating")
_THUMBS = counter("ml_feedback_thumbs_total", "Thumbs that were joined, up and down.", *OF, "thumb")
_POSITIVE = counter(
    "ml_feedback_positive_total",
    "Positive feedback that was joined: thumbs up, and ratings in the upper two fifths of the scale.",
    *OF,
)
_POINTS = counter(
    "ml_feedback_points_total", "Sum over the ratings that were joined of what each is above the lowest.", *OF
)
_LOWEST = gauge("ml_feedback_scale_lowest", "Lowest rating of the configured scale.", *OF)
_SAMPLES = gauge("ml_feedback_samples", "Ratings and thumbs within the window.", *WITHIN)
_THUMB_ROWS: Final = Rows.of(THUMBS)


class Told(Signal):
    """Counters of a model that takes feedback; the first for an id counts, and none that names an unknown id.

    A rating counts at the step of the scale it is nearest to, halves up, where steps are whole numbers.
    """

    key = "feedback_told"
    metrics = (_RATINGS, _THUMBS, _POSITIVE, _POINTS, _LOWEST, _SAMPLES)

    def since_start(self, view: View) -> Samples:
        """Yield the counters; they begin at 0 for every step."""
        scale = view.context.schema.feedback
        if scale is None:
            return
        totals = view.sums["feedback_totals"]
        yield Block(_RATINGS, view.scope, view.context.derived(steps_of), view.sums["feedback_ratings"].copy())
        yield Block(_THUMBS, view.scope, _THUMB_ROWS, view.sums["feedback_thumbs"].copy())
        yield one(_POSITIVE, int(totals[POSITIVE]), *view.scope)
        yield one(_POINTS, float(UNIT_INTERVAL.decode(totals[POINTS])) * scale.length, *view.scope)
        yield one(_LOWEST, scale.lowest, *view.scope)

    def over_window(self, view: View) -> Samples:
        """Yield how much feedback the window has."""
        if view.context.schema.feedback is not None:
            yield one(_SAMPLES, all_of(view.sums), *view.scope)


SIGNAL: Final = Told()
