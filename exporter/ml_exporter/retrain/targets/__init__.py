"""Where runs are started: one file a kind, all of them in one tuple."""

from __future__ import annotations

from typing import Final

from ml_exporter.retrain.targets import (
    airflow,
    argo_events,
    argo_server_event,
    argo_workflows,
    command,
    github,
    http,
    kubeflow,
    mlflow,
)
from ml_exporter.retrain.targets.target import TargetKind

TARGETS: Final[tuple[TargetKind, ...]] = (
    command.TARGET,
    http.TARGET,
    airflow.TARGET,
    kubeflow.TARGET,
    argo_workflows.TARGET,
    argo_events.TARGET,
    argo_server_event.TARGET,
    github.TARGET,
    mlflow.TARGET,
)
"""Every kind of target, in the order of the documentation."""
