"""The model server and its versions: does it run, is it the one that was meant, has it room."""

from __future__ import annotations

from typing import Final

from definitions.common import PERCENT, SERVED, number, of_servers, owned
from definitions.rule import REPLICA, Alert, Family, Record
from definitions.thresholds import Threshold

MEMORY: Final = Threshold(
    "server_memory", "Share of its memory limit that a model server may use.", 0.9, ("model",)
)
CPU: Final = Threshold("server_cpu", "Share of its CPU limit that a model server may use.", 0.9, ("model",))
_THRESHOLDS: Final = (MEMORY, CPU)

_UP: Final = "model_instance:ml_server_up:max"
_MEMORY: Final = "model_instance:ml_server_memory:ratio"
_CPU: Final = "model_instance:ml_server_cpu:ratio_rate5m"

_RECORDS: Final = (
    Record(_UP, of_servers("ml_server_up")),
    Record("model:ml_server_up:count", f"sum without ({REPLICA}) ({_UP})"),
    Record("model:ml_server:count", f"count without ({REPLICA}) ({_UP})"),
    Record(_MEMORY, of_servers("(ml_server_resident_memory_bytes / ml_server_memory_limit_bytes)")),
    Record(_CPU, of_servers("(rate(ml_server_cpu_seconds_total[5m]) / ml_server_cpu_limit_cores)")),
    MEMORY.records(_MEMORY, "model_instance"),
    CPU.records(_CPU, "model_instance"),
    Record(
        "model_version:ml_model:baselines",
        f"count without ({REPLICA}, baseline, owner, task) (group without"
        f" ({REPLICA}, owner, task) (ml_model_info))",
    ),
    Record("model_version:ml_model:configured", f"group without ({REPLICA}) (ml_model_configured_info)"),
)

_REPORTED: Final = f"group without ({REPLICA}, version, task, baseline, owner)"

_ALERTS: Final = (
    Alert(
        "MLModelServerDown",
        "critical",
        owned("max_over_time(model:ml_server_up:count[1m]) == 0"),
        "No server of a model is running.",
        "No process of the server of model {{ $labels.model }} is running: nobody gets predictions from it.",
        "Read the last lines of the server's log, restart it, and see whether memory or a new version ended it.",
        "ml-model",
        "1m",
    ),
    Alert(
        "MLModelReplicaDown",
        "warning",
        owned("model:ml_server_up:count < model:ml_server:count and model:ml_server_up:count > 0"),
        "Some of a model's servers are not running.",
        "Only {{ $value }} of the servers of model {{ $labels.model }} are running"
        f" of {number('model:ml_server:count', 'humanize', 'model')} that are watched.",
        "Find the replica with `ml_server_up == 0` and read the last lines of its log.",
        "ml-model",
        "5m",
    ),
    Alert(
        "MLModelAbsent",
        "critical",
        f"""
        group without ({REPLICA}, version, task, baseline) (
          last_over_time(ml_model_info[1d]) unless on (job, instance) up == 0
        )
        unless ignoring (owner)
        {_REPORTED} (ml_model_info)
        """,
        "No sidecar reports a model any more.",
        "Model {{ $labels.model }} was reported within the last day and is not now: its sidecars are gone, or it was taken"
        " out of their configuration.",
        "See whether its pods or hosts still exist and are among Prometheus's targets.",
        "ml-model",
        "5m",
    ),
    Alert(
        "MLBaselineMismatch",
        "warning",
        owned(
            f"""
            (
              {SERVED}{{window="1h"}} > 0
              unless ignoring (window)
              model_version:ml_model:configured
            )
            and ignoring (version, window)
            (
              sum without (version, window) (
                {SERVED}{{window="1h"}} and ignoring (window) model_version:ml_model:configured
              ) == 0
            )
            or ignoring (window)
            model_version:ml_model:baselines > 1
            """,
            *("version", "window"),
        ),
        "A model is compared with a baseline that is not its own.",
        "Version {{ $labels.version }} of model {{ $labels.model }} is served, but the sidecar's baseline belongs to another"
        " version, or its replicas compare it with different baselines: drift and performance drop mean little.",
        "Fit a baseline for the version that is served, name both in the sidecar's configuration, and reload every replica.",
        "ml-model",
        "15m",
    ),
    Alert(
        "MLServerMemoryHigh",
        "warning",
        owned(f"{_MEMORY} > model_instance:ml_server_memory:threshold", "instance", "pod", "node"),
        "A model server is close to its memory limit.",
        "The server of model {{ $labels.model }} beside {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its"
        f" memory limit; {number('model_instance:ml_server_memory:threshold', PERCENT, 'model', 'instance')} are allowed."
        " At the limit the kernel ends it.",
        "See whether memory grows steadily (a leak: restart in turns) or grew with a version or the load (raise the limit).",
        "ml-resources",
        "10m",
        "10m",
    ),
    Alert(
        "MLServerCPUHigh",
        "warning",
        owned(f"{_CPU} > model_instance:ml_server_cpu:threshold", "instance", "pod", "node"),
        "A model server has used up its CPU limit.",
        "The server of model {{ $labels.model }} beside {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its"
        f" CPU limit; {number('model_instance:ml_server_cpu:threshold', PERCENT, 'model', 'instance')} are allowed."
        " Beyond it requests wait.",
        "Compare with volume and latency: add replicas if there is more load, profile if there is not.",
        "ml-resources",
        "15m",
        "10m",
    ),
)

FAMILY: Final = Family("server", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
