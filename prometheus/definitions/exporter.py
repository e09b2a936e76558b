"""The sidecar itself and the way of its notifications: can the other alerts be believed."""

from __future__ import annotations

from typing import Final

from definitions.common import number
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold

LOST: Final = Threshold(
    "exporter_lost", "Share of events that a sidecar, or its prediction log, may lose for one reason.", 0.001
)
QUEUE: Final = Threshold("exporter_queue", "Share of its queue that may wait to be counted.", 0.8)
PAGE: Final = Threshold(
    "exporter_page_seconds",
    "Seconds that a scrape of a sidecar may take; Prometheus gives up at 10.",
    5.0,
    highest=60.0,
)
_THRESHOLDS: Final = (LOST, QUEUE, PAGE)

_LOSSES: Final = "instance_reason:ml_exporter_events_lost:increase15m"
_EVENTS: Final = "instance:ml_exporter_events:increase15m"
_WAITING: Final = "instance:ml_exporter_queue:ratio"
_KNOWN: Final = "instance:ml_exporter:known"
_UNLOGGED: Final = "instance_reason:ml_exporter_prediction_log_lost:increase15m"
_UNLOGGED_RATIO: Final = "instance_reason:ml_exporter_prediction_log_lost_per_line:ratio"

_RECORDS: Final = (
    Record(
        _KNOWN,
        'up{job=~".*ml-exporter.*"} ^ 0\nor\nup ^ 0 and on (job, instance) last_over_time(ml_exporter_build_info[1d])',
    ),
    Record(_LOSSES, "increase(ml_exporter_events_lost_total[15m])"),
    Record(
        _EVENTS,
        f"sum without (event) (increase(ml_exporter_events_accepted_total[15m])) + sum without (reason) ({_LOSSES})",
    ),
    Record(
        "instance_reason:ml_exporter_events_lost_per_event:ratio",
        f"{_LOSSES} / ignoring (reason) group_left () ({_EVENTS} > 0)",
    ),
    Record(
        _WAITING,
        """
        label_replace(ml_exporter_queue_events / ml_exporter_queue_capacity_events, "of", "events", "", "")
        or
        label_replace(ml_exporter_queue_bytes / ml_exporter_queue_capacity_bytes, "of", "bytes", "", "")
        """,
    ),
    Record(_UNLOGGED, "increase(ml_exporter_prediction_log_lost_total[15m])"),
    Record(
        _UNLOGGED_RATIO,
        f"{_UNLOGGED} / ignoring (reason) group_left ()"
        f" (increase(ml_exporter_prediction_log_lines_total[15m]) + sum without (reason) ({_UNLOGGED}) > 0)",
    ),
)

_LOST_RATIO: Final = "instance_reason:ml_exporter_events_lost_per_event:ratio"

