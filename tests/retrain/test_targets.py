"""Each target against its contract: what it sends, and what each answer means."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import trustme

from ml_exporter.core.errors import SecretError
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.settings import load
from ml_exporter.retrain.targets import TARGETS
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, Target
from support.processes import free_port
from support.retrain import Answer, TargetServer, target_server, write_retrain

JOB = "0123456789abcdef"
RUN = f"ml-retrain-{JOB}"
FACTS = Facts(
    JOB,
    "flights",
    "v1",
    ("MLFeatureDrift",),
    ("abcdef0123456789",),
    "2026-11-21T09:00:00Z",
    {"days": 90, "reason": "drift", "full": True},
)
PARAMETERS = {"days": 90, "reason": "drift", "full": True}
PAYLOAD = {"ml_retrain": FACTS.document(), "parameters": PARAMETERS}
COMPACT = (
    '{"job":"0123456789abcdef","model":"flights","version":"v1","alerts":["MLFeatureDrift"],'
    '"fingerprints":["abcdef0123456789"],"starts_at":"2026-11-21T09:00:00Z"}'
)
SECRET = "t0ps3cret"
PASSWORD = "pa55"

# kind: keys beside url, path that is called, answer of success, run id, what is sent
REST: dict[str, tuple[dict[str, Any], str, Answer, str, Any]] = {
    "kubeflow": (
        {"pipeline_id": "p1", "experiment_id": "e1", "facts_parameter": "alert"},
        "/apis/v2beta1/runs",
        Answer(200, {"run_id": "r-1", "state": "PENDING"}),
        "r-1",
        {
            "display_name": RUN,
            "description": COMPACT,
            "experiment_id": "e1",
            "pipeline_version_reference": {"pipeline_id": "p1"},
            "runtime_config": {"parameters": {**PARAMETERS, "alert": FACTS.document()}},
        },
    ),
    "airflow": (
        {"dag": "retrain"},
        "/api/v2/dags/retrain/dagRuns",
        Answer(200, {"dag_run_id": RUN, "state": "queued"}),
        RUN,
        {
            "dag_run_id": RUN,
            "conf": {**PARAMETERS, "ml_retrain": FACTS.document()},
            "logical_date": None,
        },
    ),
    "argo_workflows": (
        {"namespace": "ml", "resource_name": "retrain", "service_account": "argo"},
        "/api/v1/workflows/ml/submit",
        Answer(200, {"metadata": {"name": RUN, "namespace": "ml"}}),
        RUN,
        {
            "namespace": "ml",
            "resourceKind": "WorkflowTemplate",
            "resourceName": "retrain",
            "submitOptions": {
                "name": RUN,
                "parameters": [
                    "days=90",
                    "reason=drift",
                    "full=true",
                    f"ml_retrain={COMPACT}",
                ],
                "serviceAccount": "argo",
            },
        },
    ),
    "argo_events": ({}, "/retrain", Answer(200, b"success"), "", PAYLOAD),
    "argo_server_event": ({"namespace": "ml"}, "/api/v1/events/ml/ml-retrain", Answer(200, {}), "", PAYLOAD),
    "github": (
        {"repository": "acme/models"},
        "/repos/acme/models/dispatches",
        Answer(204),
        "",
        {"event_type": "ml-retrain", "client_payload": PAYLOAD},
    ),
    "http": ({"headers": {"X-Team": "ml"}}, "/run?mode=full", Answer(201, {"id": 17}), "17", PAYLOAD),
}
IDEMPOTENT = {"airflow", "argo_workflows"}


@pytest.fixture
def server() -> Iterator[TargetServer]:
    with target_server() as made:
        yield made


def make(folder: Path, kind: str, **keys: Any) -> Target:
    """Return a target as the configuration gives it."""
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "password").write_text(PASSWORD)
    target = {"kind": kind, **keys}
    config = write_retrain(folder, target=str(target).replace("'", '"').replace("True", "true"))
    return load(config, has_users=False).jobs["flights"].target


def rest(folder: Path, kind: str, url: str, **more: Any) -> Target:
    keys, path, *_ = REST[kind]
    url += path if kind in ("argo_events", "http") else ""
    return make(folder, kind, url=url, token_file="secret", **keys, **more)


def start(target: Target) -> Outcome:
    outcome = target.start(FACTS, threading.Event())
    assert outcome is not None
    return outcome


def test_every_target_is_tested() -> None:
    assert {target.key for target in TARGETS} == {*REST, "command", "mlflow"}


@pytest.mark.parametrize("kind", REST)
def test_a_run_is_started_as_the_contract_says(kind: str, tmp_path: Path, server: TargetServer) -> None:
    _, path, answer, run_id, document = REST[kind]
    server.answers["POST", path] = answer
    outcome = start(rest(tmp_path, kind, server.url))
    assert (outcome.result, outcome.run_id) == (Result.STARTED, run_id)
    (got,) = server.got
    assert (got.method, got.path, got.body) == ("POST", path, document)
    assert got.headers["authorization"] == f"Bearer {SECRET}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("ml-exporter/")


HOSTILE = "$(touch x)`y`; rm -rf / {{ .Values }} ../../etc \r\nX-Evil: 1 \0 ' \" %2e%2e?a=b#c"


@pytest.mark.parametrize("kind", REST)
def test_facts_are_data(kind: str, tmp_path: Path, server: TargetServer) -> None:
    """Even if they were not screened, they would be JSON values: no part of a path or a header, nothing lost."""
    _, path, answer, _, document = REST[kind]
    server.answers["POST", path] = answer
    facts = Facts(JOB, "flights", HOSTILE, (HOSTILE,), (HOSTILE,), HOSTILE, {})
    outcome = rest(tmp_path, kind, server.url).start(facts, threading.Event())
    assert outcome is not None
    assert outcome.result is Result.STARTED
    (got,) = server.got
    assert got.path == path
    assert "evil" not in str(got.headers).lower()
    assert got.body.keys() == document.keys()
    told = got.body
    if kind == "argo_workflows":
        told = json.loads(got.body["submitOptions"]["parameters"][-1].removeprefix("ml_retrain="))
    assert json.dumps(facts.document()["version"]) in json.dumps(told)


@pytest.mark.parametrize("kind", REST)
@pytest.mark.parametrize(
    ("status", "result"),
    [*((status, "failed") for status in (400, 401, 404, 422)), *((status, "retry") for status in (429, 500, 503))],
)
def test_what_a_status_means(kind: str, status: int, result: str, tmp_path: Path, server: TargetServer) -> None:
    path = REST[kind][1]
    server.answers["POST", path] = Answer(status, {"detail": f"no: {SECRET} \x1b[31m"}, {"Retry-After": "7"})
    outcome = start(rest(tmp_path, kind, server.url))
    assert outcome.result == result
    assert outcome.reason.startswith(f'answered {status}: {{"detail": "no: <secret>')
    assert SECRET not in outcome.reason
    assert outcome.reason.isprintable()
    assert outcome.retry_after == (7 if result == "retry" else 0)
    assert len(server.got) == 1


@pytest.mark.parametrize("kind", REST)
def test_a_redirect_is_not_followed(kind: str, tmp_path: Path, server: TargetServer) -> None:
    for status in (301, 307):
        server.answers["POST", REST[kind][1]] = Answer(status, None, {"Location": f"{server.url}/elsewhere"})
        outcome = start(rest(tmp_path, kind, server.url))
        assert outcome == Outcome(Result.FAILED, f"answered {status}: redirects are not followed")
    assert len(server.got) == 2


@pytest.mark.parametrize("kind", REST)
@pytest.mark.parametrize("status", [502, 504])
def test_a_proxy_that_does_not_know_leaves_it_unknown(
    kind: str, status: int, tmp_path: Path, server: TargetServer
) -> None:
    server.answers["POST", REST[kind][1]] = Answer(status, b"<html>")
    outcome = start(rest(tmp_path, kind, server.url))
    assert outcome.result is (Result.RETRY if kind in IDEMPOTENT else Result.UNKNOWN)


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte of the status line now and then, for longer than anybody waits."""
    for byte in b"HTTP/1.1 200 OK" * 10:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.05)


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Close before anything is answered."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionError


