"""Volume, errors, latency."""

from __future__ import annotations

from collections.abc import Callable

from support.rules import Case, Fleet, place


def _silent(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        of = place(model, replica)
        fleet.counter("ml_predictions_total", [(60, 20), (60, 0), (60, 20)], **of)
        fleet.counter("ml_prediction_last_timestamp_seconds", [(60, 60), (60, 0), (1, 3_660), (60, 60)], **of)


def _errors(rate: float, minutes: int) -> Callable[[Fleet, str], None]:
    """Return what makes predictions fail for some minutes from the 30th on."""

    def change(fleet: Fleet, model: str) -> None:
        for replica in "ab":
            segments = [(30, 0.02), (minutes, rate), (600, 0.02)]
            fleet.counter("ml_prediction_errors_total", segments, **place(model, replica))

    return change


def _slow(rate: float, minutes: int) -> Callable[[Fleet, str], None]:
    """Return what makes predictions take longer than the objective for some minutes from the 30th on."""

    def change(fleet: Fleet, model: str) -> None:
        for replica in "ab":
            of = {**place(model, replica), "le": "0.5"}
            fleet.counter(
                "ml_prediction_latency_seconds_bucket", [(30, 19.98), (minutes, 20 - rate), (600, 19.98)], **of
            )

    return change


def _burn(
    alert: str, change: Callable[[Fleet, str], None], long: str, fires: int, ends: int, description: str
) -> Case:
    needs = (
        "ml_prediction_errors_total" if alert == "MLErrorBudgetBurn" else "ml_prediction_latency_seconds_bucket"
    )
    return Case(alert, change, fires, ends, {"window": long}, description, (needs,), long=long)


_BURNS = (
    ("1h", 19.98, 12, 42, 47, "25.05%", "14.4"),
    ("6h", 2, 55, 90, 95, "6.15%", "6"),
    ("24h", 1, 120, 135, 201, "3.911%", "3"),
    ("3d", 0.5, 197, 230, 456, "2.156%", "1"),
)
"""Window, bad predictions a minute, for how many minutes; when it fires and ends, with which share and rate."""


def _burns(alert: str, bad: Callable[[float, int], Callable[[Fleet, str], None]], says: str) -> list[Case]:
    return [
        _burn(
            alert,
            bad(rate, minutes),
            long,
            fires,
            ends,
            f"{share} of the predictions of model m over {long} {says}, more than {times} times what the objective of 99%"
            " allows.",
        )
        for long, rate, minutes, fires, ends, share, times in _BURNS
    ]


CASES = (
    Case(
        "MLNoPredictions",
        _silent,
        81,
        121,
        {},
        "Model m has had no prediction for 21m 0s, though it usually has at this hour; allowed are 15m 0s.",
        ("ml_prediction_last_timestamp_seconds",),
    ),
    *_burns("MLErrorBudgetBurn", _errors, "fail"),
    *_burns("MLLatencyBudgetBurn", _slow, "are too slow"),
)
