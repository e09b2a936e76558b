"""A model server in detail: health, memory and CPU that it is given, descriptors, disks and network."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.queries import MODEL, SIDECARS, Query, current, threshold
from boards.sdk import build

_BY: Final = "{{instance}}"
_THIRD: Final = (8, 8)
_NONE: Final = "no sidecar watches a server of this model"
_UNSEEN: Final = "no sidecar may read it"
_UNASKED: Final = "no sidecar has server.health_url"
_UNTOLD: Final = "no sidecar has server.model_url"


def each(
    title: str, says: str, expr: str, unit: str, legend: str = _BY, none: str = _NONE, *limits: Query
) -> build.Panel:
    """Return a graph with a line for each server, or for each value of other labels."""
    return graph(title, says, Query(expr, legend), *limits, unit=unit, none=none, lowest=0, size=_THIRD)


def _raw(metric: str) -> str:
    return f"{metric} {SIDECARS}"


def _rate(counter: str, *by: str) -> str:
    grown = f"rate({counter}[$__rate_interval]) {SIDECARS}"
    return f"sum by ({', '.join(by)}) ({grown})" if by else grown


def _judged(record: str, name: str) -> tuple[str, Query]:
    return (
        f"{record}{{{MODEL}}}",
        threshold(f"max(model_instance:ml_{name}:threshold{{{MODEL}}})"),
    )


def health() -> Row:
    """Return health checks, availability, loading, restarts and reloads."""
    restarts, most = _judged("model_instance:ml_server_restarts:increase1h", "server_restarts")
    return Row(
        "Health",
        [
            graph(
                "Availability",
                """Share of the health checks of all of the model's servers that were healthy, over the last
                five minutes, hour and day. Lower is worse.""",
                Query(f"model:ml_server_availability:ratio{{{MODEL}}}", "{{window}}"),
                unit="percentunit",
                none=_UNASKED,
                lowest=0,
                highest=1,
                size=_THIRD,
            ),
            each(
                "Health checks by result",
                """Health checks a second by what came of them: healthy, status (not 200 to 399), timeout,
                unreachable, invalid. Any but healthy is bad.""",
                _rate("ml_server_health_probes_total", "result"),
                "cps",
                "{{result}}",
                _UNASKED,
            ),
            each(
                "Time of a health check",
                "Mean time until a health check is answered. Higher is worse; it grows before a server hangs.",
                f"{_rate('ml_server_health_duration_seconds_sum', 'instance')}"
                f" / {_rate('ml_server_health_duration_seconds_count', 'instance')}",
                "s",
                none=_UNASKED,
            ),
            each(
                "Time to load the model",
                "Time from the start of a server's process to its first healthy check. Higher is worse.",
                _raw("ml_server_model_load_seconds"),
                "s",
                none="no start was seen by the health checks",
            ),
            each(
                "Restarts within an hour",
                "Times that another process took a server's place within an hour. Beyond the line it alerts.",
                restarts,
                "none",
                _BY,
                _NONE,
                most,
            ),
            each(
                "Kills for want of memory",
                "Processes of a server's cgroup that the kernel killed within 15 minutes. Any is bad and alerts.",
                f"model_instance:ml_server_oom_kills:increase15m{{{MODEL}}}",
                "none",
                none="in no cgroup of its own",
            ),
            each(
                "Time since the last load",
                """Time since each server last loaded a model, at its start or later. A fall to 0 beside an uptime
                that goes on is a reload. Nothing where the load was not seen.""",
                f"time() - ({_raw('ml_server_model_loaded_timestamp_seconds')})",
                "s",
                none="no load was seen",
            ),
            each(
                "Reloads within an hour",
                """Times that a server told of another model than before within an hour. More than were meant to be
                is worse.""",
                f"round(increase(ml_server_model_reloads_total[1h])) {SIDECARS}",
                "none",
                none=_UNTOLD,
            ),
            each(
                "What is loaded, by result of asking",
                """Requests a second that ask servers what they have loaded, by result. Reloads are seen by success
                alone.""",
                _rate("ml_server_model_probes_total", "result"),
                "cps",
                "{{result}}",
                _UNTOLD,
            ),
        ],
    )


def given() -> Row:
    """Return memory, CPU time lost, pressure and descriptors."""
    throttled, most_throttled = _judged("model_instance:ml_server_throttled:ratio_rate5m", "server_throttled")
    descriptors, most_descriptors = _judged("model_instance:ml_server_fds:ratio", "server_fds")
    return Row(
        "Memory, CPU and descriptors",
        [
            graph(
                "Memory of all servers by how it is counted",
                """Memory of the model's servers: resident counts shared pages once for each process,
                proportional once in all; the cgroup's working set has its kernel memory and all else in it.
                Growing swap is slow.""",
                current(f"sum({_raw('ml_server_proportional_memory_bytes')})", "proportional"),
                Query(f"sum({_raw('ml_server_resident_memory_bytes')})", "resident"),
                Query(f"sum({_raw('ml_server_cgroup_working_set_bytes')})", "working set of the cgroup"),
                Query(f"sum({_raw('ml_server_swap_bytes')})", "swapped out"),
                unit="bytes",
                none=_NONE,
                lowest=0,
                size=_THIRD,
            ),
            each(
                "Throttled",
                """Share of the periods of its quota in which a server was halted because that was used up.
                Higher is worse; beyond the line it alerts.""",
                throttled,
                "percentunit",
                _BY,
                "no server has a CPU quota",
                most_throttled,
            ),
            each(
                "Pressure",
                """Share of the time in which some task waited for CPU, memory or disks: of the server's
                cgroup, or of the machine, the worst of all servers. Higher is worse.""",
                f'max by (of, resource) (rate(ml_server_pressure_seconds_total{{kind="some"}}[$__rate_interval])'
                f" {SIDECARS})",
                "percentunit",
                "{{resource}} ({{of}})",
                "the kernel tells none",
            ),
            each(
                "Descriptors",
                """Share of its limit of descriptors that the process nearest to it has open. Higher is worse;
                at 100 % it accepts nothing more.""",
                descriptors,
                "percentunit",
                _BY,
                _UNSEEN,
                most_descriptors,
            ),
            each(
                "Connections by state",
                "TCP sockets of all servers by state. Growing close_wait is a leak.",
                f"sum by (state) ({_raw('ml_server_connections')}) > 0",
                "none",
                "{{state}}",
                _UNSEEN,
            ),
            each("Threads", "Threads of each server's processes.", _raw("ml_server_threads"), "none"),
        ],
    )


def traffic() -> Row:
    """Return disks, filesystem and network."""
    filesystem, most = _judged("model_instance:ml_server_filesystem:ratio", "server_filesystem")
    return Row(
        "Disks and network",
        [
            graph(
                "Disk",
                "Bytes a second that the processes of all servers read from disks and write to them.",
                Query(_rate("ml_server_disk_read_bytes_total", "job"), "read"),
                Query(_rate("ml_server_disk_written_bytes_total", "job"), "written"),
                unit="Bps",
                none=_UNSEEN,
                lowest=0,
                size=_THIRD,
            ),
            each(
                "Disk by device",
                "Bytes a second that the cgroups of all servers read from and write to each disk.",
                _rate("ml_server_cgroup_io_bytes_total", "device", "direction"),
                "Bps",
                "{{device}}, {{direction}}",
                "in no cgroup of its own",
            ),
            each(
                "Filesystem",
                """Share of the filesystem of each server's working directory that is used. Higher is worse;
                beyond the line it alerts.""",
                filesystem,
                "percentunit",
                _BY,
                _UNSEEN,
                most,
            ),
            each(
                "Network",
                """Bytes a second of the network namespaces of all servers by device: those of their
                containers, else of their machines. lo is traffic within.""",
                _rate("ml_server_network_bytes_total", "device", "direction"),
                "Bps",
                "{{device}}, {{direction}}",
            ),
            each(
                "Network packets",
                "Packets a second of the network namespaces of all servers by device.",
                _rate("ml_server_network_packets_total", "device", "direction"),
                "cps",
                "{{device}}, {{direction}}",
            ),
            graph(
                "Network errors",
                "Packets a second with errors, and dropped, of all servers. Any is bad.",
                Query(_rate("ml_server_network_errors_total", "direction"), "errors, {{direction}}"),
                Query(_rate("ml_server_network_dropped_total", "direction"), "dropped, {{direction}}"),
                unit="cps",
                none=_NONE,
                lowest=0,
                size=_THIRD,
            ),
        ],
    )