def garble(handler: BaseHTTPRequestHandler) -> None:
    """Answer what is no HTTP."""
    handler.wfile.write(b"\x00\xff" * 100 + b"\r\n\r\n")
    cut(handler)


@pytest.mark.parametrize("kind", REST)
@pytest.mark.parametrize("what", [hang, cut, garble], ids=["timeout", "cut", "garbage"])
def test_no_answer_is_repeated_only_where_that_is_safe(
    kind: str, what: Callable[[BaseHTTPRequestHandler], None], tmp_path: Path, server: TargetServer
) -> None:
    server.answers["POST", REST[kind][1]] = Answer(before=what)
    target = rest(tmp_path, kind, server.url, timeout="300ms")
    assert target.idempotent == (kind in IDEMPOTENT)
    began = time.monotonic()
    outcome = start(target)
    assert time.monotonic() - began < 3
    assert outcome.result is (Result.RETRY if kind in IDEMPOTENT else Result.UNKNOWN)
    assert outcome.reason.startswith("no answer within 0.3 s" if what is hang else "no whole answer: ")


@pytest.mark.parametrize("kind", REST)
def test_where_nobody_listens_nothing_was_sent(kind: str, tmp_path: Path) -> None:
    outcome = start(rest(tmp_path, kind, f"http://127.0.0.1:{free_port()}"))
    assert outcome.result is Result.RETRY
    assert outcome.reason.endswith(": Connection refused")


