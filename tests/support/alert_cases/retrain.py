"""The retraining bridge."""

from __future__ import annotations

from collections.abc import Callable

from support.rules import Case, Fleet


def _state(name: str, state: str) -> Callable[[Fleet, str], None]:
    """Return what puts a job into a state from the 10th to the 40th minute."""

    def change(fleet: Fleet, model: str) -> None:
        of = {"job": "ml", "instance": f"{model}-bridge", "model": model, "state": state}
        fleet.gauge(name, [(10, 0), (30, 1), (60, 0)], **of)

    return change


def _bridge(fleet: Fleet, model: str) -> dict[str, str]:
    """Add the bridge of a model and return its labels."""
    there = {"job": "ml", "instance": f"{model}-bridge"}
    fleet.gauge("up", 1, **there)
    fleet.gauge("ml_retrain_build_info", 1, **there, version="0.1.0")
    return there


def _down(fleet: Fleet, model: str) -> None:
    fleet.gauge("up", [(10, 1), (30, 0), (60, 1)], **_bridge(fleet, model))


def _not_loaded(fleet: Fleet, model: str) -> None:
    of = _bridge(fleet, model)
    fleet.gauge("ml_retrain_config_last_reload_successful", [(10, 1), (30, 0), (60, 1)], **of)


def _forgetful(fleet: Fleet, model: str) -> None:
    of = _bridge(fleet, model)
    fleet.counter("ml_retrain_state_failures_total", 0, **of)
    fleet.counter("ml_retrain_audit_failures_total", [(10, 0), (5, 1), (60, 0)], **of)


CASES = (
    Case(
        "MLRetrainDown",
        _down,
        12,
        40,
        {"instance": "m-bridge"},
        "The bridge at m-bridge has not answered for two minutes: no alert starts a retraining.",
        ("up",),
        owned=False,
    ),
    Case(
        "MLRetrainConfigReloadFailed",
        _not_loaded,
        20,
        40,
        {"instance": "m-bridge"},
        "The bridge at m-bridge could not load its configuration: what was changed is not in force.",
        ("ml_retrain_config_last_reload_successful",),
        owned=False,
    ),
    Case(
        "MLRetrainStateFailing",
        _forgetful,
        13,
        30,
        {"instance": "m-bridge"},
        "The bridge at m-bridge failed to read or write its state or its audit log within the last 15 minutes: runs"
        " wait until they can be remembered, or decisions are missing from the log.",
        ("ml_retrain_state_failures_total",),
        owned=False,
    ),
    Case(
        "MLRetrainFailed",
        _state("ml_retrain_last_job_state", "failed"),
        10,
        45,
        {"instance": "m-bridge", "model": "m", "state": "failed"},
        "The newest retraining job of model m is failed: no run was started for the alert that asked for it.",
        ("ml_retrain_last_job_state",),
    ),
    Case(
        "MLRetrainWaitingForApproval",
        _state("ml_retrain_jobs_active", "waiting"),
        20,
        45,
        {"instance": "m-bridge", "model": "m", "state": "waiting"},
        "1 retraining of model m waits for approval; it expires if nobody decides.",
        ("ml_retrain_jobs_active",),
    ),
)
