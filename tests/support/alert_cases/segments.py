"""Segments and fairness."""

from __future__ import annotations

from support.rules import Case, Fleet, place

_GOOD = (("0", "0", 5.4), ("0", "1", 0.6), ("1", "0", 0.4), ("1", "1", 3.6))
_BAD = (("0", "0", 4.0), ("0", "1", 2.0), ("1", "0", 2.0), ("1", "1", 2.0))


def _groups(fleet: Fleet, model: str) -> None:
    """Give the model a segment of two groups, of which nothing is wrong."""
    for replica in "ab":
        for group in ("north", "south"):
            of = {**place(model, replica), "segment": "region", "group": group}
            fleet.counter("ml_segment_classified_predictions_total", 10, **of)
            fleet.counter("ml_segment_positive_predictions_total", 4, **of)
            for true, predicted, rate in _GOOD:
                fleet.counter("ml_segment_confusion_total", rate, **of, **{"class": true}, predicted=predicted)
            fleet.gauge("ml_baseline_segment_performance_accuracy", 0.9, **of)
            fleet.gauge("ml_baseline_segment_performance_samples", 10_000, **of)
        fleet.gauge("ml_fairness_reference_info", 1, **place(model, replica), segment="region", group="north")
        fleet.gauge("ml_model_positive_class_info", 1, **place(model, replica), **{"class": "1"})


def _one_falls(fleet: Fleet, model: str) -> None:
    _groups(fleet, model)
    for replica in "ab":
        of = {**place(model, replica), "segment": "region", "group": "south"}
        for (true, predicted, good), (_, _, bad) in zip(_GOOD, _BAD, strict=True):
            rates = [(60, good), (60, bad), (180, good)]
            fleet.counter("ml_segment_confusion_total", rates, **of, **{"class": true}, predicted=predicted)


def _one_errs_more(fleet: Fleet, model: str) -> None:
    """A regression that errs more in one group."""
    for replica in "ab":
        for group in ("north", "south"):
            of = {**place(model, replica), "segment": "region", "group": group}
            worse = 40 if group == "south" else 10
            fleet.counter("ml_segment_outcome_scored_total", 10, **of)
            fleet.counter("ml_segment_outcome_overestimate_total", [(60, 10), (60, worse), (180, 10)], **of)
            fleet.counter("ml_segment_outcome_underestimate_total", 10, **of)
            fleet.counter("ml_segment_outcome_squared_error_total", [(60, 50), (60, 6 * worse), (180, 50)], **of)
            fleet.gauge("ml_baseline_segment_performance_mae", 2, **of)
            fleet.gauge("ml_baseline_segment_performance_samples", 10_000, **of)


def _one_is_chosen_less(fleet: Fleet, model: str) -> None:
    _groups(fleet, model)
    for replica in "ab":
        of = {**place(model, replica), "segment": "region", "group": "south"}
        fleet.counter("ml_segment_positive_predictions_total", [(60, 4), (60, 1), (180, 4)], **of)


def _one_is_chosen_more(fleet: Fleet, model: str) -> None:
    _groups(fleet, model)
    for replica in "ab":
        of = {**place(model, replica), "segment": "region", "group": "south"}
        fleet.counter("ml_segment_positive_predictions_total", [(60, 4), (60, 9), (180, 4)], **of)


_OF = {"version": "1", "window": "1h", "segment": "region", "group": "south"}

CASES = (
    Case(
        "MLSegmentPerformanceDrop",
        _one_falls,
        92,
        186,
        {**_OF, "measure": "accuracy"},
        "The accuracy of model m 1 where region is south is worse than on that group of the baseline by 0.15, over the"
        " labels of 1h; allowed are 0.10 and 0.01 is one standard error.",
        ("ml_baseline_segment_performance_accuracy",),
    ),
    Case(
        "MLSegmentPerformanceDrop",
        _one_errs_more,
        83,
        195,
        {**_OF, "measure": "mae"},
        "The mae of model m 1 where region is south is worse than on that group of the baseline by 0.50, over the"
        " labels of 1h; allowed are 0.40 and 0.02 is one standard error.",
        ("ml_baseline_segment_performance_mae",),
    ),
    Case(
        "MLDisparateImpact",
        _one_is_chosen_less,
        92,
        186,
        _OF,
        "Where region is south, model m 1 predicts the positive class 0.62 times as often as for the reference group,"
        " over 1h; a distance of 0.20 from 1 is allowed.",
        ("ml_fairness_reference_info",),
    ),
    Case(
        "MLDisparateImpact",
        _one_is_chosen_more,
        87,
        191,
        _OF,
        "Where region is south, model m 1 predicts the positive class 1.52 times as often as for the reference group,"
        " over 1h; a distance of 0.20 from 1 is allowed.",
        ("ml_fairness_reference_info",),
    ),
)
