"""Whether the model server loaded another model, and when: by what it tells at an address."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ml_exporter.core import json_pointer, loose_json
from ml_exporter.core.metrics import Block, Collector, counter, gauge, one
from ml_exporter.resources.loading import Loading
from ml_exporter.resources.probe import FETCHED, SUCCESS, Answer, fetch
from ml_exporter.resources.probing import ProbingReader
from ml_exporter.resources.target import ModelStatus, Target

NOT_JSON: Final = "not_json"
EMPTY: Final = "empty"

_RESULTS: Final = (*FETCHED, NOT_JSON, EMPTY)
_SUCCESS: Final = gauge(
    "ml_server_model_probe_success", "1 if the last request to server.model_url told what is loaded, else 0."
)
_PROBES: Final = counter(
    "ml_server_model_probes_total",
    "Requests to server.model_url by result: success, status (not 200), timeout, unreachable, invalid (no HTTP),"
    " too_large (over 64 KiB), not_json (or NaN or Infinity in server.model_field), empty (no body, or no"
    " server.model_field in it, or null).",
    "result",
)
_RELOADS: Final = counter(
    "ml_server_model_reloads_total",
    "Times that server.model_url told of another model than it had last told of, since this exporter watches it;"
    " whether within a process or by a restart. Absent until it told of one.",
)
_LOADED: Final = gauge(
    "ml_server_model_loaded_timestamp_seconds",
    "Time of the last load of a model that was seen, late by up to server.health_interval: server.model_url told"
    " of another one, or for the first time of one in a process that was watched from its start. Absent if the"
    " process had started long before anybody looked and no other model came since.",
)


class ReloadReader(ProbingReader):
    """Compares what the server tells with what it told last; what it does not tell changes nothing."""

    key = "model_reload"
    metrics = (_SUCCESS, _PROBES, _RELOADS, _LOADED)
    probes = _PROBES
    what = "requests to server.model_url"

    def __init__(self, target: Target, status: ModelStatus) -> None:
        super().__init__(target, status.interval, _RESULTS)
        self._asked = status
        self._last: Answer | None = None
        self._told: bytes | None = None
        self._reloads = 0
        self._loading = Loading(status.interval + status.timeout)

    async def ask(self) -> Answer:
        """Ask once what is loaded; of a success the body is what is compared."""
        answer = await fetch(self._asked.url, self._asked.timeout)
        if answer.body == b"":
            return replace(answer, result=EMPTY, body=None)
        if answer.body is None or self._asked.field is None:
            return answer
        return _at(self._asked.field, answer, answer.body)

    def found(self) -> Iterable[Block]:
        """Yield what the answers told; no number of reloads before the first of them told something."""
        if self._last is not None:
            yield one(_SUCCESS, int(self._last.result == SUCCESS))
        if self._told is not None:
            yield one(_RELOADS, self._reloads)
        if self._loading.at is not None:
            yield one(_LOADED, self._loading.at)

    def note(self, answer: Answer, started: float | None) -> None:
        """Take an answer; ``started`` is when the server's process did, None if that is not known."""
        self._last = answer
        self._loading.take(started, answer.at, answer.result == SUCCESS)
        if answer.result != SUCCESS:
            return
        if self._told not in (None, answer.body):
            self._reloads += 1
            self._loading.at = answer.at
        self._told = answer.body


def _at(pointer: str, answer: Answer, body: bytes) -> Answer:
    """Return an answer with that part of its body in one spelling, or why there is none."""
    try:
        value = json_pointer.resolve(pointer, loose_json.loads(body))
        told = None if value is None else json.dumps(value, sort_keys=True, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return replace(answer, result=NOT_JSON, body=None)
    except LookupError:
        told = None
    return replace(answer, result=SUCCESS if told else EMPTY, body=told)


def reader(target: Target) -> Collector | None:
    """Return the reader of reloads, if the model server has an address that tells what is loaded."""
    return ReloadReader(target, target.model) if target.model is not None else None
