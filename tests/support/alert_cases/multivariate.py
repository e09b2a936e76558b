"""All features together."""

from __future__ import annotations

from support.rules import Case, Fleet, place

_FREQUENCIES = 8


def _moved(fleet: Fleet, model: str) -> None:
    """Half of the frequencies turn for an hour; before and after they are as in the baseline."""
    for replica in "ab":
        of = place(model, replica)
        fleet.counter("ml_multivariate_rows_total", 20, **of)
        fleet.gauge("ml_baseline_multivariate_drift_mmd_noise_scale", 0.5, **of)
        for wave in ("cos", "sin"):
            for number in range(_FREQUENCIES):
                component = f"{wave}{number:02d}"
                after = 10.0 if wave == "cos" and number % 2 else 12.0
                rates = [(60, 12.0), (60, after), (180, 12.0)]
                fleet.counter("ml_multivariate_projection_total", rates, **of, component=component)
                fleet.gauge("ml_baseline_multivariate_projection_ratio", 0.6, **of, component=component)


CASES = (
    Case(
        "MLMultivariateDrift",
        _moved,
        82,
        196,
        {"version": "1", "window": "1h"},
        "The maximum mean discrepancy of the features of model m 1 is 0.042 over 1h; without drift it stays below 0.016."
        " It lies beyond that by 1.1 times the noise of 1,000 rows; 1.0 is allowed.",
        ("ml_baseline_multivariate_projection_ratio",),
    ),
)
