"""Argo Workflows: submitting a template."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from ml_exporter.config.fields import Field, Section, choice, text
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.targets.rest import TOKEN, Api, bearer, http_fields, json_object
from ml_exporter.retrain.targets.target import (
    FACTS,
    NAME_IN_PATH,
    Facts,
    Outcome,
    Result,
    TargetKind,
    compact,
    run_id,
)


@dataclass(frozen=True)
class ArgoWorkflows(Api):
    """A template of Argo Workflows."""

    token_file: SecretFile | None
    namespace: str
    resource_kind: str
    resource_name: str
    entry_point: str | None
    service_account: str | None
    idempotent = True

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Submit a workflow whose name is the job's: a second one is answered 409."""
        parameters = [f"{name}={_written(value)}" for name, value in facts.parameters.items()]
        options = {
            "name": facts.run_name,
            "parameters": [*parameters, f"{FACTS}={compact(facts.document())}"],
            **({"entryPoint": self.entry_point} if self.entry_point else {}),
            **({"serviceAccount": self.service_account} if self.service_account else {}),
        }
        document = {
            "namespace": self.namespace,
            "resourceKind": self.resource_kind,
            "resourceName": self.resource_name,
            "submitOptions": options,
        }
        path = f"/api/v1/workflows/{self.namespace}/submit"
        outcome = self.ask("POST", path, document, bearer(self.token_file), _read, idempotent=True)
        if outcome.status == 409:
            return Outcome(Result.STARTED, "was submitted before", facts.run_name)
        return outcome


def _written(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(reply: Reply) -> Outcome:
    metadata = json_object(reply).get("metadata")
    found = run_id(metadata.get("name")) if isinstance(metadata, dict) else ""
    if not found:
        return Outcome(Result.UNKNOWN, "the answer has no metadata.name: is url the Argo server's?")
    return Outcome(Result.STARTED, run_id=found)


TARGET: Final = TargetKind(
    key="argo_workflows",
    meaning="Argo Workflows, a template that is submitted",
    example=(
        '{kind: argo_workflows, url: "https://argo:2746", namespace: ml, resource_name: retrain, '
        "token_file: argo.token}"
    ),
    sends=(
        "`POST /api/v1/workflows/NAMESPACE/submit` with `submitOptions.name` ml-retrain-JOB and as"
        " `submitOptions.parameters` the fixed ones and `ml_retrain`, the facts as JSON"
    ),
    once="the name of the workflow is the job's: Argo answers 409, which means that it was started",
    section=Section(
        (
            *http_fields("Argo server, as a rule on port 2746."),
            TOKEN,
            Field("namespace", text(NAME_IN_PATH, "a namespace"), "Namespace of the template and the run."),
            Field(
                "resource_kind",
                choice(["WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"]),
                "Kind of the template.",
                "WorkflowTemplate",
            ),
            Field("resource_name", text(NAME_IN_PATH, "a name in Kubernetes"), "Template to submit."),
            Field("entry_point", text(), "Template in it to begin with; default: its own.", None),
            Field("service_account", text(), "Kubernetes service account of the run.", None),
        )
    ),
    make=ArgoWorkflows,
)
