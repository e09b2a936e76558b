"""GPUs of the model server: are they there, have they room, are they sound, do they run at full speed."""

from __future__ import annotations

from typing import Final

from definitions.common import PERCENT, number, of_servers, owned
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold

MEMORY: Final = Threshold("gpu_memory", "Share of a GPU's memory that may be in use.", 0.97, ("model",))
THROTTLED: Final = Threshold(
    "gpu_throttled", "Share of 15 minutes in which heat or a power brake may slow a GPU down.", 0.5, ("model",)
)
ERRORS: Final = Threshold(
    "gpu_uncorrected_errors",
    "Uncorrected memory errors that a GPU may have had since its driver was loaded or it was reset.",
    0.0,
    ("model",),
    highest=1e6,
)
_THRESHOLDS: Final = (MEMORY, THROTTLED, ERRORS)

_USED: Final = "instance_gpu:ml_gpu_memory:ratio"
_EVENTS: Final = "instance_gpu_reason:ml_gpu_throttled:ratio15m"
_WRONG: Final = "instance_gpu:ml_gpu_uncorrected_errors:max"
_MEMORY: Final = "model_instance:ml_gpu_memory:max_ratio"
_THROTTLED: Final = "model_instance:ml_gpu_throttled:max_ratio15m"
_ERRORS: Final = "model_instance:ml_gpu_uncorrected_errors:max"
_LOST: Final = "model_instance:ml_gpu_lost:count"

_REASONS: Final = "(hw|sw)_thermal_slowdown|hw_power_brake_slowdown"


def _of_server(expr: str) -> str:
    """Return those of an expression's series that are of GPUs that the server uses; all if that is not known.

    Where process ids are those of another namespace, it is not. On a GPU in MIG mode it uses MIG devices.
    """
    server = "(ml_gpu_server_memory_bytes or ml_gpu_mig_server_memory_bytes)"
    labels = "job, instance, gpu, mig" if "_mig_" in expr else "job, instance, gpu"
    return f"({expr}) and on ({labels}) {server}\nor\n({expr}) unless on (job, instance) {server}"


_RECORDS: Final = (
    Record(
        _USED,
        _of_server(
            "ml_gpu_memory_used_bytes / ml_gpu_memory_total_bytes"
            " or ml_gpu_mig_memory_used_bytes / ml_gpu_mig_memory_total_bytes"
        ),
    ),
    Record(_EVENTS, _of_server(f'avg_over_time(ml_gpu_clocks_event_active{{reason=~"{_REASONS}"}}[15m])')),
    Record(_WRONG, _of_server('max without (error) (ml_gpu_ecc_errors_total{error="uncorrected"})')),
    Record(_MEMORY, of_servers(f"max without (gpu, mig) ({_USED})")),
    Record(_THROTTLED, of_servers(f"max without (gpu, reason) ({_EVENTS})")),
    Record(_ERRORS, of_servers(f"max without (gpu) ({_WRONG})")),
    Record(
        _LOST,
        of_servers(
            "count without (gpu) (\n"
            "  (ml_gpu_up == 0 or last_over_time(ml_gpu_up[1d]) unless ml_gpu_up)\n"
            '  and on (job, instance) ml_exporter_collector_success{collector="gpu"} == 1\n'
            ")"
        ),
    ),
    MEMORY.records(_MEMORY, "model_instance"),
    THROTTLED.records(_THROTTLED, "model_instance"),
    ERRORS.records(_ERRORS, "model_instance"),
)

_BESIDE: Final = ("instance", "pod", "node")


def _worst(series: str, label: str) -> str:
    """Return a template for a label of the highest of a sidecar's series."""
    query = f'printf "topk(1, {series}{{instance=%q}})" $labels.instance | query'
    return f'{{{{ with {query} }}}}{{{{ . | first | label "{label}" }}}}{{{{ end }}}}'


_ALERTS: Final = (
    Alert(
        "MLGPULost",
        "critical",
        owned(f"{_LOST} > 0", *_BESIDE),
        "A GPU of a model server is lost.",
        "{{ $value }} of the GPUs beside {{ $labels.instance }}, where the server of model {{ $labels.model }} runs, were there"
        " within the last day and do not answer: what runs on them fails.",
        "Find the last Xid of the card in the kernel's log (dmesg, journalctl -k), take the machine out of service, reset it.",
        "ml-resources",
        "2m",
    ),
    Alert(
        "MLGPUMemoryHigh",
        "warning",
        owned(f"{_MEMORY} > model_instance:ml_gpu_memory:threshold", *_BESIDE),
        "The memory of a model server's GPU is nearly full.",
        f"GPU {_worst(_USED, 'gpu')} of the server of model {{{{ $labels.model }}}} beside {{{{ $labels.instance }}}} has"
        " {{ $value | humanizePercentage }} of its memory in use;"
        f" {number('model_instance:ml_gpu_memory:threshold', PERCENT, 'model', 'instance')} are allowed. At the end of it"
        " requests fail for want of memory.",
        "See who holds it: the server's own share, other processes (nvidia-smi), and whether it grows with load or with time.",
        "ml-resources",
        "10m",
        "10m",
    ),
    Alert(
        "MLGPUECCErrors",
        "warning",
        owned(f"{_ERRORS} > model_instance:ml_gpu_uncorrected_errors:threshold", *_BESIDE),
        "The memory of a model server's GPU has errors that were not corrected.",
        f"GPU {_worst(_WRONG, 'gpu')} of the server of model {{{{ $labels.model }}}} beside {{{{ $labels.instance }}}} has had"
        " {{ $value }} memory errors that could not be corrected since its driver was loaded:"
        " what was in that memory was lost.",
        "Restart what ran on it, take the machine out of service, reset the GPU, and replace it if errors come back.",
        "ml-resources",
        "1m",
    ),
    Alert(
        "MLGPUThrottled",
        "warning",
        owned(f"{_THROTTLED} > model_instance:ml_gpu_throttled:threshold", *_BESIDE),
        "Heat or a power brake slows a model server's GPU down.",
        f"GPU {_worst(_EVENTS, 'gpu')} of the server of model {{{{ $labels.model }}}} beside {{{{ $labels.instance }}}} was"
        f" slowed down ({_worst(_EVENTS, 'reason')}) in {{{{ $value | humanizePercentage }}}} of the last 15 minutes;"
        f" {number('model_instance:ml_gpu_throttled:threshold', PERCENT, 'model', 'instance')} are allowed."
        " Predictions take longer.",
        "Compare its temperature and power with those of its neighbours: cooling and power supply first, then load.",
        "ml-resources",
        "5m",
        "10m",
    ),
)

FAMILY: Final = Family("gpu", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
