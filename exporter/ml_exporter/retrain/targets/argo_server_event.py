"""Argo Workflows: an event for the server, which a WorkflowEventBinding turns into a run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from ml_exporter.config.fields import Field, Section, text
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.targets.rest import TOKEN, Api, bearer, http_fields
from ml_exporter.retrain.targets.target import NAME_IN_PATH, Facts, Outcome, Result, TargetKind


@dataclass(frozen=True)
class ArgoServerEvent(Api):
    """An event for the Argo server."""

    token_file: SecretFile | None
    namespace: str
    discriminator: str
    idempotent = False

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Send an event."""
        path = f"/api/v1/events/{self.namespace}/{self.discriminator}"
        return self.ask("POST", path, facts.payload(), bearer(self.token_file), _read, idempotent=False)


def _read(reply: Reply) -> Outcome:
    return Outcome(Result.STARTED, "the event was queued; its binding starts the run")


TARGET: Final = TargetKind(
    key="argo_server_event",
    meaning="Argo Workflows, an event that a WorkflowEventBinding turns into a run",
    example='{kind: argo_server_event, url: "https://argo:2746", namespace: ml, token_file: argo.token}',
    sends=(
        "`POST /api/v1/events/NAMESPACE/DISCRIMINATOR` with the facts under `ml_retrain` and the fixed parameters"
        " under `parameters`; a binding selects by `payload.ml_retrain.model`"
    ),
    once="no key of its own: an attempt without an answer is `unknown` and not repeated",
    section=Section(
        (
            *http_fields("Argo server, as a rule on port 2746."),
            TOKEN,
            Field("namespace", text(NAME_IN_PATH, "a namespace"), "Namespace of the binding."),
            Field("discriminator", text(NAME_IN_PATH, "a name"), "Last part of the path.", "ml-retrain"),
        )
    ),
    make=ArgoServerEvent,
)
