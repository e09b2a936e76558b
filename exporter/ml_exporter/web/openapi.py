"""The OpenAPI document of the sidecar: every path, what it takes and what it answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
import orjson
from msgspec import UNSET, Meta, UnsetType

from ml_exporter import __version__
from ml_exporter.core.pipelines import NAME
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.ingest.events import EventTypes, Feedback, Label, Scalar
from ml_exporter.ingest.pipeline_report import PipelineRun
from ml_exporter.ingest.protocols import PROTOCOLS
from ml_exporter.ingest.protocols.protocol import JsonText, Protocol
from ml_exporter.ingest.reasons import LOSSES, WARNINGS
from ml_exporter.ingest.receipt import SHOWN
from ml_exporter.web.body import ENCODINGS
from ml_exporter.web.messages import JSON, PROBLEM

PATH: Final = "/openapi.json"

Reason = Annotated[str, Meta(extra_json_schema={"enum": list(LOSSES)})]
Warned = Annotated[str, Meta(extra_json_schema={"enum": list(WARNINGS)})]
Count = Annotated[int, Meta(ge=0)]


class Loss(msgspec.Struct):
    """An event that is not counted."""

    index: Count
    reason: Reason
    detail: str


class Remark(msgspec.Struct):
    """What is left out of an event that is counted."""

    index: Count
    reason: Warned
    detail: str


class Receipt(msgspec.Struct, forbid_unknown_fields=True):
    """What became of the events of a body."""

    status: Literal["queued", "durable"]
    accepted: Annotated[int, Meta(ge=1)]
    rejected: Count | UnsetType = UNSET
    errors: Annotated[list[Loss], Meta(max_length=SHOWN)] | UnsetType = UNSET
    warnings: Annotated[list[Remark], Meta(max_length=SHOWN)] | UnsetType = UNSET


class Problem(msgspec.Struct):
    """Why a request was refused (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    reason: Reason | UnsetType = UNSET
    rejected: Count | UnsetType = UNSET
    errors: Annotated[list[Loss], Meta(max_length=SHOWN)] | UnsetType = UNSET
    problems: list[str] | UnsetType = UNSET


class Reloaded(msgspec.Struct, forbid_unknown_fields=True):
    """The new configuration is in use."""

    status: Literal["reloaded"]


_EVERYWHERE: Final = {
    400: "The request is not valid HTTP, or nothing of its body is usable.",
    401: "Credentials are missing or wrong.",
    413: "The body is too large.",
    431: "The headers are too large.",
    500: "Something failed that should not; the log says what.",
    503: "Too many connections, restoring earlier state or shutting down: try again.",
}
_INTAKE: Final = {
    404: "The model is not configured.",
    415: "The content type or encoding is not understood.",
    429: "The queue is full: send the same again after Retry-After.",
}
_TEXT: Final = {"schema": {"type": "string"}}
_METRICS: Final = ("text/plain", "application/openmetrics-text")


def document(metrics_path: str) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(_document(metrics_path), option=orjson.OPT_INDENT_2) + b"\n"


_STATUS: Final = {"schema": {"type": "object", "properties": {"status": {"type": "string"}}}}
_PIPELINE: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "Name of the pipeline.",
    "schema": {"type": "string", "pattern": f"^{NAME}$"},
}


