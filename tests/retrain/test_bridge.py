"""The running bridge: who may ask, what is answered, retries, approval, reload, what metrics and page tell."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ml_exporter.core.clock import ManualClock
from ml_exporter.core.errors import ExporterError
from ml_exporter.retrain.dispatcher import delay
from ml_exporter.retrain.jobs import STATES, State
from ml_exporter.retrain.metrics import Metrics
from ml_exporter.retrain.settings import Retry
from support.processes import free_port
from support.retrain import (
    ALICE,
    SENDER,
    TOKEN,
    Answer,
    RunningBridge,
    alert,
    at,
    audit,
    bridging,
    notification,
    target_server,
    until,
    write_retrain,
    write_users,
)

NOBODY = {"Authorization": ""}
NOON = 1_800_000_000.0


def decisions(folder: Path) -> list[str]:
    return [line["decision"] for line in audit(folder)]


def runs(folder: Path) -> list[str]:
    """Return the jobs whose command was run."""
    path = folder / "runs"
    return path.read_text().split() if path.exists() else []


def test_an_alert_becomes_a_run_once(tmp_path: Path) -> None:
    with bridging(write_retrain(tmp_path)) as bridge:
        answer = bridge.take(alert())
        (id,) = answer["jobs"]
        assert answer == {"jobs": [id], "alerts": {"job": 1}}
        job = bridge.until_job("started")
        assert bridge.take(alert()) == {"jobs": [], "alerts": {"duplicate": 1}}
        assert json.loads(bridge.request("GET", f"/v1/jobs/{id}")[2]) == job
        assert (job["id"], job["model"], job["attempts"], job["reason"]) == (id, "flights", 1, "ended with 0")
        assert runs(tmp_path) == [id]
        assert decisions(tmp_path) == ["accepted", "sending", "started", "ignored"]
        metrics = bridge.metrics()
        assert metrics['ml_retrain_notifications_total{result="taken"}'] == 2
        assert metrics['ml_retrain_alerts_total{result="duplicate"}'] == 1
        for state in ("pending", "sending", "started"):
            assert metrics[f'ml_retrain_jobs_total{{model="flights",state="{state}"}}'] == 1
        assert metrics['ml_retrain_last_job_state{model="flights",state="started"}'] == 1
        assert metrics['ml_retrain_last_success_timestamp_seconds{model="flights"}'] > NOON / 2
        assert metrics['ml_retrain_attempts_total{model="flights",result="started"}'] == 1
        assert metrics['ml_retrain_target_duration_seconds_count{target="command"}'] == 1
        assert metrics['ml_retrain_http_requests_total{path="/v1/jobs/ID",code="200"}'] == 1
    assert bridge.exit_code == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/alerts"),
        ("GET", "/v1/jobs"),
        ("GET", "/v1/jobs/0123456789abcdef"),
        ("POST", "/v1/jobs/0123456789abcdef/approve"),
        ("GET", "/"),
        ("GET", "/metrics"),
        ("POST", "/-/reload"),
        ("GET", "/nowhere"),
    ],
)
def test_who_shows_nothing_gets_nothing(method: str, path: str, token: RunningBridge) -> None:
    for header in ("", "Bearer", f"Bearer {TOKEN}x", "Bearer wrong", "Basic YWxpY2U6YWxpY2U=", f"Token {TOKEN}"):
        status, headers, _ = token.request(method, path, headers={"Authorization": header})
        assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="ml-exporter"')


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> RunningBridge:  # type: ignore[misc]
    with bridging(write_retrain(tmp_path_factory.mktemp("token"))) as bridge:
        yield bridge  # type: ignore[misc]


def test_health_is_open_to_everybody(token: RunningBridge) -> None:
    until(lambda: [token.request("GET", "/-/ready", headers=NOBODY)[0]], lambda found: found == [200])
    assert token.request("GET", "/-/healthy", headers=NOBODY)[0] == 200


def test_what_is_no_notification_is_refused_for_good(token: RunningBridge) -> None:
    for body, told in (
        (b"nonsense", "not a notification of Alertmanager"),
        (json.dumps({**notification(), "version": "5"}).encode(), 'version must be "4", got "5"'),
    ):
        status, _, answer = token.request("POST", "/v1/alerts", body)
        assert status == 400
        assert json.loads(answer)["detail"].startswith(told)
    assert token.request("POST", "/v1/alerts", b" " * (5 << 20))[0] == 413
    metrics = token.metrics()
    for result in ("malformed", "version", "too_large"):
        assert metrics[f'ml_retrain_notifications_total{{result="{result}"}}'] == 1, result


def test_a_page_in_a_browser_can_change_nothing(token: RunningBridge) -> None:
    """A browser adds the password by itself, and the Origin."""
    body = json.dumps(notification()).encode()
    for path in ("/v1/alerts", "/-/reload", "/v1/jobs/0123456789abcdef/approve"):
        assert token.request("POST", path, body, {"Origin": "http://evil.example.org"})[0] == 403
    assert token.jobs() == []


def test_other_paths_and_methods(token: RunningBridge) -> None:
    assert token.request("GET", "/v1/alerts")[0] == 405
    assert token.request("GET", "/v1/jobs/nonsense")[0] == 404
    assert token.request("GET", "/v1/jobs/0123456789abcdef")[0] == 404
    assert token.request("GET", "/v1/jobs/../../etc/passwd")[0] == 404


def test_the_token_can_be_renewed_and_a_lost_one_is_asked_for_again(tmp_path: Path) -> None:
    with bridging(write_retrain(tmp_path)) as bridge:
        (tmp_path / "token").write_text("renewed")
        assert bridge.request("GET", "/v1/jobs")[0] == 401
        assert bridge.request("GET", "/v1/jobs", headers={"Authorization": "Bearer renewed"})[0] == 200
        (tmp_path / "token").unlink()
        assert bridge.request("POST", "/v1/alerts", b"x")[0] == 503, "Alertmanager shall send it again"


def test_users_and_the_token_open_the_same_doors(tmp_path: Path) -> None:
    with bridging(write_retrain(tmp_path), web_config_file=write_users(tmp_path)) as bridge:
        for headers in (ALICE, SENDER):
            assert bridge.request("GET", "/v1/jobs", headers=headers)[0] == 200
        status, headers, _ = bridge.request("GET", "/", headers=NOBODY)
        assert (status, headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")


def test_a_job_waits_for_a_user(tmp_path: Path) -> None:
    config = write_retrain(tmp_path, job="mode: approval\ncooldown: 0s")
    with bridging(config, web_config_file=write_users(tmp_path)) as bridge:
        (id,) = bridge.take(at(0))["jobs"]
        assert bridge.jobs()[0]["state"] == "waiting"
        assert bridge.metrics()['ml_retrain_jobs_active{model="flights",state="waiting"}'] == 1
        assert bridge.request("POST", f"/v1/jobs/{id}/approve")[0] == 403, "the token names nobody"
        browser = {**ALICE, "Origin": "http://evil.example.org"}
        assert bridge.request("POST", f"/v1/jobs/{id}/approve", headers=browser)[0] == 403
        assert runs(tmp_path) == []
        status, _, body = bridge.request("POST", f"/v1/jobs/{id}/approve", headers=ALICE)
        assert (status, json.loads(body)["user"]) == (200, "alice")
        bridge.until_job("started")
        assert bridge.request("POST", f"/v1/jobs/{id}/approve", headers=ALICE)[0] == 409
        (second,) = bridge.take(at(1))["jobs"]
        assert bridge.request("POST", f"/v1/jobs/{second}/reject", headers=ALICE)[0] == 200
        assert bridge.jobs()[0]["state"] == "rejected"
        assert bridge.request("POST", f"/v1/jobs/{'0' * 16}/reject", headers=ALICE)[0] == 404
        assert runs(tmp_path) == [id]
    lines = [(line["decision"], line["user"]) for line in audit(tmp_path)]
    assert ("approved", "alice") in lines
    assert lines[-1] == ("rejected", "alice")


def test_approval_has_its_time(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    config = write_retrain(tmp_path, job="mode: approval\napproval_timeout: 2h")
    with bridging(config, web_config_file=write_users(tmp_path), clock=clock) as bridge:
        (id,) = bridge.take(alert())["jobs"]
        assert bridge.jobs()[0]["due"] == "2027-01-15T10:00:00.000Z"
        clock.advance(7200)
        bridge.until_job("expired")
        assert bridge.request("POST", f"/v1/jobs/{id}/approve", headers=ALICE)[0] == 409
    assert decisions(tmp_path) == ["accepted", "expired"]


def test_a_target_that_fails_for_now_is_tried_again(tmp_path: Path) -> None:
    with target_server() as server:
        server.answers["POST", "/"] = Answer(503, b"busy")
        target = f"{{kind: http, url: '{server.url}'}}"
        config = write_retrain(tmp_path, target, "retry: {times: 20, first: 100ms, longest: 200ms}")
        with bridging(config) as bridge:
            bridge.take(alert())
            job = until(bridge.jobs, lambda jobs: jobs[0]["attempts"] >= 3)[0]
            assert job["reason"] in ("answered 503: busy", "")
            server.answers["POST", "/"] = Answer(200, {"id": "run-7"})
            job = bridge.until_job("started")
            assert job["run_id"] == "run-7"
            keys = {got.headers["idempotency-key"] for got in server.got}
            assert keys == {f"ml-retrain-{job['id']}"}
            assert bridge.metrics()['ml_retrain_attempts_total{model="flights",result="retry"}'] >= 2
    assert set(decisions(tmp_path)) == {"accepted", "sending", "retry", "started"}


def test_it_gives_up_in_the_end(tmp_path: Path) -> None:
    target = f"{{kind: http, url: 'http://127.0.0.1:{free_port()}'}}"
    with bridging(write_retrain(tmp_path, target, "retry: {times: 2, first: 100ms, longest: 100ms}")) as bridge:
        bridge.take(alert())
        job = bridge.until_job("failed")
        assert job["attempts"] == 3
        assert re.fullmatch(r"gave up after 3 attempts; the last one: cannot connect to .*refused", job["reason"])
        assert bridge.metrics()['ml_retrain_last_job_state{model="flights",state="failed"}'] == 1
        assert bridge.take(at(5))["alerts"] == {"job": 1}, "nothing was started, so nothing cools down"


def test_a_target_can_ask_for_time(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with target_server() as server:
        server.answers["POST", "/"] = Answer(429, None, {"Retry-After": "600"})
        config = write_retrain(tmp_path, f"{{kind: http, url: '{server.url}'}}")
        with bridging(config, clock=clock) as bridge:
            bridge.take(alert())
            job = until(bridge.jobs, lambda jobs: jobs[0]["reason"])[0]
            assert (job["state"], job["due"]) == ("pending", "2027-01-15T08:10:00.000Z")
            server.answers["POST", "/"] = Answer(200)
            clock.advance(600)
            assert bridge.until_job("started")["attempts"] == 2


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.floats(0.1, 3600), st.floats(0, 1), st.floats(1, 24))
def test_waits_are_bounded(attempts: int, first: float, chance: float, factor: float) -> None:
    wait = delay(attempts, Retry(20, first, first * factor), chance)
    assert first / 2 <= wait <= first * factor


def test_a_secret_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("t0ps3cret")
    with target_server() as server:
        server.answers["POST", "/"] = Answer(200)
        target = f"{{kind: argo_events, url: '{server.url}', token_file: secret}}"
        config = write_retrain(tmp_path, target, "retry: {first: 100ms, longest: 200ms, times: 20}")
        with bridging(config) as bridge:
            (tmp_path / "secret").unlink()
            bridge.take(alert())
            until(bridge.jobs, lambda jobs: "secret cannot be read" in jobs[0]["reason"])
            (tmp_path / "secret").write_text("renewed")
            bridge.until_job("started")
            assert server.got[-1].headers["authorization"] == "Bearer renewed"
    for path in tmp_path.iterdir():
        if path.name != "secret":
            assert b"renewed" not in path.read_bytes()
            assert b"t0ps3cret" not in path.read_bytes()


def test_a_reload_takes_the_new_words_and_refuses_bad_ones(tmp_path: Path) -> None:
    config = write_retrain(tmp_path, job="mode: dry_run\ncooldown: 0s")
    with bridging(config) as bridge:
        bridge.take(at(0))
        assert bridge.jobs()[0]["state"] == "dry_run"
        good = config.read_text()
        config.write_text(good.replace("dry_run", "dryrun"))
        status, answer = bridge.post("/-/reload", None)
        assert status == 400
        told = 'jobs[0].mode: must be one of automatic, approval, dry_run, got "dryrun"'
        assert answer["problems"][0].endswith(told)
        assert bridge.metrics()["ml_retrain_config_last_reload_successful"] == 0
        for old, new in (("jobs.sqlite", "other.sqlite"), ("state:", "audit: {file: x}\nstate:")):
            config.write_text(good.replace(old, new))
            assert "cannot change without a restart" in str(bridge.post("/-/reload", None))
        config.write_text(good.replace("dry_run", "automatic"))
        assert bridge.post("/-/reload", None) == (200, {"status": "reloaded"})
        assert bridge.metrics()["ml_retrain_config_last_reload_successful"] == 1
        (id,) = bridge.take(at(1))["jobs"]
        bridge.until_job("started")
        assert runs(tmp_path) == [id]


def test_a_dry_run_holds_back_what_was_not_started(tmp_path: Path) -> None:
    target = f"{{kind: http, url: 'http://127.0.0.1:{free_port()}'}}"
    config = write_retrain(tmp_path, target, "retry: {first: 300ms, longest: 300ms, times: 20}")
    with bridging(config) as bridge:
        bridge.take(alert())
        config.write_text(config.read_text() + "    mode: dry_run\n")
        assert bridge.post("/-/reload", None)[0] == 200
        assert bridge.until_job("dry_run")["reason"] == "the mode became dry_run before it was started"


def test_a_job_whose_model_is_gone_fails(tmp_path: Path) -> None:
    target = f"{{kind: http, url: 'http://127.0.0.1:{free_port()}'}}"
    config = write_retrain(tmp_path, target, "retry: {first: 300ms, longest: 300ms, times: 20}")
    with bridging(config) as bridge:
        bridge.take(alert())
        config.write_text(config.read_text().replace("model: flights", "model: others"))
        assert bridge.post("/-/reload", None)[0] == 200
        assert bridge.until_job("failed")["reason"] == "the configuration has no job of this model any more"
        assert 'ml_retrain_jobs_total{model="others",state="failed"}' in bridge.metrics()


def test_metrics_are_there_from_the_start_and_by_the_rules(tmp_path: Path) -> None:
    with bridging(write_retrain(tmp_path)) as bridge:
        metrics = bridge.metrics()
        for state in State:
            assert metrics[f'ml_retrain_jobs_total{{model="flights",state="{state}"}}'] == 0
        assert not any("last_success" in line for line in metrics)
        for accept in ("text/plain", "application/openmetrics-text;version=1.0.0"):
            page = bridge.request("GET", "/metrics", headers={"Accept": accept})[2]
            if accept == "text/plain":
                done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
                assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
            else:
                assert len(list(text_string_to_metric_families(page.decode()))) == len(Metrics.metrics) - 1


def test_every_state_has_its_words() -> None:
    assert set(STATES) == set(State)


def test_the_page_shows_jobs_and_runs_nothing(tmp_path: Path) -> None:
    with target_server() as server:
        server.answers["POST", "/"] = Answer(400, b"<script>alert(1)</script>")
        with bridging(write_retrain(tmp_path, f"{{kind: http, url: '{server.url}'}}")) as bridge:
            (id,) = bridge.take(alert())["jobs"]
            bridge.until_job("failed")
            status, headers, body = bridge.request("GET", "/")
            assert status == 200
            assert id.encode() in body
            assert b"&lt;script&gt;" in body
            assert b"<script" not in body
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert headers["x-content-type-options"] == "nosniff"


def test_two_bridges_cannot_share_a_state(tmp_path: Path) -> None:
    config = write_retrain(tmp_path)
    with bridging(config), pytest.raises(ExporterError, match="in use by another process"), bridging(config):
        pass
