"""What a model server needs to work."""

from __future__ import annotations

from support.rules import Case, Fleet


def _there(model: str, replica: str) -> dict[str, str]:
    return {"job": "ml", "instance": f"{model}-{replica}"}


def _all_ill(fleet: Fleet, model: str) -> None:
    for replica in "ab":
        fleet.gauge("ml_server_health_up", [(10, 1), (10, 0), (10, 1)], **_there(model, replica))


def _one_ill(fleet: Fleet, model: str) -> None:
    fleet.gauge("ml_server_health_up", [(10, 1), (10, 0), (10, 1)], **_there(model, "b"))


def _restarts(fleet: Fleet, model: str) -> None:
    fleet.counter("ml_server_restarts_total", [(10, 0), (3, 1), (100, 0)], **_there(model, "a"))


def _killed(fleet: Fleet, model: str) -> None:
    fleet.counter("ml_server_oom_kills_total", [(10, 0), (1, 1), (60, 0)], **_there(model, "a"))


def _throttled(fleet: Fleet, model: str) -> None:
    fleet.counter("ml_server_cpu_throttled_periods_total", [(10, 6), (30, 300), (40, 6)], **_there(model, "a"))


def _descriptors(fleet: Fleet, model: str) -> None:
    fleet.gauge("ml_server_fds_used_ratio", [(10, 0.1), (20, 0.95), (40, 0.1)], **_there(model, "a"))


def _full(fleet: Fleet, model: str) -> None:
    fleet.gauge("ml_server_filesystem_available_bytes", [(10, 5e10), (20, 5e9), (40, 5e10)], **_there(model, "a"))


_A = {"instance": "m-a"}

CASES = (
    Case(
        "MLServerUnhealthy",
        _all_ill,
        13,
        20,
        {},
        "No running server of model m answers its health check: it hangs, cannot load its model, or has not loaded it yet.",
        ("ml_server_health_up",),
    ),
    Case(
        "MLServerReplicaUnhealthy",
        _one_ill,
        15,
        20,
        {},
        "Only 1 of the running servers of model m answer their health check, of 2 that are asked.",
        ("ml_server_health_up",),
    ),
    Case(
        "MLServerRestarting",
        _restarts,
        13,
        71,
        _A,
        "The server of model m beside m-a has started anew 3 times within an hour; 2 are tolerated.",
        ("ml_server_restarts_total",),
    ),
    Case(
        "MLServerOOMKilled",
        _killed,
        11,
        26,
        _A,
        "Within 15 minutes the kernel killed 1 of the processes of the server of model m beside m-a because memory ran out:"
        " their requests are lost.",
        ("ml_server_oom_kills_total",),
    ),
    Case(
        "MLServerThrottled",
        _throttled,
        28,
        53,
        _A,
        "The server of model m beside m-a was halted in 50% of its periods; 25% are allowed. Requests wait meanwhile.",
        ("ml_server_cpu_periods_total",),
    ),
    Case(
        "MLServerDescriptorsHigh",
        _descriptors,
        20,
        40,
        _A,
        "A process of the server of model m beside m-a has opened 95% of the descriptors that it may; 80% are allowed. At the"
        " limit it accepts no connections and opens no files.",
        ("ml_server_fds_used_ratio",),
    ),
    Case(
        "MLServerDiskFull",
        _full,
        20,
        40,
        _A,
        "The filesystem in which the server of model m beside m-a works is full to 95%; 90% are allowed. When it is full,"
        " logs, caches and new versions of the model cannot be written.",
        ("ml_server_filesystem_size_bytes",),
    ),
)