def _document(metrics_path: str) -> dict[str, Any]:
    schemas = _schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ml-exporter",
            "version": __version__,
            "description": "Predictions of deployed machine-learning models, labels and feedback in, metrics out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Credentials are asked for where the web configuration has users.
        "security": [{}, {"basic": []}],
        "paths": {
            "/v1/predictions": {"post": _intake("predictions", "Take predictions in.", "Predictions")},
            "/v1/labels": {"post": _intake("labels", "Take labels in.", "Labels")},
            "/v1/feedback": {"post": _intake("feedback", "Take ratings and thumbs in.", "FeedbackItems")},
            "/v1/pipelines/{name}/runs": {"post": _run()},
            "/v1/pipelines/{name}": {"delete": _forget()},
            metrics_path: {"get": _page("metrics", "Metrics, for Prometheus.", *_METRICS)},
            "/": {"get": _page("landing", "How the sidecar stands.", "text/html")},
            "/models/{name}": {"get": _model_page()},
            "/report": {"get": _report()},
            "/-/healthy": {"get": _page("healthy", "Answers while the process runs.", "text/plain")},
            "/-/ready": {"get": _page("ready", "Answers once earlier state is restored.", "text/plain")},
            "/-/reload": {
                method: _operation(
                    f"reload_{method}",
                    "Read the configuration again; a bad one leaves the old one in use.",
                    {200: _answer("The new configuration is in use.", {JSON: _reference("Reloaded")})},
                )
                for method in ("post", "put")
            },
            PATH: {"get": _page("openapi", "This document.", JSON)},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


def _schemas() -> dict[str, Any]:
    """Return the schemas of the types that bodies are decoded into, with features of any model."""
    types = EventTypes(ModelSchema("any", Task.BINARY, classes=("0", "1")))
    used = [types.Event, types.Columns, Label, Feedback, PipelineRun, Receipt, Problem, Reloaded]
    _, schemas = msgspec.json.schema_components(used, ref_template="#/components/schemas/{name}")
    value, _ = msgspec.json.schema_components([Scalar | None])
    one = value[0]
    schemas["Features"] = {
        "description": "Values by name of the feature; null is a missing value, a name left out an absent one.",
        "type": "object",
        "additionalProperties": one,
    }
    schemas["FeatureColumns"] = {
        **schemas["Features"],
        "additionalProperties": {"type": ["array", "null"], "items": one},
    }
    schemas["Segments"] = {
        "description": "Values by name of the segments that are no features.",
        "type": "object",
        "additionalProperties": one,
    }
    schemas["SegmentColumns"] = {
        **schemas["Segments"],
        "additionalProperties": {"type": ["array", "null"], "items": one},
    }
    schemas["Event"]["description"] = "A prediction."
    schemas["Columns"]["description"] = "Predictions by field: lists of one length."
    label = schemas["Label"]["properties"]
    optional = {name: {"type": "array", "items": kind} for name, kind in label.items() if name != "model"}
    schemas["LabelColumns"] = {
        "description": "Labels by field: lists of one length.",
        "type": "object",
        "properties": optional,
    }
    for form, one_of, columns in (("Predictions", "Event", "Columns"), ("Labels", "Label", "LabelColumns")):
        item = _reference(one_of)["schema"]
        by_field = {
            "columns": _reference(columns)["schema"],
            "model": {"type": "string"},
            "version": {"type": ["string", "integer"]},
        }
        if form == "Labels":
            del by_field["version"]
        whole = {"type": "object", "properties": by_field, "required": ["columns"], "additionalProperties": False}
        schemas[form] = {"anyOf": [item, {"type": "array", "items": item}, whole]}
    item = _reference("Feedback")["schema"]
    schemas["FeedbackItems"] = {"anyOf": [item, {"type": "array", "items": item}]}
    return schemas


def _intake(name: str, summary: str, form: str) -> dict[str, Any]:
    accepted = {JSON: _reference("Receipt")}
    answers = {
        200: _answer("Durable: the events are on disk.", accepted),
        202: _answer("Queued: the events are in memory and will be counted.", accepted),
        **{status: _problem(text) for status, text in _INTAKE.items()},
    }
    answers[415]["headers"] = {
        "Accept-Encoding": {
            "description": "Encodings that are understood.",
            "schema": {"const": ", ".join(ENCODINGS)},
        }
    }
    parameters = [
        _parameter("model", "Model of events that name none.", {"type": "string"}),
        _parameter("ack", "When to answer.", {"enum": ["queued", "durable"]}),
        {
            "name": "Content-Encoding",
            "in": "header",
            "description": "How the body is compressed.",
            "schema": {"enum": list(ENCODINGS)},
        },
    ]
    content = {
        kind: _body(protocol, form)
        for protocol in PROTOCOLS
        for kind in protocol.content_types
        if form != "FeedbackItems" or isinstance(protocol, JsonText)
    }
    body = {"required": True, "content": content}
    return {**_operation(name, summary, answers), "parameters": parameters, "requestBody": body}


def _body(protocol: Protocol, form: str) -> dict[str, Any]:
    if JSON in protocol.content_types:
        return _reference(form)
    return _TEXT if isinstance(protocol, JsonText) else {"schema": {"type": "string", "format": "binary"}}


def _run() -> dict[str, Any]:
    answers = {
        200: _answer("The run is on disk.", {JSON: _STATUS}),
        404: _problem("The name is none that a pipeline can have."),
        415: _problem("The body is in no known form."),
    }
    body = {"required": True, "content": {JSON: _reference("PipelineRun")}}
    return {
        **_operation("run", "Take a report about a run of a pipeline in.", answers),
        "parameters": [_PIPELINE],
        "requestBody": body,
    }


def _forget() -> dict[str, Any]:
    answers = {
        200: _answer("The pipeline is forgotten.", {JSON: _STATUS}),
        404: _problem("No run of it has been reported."),
        409: _problem("It is in the configuration."),
    }
    return {**_operation("forget", "Forget a pipeline that is given up.", answers), "parameters": [_PIPELINE]}


def _model_page() -> dict[str, Any]:
    page = _page("model", "One version of a model, for people.", "text/html")
    page["responses"]["404"] = _answer("There is no such model, version or window.", {"text/html": _TEXT})
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    version = _parameter("version", "Version to show; default: the one with most predictions.", {"type": "string"})
    window = _parameter("window", "Window to show, as configured.", {"type": "string"})
    return page | {"parameters": [name, version, window]}


def _report() -> dict[str, Any]:
    page = _page("report", "All pages in one file, for a ticket.", "text/html")
    page["responses"]["404"] = _problem("There is no such model.")
    return page | {"parameters": [_parameter("model", "The only model to report.", {"type": "string"})]}


def _page(name: str, summary: str, *kinds: str) -> dict[str, Any]:
    schema = {"schema": {"type": "object"}} if kinds == (JSON,) else _TEXT
    return _operation(name, summary, {200: _answer(summary, dict.fromkeys(kinds, schema))})


def _operation(name: str, summary: str, answers: dict[int, Any]) -> dict[str, Any]:
    every = {status: _problem(text) for status, text in _EVERYWHERE.items()} | answers
    return {
        "operationId": name,
        "summary": summary,
        "responses": {str(status): every[status] for status in sorted(every)},
    }


def _answer(text: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": content}


def _problem(text: str) -> dict[str, Any]:
    return _answer(text, {PROBLEM: _reference("Problem")})


def _parameter(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _reference(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}
