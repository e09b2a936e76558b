"""What a model server needs to work: health, restarts, CPU and memory that it is given, descriptors, its filesystem."""

from __future__ import annotations

from typing import Final

from definitions.common import PERCENT, number, of_servers, owned
from definitions.rule import REPLICA, Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import TILE, rolled

THROTTLED: Final = Threshold(
    "server_throttled",
    "Share of its periods in which a model server may have used up its CPU quota.",
    0.25,
    ("model",),
)
DESCRIPTORS: Final = Threshold(
    "server_fds",
    "Share of its limit of descriptors that a process of a model server may have open.",
    0.8,
    ("model",),
)
FILESYSTEM: Final = Threshold(
    "server_filesystem", "Share of the filesystem of a model server that may be used.", 0.9, ("model",)
)
RESTARTS: Final = Threshold(
    "server_restarts",
    "Restarts of a model server within an hour that nobody is told of.",
    2.0,
    ("model",),
    highest=1_000.0,
)
_THRESHOLDS: Final = (THROTTLED, DESCRIPTORS, FILESYSTEM, RESTARTS)

_HEALTHY: Final = "model_instance:ml_server_health_up:max"
_THROTTLED: Final = "model_instance:ml_server_throttled:ratio_rate5m"
_DESCRIPTORS: Final = "model_instance:ml_server_fds:ratio"
_FILESYSTEM: Final = "model_instance:ml_server_filesystem:ratio"
_RESTARTS: Final = "model_instance:ml_server_restarts:increase1h"
_KILLS: Final = "model_instance:ml_server_oom_kills:increase15m"
_PROBES: Final = "model:ml_server_health_probes:increase"
_GOOD_PROBES: Final = "model:ml_server_health_probes_healthy:increase"


def _probes(matchers: str = "") -> str:
    grown = f"sum without (result) (increase(ml_server_health_probes_total{matchers}[{TILE}]))"
    return f"sum without ({REPLICA}) ({of_servers(grown)})"


_RECORDS: Final = (
    # A process that does not run has alerts of its own.
    Record(_HEALTHY, of_servers("(ml_server_health_up unless ml_server_up == 0)")),
    Record("model:ml_server_health_up:count", f"sum without ({REPLICA}) ({_HEALTHY})"),
    Record("model:ml_server_health:count", f"count without ({REPLICA}) ({_HEALTHY})"),
    *rolled(_PROBES, _probes()),
    *rolled(_GOOD_PROBES, _probes('{result="healthy"}')),
    Record("model:ml_server_availability:ratio", f"{_GOOD_PROBES} / ({_PROBES} > 0)"),
    Record(
        _THROTTLED,
        of_servers(
            "(rate(ml_server_cpu_throttled_periods_total[5m]) / (rate(ml_server_cpu_periods_total[5m]) > 0))"
        ),
    ),
    Record(_DESCRIPTORS, of_servers("ml_server_fds_used_ratio")),
    Record(
        _FILESYSTEM,
        of_servers("(1 - ml_server_filesystem_available_bytes / (ml_server_filesystem_size_bytes > 0))"),
    ),
    Record(_RESTARTS, of_servers("round(increase(ml_server_restarts_total[1h]))")),
    Record(_KILLS, of_servers("round(increase(ml_server_oom_kills_total[15m]))")),
    THROTTLED.records(_THROTTLED, "model_instance"),
    DESCRIPTORS.records(_DESCRIPTORS, "model_instance"),
    FILESYSTEM.records(_FILESYSTEM, "model_instance"),
    RESTARTS.records(_RESTARTS, "model_instance"),
)

_REPLICA: Final = ("instance", "pod", "node")


def _allowed(threshold: Threshold, shown: str = PERCENT) -> str:
    return number(f"model_instance:ml_{threshold.name}:threshold", shown, "model", "instance")


def _beyond(judged: str, threshold: Threshold) -> str:
    return owned(f"{judged} > model_instance:ml_{threshold.name}:threshold", *_REPLICA)


