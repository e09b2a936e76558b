"""Runs of pipelines; the healthy fleet has one that succeeds every minute, reported to one of two replicas."""

from __future__ import annotations

from support.rules import Case, Fleet


def _of(model: str) -> dict[str, str]:
    return {"job": "ml", "instance": f"{model}-a", "pipeline": f"{model}-train"}


def _fails(fleet: Fleet, model: str) -> None:
    of = _of(model)
    fleet.gauge("ml_pipeline_last_success_timestamp_seconds", [(20, 60), (60, 1_200)], **of)
    fleet.gauge("ml_pipeline_last_end_timestamp_seconds", [(10, 60), (10, 600), (60, 1_200)], **of)


def _stays_away(fleet: Fleet, model: str) -> None:
    of = _of(model)
    fleet.gauge("ml_pipeline_last_success_timestamp_seconds", [(40, 60), (60, 2_400)], **of)


def _never_came(fleet: Fleet, model: str) -> None:
    fleet.gauge("ml_pipeline_known_timestamp_seconds", 60, **_of(model))
    fleet.remove(model, "ml_pipeline_last_success_timestamp_seconds", "ml_pipeline_last_end_timestamp_seconds")
    success = [(40, float("nan")), (60, 2_400.0)]
    fleet.gauge("ml_pipeline_last_success_timestamp_seconds", success, **_of(model))


def _overdue(minutes: int) -> str:
    return (
        f"Pipeline m-train last succeeded {minutes}m 0s ago, or was never seen to succeed in that time; a run is"
        " expected every 10m 0s."
    )


CASES = (
    Case(
        "MLPipelineFailed",
        _fails,
        10,
        20,
        {"pipeline": "m-train"},
        "The run of pipeline m-train that ended last did not succeed; what it makes is as old as its last success.",
        ("ml_pipeline_last_end_timestamp_seconds",),
        owned=False,
    ),
    Case(
        "MLPipelineOverdue",
        _stays_away,
        22,
        40,
        {"pipeline": "m-train"},
        _overdue(21),
        ("ml_pipeline_interval_seconds",),
        owned=False,
    ),
    Case(
        "MLPipelineOverdue",
        _never_came,
        22,
        40,
        {"pipeline": "m-train"},
        _overdue(21),
        ("ml_pipeline_interval_seconds",),
        owned=False,
    ),
)
