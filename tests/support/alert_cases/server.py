"""The model server and its versions."""

from __future__ import annotations

from support.rules import GONE, Case, Fleet, add_replica, place


def _there(model: str, replica: str) -> dict[str, str]:
    return {"job": "ml", "instance": f"{model}-{replica}"}


def _all_down(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        fleet.gauge("ml_server_up", [(10, 1), (10, 0), (10, 1)], **_there(model, replica))


def _one_down(fleet: Fleet, model: str) -> None:
    fleet.gauge("ml_server_up", [(10, 1), (10, 0), (10, 1)], **_there(model, "b"))


def _absent(fleet: Fleet, model: str) -> None:
    """The sidecars answer, but speak of the model no more."""
    for replica in "ab":
        of = {**place(model, replica), "owner": "team", "task": "binary_classification", "baseline": "b1"}
        fleet.gauge("ml_model_info", [(10, 1), (80, GONE), (60, 1)], **of)


def _memory(fleet: Fleet, model: str) -> None:
    segments = [(10, 5e8), (20, 9.5e8), (40, 5e8)]
    fleet.gauge("ml_server_resident_memory_bytes", segments, **_there(model, "a"))


def _cpu(fleet: Fleet, model: str) -> None:
    fleet.counter("ml_server_cpu_seconds_total", [(10, 30), (30, 59), (40, 30)], **_there(model, "a"))


def _another_version(fleet: Fleet, model: str) -> None:
    """The server serves version 2 from the tenth minute on; the sidecars still speak of version 1 as theirs."""
    for replica in "ab":
        of = place(model, replica)
        fleet.counter("ml_predictions_total", [(10, 20), (100, 0), (120, 20)], **of)
        new = {**of, "version": "2"}
        fleet.gauge("ml_model_info", 1, **new, owner="team", task="binary_classification", baseline="b1")
        fleet.counter("ml_predictions_total", [(10, 0), (100, 20), (120, 0)], **new)


def _two_baselines(fleet: Fleet, model: str) -> None:
    add_replica(fleet, model, "c")
    of = place(model, "c")
    facts = {"owner": "team", "task": "binary_classification"}
    fleet.gauge("ml_model_info", GONE, **of, **facts, baseline="b1")
    fleet.gauge("ml_model_info", [(30, 1), (200, GONE)], **of, **facts, baseline="b0")


_MISMATCH = (
    "Version {0} of model m is served, but the sidecar's baseline belongs to another version, or its replicas compare it"
    " with different baselines: drift and performance drop mean little."
)

CASES = (
    Case(
        "MLModelServerDown",
        _all_down,
        12,
        20,
        {},
        "No process of the server of model m is running: nobody gets predictions from it.",
        ("ml_server_up",),
    ),
    Case(
        "MLModelReplicaDown",
        _one_down,
        15,
        20,
        {},
        "Only 1 of the servers of model m are running of 2 that are watched.",
        ("ml_server_up",),
    ),
    Case(
        "MLModelAbsent",
        _absent,
        15,
        90,
        {},
        "Model m was reported within the last day and is not now: its sidecars are gone, or it was taken out of their"
        " configuration.",
        ("ml_model_info",),
    ),
    Case(
        "MLBaselineMismatch",
        _another_version,
        86,
        115,
        {"version": "2", "window": "1h"},
        _MISMATCH.format("2"),
        ("ml_model_configured_info",),
    ),
    Case(
        "MLBaselineMismatch",
        _two_baselines,
        15,
        30,
        {"version": "1"},
        _MISMATCH.format("1"),
        ("ml_model_info",),
    ),
    Case(
        "MLServerMemoryHigh",
        _memory,
        20,
        40,
        {"instance": "m-a"},
        "The server of model m beside m-a uses 95% of its memory limit; 90% are allowed. At the limit the kernel ends it.",
        ("ml_server_memory_limit_bytes",),
    ),
    Case(
        "MLServerCPUHigh",
        _cpu,
        30,
        51,
        {"instance": "m-a"},
        "The server of model m beside m-a uses 98.33% of its CPU limit; 90% are allowed. Beyond it requests wait.",
        ("ml_server_cpu_limit_cores",),
    ),
)
