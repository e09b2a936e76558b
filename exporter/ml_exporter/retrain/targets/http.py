"""Any HTTP service that takes JSON."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ml_exporter.config.fields import Field, Section, boolean, choice, mapping_of, text
from ml_exporter.retrain.outgoing import Reply
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.targets.rest import (
    TOKEN,
    USER,
    Api,
    basic,
    bearer,
    http_fields,
    json_object,
    token_or_user,
)
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, TargetKind, run_id

_OWN: Final = frozenset({"authorization", "content-length", "content-type", "host", "idempotency-key"})


@dataclass(frozen=True)
class Http(Api):
    """A service that takes JSON."""

    method: str
    headers: Mapping[str, str]
    token_file: SecretFile | None
    username: str | None
    password_file: SecretFile | None
    run_id_key: str
    idempotent: bool

    def start(self, facts: Facts, stop: threading.Event) -> Outcome:
        """Send a request."""
        if self.username is not None and self.password_file is not None:
            credentials = basic(self.username, self.password_file)
        else:
            credentials = bearer(self.token_file)

        def read(reply: Reply) -> Outcome:
            return Outcome(Result.STARTED, run_id=run_id(json_object(reply).get(self.run_id_key)))

        headers = {**self.headers, "Idempotency-Key": facts.run_name}
        payload = facts.payload()
        return self.ask(self.method, "", payload, credentials, read, idempotent=self.idempotent, headers=headers)


def _check(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield from token_or_user(values)
    for name in values["headers"]:
        if name.lower() in _OWN:
            yield f"headers.{name}", "is set by the bridge; credentials come from token_file or password_file"
        elif any(character not in _HEADER_CHARACTERS for character in name):
            yield f"headers.{name}", "is not the name of a header"


_HEADER_CHARACTERS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+.^_`|~-"
)

TARGET: Final = TargetKind(
    key="http",
    meaning="any HTTP service that takes JSON",
    example='{kind: http, url: "https://training.example.org/runs", token_file: training.token, idempotent: true}',
    sends=(
        "the request with the facts under `ml_retrain` and the fixed parameters under `parameters` as JSON, and"
        " `Idempotency-Key` ml-retrain-JOB; any answer of 2xx is success"
    ),
    once=(
        "with `idempotent: true` the service answers for it by the key; otherwise an attempt without an answer is"
        " `unknown` and not repeated"
    ),
    section=Section(
        (
            *http_fields("The whole URL.", query=True),
            Field("method", choice(["POST", "PUT"]), "Method of the request.", "POST"),
            Field(
                "headers",
                mapping_of(text(r"[\x20-\x7e]+", "a line of printable ASCII", 1000), "header names"),
                "Further headers; no secrets.",
                {},
            ),
            TOKEN,
            *USER,
            Field("run_id_key", text(), "Key of the answer that holds the id of the run.", "id"),
            Field("idempotent", boolean(), "The service starts one run for one `Idempotency-Key`.", False),
        )
    ),
    make=Http,
    check=_check,
)
