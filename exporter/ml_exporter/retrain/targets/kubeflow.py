"""Kubeflow Pipelines, API v2beta1."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

from ml_exporter.config.fields import Field, Section, text
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.targets.rest import TOKEN, Api, bearer, http_fields, json_object
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, TargetKind, compact, run_id


@dataclass(frozen=True)
class Kubeflow(Api):
    """A pipeline of Kubeflow."""

    token_file: SecretFile | None
    pipeline_id: str
    pipeline_version_id: str | None
    experiment_id: str | None
    pipeline_root: str | None
    service_account: str | None
    facts_parameter: str | None
    idempotent = False

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Create a run."""
        reference = {"pipeline_id": self.pipeline_id, "pipeline_version_id": self.pipeline_version_id}
        parameters: dict[str, Any] = dict(facts.parameters)
        if self.facts_parameter is not None:
            parameters[self.facts_parameter] = facts.document()
        config = {"parameters": parameters, "pipeline_root": self.pipeline_root}
        document = {
            "display_name": facts.run_name,
            "description": compact(facts.document()),
            "experiment_id": self.experiment_id,
            "pipeline_version_reference": _given(reference),
            "runtime_config": _given(config),
            "service_account": self.service_account,
        }
        credentials = bearer(self.token_file)
        return self.ask("POST", "/apis/v2beta1/runs", _given(document), credentials, _read, idempotent=False)


def _given(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def _read(reply: Reply) -> Outcome:
    found = run_id(json_object(reply).get("run_id"))
    if not found:
        return Outcome(Result.UNKNOWN, "the answer has no run_id: is url the API of Kubeflow Pipelines?")
    return Outcome(Result.STARTED, run_id=found)


TARGET: Final = TargetKind(
    key="kubeflow",
    meaning="Kubeflow Pipelines, API v2beta1",
    example=(
        '{kind: kubeflow, url: "https://kfp.example.org", pipeline_id: 9f3c, token_file: kfp.token, '
        "facts_parameter: alert}"
    ),
    sends=(
        "`POST /apis/v2beta1/runs` with `display_name` ml-retrain-JOB, the facts as JSON in `description`, the"
        " fixed parameters in `runtime_config.parameters`, and the facts too if `facts_parameter` names an input"
        " for them"
    ),
    once="no key of its own: an attempt without an answer is `unknown` and not repeated",
    section=Section(
        (
            *http_fields("Kubeflow Pipelines, up to `/apis`."),
            TOKEN,
            Field("pipeline_id", text(), "Pipeline to run."),
            Field("pipeline_version_id", text(), "Its version; default: the newest.", None),
            Field("experiment_id", text(), "Experiment of the run; default: Kubeflow's.", None),
            Field("pipeline_root", text(longest=2000), "Where the run keeps its artifacts.", None),
            Field("service_account", text(), "Kubernetes service account of the run.", None),
            Field(
                "facts_parameter",
                text(),
                "Input of the pipeline, of type STRUCT, that gets the facts; Kubeflow refuses unknown inputs.",
                None,
            ),
        )
    ),
    make=Kubeflow,
)