_ALERTS: Final = (
    Alert(
        "MLServerUnhealthy",
        "critical",
        owned("max_over_time(model:ml_server_health_up:count[1m]) == 0"),
        "Servers of a model run, but none answers its health check.",
        "No running server of model {{ $labels.model }} answers its health check: it hangs, cannot load its model, or has not"
        " loaded it yet.",
        "Ask the health address by hand, read the last lines of the server's log, and see when it started.",
        "ml-resources",
        "2m",
    ),
    Alert(
        "MLServerReplicaUnhealthy",
        "warning",
        owned(
            "model:ml_server_health_up:count < model:ml_server_health:count and model:ml_server_health_up:count > 0"
        ),
        "Some of a model's running servers do not answer their health check.",
        "Only {{ $value }} of the running servers of model {{ $labels.model }} answer their health check, of"
        f" {number('model:ml_server_health:count', 'humanize', 'model')} that are asked.",
        "Find the replica with `ml_server_health_up == 0` and read the last lines of its log.",
        "ml-resources",
        "5m",
    ),
    Alert(
        "MLServerRestarting",
        "warning",
        _beyond(_RESTARTS, RESTARTS),
        "A model server restarts again and again.",
        "The server of model {{ $labels.model }} beside {{ $labels.instance }} has started anew {{ $value }} times within an"
        f" hour; {_allowed(RESTARTS, 'humanize')} are tolerated.",
        "Read the last lines that it wrote before it ended, and see whether the kernel killed it for memory.",
        "ml-resources",
    ),
    Alert(
        "MLServerOOMKilled",
        "warning",
        owned(f"{_KILLS} > 0", *_REPLICA),
        "The kernel killed a process of a model server for want of memory.",
        "Within 15 minutes the kernel killed {{ $value }} of the processes of the server of model {{ $labels.model }} beside"
        " {{ $labels.instance }} because memory ran out: their requests are lost.",
        "Compare its memory with the limit: raise the limit, start fewer workers, or go back to the version before.",
        "ml-resources",
    ),
    Alert(
        "MLServerThrottled",
        "warning",
        _beyond(_THROTTLED, THROTTLED),
        "The kernel keeps a model server from running because its CPU quota is used up.",
        "The server of model {{ $labels.model }} beside {{ $labels.instance }} was halted in {{ $value | humanizePercentage }}"
        f" of its periods; {_allowed(THROTTLED)} are allowed. Requests wait meanwhile.",
        "Set the number of its threads to the cores of the limit, then raise the limit or add replicas.",
        "ml-resources",
        "15m",
        "10m",
    ),
    Alert(
        "MLServerDescriptorsHigh",
        "warning",
        _beyond(_DESCRIPTORS, DESCRIPTORS),
        "A model server will soon have no descriptors left.",
        "A process of the server of model {{ $labels.model }} beside {{ $labels.instance }} has opened"
        f" {{{{ $value | humanizePercentage }}}} of the descriptors that it may; {_allowed(DESCRIPTORS)} are allowed. At the"
        " limit it accepts no connections and opens no files.",
        "See whether connections in close_wait or established grow: a leak of connections, or callers that keep too many.",
        "ml-resources",
        "10m",
        "10m",
    ),
    Alert(
        "MLServerDiskFull",
        "warning",
        _beyond(_FILESYSTEM, FILESYSTEM),
        "The filesystem of a model server is nearly full.",
        "The filesystem in which the server of model {{ $labels.model }} beside {{ $labels.instance }} works is full to"
        f" {{{{ $value | humanizePercentage }}}}; {_allowed(FILESYSTEM)} are allowed. When it is full, logs, caches and new"
        " versions of the model cannot be written.",
        "Find what grows there (logs, caches of models, core files), and remove or move it.",
        "ml-resources",
        "10m",
        "10m",
    ),
)

FAMILY: Final = Family("resources", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
