"""What people said about the predictions: ratings and thumbs."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, facts, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, percent, plain, short

SHARE: Final = "ml_feedback_positive_ratio"
MEAN: Final = "ml_feedback_rating_mean"
SAMPLES: Final = "ml_feedback_samples"


def _content(chosen: Selection) -> Html:
    snapshot, scope = chosen.snapshot, chosen.scope
    samples = snapshot.value(SAMPLES, *scope)
    if samples is None:
        return Html("")
    mean = snapshot.value(MEAN, *scope)
    lowest = snapshot.value("ml_feedback_scale_lowest", *chosen.total)
    scale = "" if mean is None or lowest is None else f" on a scale from {plain(lowest)} up"
    share = percent(snapshot.value(SHARE, *scope), short(chosen.reasons.get("feedback_positive_ratio")))
    pairs = [
        ("Mean rating", Html(number(mean, short(chosen.reasons.get("feedback_rating_mean"))) + scale)),
        ("Share of positive feedback", Html(f"{share} ({within})" if (within := interval(chosen)) else share)),
        (f"Ratings and thumbs within {chosen.window}", number(samples)),
    ]
    words = (
        "Lower is worse. Positive are thumbs up, and ratings in the upper two fifths of the scale; in brackets"
        " stands the 95 % interval. Those who tell are rarely like those who do not."
    )
    return Html(paragraph(words) + facts(pairs) + _counted(chosen))


def interval(chosen: Selection) -> str:
    """Return the 95 % interval of the share of positive feedback, "" if there is none."""
    lower, upper = (chosen.snapshot.value(f"{SHARE}_{end}", *chosen.scope) for end in ("lower", "upper"))
    return "" if lower is None or upper is None else f"{percent(lower)} to {percent(upper)}"


def _counted(chosen: Selection) -> Html:
    ratings = chosen.snapshot.by_first("ml_feedback_rating_total", *chosen.total)
    thumbs = chosen.snapshot.by_first("ml_feedback_thumbs_total", *chosen.total)
    heads = ("Counted", *(f"Rating {step}" for step in ratings), *(f"Thumbs {thumb}" for thumb in thumbs))
    counts = [number(count) for count in (*ratings.values(), *thumbs.values())]
    words = "What was told of this version, by step of the scale."
    return table(words, heads, [("Since the counters began", *counts)])


SECTION: Final = Section("feedback", "Feedback", Of.WINDOW, _content)
