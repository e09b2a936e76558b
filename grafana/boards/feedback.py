"""What people say about the predictions of each version."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import by_version
from boards.queries import MODEL

_W: Final = f'{MODEL}, window="$window"'
_F: Final = "model_version:ml_feedback"
_NONE: Final = "the model takes no feedback, or there is none in this window"


def row() -> Row:
    """Return the row of ratings and positive feedback by version."""
    return Row(
        "Feedback by version",
        [
            by_version(
                "Mean rating",
                "Mean of the ratings of a version's predictions, on the model's own scale. Lower is worse.",
                f"{_F}_rating:mean{{{_W}}}",
                "none",
                _NONE,
            ),
            by_version(
                "Positive feedback",
                "Share of thumbs up, and of ratings in the upper two fifths of the scale (CSAT). Lower is worse.",
                f"{_F}_positive:ratio{{{_W}}}",
                "percentunit",
                _NONE,
            ),
            by_version(
                "Ratings and thumbs",
                "How much feedback the other two rest on: of little, either moves by chance.",
                f"{_F}:samples{{{_W}}}",
                "short",
                _NONE,
            ),
        ],
    )
