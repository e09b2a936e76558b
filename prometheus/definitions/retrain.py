"""The retraining bridge: does it run, and what became of the runs that it was to start."""

from __future__ import annotations

from typing import Final

from definitions.common import OWNERS, indent
from definitions.rule import Alert, Family, Record

_KNOWN: Final = "instance:ml_retrain:known"


def _owned(expr: str) -> str:
    """Return an expression with the owner of its model, where a sidecar that Prometheus knows says who that is."""
    return (
        f"(\n{indent(expr)}\n)\n* on (model) group_left (owner) topk by (model) (1, {OWNERS})\n"
        f"or\n(\n{indent(expr)}\n)\nunless on (model) {OWNERS}"
    )


_RECORDS: Final = (
    Record(
        _KNOWN,
        'up{job=~".*ml-retrain.*"} ^ 0\nor\nup ^ 0 and on (job, instance) last_over_time(ml_retrain_build_info[1d])',
    ),
)

_ALERTS: Final = (
    Alert(
        "MLRetrainDown",
        "warning",
        f"max_over_time(up[1m]) == 0 and {_KNOWN}",
        "Prometheus cannot scrape the retraining bridge.",
        "The bridge at {{ $labels.instance }} has not answered for two minutes: no alert starts a retraining.",
        "See whether its process runs, and read the last lines of its log; Alertmanager sends again what it missed.",
        "ml-fleet",
        "1m",
    ),
    Alert(
        "MLRetrainConfigReloadFailed",
        "warning",
        "max_over_time(ml_retrain_config_last_reload_successful[5m]) == 0",
        "The retraining bridge goes on with its old configuration.",
        "The bridge at {{ $labels.instance }} could not load its configuration: what was changed is not in force.",
        "Read its log: it names every problem of the file and what is allowed.",
        "ml-fleet",
        "5m",
    ),
    Alert(
        "MLRetrainStateFailing",
        "warning",
        "increase(ml_retrain_state_failures_total[15m]) + increase(ml_retrain_audit_failures_total[15m]) > 0",
        "The retraining bridge cannot write down what it does.",
        "The bridge at {{ $labels.instance }} failed to read or write its state or its audit log within the last 15"
        " minutes: runs wait until they can be remembered, or decisions are missing from the log.",
        "See whether its disk is full or read-only; its log names the error.",
        "ml-fleet",
        "2m",
    ),
    Alert(
        "MLRetrainFailed",
        "warning",
        _owned('max_over_time(ml_retrain_last_job_state{state=~"failed|unknown"}[5m]) == 1'),
        "A retraining was not started, or nobody knows whether it was.",
        "The newest retraining job of model {{ $labels.model }} is {{ $labels.state }}:"
        ' {{ if eq $labels.state "failed" }}no run was started for the alert that asked for it'
        "{{ else }}the attempt was cut off, and a run may go on or not{{ end }}.",
        "Look in the target's own list of runs first; then read the job's reason at the bridge (`GET /v1/jobs`) and in its"
        " audit log, and start the run by hand if there is none.",
        "ml-model",
    ),
    Alert(
        "MLRetrainWaitingForApproval",
        "warning",
        _owned('max_over_time(ml_retrain_jobs_active{state="waiting"}[5m]) > 0'),
        "A retraining waits for somebody to approve it.",
        "{{ $value }} retraining of model {{ $labels.model }} waits for approval; it expires if nobody decides.",
        "Look at why it was asked for, then approve or reject it at the bridge: `POST /v1/jobs/ID/approve`.",
        "ml-model",
        "10m",
    ),
)

FAMILY: Final = Family("retrain", __doc__, _RECORDS, _ALERTS)
