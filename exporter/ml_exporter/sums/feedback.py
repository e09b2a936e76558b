"""Sums of what people said about predictions: ratings and thumbs."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.columns import FeedbackColumns
from ml_exporter.core.feedback import Scale
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.fixed import UNIT_INTERVAL
from ml_exporter.sums.layout import BlockSpec, Sums

THUMBS: Final = ("down", "up")
POINTS, POSITIVE = range(2)


class FeedbackTally:
    """Adds what people said.

    - ``feedback_ratings`` (steps,): ratings by step of the scale.
    - ``feedback_thumbs`` (2,): thumbs down and up.
    - ``feedback_totals`` (2,): sum of the ratings as share of the way from the lowest to the highest, in steps of
      :data:`fixed.UNIT_INTERVAL`; and how much feedback was positive: thumbs up, ratings in the upper two fifths.
    """

    key: ClassVar[str] = "feedback"

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self.blocks = (
            BlockSpec("feedback_ratings", (len(scale.labels),)),
            BlockSpec("feedback_thumbs", (len(THUMBS),)),
            BlockSpec("feedback_totals", (2,)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> FeedbackTally | None:
        """Return the tally of a model that takes feedback; None for others."""
        return cls(schema.feedback) if schema.feedback is not None else None

    def add(self, batch: FeedbackColumns, sums: Sums) -> None:
        """Add a batch of feedback."""
        scale = self._scale
        ratings = batch.rating[~np.isnan(batch.rating)]
        thumbs = np.bincount(batch.thumb[batch.thumb >= 0], minlength=len(THUMBS))
        totals = sums["feedback_totals"]
        sums["feedback_ratings"][:] += np.bincount(scale.steps(ratings), minlength=len(scale.labels))
        sums["feedback_thumbs"][:] += thumbs
        totals[POINTS] += UNIT_INTERVAL.encode((ratings - scale.lowest) / scale.length).sum()
        totals[POSITIVE] += np.count_nonzero(scale.positive(ratings)) + thumbs[THUMBS.index("up")]
