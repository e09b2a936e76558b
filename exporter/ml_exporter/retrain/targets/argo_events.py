"""Argo Events: a webhook event source."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from ml_exporter.config.fields import Section
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.targets.rest import TOKEN, Api, bearer, http_fields
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, TargetKind


@dataclass(frozen=True)
class ArgoEvents(Api):
    """A webhook of Argo Events."""

    token_file: SecretFile | None
    idempotent = False

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Send an event."""
        return self.ask("POST", "", facts.payload(), bearer(self.token_file), _read, idempotent=False)


def _read(reply: Reply) -> Outcome:
    return Outcome(Result.STARTED, "the event was taken; the sensor starts the run")


TARGET: Final = TargetKind(
    key="argo_events",
    meaning="Argo Events, an event source of type webhook",
    example='{kind: argo_events, url: "http://webhook-eventsource-svc.argo-events:12000/retrain"}',
    sends=(
        "`POST` to the endpoint of the event source with the facts under `ml_retrain` and the fixed parameters"
        " under `parameters`; a sensor finds them in `body.ml_retrain` and `body.parameters`"
    ),
    once="no key of its own: an attempt without an answer is `unknown` and not repeated",
    section=Section((*http_fields("Endpoint of the event source, with its port and path."), TOKEN)),
    make=ArgoEvents,
)
