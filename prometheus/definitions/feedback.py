"""Feedback: how content are those who use the predictions."""

from __future__ import annotations

from typing import Final

from definitions.rule import Family, Record
from definitions.windows import constant, increases

_F: Final = "model_version:ml_feedback"
_LOWEST: Final = f"{_F}_scale_lowest:max"
_RATINGS: Final = f"{_F}_ratings:increase"
_SAMPLES: Final = f"{_F}:samples"

_RECORDS: Final = (
    *increases("model_version_rating", "ml_feedback_rating_total"),
    *increases("model_version_thumb", "ml_feedback_thumbs_total"),
    *increases("model_version", "ml_feedback_positive_total", "ml_feedback_points_total"),
    constant("model_version", "ml_feedback_scale_lowest"),
    Record(_RATINGS, "sum without (rating) (model_version_rating:ml_feedback_rating:increase)"),
    Record(_SAMPLES, f"{_RATINGS} + sum without (thumb) (model_version_thumb:ml_feedback_thumbs:increase)"),
    Record(
        f"{_F}_rating:mean",
        f"{_F}_points:increase / ({_RATINGS} > 0) + ignoring (window) group_left () {_LOWEST}",
    ),
    Record(f"{_F}_positive:ratio", f"{_F}_positive:increase / ({_SAMPLES} > 0)"),
)

FAMILY: Final = Family("feedback", __doc__, _RECORDS, ())