@pytest.mark.parametrize("kind", ["kubeflow", "airflow", "argo_workflows", "github"])
@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[1, 2]", b'{"other": 1}', b"[" * 5000])
def test_a_success_that_is_none_is_unknown(kind: str, body: bytes, tmp_path: Path, server: TargetServer) -> None:
    server.answers["POST", REST[kind][1]] = Answer(200, body)
    outcome = start(rest(tmp_path, kind, server.url))
    assert outcome.result is Result.UNKNOWN
    assert "is url " in outcome.reason


def test_airflow_2_takes_a_user_and_another_path(tmp_path: Path, server: TargetServer) -> None:
    server.answers["POST", "/api/v1/dags/retrain/dagRuns"] = Answer(200, {"dag_run_id": RUN})
    target = make(
        tmp_path, "airflow", url=server.url, api=2, dag="retrain", username="ml", password_file="password"
    )
    assert start(target).run_id == RUN
    (got,) = server.got
    assert got.headers["authorization"] == "Basic bWw6cGE1NQ=="
    assert got.body == {"dag_run_id": RUN, "conf": {**PARAMETERS, "ml_retrain": FACTS.document()}}


def test_airflow_3_logs_a_user_in(tmp_path: Path, server: TargetServer) -> None:
    server.answers["POST", "/auth/token"] = Answer(201, {"access_token": "jwt"})
    server.answers["POST", "/api/v2/dags/retrain/dagRuns"] = Answer(200, {"dag_run_id": RUN})
    target = make(tmp_path, "airflow", url=server.url, dag="retrain", username="ml", password_file="password")
    assert start(target).run_id == RUN
    login, trigger = server.got
    assert login.body == {"username": "ml", "password": PASSWORD}
    assert trigger.headers["authorization"] == "Bearer jwt"
    server.answers["POST", "/auth/token"] = Answer(401, {"detail": f"{PASSWORD} is wrong"})
    assert start(target) == Outcome(Result.FAILED, 'logging in: answered 401: {"detail": "<secret> is wrong"}')
    server.answers["POST", "/auth/token"] = Answer(503)
    assert start(target).result is Result.RETRY
    server.answers["POST", "/auth/token"] = Answer(201, {"access_token": "a\r\nX: b"})
    assert start(target).reason == "logging in: POST /auth/token: the answer has no access_token"


def test_airflow_s_409_is_success_only_if_the_run_is_ours(tmp_path: Path, server: TargetServer) -> None:
    path = "/api/v2/dags/retrain/dagRuns"
    server.answers["POST", path] = Answer(409, {"detail": "conflict"})
    server.answers["GET", f"{path}/{RUN}"] = Answer(200, {"dag_run_id": RUN})
    target = rest(tmp_path, "airflow", server.url)
    assert (start(target).result, start(target).run_id) == (Result.STARTED, RUN)
    del server.answers["GET", f"{path}/{RUN}"]
    assert start(target) == Outcome(Result.RETRY, "answered 409: another run of the DAG has the same date")


def test_argo_s_409_says_that_the_run_was_started(tmp_path: Path, server: TargetServer) -> None:
    server.answers["POST", "/api/v1/workflows/ml/submit"] = Answer(409, {"code": 6, "message": "exists"})
    assert start(rest(tmp_path, "argo_workflows", server.url)) == Outcome(
        Result.STARTED, "was submitted before", RUN
    )


def test_http_sends_its_key_and_is_repeated_if_told_so(tmp_path: Path, server: TargetServer) -> None:
    server.answers["PUT", "/run?mode=full"] = Answer(before=cut)
    target = rest(tmp_path, "http", server.url, idempotent=True, method="PUT")
    assert (target.idempotent, start(target).result) == (True, Result.RETRY)
    headers = server.got[0].headers
    assert (headers["idempotency-key"], headers["x-team"]) == (RUN, "ml")
    user = make(tmp_path, "http", url=server.url, username="ml", password_file="password")
    start(user)
    assert server.got[-1].headers["authorization"] == "Basic bWw6cGE1NQ=="


def test_a_secret_is_read_at_each_use_and_never_shown(tmp_path: Path, server: TargetServer) -> None:
    server.answers["POST", "/retrain"] = Answer()
    target = rest(tmp_path, "argo_events", server.url)
    start(target)
    (tmp_path / "secret").write_text("Bearer renewed")
    start(target)
    assert [got.headers["authorization"] for got in server.got] == [f"Bearer {SECRET}", "Bearer renewed"]
    assert "renewed" not in repr(target)
    (tmp_path / "secret").write_text("two\nlines")
    with pytest.raises(SecretError, match="must hold one line of printable ASCII") as told:
        start(target)
    assert "two" not in str(told.value)
    (tmp_path / "secret").unlink()
    with pytest.raises(SecretError, match="cannot be read: No such file or directory"):
        SecretFile(tmp_path / "secret").read()


def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with target_server(context) as server:
        server.answers["POST", "/retrain"] = Answer()
        assert start(rest(tmp_path, "argo_events", server.url, ca_file="ca.pem")).result is Result.STARTED
        for more in ({}, {"ca_file": "other.pem"}, {"ca_file": "nowhere.pem"}):
            outcome = start(rest(tmp_path, "argo_events", server.url, **more))
            assert outcome.result is Result.RETRY
            assert outcome.reason.startswith("cannot connect to 127.0.0.1:")
        assert len(server.got) == 1


def test_a_proxy_of_the_environment_is_not_asked(
    tmp_path: Path, server: TargetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    server.answers["POST", "/retrain"] = Answer()
    assert start(rest(tmp_path, "argo_events", server.url)).result is Result.STARTED


def test_a_large_answer_is_read_in_part(tmp_path: Path, server: TargetServer) -> None:
    server.answers["POST", "/run?mode=full"] = Answer(200, b"[" + b"1," * (4 << 20))
    assert start(rest(tmp_path, "http", server.url)) == Outcome(Result.STARTED)
