"""GPUs of the model server."""

from __future__ import annotations

from support.rules import GONE, Case, Fleet


def _of(model: str, gpu: str) -> dict[str, str]:
    return {"job": "ml", "instance": f"{model}-a", "gpu": gpu}


def _silent(fleet: Fleet, model: str) -> None:
    """The driver says that a card, which the server does not use, is lost; a reset brings it back."""
    fleet.gauge("ml_gpu_up", [(10, 1), (20, 0), (10, 1)], **_of(model, "1"))


def _fallen(fleet: Fleet, model: str) -> None:
    """A card falls off its bus and the sidecar begins anew: nobody speaks of the card any more."""
    for gpu in "01":
        fleet.gauge("ml_gpu_up", [(10, 1), (20, GONE), (10, 1)], **_of(model, gpu))


def _memory(fleet: Fleet, model: str) -> None:
    fleet.gauge("ml_gpu_memory_used_bytes", [(10, 6e10), (20, 7.9e10), (40, 6e10)], **_of(model, "0"))
    # Another tenant's card may be as full as it likes.
    fleet.gauge("ml_gpu_memory_used_bytes", 8e10, **_of(model, "1"))


def _mig(fleet: Fleet, model: str) -> None:
    """The server uses a MIG device; another one of the same card is full all the time."""
    for mig, used in (("0", [(10, 1e9), (20, 9.9e9), (40, 1e9)]), ("1", [(70, 1e10)])):
        of = {**_of(model, "1"), "mig": mig}
        fleet.gauge("ml_gpu_mig_memory_used_bytes", used, **of)
        fleet.gauge("ml_gpu_mig_memory_total_bytes", 1e10, **of)
    fleet.gauge("ml_gpu_mig_server_memory_bytes", 1e9, **_of(model, "1"), mig="0")


def _errors(fleet: Fleet, model: str) -> None:
    """Two errors at once; a reset of the card sets the counter back."""
    fleet.gauge("ml_gpu_ecc_errors_total", [(10, 0), (20, 2), (10, 0)], **_of(model, "0"), error="uncorrected")


def _heat(fleet: Fleet, model: str) -> None:
    of = {**_of(model, "0"), "reason": "sw_thermal_slowdown"}
    fleet.gauge("ml_gpu_clocks_event_active", [(20, 0), (20, 1), (40, 0)], **of)


_LOST = (
    "{} of the GPUs beside m-a, where the server of model m runs, were there within the last day and do not answer:"
    " what runs on them fails."
)
_FULL = (
    "GPU {} of the server of model m beside m-a has {}% of its memory in use; 97% are allowed. At the end of it requests"
    " fail for want of memory."
)

CASES = (
    Case("MLGPULost", _silent, 12, 30, {"instance": "m-a"}, _LOST.format(1), ("ml_gpu_up",)),
    Case("MLGPULost", _fallen, 12, 30, {"instance": "m-a"}, _LOST.format(2), ("ml_exporter_collector_success",)),
    Case(
        "MLGPUMemoryHigh",
        _memory,
        20,
        40,
        {"instance": "m-a"},
        _FULL.format("0", "98.75"),
        ("ml_gpu_memory_total_bytes",),
    ),
    Case(
        "MLGPUMemoryHigh",
        _mig,
        20,
        40,
        {"instance": "m-a"},
        _FULL.format("1", "99"),
        ("ml_gpu_mig_memory_total_bytes",),
    ),
    Case(
        "MLGPUECCErrors",
        _errors,
        11,
        30,
        {"instance": "m-a"},
        "GPU 0 of the server of model m beside m-a has had 2 memory errors that could not be corrected since its driver was"
        " loaded: what was in that memory was lost.",
        ("ml_gpu_ecc_errors_total",),
    ),
    Case(
        "MLGPUThrottled",
        _heat,
        33,
        57,
        {"instance": "m-a"},
        "GPU 0 of the server of model m beside m-a was slowed down (sw_thermal_slowdown) in 87.5% of the last 15 minutes;"
        " 50% are allowed. Predictions take longer.",
        ("ml_gpu_clocks_event_active",),
    ),
)
