"""GitHub Actions: a repository_dispatch event."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from ml_exporter.config.fields import Field, Section, text
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile, secret_file
from ml_exporter.retrain.targets.rest import Api, bearer, http_fields
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, TargetKind

_HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@dataclass(frozen=True)
class GitHub(Api):
    """The workflows of a repository."""

    token_file: SecretFile
    repository: str
    event_type: str
    idempotent = False

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Send an event."""
        document = {"event_type": self.event_type, "client_payload": facts.payload()}
        path = f"/repos/{self.repository}/dispatches"
        credentials = bearer(self.token_file)
        return self.ask("POST", path, document, credentials, _read, idempotent=False, headers=_HEADERS)


def _read(reply: Reply) -> Outcome:
    if reply.status != 204:
        return Outcome(Result.UNKNOWN, f"answered {reply.status}, not 204: is url GitHub's API?")
    return Outcome(Result.STARTED, "the event was taken; workflows of the default branch that listen to it run")


TARGET: Final = TargetKind(
    key="github",
    meaning="GitHub Actions, a repository_dispatch event",
    example="{kind: github, repository: acme/models, token_file: github.token}",
    sends=(
        "`POST /repos/OWNER/REPOSITORY/dispatches` with `event_type` and as `client_payload` the facts under"
        " `ml_retrain` and the fixed parameters under `parameters`"
    ),
    once="no key of its own: an attempt without an answer is `unknown` and not repeated",
    section=Section(
        (
            *http_fields("API of GitHub.", default="https://api.github.com"),
            Field("token_file", secret_file(), "File with a token that may write the repository's contents."),
            Field(
                "repository",
                text(r"[A-Za-z0-9-]{1,100}/(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}", "OWNER/REPOSITORY"),
                "Repository whose workflows run.",
            ),
            Field("event_type", text(longest=100), "Event that the workflow listens to.", "ml-retrain"),
        )
    ),
    make=GitHub,
)