_ALERTS: Final = (
    Alert(
        "MLExporterDown",
        "critical",
        f"max_over_time(up[1m]) == 0 and {_KNOWN}",
        "Prometheus cannot scrape a sidecar.",
        "The sidecar at {{ $labels.instance }} has not answered for two minutes: nothing is known about its models.",
        "See whether its process runs, then open its page: systemctl status, kubectl describe pod, its log.",
        "ml-exporter",
        "1m",
    ),
    Alert(
        "MLExporterEventsLost",
        "warning",
        f"{_LOST_RATIO} > on () group_left () {LOST.series}\nand\n{_LOSSES} >= 10",
        "A sidecar loses events.",
        "The sidecar at {{ $labels.instance }} did not count {{ $value | humanizePercentage }} of its events within 15"
        " minutes, reason {{ $labels.reason }}: unless they are sent again, the numbers of its models lack them.",
        "Look up the reason in docs/intake.md: queue_full wants more CPU or a larger queue, shutdown a sender that tries"
        " again, all others a mended sender.",
        "ml-exporter",
        "5m",
        "15m",
    ),
    Alert(
        "MLExporterQueueFull",
        "warning",
        f"min_over_time({_WAITING}[5m]) > on () group_left () {QUEUE.series}",
        "A sidecar cannot count as fast as events come.",
        "The queue of the sidecar at {{ $labels.instance }} has been full to {{ $value | humanizePercentage }} for five"
        " minutes; when it is full, senders are told to try again and events are lost.",
        "Compare ml_exporter_tick_duration_seconds and its CPU with before: give it more CPU, or fewer models.",
        "ml-exporter",
        "2m",
        "10m",
    ),
    Alert(
        "MLExporterCheckpointFailing",
        "warning",
        "max_over_time(ml_exporter_checkpoint_successful[5m]) == 0",
        "A sidecar cannot write its state to disk.",
        "The sidecar at {{ $labels.instance }} has not been able to write its state for five minutes: a crash now would"
        " lose the sums and the ids that wait for labels.",
        "See whether its disk is full or read-only; its log names the error.",
        "ml-exporter",
        "1m",
    ),
    Alert(
        "MLExporterLogLinesLost",
        "warning",
        f"""
        label_replace(
          increase(ml_exporter_audit_failures_total[15m]) > 0
          or
          (ml_exporter_audit_failures_total > 0 unless ml_exporter_audit_failures_total offset 15m),
          "log", "audit", "", ""
        )
        or
        label_replace(
          {_UNLOGGED}
          and
          {_UNLOGGED_RATIO} > on () group_left () {LOST.series},
          "log", "prediction", "", ""
        )
        """,
        "A sidecar's audit log or prediction log lacks lines.",
        'The {{ $labels.log }} log of the sidecar at {{ $labels.instance }} lacks {{ $value | printf "%.0f" }} lines of the'
        " last 15 minutes{{ with $labels.reason }}, reason {{ . }}{{ end }}: nothing writes them into it later.",
        "See whether its disk is full or read-only; its log names the error. queue_full wants a smaller"
        " prediction_log.share or a larger limits.queue_events.",
        "ml-exporter",
        "2m",
    ),
    Alert(
        "MLExporterConfigReloadFailed",
        "warning",
        "max_over_time(ml_exporter_config_last_reload_successful[5m]) == 0",
        "A sidecar goes on with its old configuration.",
        "The sidecar at {{ $labels.instance }} could not load its configuration: what was changed is not in force.",
        "Run `ml-exporter check-config` on the file: it names every problem and what is allowed.",
        "ml-exporter",
        "5m",
    ),
    Alert(
        "MLExporterPageSlow",
        "warning",
        f"min_over_time(scrape_duration_seconds[5m]) > on () group_left () {PAGE.series} and {_KNOWN}",
        "A sidecar's page takes long to scrape.",
        "A scrape of the sidecar at {{ $labels.instance }} takes {{ $value | humanizeDuration }}; at Prometheus's"
        f" scrape_timeout it fails. Allowed are {number(PAGE.series, 'humanizeDuration')}.",
        "See how many series it has (scrape_samples_scraped) and whether its CPU is throttled.",
        "ml-exporter",
        "5m",
    ),
    Alert(
        "MLExporterStalled",
        "critical",
        "time() - ml_exporter_snapshot_timestamp_seconds > 180",
        "A sidecar answers, but no longer counts.",
        "The numbers of the sidecar at {{ $labels.instance }} are {{ $value | humanizeDuration }} old: its counting"
        " has stopped, and every number of its models stands still.",
        "Save its log, then restart it: state on disk is kept.",
        "ml-exporter",
        "2m",
    ),
    Alert(
        "MLExporterCollectorFailed",
        "warning",
        "max_over_time(ml_exporter_collector_success[5m]) == 0",
        "A sidecar cannot compute one of its signals.",
        "The signal {{ $labels.collector }} of the sidecar at {{ $labels.instance }} raises an error: its series are absent.",
        "Its log says why: a right on the model server's process that it lacks, or a traceback to report with the version of"
        " ml_exporter_build_info.",
        "ml-exporter",
        "5m",
    ),
    Alert(
        "MLWatchdog",
        "none",
        "vector(1)",
        "This alert always fires.",
        "It shows that rules are evaluated and notifications go out; its receiver must raise the alarm when it stops.",
        "Nothing is to be done while it arrives. If it no longer does, look after Prometheus and Alertmanager.",
        "ml-exporter",
    ),
)

FAMILY: Final = Family("exporter", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
