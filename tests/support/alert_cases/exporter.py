"""The sidecar itself."""

from __future__ import annotations

from collections.abc import Callable

from support.rules import Case, Fleet, Segments


def _there(model: str) -> dict[str, str]:
    return {"job": "ml", "instance": f"{model}-a"}


def _gauge(name: str, bad: float, good: float, **labels: str) -> Callable[[Fleet, str], None]:
    """Return what gives a gauge a bad value from the 20th to the 40th minute."""
    segments: Segments = [(20, good), (20, bad), (60, good)]
    return lambda fleet, model: fleet.gauge(name, segments, **_there(model), **labels)


def _loses(fleet: Fleet, model: str) -> None:
    fleet.counter(
        "ml_exporter_events_lost_total", [(20, 0), (20, 5), (60, 0)], **_there(model), reason="queue_full"
    )


def _audit_fails(fleet: Fleet, model: str) -> None:
    fleet.counter("ml_exporter_audit_failures_total", [(20, 0), (5, 1), (60, 0)], **_there(model))


def _audit_fails_at_once(fleet: Fleet, model: str) -> None:
    """What is lost at the start is there at the first scrape, which no rate sees."""
    fleet.gauge("ml_exporter_audit_failures_total", [(20, float("nan")), (60, 2)], **_there(model))


def _logs_less(fleet: Fleet, model: str) -> None:
    """Two of a hundred lines do not fit the queue; the disk takes all but one of ten thousand: that is allowed."""
    lost = "ml_exporter_prediction_log_lost_total"
    fleet.counter("ml_exporter_prediction_log_lines_total", 98, **_there(model))
    fleet.counter(lost, [(20, 0), (20, 2), (60, 0)], **_there(model), reason="queue_full")
    fleet.counter(lost, [(20, 0), (20, 0.01), (60, 0)], **_there(model), reason="disk")


def _stands(fleet: Fleet, model: str) -> None:
    segments: Segments = [(20, 60), (20, 0), (1, 1_260), (60, 60)]
    fleet.counter("ml_exporter_snapshot_timestamp_seconds", segments, **_there(model))


def _case(
    alert: str,
    change: Callable[[Fleet, str], None],
    moments: tuple[int, int],
    description: str,
    *needs: str,
    **labels: str,
) -> Case:
    return Case(alert, change, *moments, {"instance": "m-a", **labels}, description, needs, owned=False)


CASES = (
    _case(
        "MLExporterDown",
        _gauge("up", 0, 1),
        (22, 40),
        "The sidecar at m-a has not answered for two minutes: nothing is known about its models.",
        "up",
    ),
    _case(
        "MLExporterEventsLost",
        _loses,
        (27, 69),
        "The sidecar at m-a did not count 7.216% of its events within 15 minutes, reason queue_full: unless they are sent again, the numbers of its models lack"
        " them.",
        "ml_exporter_events_accepted_total",
        reason="queue_full",
    ),
    _case(
        "MLExporterQueueFull",
        _gauge("ml_exporter_queue_bytes", 950, 10),
        (27, 50),
        "The queue of the sidecar at m-a has been full to 95% for five minutes; when it is full, senders are told to try"
        " again and events are lost.",
        "ml_exporter_queue_capacity_bytes",
        of="bytes",
    ),
    _case(
        "MLExporterCheckpointFailing",
        _gauge("ml_exporter_checkpoint_successful", 0, 1),
        (26, 40),
        "The sidecar at m-a has not been able to write its state for five minutes: a crash now would lose the sums and the"
        " ids that wait for labels.",
        "ml_exporter_checkpoint_successful",
    ),
    _case(
        "MLExporterLogLinesLost",
        _audit_fails,
        (23, 40),
        "The audit log of the sidecar at m-a lacks 3 lines of the last 15 minutes: nothing writes them into it later.",
        "ml_exporter_audit_failures_total",
        log="audit",
    ),
    _case(
        "MLExporterLogLinesLost",
        _audit_fails_at_once,
        (22, 35),
        "The audit log of the sidecar at m-a lacks 2 lines of the last 15 minutes: nothing writes them into it later.",
        "ml_exporter_audit_failures_total",
        log="audit",
    ),
    _case(
        "MLExporterLogLinesLost",
        _logs_less,
        (23, 55),
        "The prediction log of the sidecar at m-a lacks 6 lines of the last 15 minutes, reason queue_full: nothing writes"
        " them into it later.",
        "ml_exporter_prediction_log_lines_total",
        log="prediction",
        reason="queue_full",
    ),
    _case(
        "MLExporterConfigReloadFailed",
        _gauge("ml_exporter_config_last_reload_successful", 0, 1),
        (30, 40),
        "The sidecar at m-a could not load its configuration: what was changed is not in force.",
        "ml_exporter_config_last_reload_successful",
    ),
    _case(
        "MLExporterPageSlow",
        _gauge("scrape_duration_seconds", 7.5, 0.1),
        (30, 40),
        "A scrape of the sidecar at m-a takes 7.5s; at Prometheus's scrape_timeout it fails. Allowed are 5s.",
        "scrape_duration_seconds",
    ),
    _case(
        "MLExporterStalled",
        _stands,
        (26, 41),
        "The numbers of the sidecar at m-a are 6m 0s old: its counting has stopped, and every number of its models stands"
        " still.",
        "ml_exporter_snapshot_timestamp_seconds",
    ),
    _case(
        "MLExporterCollectorFailed",
        _gauge("ml_exporter_collector_success", 0, 1, collector="psi"),
        (30, 40),
        "The signal psi of the sidecar at m-a raises an error: its series are absent.",
        "ml_exporter_collector_success",
        collector="psi",
    ),
)
