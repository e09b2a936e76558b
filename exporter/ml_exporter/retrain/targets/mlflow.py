"""MLflow Projects, through the command line of MLflow."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final

from ml_exporter.config.fields import Field, Section, choice, duration, text
from ml_exporter.retrain.targets import child
from ml_exporter.retrain.targets.child import Ended
from ml_exporter.retrain.targets.command import DAY, judged
from ml_exporter.retrain.targets.target import Facts, Outcome, TargetKind

_RUN: Final = re.compile(rb"\(ID '([0-9a-zA-Z_-]{1,64})'\)")
_ARGUMENT: Final = r"[^-\0][^\0]*"
_NO_FLAG: Final = "text that does not begin with -"


@dataclass(frozen=True)
class MlflowProject:
    """A project of MLflow; the machine of the bridge, or MLflow's backend, runs it."""

    program: str
    uri: str
    entry_point: str
    version: str | None
    env_manager: str
    backend: str
    experiment_name: str | None
    tracking_uri: str | None
    timeout: float
    idempotent = False

    def start(self, facts: Facts, stop: threading.Event) -> Outcome | None:
        """Run ``mlflow run`` to its end."""
        command = [self.program, "run", f"--env-manager={self.env_manager}", f"--backend={self.backend}"]
        command += [f"--entry-point={self.entry_point}"]
        command += [f"--version={self.version}"] if self.version else []
        command += [f"--experiment-name={self.experiment_name}"] if self.experiment_name else []
        for name, value in facts.parameters.items():
            command += ["-P", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        more = {"MLFLOW_TRACKING_URI": self.tracking_uri} if self.tracking_uri else {}
        ended = child.run([*command, self.uri], facts, stop, timeout=self.timeout, more=more)
        if not isinstance(ended, Ended):
            return ended
        outcome = judged(ended)
        runs = _RUN.findall(ended.output)
        return Outcome(outcome.result, outcome.reason, runs[-1].decode() if runs else "")


TARGET: Final = TargetKind(
    key="mlflow",
    meaning="MLflow Projects, by `mlflow run`",
    example=(
        '{kind: mlflow, uri: "https://git.example.org/flights.git", version: main, '
        'tracking_uri: "https://mlflow.example.org"}'
    ),
    sends=(
        "the command `mlflow run URI -P NAME=VALUE ...` with the fixed parameters only; the facts are in its"
        " environment (`ML_RETRAIN_...`, as for `command`), which the project's entry point inherits"
    ),
    once="no key of its own: a run during which the bridge ended is `unknown` and not repeated",
    section=Section(
        (
            Field("uri", text(_ARGUMENT, _NO_FLAG, 2000), "Project: a folder or a Git repository."),
            Field("entry_point", text(_ARGUMENT, _NO_FLAG), "Entry point of the project.", "main"),
            Field("version", text(_ARGUMENT, _NO_FLAG), "Commit or branch of a Git project.", None),
            Field(
                "env_manager",
                choice(["local", "virtualenv", "uv", "conda"]),
                "Who makes the environment.",
                "virtualenv",
            ),
            Field("backend", choice(["local", "databricks", "kubernetes"]), "Where the project runs.", "local"),
            Field("experiment_name", text(), "Experiment of the run.", None),
            Field("tracking_uri", text(longest=2000), "Tracking server; default: the environment's.", None),
            Field("program", text(_ARGUMENT, _NO_FLAG, 2000), "The program.", "mlflow"),
            Field("timeout", duration(0.1, 7 * DAY), "Longest run; then its process group is ended.", 3600.0),
        )
    ),
    make=MlflowProject,
)
