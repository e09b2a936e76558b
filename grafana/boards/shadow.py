"""How alike a shadow and the version at work are."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import by_version
from boards.queries import MODEL
from boards.shares import shares

_W: Final = f'{MODEL}, window="$window"'
_S: Final = "model_version:ml_shadow"
_NONE: Final = "the model has no shadow, or it made no prediction beside another in this window"


def row() -> Row:
    """Return the row of agreement and differences by shadow."""
    return Row(
        "Shadows beside the version at work",
        [
            by_version(
                "Agreement",
                """Share of a shadow's predictions that name the class of the version at work. Lower is less alike,
                not worse: which is more right, the table above says.""",
                f"{_S}_agreement:ratio{{{_W}}}",
                "percentunit",
                _NONE,
            ),
            by_version(
                "Mean absolute difference",
                "How far a shadow's scores or values lie from those at work. Higher is less alike.",
                f"{_S}_difference:absolute{{{_W}}}",
                "none",
                _NONE,
            ),
            by_version(
                "Mean difference",
                "A shadow's scores or values less those at work: above 0 they are higher on average.",
                f"{_S}_difference:mean{{{_W}}}",
                "none",
                _NONE,
            ),
            shares(
                "How sure the agreement is",
                """The agreement of each shadow with its 95 % interval, and the pairs of predictions with classes
                on which it rests. An interval that is wide wants more pairs.""",
                ("agreement", f"{_S}_agreement:ratio{{{_W}}}"),
                ("pairs", f"{_S}_classes:increase{{{_W}}}"),
                _NONE,
            ),
        ],
    )
