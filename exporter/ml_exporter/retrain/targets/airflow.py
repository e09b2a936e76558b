"""Apache Airflow 2 (``/api/v1``) and 3 (``/api/v2``)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ml_exporter.config.fields import Field, Section, integer, text
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.targets.rest import (
    TOKEN,
    USER,
    Api,
    Credentials,
    basic,
    bearer,
    http_fields,
    json_object,
    token_or_user,
)
from ml_exporter.retrain.targets.target import (
    FACTS,
    NAME_IN_PATH,
    Facts,
    Outcome,
    Result,
    TargetKind,
    run_id,
)


@dataclass(frozen=True)
class Airflow(Api):
    """A DAG of Airflow."""

    api: int
    dag: str
    token_file: SecretFile | None
    username: str | None
    password_file: SecretFile | None
    idempotent = True

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Trigger a run whose id is the job's: a second one is answered 409."""
        credentials = self._credentials()
        if isinstance(credentials, Outcome):
            return credentials
        path = f"/api/v{self.api - 1}/dags/{self.dag}/dagRuns"
        document: dict[str, Any] = {
            "dag_run_id": facts.run_name,
            "conf": {**facts.parameters, FACTS: facts.document()},
        }
        if self.api == 3:
            document["logical_date"] = None  # must be named
        outcome = self.ask("POST", path, document, credentials, _read, idempotent=True)
        if outcome.status == 409:
            return self._look_up(f"{path}/{facts.run_name}", credentials)
        return outcome

    def _look_up(self, path: str, credentials: Credentials) -> Outcome:
        """Tell a run of this job that exists from a conflict with another run's date."""
        outcome = self.ask("GET", path, None, credentials, _read, idempotent=True)
        if outcome.status == 404:
            return Outcome(Result.RETRY, "answered 409: another run of the DAG has the same date")
        return outcome

    def _credentials(self) -> Credentials | Outcome:
        if self.username is None or self.password_file is None:
            return bearer(self.token_file)
        if self.api == 2:
            return basic(self.username, self.password_file)
        return self._log_in(self.username, self.password_file.read())

    def _log_in(self, user: str, password: str) -> Credentials | Outcome:
        tokens: list[str] = []

        def read(reply: Reply) -> Outcome:
            token = json_object(reply).get("access_token")
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                return Outcome(Result.FAILED, "POST /auth/token: the answer has no access_token")
            tokens.append(token)
            return Outcome(Result.STARTED)

        secret = Credentials(secrets=(password,))
        document = {"username": user, "password": password}
        outcome = self.ask("POST", "/auth/token", document, secret, read, idempotent=True)
        if not tokens:
            return Outcome(outcome.result, f"logging in: {outcome.reason}", retry_after=outcome.retry_after)
        return Credentials({"Authorization": f"Bearer {tokens[0]}"}, (tokens[0], password))


def _read(reply: Reply) -> Outcome:
    found = run_id(json_object(reply).get("dag_run_id"))
    if not found:
        return Outcome(Result.UNKNOWN, "the answer has no dag_run_id: is url Airflow's?")
    return Outcome(Result.STARTED, run_id=found)


def _check(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield from token_or_user(values)
    if values["username"] is None and values["token_file"] is None:
        yield "username", "must be given with password_file, or token_file instead"


TARGET: Final = TargetKind(
    key="airflow",
    meaning="Apache Airflow, 2 or 3",
    example=(
        '{kind: airflow, url: "https://airflow.example.org", dag: retrain-flights, username: ml, '
        "password_file: airflow.password}"
    ),
    sends=(
        "`POST /api/v2/dags/DAG/dagRuns` (Airflow 2: `/api/v1`) with `dag_run_id` ml-retrain-JOB and `conf`, which"
        " holds the fixed parameters and the facts under `ml_retrain`; a user gets a token from `POST /auth/token`"
        " first (Airflow 2: basic authentication)"
    ),
    once="`dag_run_id` is the job's: Airflow answers 409, and a look at that run shows that it was started",
    section=Section(
        (
            *http_fields("Airflow, up to `/api`."),
            Field("api", integer(2, 3), "Airflow 2 or 3.", 3),
            Field("dag", text(NAME_IN_PATH, "a DAG id"), "DAG to run."),
            TOKEN,
            *USER,
        )
    ),
    make=Airflow,
    check=_check,
)
