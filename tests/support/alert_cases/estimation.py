"""Estimates before labels come."""

from __future__ import annotations

from support.rules import Case, Fleet, place

_CELLS = (("0", "0", 10.8, 8.0), ("0", "1", 1.2, 4.0), ("1", "0", 0.8, 4.0), ("1", "1", 7.2, 4.0))


def less_sure(fleet: Fleet, model: str) -> None:
    """Scores are less decided in the second hour."""
    for replica in "ab":
        for true, predicted, good, bad in _CELLS:
            of = {**place(model, replica), "class": true, "predicted": predicted}
            fleet.counter("ml_estimated_confusion_total", [(60, good), (60, bad), (180, good)], **of)


def _ranks_worse(fleet: Fleet, model: str) -> None:
    """Scores tell the classes less apart in the second hour."""
    for replica in "ab":
        of = {**place(model, replica), "class": "0"}
        for name, before, after in (("[0, 0.5)", 10.8, 7.0), ("[0.5, 1]", 1.2, 5.0)):
            rates = [(60, before), (60, after), (180, before)]
            fleet.counter("ml_estimated_score_bin_total", rates, **of, bin=name)
        for name, before, after in (("[0, 0.5)", 5.4, 3.5), ("[0.5, 1]", 11.4, 9.5)):
            rates = [(60, before), (60, after), (180, before)]
            fleet.counter("ml_estimated_score_below_total", rates, **of, bin=name)


def _without_labels(fleet: Fleet, model: str) -> None:
    for name in ("ml_confusion_total", "ml_score_bin_total", "ml_score_below_total"):
        fleet.remove(model, name)
    less_sure(fleet, model)


def _ranks_worse_without_labels(fleet: Fleet, model: str) -> None:
    for name in ("ml_confusion_total", "ml_score_bin_total", "ml_score_below_total"):
        fleet.remove(model, name)
    _ranks_worse(fleet, model)


def _with_late_labels(fleet: Fleet, model: str) -> None:
    """Labels are as many as ever, and good, but of predictions of earlier hours."""
    for replica in "ab":
        for bound, rate in (("10.0", 0), ("60.0", 0), ("3600.0", 0), ("7200.0", 10), ("+Inf", 10)):
            fleet.counter("ml_label_delay_seconds_bucket", rate, **place(model, replica), le=bound)
    less_sure(fleet, model)


_OF = {"version": "1", "window": "1h"}
_WORDS = (
    "The {0} of model m 1 is estimated to be worse than on its baseline by {1}, for the predictions of 1h; allowed are"
    " 0.05 and 0.01 is one standard error. Labels are too few or too late to judge by."
)

CASES = (
    Case(
        "MLEstimatedPerformanceDrop",
        _without_labels,
        82,
        196,
        {**_OF, "measure": "accuracy"},
        _WORDS.format("accuracy", "0.10"),
        ("ml_baseline_estimated_performance_accuracy",),
    ),
    Case(
        "MLEstimatedPerformanceDrop",
        _ranks_worse_without_labels,
        97,
        181,
        {**_OF, "measure": "roc_auc"},
        _WORDS.format("roc_auc", "0.09"),
        ("ml_estimated_score_below_total",),
    ),
    Case(
        "MLEstimatedPerformanceDrop",
        _with_late_labels,
        82,
        196,
        {**_OF, "measure": "accuracy"},
        _WORDS.format("accuracy", "0.10"),
        ("ml_baseline_estimated_performance_accuracy",),
    ),
)
