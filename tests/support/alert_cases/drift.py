"""Drift."""

from __future__ import annotations

from support.rules import BINS, Case, Fleet, Segments, place

_BEFORE = (0.25, 0.25, 0.25, 0.25, 0.0, 0.0)
_FAR = (0.0, 0.1, 0.2, 0.7, 0.0, 0.0)
_SOME = {
    "temp": (0.1, 0.1, 0.3, 0.5, 0, 0),
    "wind": (0.12, 0.1, 0.3, 0.48, 0, 0),
    "hour": (0.1, 0.15, 0.3, 0.45, 0, 0),
}


def _moved(number: int, to: tuple[float, ...]) -> Segments:
    """Return a bin's rates: as in the baseline but for the second hour."""
    before, after = 20 * _BEFORE[number], 20 * to[number]
    return [(60, before), (60, after), (180, before)]


def _one(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        for number, name in enumerate(BINS):
            of = place(model, replica)
            fleet.counter("ml_feature_bin_total", _moved(number, _FAR), **of, feature="temp", bin=name)


def _many(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        for feature, shares in _SOME.items():
            for number, name in enumerate(BINS):
                of = place(model, replica)
                fleet.counter("ml_feature_bin_total", _moved(number, shares), **of, feature=feature, bin=name)


def _predictions(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        for number, name in enumerate(BINS):
            fleet.counter("ml_prediction_bin_total", _moved(number, _FAR), **place(model, replica), bin=name)


CASES = (
    Case(
        "MLFeatureDrift",
        _one,
        93,
        185,
        {"version": "1", "window": "1h", "feature": "temp"},
        "The population stability index of temp of model m 1 is 0.26 over 1h; without drift it stays below 0.010, and"
        " 0.25 more are allowed.",
        ("ml_baseline_feature_drift_psi_noise_scale",),
        more={"features": "temp 0.26"},
    ),
    Case(
        "MLPredictionDrift",
        _predictions,
        93,
        185,
        {"version": "1", "window": "1h"},
        "The population stability index of the predictions of model m 1 is 0.26 over 1h; without drift it stays below"
        " 0.010, and 0.25 more are allowed.",
        ("ml_baseline_prediction_bin_ratio",),
    ),
    Case(
        "MLDriftWidespread",
        _many,
        101,
        180,
        {"version": "1", "window": "1h"},
        "75% of the features of model m 1 have drifted over 1h; 30% are allowed.",
        ("ml_baseline_feature_bin_ratio",),
        more={"features": "temp 0.19, wind 0.17, hour 0.13"},
    ),
)
