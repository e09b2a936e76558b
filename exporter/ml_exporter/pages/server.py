"""The watched model server: whether its process runs and answers its health check, and when it loaded a model."""

from __future__ import annotations

from ml_exporter.pages.markup import Html, facts, unknown
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import ago, number, plain


def server(snapshot: Snapshot) -> Html:
    """Return the facts of the model server, "" if none is watched."""
    success = snapshot.by_first("ml_exporter_collector_success")
    pairs: list[tuple[str, str]] = []
    if "process" in success:
        pairs += [
            ("Process", _process(snapshot)),
            ("Started", _since(snapshot, "ml_server_start_timestamp_seconds", "unknown")),
            ("Restarts seen", number(snapshot.value("ml_server_restarts_total"), "unknown")),
        ]
    if "health" in success:
        never = "not yet" if success["health"] else "unknown"
        pairs += [
            ("Health check", _health(snapshot, bool(success["health"]))),
            ("Last checked", _since(snapshot, "ml_server_health_timestamp_seconds", never)),
        ]
    if "model_reload" in success:
        never = "not seen" if success["model_reload"] else "unknown"
        pairs += [
            ("Last load", _since(snapshot, "ml_server_model_loaded_timestamp_seconds", never)),
            ("Reloads seen", _reloads(snapshot, bool(success["model_reload"]))),
        ]
    return facts(pairs) if pairs else Html("")


def _process(snapshot: Snapshot) -> str:
    up = snapshot.value("ml_server_up")
    if up is None:
        return unknown("cannot be read, see the log")
    return "runs" if up else "does not run"


def _health(snapshot: Snapshot, succeeds: bool) -> str:
    up = snapshot.value("ml_server_health_up")
    if not succeeds:
        return unknown("cannot be checked, see the log")
    if up is None:
        return unknown("not checked yet")
    status = snapshot.value("ml_server_health_status_code")
    told = "no HTTP answer" if status is None else f"HTTP {plain(status)}"
    return f"{'healthy' if up else 'not healthy'}; {told}"


def _reloads(snapshot: Snapshot, succeeds: bool) -> str:
    success, reloads = (snapshot.value(f"ml_server_model_{name}") for name in ("probe_success", "reloads_total"))
    if not succeeds:
        return unknown("cannot be asked for, see the log")
    if success is None:
        return unknown("not asked for yet")
    if reloads is None:
        return unknown("what is loaded was not told")
    return plain(reloads) + ("" if success else "; not told at the last request")


def _since(snapshot: Snapshot, name: str, never: str) -> str:
    return ago(snapshot.value(name), snapshot.at, never)
