"""Resources: what a model server uses, has, and costs."""

from __future__ import annotations

from typing import Final

from boards import gpus, servers, variables, verdicts
from boards.board import Board, Row
from boards.colours import NONE_IS_BEST
from boards.graphs import graph
from boards.links import there
from boards.panels import stat, verdict
from boards.queries import MODEL, SIDECARS, Query, shortest, threshold
from boards.queries import verdict as level

_MEMORY: Final = "model_instance:ml_server_memory"
_CPU: Final = "model_instance:ml_server_cpu"
_NONE: Final = "no sidecar watches a server of this model"
_CORES: Final = f"rate(ml_server_cpu_seconds_total[$__rate_interval]) {SIDECARS}"
_BYTES: Final = f"ml_server_resident_memory_bytes {SIDECARS}"
_PREDICTIONS: Final = f"sum{shortest('model_version:ml_predictions:rate', MODEL)}"
_HOURLY: Final = f"sum({_CORES}) * $cpu_price + sum({_BYTES}) / 2 ^ 30 * $memory_price"
_COST: Final = f"({_HOURLY}) / 3600 / ({_PREDICTIONS} > 0) * 1000"
_BY: Final = "{{instance}}"
_THIRD: Final = (8, 8)

BOARD: Final = Board(
    "ml-resources",
    "ML resources",
    "What the servers of a model use of CPU, memory, disks and network, whether they are healthy, and what"
    " predictions cost.",
    [
        variables.datasource(),
        variables.models(),
        variables.number("cpu_price", "Price of a CPU core hour", "0.04"),
        variables.number("memory_price", "Price of a GiB hour", "0.005"),
    ],
    [
        verdicts.up("ml-model"),
        verdict(
            "Memory",
            "Warning: a server uses more of its memory limit than its threshold. At the limit the kernel ends it.",
            level(
                f"{_MEMORY}:ratio{{{MODEL}}}", "", f"{_MEMORY}:ratio{{{MODEL}}} > {_MEMORY}:threshold{{{MODEL}}}"
            ),
            there("ml-model"),
            "no limit known",
            ("has room", "close to its limit", "close to its limit"),
        ),
        verdict(
            "CPU",
            "Warning: a server uses more of its CPU limit than its threshold. Beyond it requests wait.",
            level(
                f"{_CPU}:ratio_rate5m{{{MODEL}}}",
                "",
                f"{_CPU}:ratio_rate5m{{{MODEL}}} > {_CPU}:threshold{{{MODEL}}}",
            ),
            there("ml-model"),
            "no limit known",
            ("has room", "used up", "used up"),
        ),
        stat(
            "Restarts",
            "Restarts of the model's servers in the time range. More is worse.",
            Query(f"sum(changes(ml_server_start_timestamp_seconds[$__range]) {SIDECARS})", "restarts"),
            unit="none",
            colours=NONE_IS_BEST,
            none=_NONE,
        ),
        verdict(
            "Healthy",
            """Do the servers that run answer their health check? Critical: none does. Warning: some do not.
            Grey: no sidecar asks.""",
            level(
                f"model:ml_server_health_up:count{{{MODEL}}}",
                f"model:ml_server_health_up:count{{{MODEL}}} == 0",
                f"model:ml_server_health_up:count{{{MODEL}}} < model:ml_server_health:count{{{MODEL}}}",
            ),
            there("ml-model"),
            "not asked",
            ("healthy", "some ill", "ill"),
        ),
        stat(
            "Cost of 1,000 predictions",
            """CPU and memory that the model's servers use now, at the prices above, for 1,000 predictions; in
            the currency of the prices. A server of several models counts for each. Higher is worse.""",
            Query(_COST, "cost"),
            unit="none",
            none="no predictions, or no server is watched",
        ),
        graph(
            "Memory",
            "Share of its memory limit that each server uses. Higher is worse; beyond the dashed line it alerts.",
            Query(f"{_MEMORY}:ratio{{{MODEL}}}", _BY),
            threshold(f"max({_MEMORY}:threshold{{{MODEL}}})"),
            unit="percentunit",
            none=_NONE,
            lowest=0,
            size=_THIRD,
        ),
        graph(
            "CPU",
            """Share of its CPU limit that each server uses, over five minutes. Higher is worse; beyond the
            line it alerts.""",
            Query(f"{_CPU}:ratio_rate5m{{{MODEL}}}", _BY),
            threshold(f"max({_CPU}:threshold{{{MODEL}}})"),
            unit="percentunit",
            none=_NONE,
            lowest=0,
            size=_THIRD,
        ),
        graph(
            "Cost of 1,000 predictions",
            "CPU and memory in use, at the prices above, for 1,000 predictions. Higher is worse.",
            Query(_COST, "cost"),
            unit="none",
            none="no predictions, or no server is watched",
            lowest=0,
            size=_THIRD,
        ),
    ],
    [
        Row(
            "Servers",
            [
                graph(
                    "Memory in bytes",
                    "Resident memory of each server's processes. Steady growth is a leak.",
                    Query(_BYTES, _BY),
                    threshold(f"min(ml_server_memory_limit_bytes {SIDECARS})", "lowest limit"),
                    unit="bytes",
                    none=_NONE,
                    lowest=0,
                    size=_THIRD,
                ),
                graph(
                    "CPU in cores",
                    "CPU cores that each server keeps busy, and its limit.",
                    Query(_CORES, _BY),
                    threshold(f"min(ml_server_cpu_limit_cores {SIDECARS})", "lowest limit"),
                    unit="none",
                    none=_NONE,
                    lowest=0,
                    size=_THIRD,
                ),
                graph(
                    "Processes",
                    "Processes of each server, workers included. A change without a deploy is a crash.",
                    Query(f"ml_server_processes {SIDECARS}", _BY),
                    unit="none",
                    none=_NONE,
                    lowest=0,
                    size=_THIRD,
                ),
                graph(
                    "Uptime",
                    "Time since each server started; a fall to 0 is a restart.",
                    Query(f"time() - (ml_server_start_timestamp_seconds {SIDECARS})", _BY),
                    unit="s",
                    none=_NONE,
                    lowest=0,
                    size=_THIRD,
                ),
                graph(
                    "CPU of the sidecar",
                    "CPU cores that the sidecars beside the servers keep busy. Higher is worse.",
                    Query(f"rate(ml_exporter_cpu_seconds_total[$__rate_interval]) {SIDECARS}", _BY),
                    unit="none",
                    none="no sidecar",
                    lowest=0,
                    size=_THIRD,
                ),
                graph(
                    "Memory of the sidecar",
                    "Resident memory of the sidecars beside the servers. Higher is worse.",
                    Query(f"ml_exporter_resident_memory_bytes {SIDECARS}", _BY),
                    unit="bytes",
                    none="no sidecar",
                    lowest=0,
                    size=_THIRD,
                ),
            ],
        ),
        servers.health(),
        servers.given(),
        servers.traffic(),
        gpus.ROW,
    ],
)
