"""Attribution."""

from __future__ import annotations

from support.rules import Case, Fleet, place

_BEFORE = {"temp": 0.7, "wind": 0.5, "hour": 0.05}
_AFTER = {"temp": 0.1, "wind": 0.2, "hour": 0.7}


def _turned(fleet: Fleet, model: str) -> None:
    """Give the model attributions, whose order is another one in the second hour."""
    for replica in "ab":
        for rank, (feature, mean) in enumerate(_BEFORE.items(), 1):
            of = {**place(model, replica), "feature": feature}
            rates = [(60, 10 * mean), (60, 10 * _AFTER[feature]), (180, 10 * mean)]
            fleet.counter("ml_feature_attribution_total", rates, **of)
            fleet.counter("ml_feature_attributed_predictions_total", 10, **of)
            fleet.gauge("ml_baseline_feature_attribution_mean", mean, **of)
            fleet.gauge("ml_baseline_feature_attribution_rank", rank, **of)


CASES = (
    Case(
        "MLAttributionDrift",
        _turned,
        100,
        181,
        {"version": "1", "window": "1h"},
        "The order of the features of model m 1 by attribution has an NDCG of 0.71 against the baseline's, over 1h; 1 is"
        " the same order, and 0.90 is allowed.",
        ("ml_baseline_feature_attribution_mean",),
    ),
)
