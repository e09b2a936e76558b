"""Data quality."""

from __future__ import annotations

from collections.abc import Callable

from support.rules import Case, Fleet, place


def _feature(check: str, feature: str, rate: float) -> Callable[[Fleet, str], None]:
    """Return what makes a feature fail a check from the 30th to the 60th minute."""

    def change(fleet: Fleet, model: str) -> None:
        for replica in "ab":
            segments = [(30, 0.02), (30, rate), (90, 0.02)]
            fleet.counter(f"ml_feature_{check}_total", segments, **place(model, replica), feature=feature)

    return change


def _invalid(check: str, feature: str, rate: float, fires: int, ends: int, shown: str, allowed: str) -> Case:
    return Case(
        "MLFeatureInvalid",
        _feature(check, feature, rate),
        fires,
        ends,
        {"version": "1", "window": "5m", "feature": feature, "check": check},
        f"{shown} of the predictions of model m 1 over 5m had a value of {feature} that fails the check {check};"
        f" {allowed} more than in the baseline are allowed.",
        (f"ml_baseline_feature_{check}_ratio",),
    )


def _unknown(fleet: Fleet, model: str) -> None:
    """A caller of one replica sends a feature that nobody knows, now and then before, with each prediction then."""
    there = {key: value for key, value in place(model, "a").items() if key != "version"}
    segments = [(30, 0.01), (30, 4.0), (90, 0.01)]
    fleet.counter("ml_exporter_unknown_features_total", segments, **there, feature="wind_speed")


def _not_sent(fleet: Fleet, model: str) -> None:
    """A caller with a twelfth of the predictions leaves a feature out; too few for a missing feature."""
    _feature("absent", "wind", 1.6)(fleet, model)


CASES = (
    Case(
        "MLSchemaChanged",
        _unknown,
        39,
        72,
        {"window": "5m", "feature": "wind_speed", "check": "unknown"},
        "10% of the predictions of model m over 5m came with wind_speed, which neither baseline nor configuration"
        " knows; allowed are 1% more than in the baseline.",
        ("ml_minimum_samples",),
    ),
    Case(
        "MLSchemaChanged",
        _not_sent,
        39,
        72,
        {"window": "5m", "feature": "wind", "check": "absent"},
        "8% of the predictions of model m over 5m came without wind; allowed are 1% more than in the baseline.",
        ("ml_baseline_feature_absent_ratio",),
    ),
    Case(
        "MLFeatureMissing",
        _feature("missing", "temp", 14),
        33,
        69,
        {"version": "1", "window": "5m", "feature": "temp"},
        "42.14% of the predictions of model m 1 over 5m had no value of temp; the baseline has 0.2%, and 10% more are"
        " allowed.",
        ("ml_baseline_feature_missing_ratio", "ml_baseline_feature_absent_ratio"),
    ),
    Case(
        "MLFeatureMissing",
        _feature("absent", "wind", 20),
        32,
        70,
        {"version": "1", "window": "5m", "feature": "wind"},
        "40.16% of the predictions of model m 1 over 5m had no value of wind; the baseline has 0.2%, and 10% more are"
        " allowed.",
        ("ml_baseline_rows",),
    ),
    _invalid("unseen", "carrier", 6, 37, 74, "30%", "5%"),
    _invalid("type_error", "hour", 6, 37, 74, "30%", "1%"),
    _invalid("nonfinite", "hour", 6, 37, 74, "30%", "1%"),
    _invalid("out_of_range", "temp", 6, 37, 74, "30%", "5%"),
)
