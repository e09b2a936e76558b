"""Performance."""

from __future__ import annotations

from support.rules import Case, Fleet, add_replica, place

_GOOD = (("0", "0", 5.4), ("0", "1", 0.6), ("1", "0", 0.4), ("1", "1", 3.6))
_FLOOR = '      - {{record: "ml:performance_floor:threshold", labels: {{measure: {0}}}, expr: vector({1})}}\n'


def _confuse(fleet: Fleet, model: str, rates: tuple[float, float, float, float]) -> None:
    """Let the confusion counts of a model grow otherwise in the second hour."""
    for replica in "ab":
        for (true, predicted, good), bad in zip(_GOOD, rates, strict=True):
            of = {**place(model, replica), "class": true, "predicted": predicted}
            fleet.counter("ml_confusion_total", [(60, good), (60, bad), (180, good)], **of)


def _worse(fleet: Fleet, model: str) -> None:
    _confuse(fleet, model, (4, 2, 2, 2))


def _worse_beside_another(fleet: Fleet, model: str) -> None:
    """The model's second version does as well as ever, beside the first."""
    _worse(fleet, model)
    if model == "m":
        add_replica(fleet, "m", "c", version="0")


def _useless(fleet: Fleet, model: str) -> None:
    _confuse(fleet, model, (2, 4, 2, 2))


def _ranks_worse(fleet: Fleet, model: str) -> None:
    """Scores no longer tell the classes apart."""
    for replica in "ab":
        of = place(model, replica)
        for name, before, after in (("[0, 0.5)", 5.4, 3.5), ("[0.5, 1]", 0.6, 2.5)):
            fleet.counter(
                "ml_score_bin_total", [(60, before), (60, after), (180, before)], **of, **{"class": "0"}, bin=name
            )
        for name, before, after in (("[0, 0.5)", 2.7, 1.75), ("[0.5, 1]", 5.7, 4.75)):
            fleet.counter(
                "ml_score_below_total",
                [(60, before), (60, after), (180, before)],
                **of,
                **{"class": "0"},
                bin=name,
            )


def _regression(fleet: Fleet, model: str, over: float, squared: float, spread: float) -> None:
    """Make the model a regression whose errors grow in the second hour."""
    scores = ("ml_score_bin_total", "ml_score_below_total", "ml_score_above_total")
    for name in ("ml_confusion_total", *scores, "ml_outcome_log_loss_total"):
        fleet.remove(model, name)
    for replica in "ab":
        of = place(model, replica)
        fleet.counter("ml_outcome_overestimate_total", [(60, 10), (60, over), (180, 10)], **of)
        fleet.counter("ml_outcome_underestimate_total", 10, **of)
        fleet.counter("ml_outcome_squared_error_total", [(60, 50), (60, squared), (180, 50)], **of)
        fleet.counter("ml_outcome_label_squared_total", spread, **of)
        fleet.counter("ml_outcome_label_above_total", 50, **of)
        fleet.counter("ml_outcome_label_below_total", 50, **of)
        fleet.gauge("ml_baseline_performance_mae", 2, **of)


def _errs_more(fleet: Fleet, model: str) -> None:
    _regression(fleet, model, 30, 200, 1_000)


def _explains_nothing(fleet: Fleet, model: str) -> None:
    _regression(fleet, model, 100, 2_400, 1_000)


_OF = {"version": "1", "window": "1h"}

CASES = (
    Case(
        "MLPerformanceDrop",
        _worse,
        82,
        196,
        {**_OF, "measure": "accuracy"},
        "The accuracy of model m 1 is worse than on its baseline by 0.10, over the labels of 1h; allowed are 0.05 and"
        " 0.01 is one standard error.",
        ("ml_baseline_performance_accuracy",),
    ),
    Case(
        "MLPerformanceDrop",
        _worse_beside_another,
        82,
        196,
        {**_OF, "measure": "accuracy"},
        "The accuracy of model m 1 is worse than on its baseline by 0.10, over the labels of 1h; allowed are 0.05 and"
        " 0.01 is one standard error.",
        ("ml_baseline_performance_accuracy",),
        more={
            "rollback": "Version 0 is still serving and does better by 0.10 in accuracy: rolling back to it is an option."
        },
    ),
    Case(
        "MLPerformanceDrop",
        _ranks_worse,
        97,
        181,
        {**_OF, "measure": "roc_auc"},
        "The roc_auc of model m 1 is worse than on its baseline by 0.09, over the labels of 1h; allowed are 0.05 and"
        " 0.01 is one standard error.",
        ("ml_score_below_total",),
    ),
    Case(
        "MLPerformanceDrop",
        _errs_more,
        82,
        196,
        {**_OF, "measure": "mae"},
        "The mae of model m 1 is worse than on its baseline by 0.33, over the labels of 1h; allowed are 0.20 and"
        " 0.03 is one standard error.",
        ("ml_baseline_performance_mae",),
    ),
    Case(
        "MLPerformanceLow",
        _worse,
        92,
        186,
        {**_OF, "measure": "accuracy"},
        "The accuracy of model m 1 is at best 0.79, over the labels of 1h; the floor set for it is 0.80.",
        ("ml_confusion_total",),
        thresholds=_FLOOR.format("accuracy", 0.8),
    ),
    Case(
        "MLWorseThanConstant",
        _useless,
        120,
        171,
        _OF,
        "Over the labels of 1h model m 1 reaches 0.44 (accuracy, or R2 of a regression), less than the best constant"
        " answer.",
        ("ml_confusion_total",),
    ),
    Case(
        "MLWorseThanConstant",
        _explains_nothing,
        105,
        186,
        _OF,
        "Over the labels of 1h model m 1 reaches -0.68 (accuracy, or R2 of a regression), less than the best constant"
        " answer.",
        ("ml_outcome_squared_error_total",),
    ),
)
