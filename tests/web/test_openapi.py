"""The OpenAPI document is what the sidecar does: schemathesis sends what it describes and compares the answers."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.schemas import BaseSchema

from ml_exporter.core.schema import Task
from support.engine import write_config
from support.processes import Process, sidecar

EXAMPLES = 40
OPERATIONS = (
    *("POST /v1/predictions", "POST /v1/labels", "GET /metrics", "GET /", "GET /-/healthy", "GET /-/ready"),
    *("POST /-/reload", "PUT /-/reload", "GET /openapi.json", "GET /models/{name}", "GET /report"),
    *("POST /v1/pipelines/{name}/runs", "DELETE /v1/pipelines/{name}", "POST /v1/feedback"),
)
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "unsupported_method"),
)


@pytest.fixture(scope="module", params=[Task.BINARY, Task.MULTICLASS])
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    made = sidecar(write_config(tmp_path_factory.mktemp("openapi"), request.param))
    yield made
    made.end()


@pytest.fixture(scope="module")
def schema(process: Process) -> BaseSchema:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{process.port}/openapi.json")


def test_every_path_is_described(schema: BaseSchema) -> None:
    paths = schema.raw_schema["paths"]
    found = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert sorted(found) == sorted(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        *((operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
        *((operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if "/v1/" in operation),
    ],
)
def test_answers_are_as_described(
    process: Process, schema: BaseSchema, operation: str, mode: GenerationMode
) -> None:
    method, path = operation.split()
    takes_events = path in ("/v1/predictions", "/v1/labels", "/v1/feedback")
    statuses = Counter[int]()

    @settings(
        max_examples=EXAMPLES if takes_events else 3,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        if statuses.total() % 4:  # a made-up model or encoding would end most requests before their body is read
            (case.query or {}).pop("model", None)
            (case.headers or {}).pop("Content-Encoding", None)
        response = case.call(timeout=20)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=[checks.CHECKS.get_one(name) for name in CHECKS])

    check()
    assert process.get("/-/healthy")[0] == 200
    if "pipelines" in path:
        assert set(statuses) <= {200, 400, 404}, statuses
    elif not takes_events:
        assert set(statuses) == {404 if "{" in path else 200}, statuses  # a made-up name is that of no model
    elif mode.is_positive and path == "/v1/predictions":  # made-up labels are of no class of the model
        assert statuses[202] >= 3, statuses
    else:
        assert statuses[400], statuses


def test_the_document_is_openapi_and_stands_in_the_documentation(process: Process) -> None:
    status, body = process.get("/openapi.json")
    assert status == 200
    assert body == (Path(__file__).parents[2] / "docs/openapi.json").read_bytes(), "run: make docs"
    assert json.loads(body)["openapi"] == "3.1.0"
