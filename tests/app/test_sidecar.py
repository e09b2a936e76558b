"""The running sidecar: reloading without losing state, a stalled writer, what the log and page say."""

import json
import logging
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from ml_exporter.app import logs
from ml_exporter.core.errors import StateError
from support import workload
from support.engine import PROTECTED, write_config
from support.http import running

COLUMNS = workload.table(300, seed=71)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)
PREDICTIONS = 'ml_predictions_total{model="model",version="1"}'


def test_a_reload_keeps_the_state_and_takes_the_new_words(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="windows: [1m, 5m]")
    with running(config) as server:
        assert server.post("/v1/predictions?ack=durable", EVENTS)[0] == 200
        text = config.read_text().replace("owner: team", "owner: others\n    features: {normal: {range: [-1, 1]}}")
        config.write_text(text.replace("[1m, 5m]", "[5m, 1h]") + "limits: {queue_events: 2000, connections: 7}\n")
        assert server.post("/-/reload", None) == (200, {"status": "reloaded"})
        assert server.sidecar._shared.max_connections == 7
        assert server.post("/v1/predictions?ack=durable", workload.events(COLUMNS, 300))[0] == 200
        server.until(PREDICTIONS, 600)
        metrics = server.metrics()
        assert any('owner="others"' in line for line in metrics if line.startswith("ml_model_info"))
        assert metrics['ml_window_predictions{model="model",version="1",window="5m"}'] == 600
        assert metrics['ml_window_predictions{model="model",version="1",window="1h"}'] == 300
        assert not any('window="1m"' in line for line in metrics)
        assert metrics["ml_exporter_queue_capacity_events"] == 2000
        assert metrics['ml_feature_out_of_range_total{model="model",version="1",feature="normal"}'] > 50
        assert metrics["ml_exporter_config_last_reload_successful"] == 1


def test_a_reload_renews_headers_and_users_but_refuses_other_certificates(tmp_path: Path) -> None:
    web = tmp_path / "web.yml"
    web.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    with running(write_config(tmp_path), web_config_file=web) as server:
        assert server.request("GET", "/metrics")[1]["x-frame-options"] == "deny"
        web.write_text("http_server_config: {headers: {X-Frame-Options: sameorigin}}\n")
        assert server.post("/-/reload", None)[0] == 200
        assert server.request("GET", "/metrics")[1]["x-frame-options"] == "sameorigin"
        web.write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
        status, problem = server.post("/-/reload", None)
        assert status == 400
        assert "tls_server_config: cannot change without a restart" in str(problem["problems"])
        assert server.request("GET", "/metrics")[1]["x-frame-options"] == "sameorigin"


def test_a_bad_configuration_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    good = config.read_text()
    with running(config) as server:
        server.post("/v1/predictions?ack=durable", EVENTS)
        server.until(PREDICTIONS, 300)
        loaded = server.metrics()["ml_exporter_config_last_reload_success_timestamp_seconds"]
        config.write_text(good.replace("owner:", "owners:") + "windows: [soon]\n")
        status, problem = server.post("/-/reload", None)
        assert (status, problem["detail"]) == (400, "the configuration is not usable; the old one stays in use")
        assert [text.partition(": ")[2].split(":")[0] for text in problem["problems"]] == [
            "models[0].owners",
            "windows[0]",
        ]
        config.write_text(good.replace("directory: state", "directory: elsewhere"))
        assert "state.directory: cannot change without a restart" in str(server.post("/-/reload", None))
        metrics = server.metrics()
        assert metrics["ml_exporter_config_last_reload_successful"] == 0
        assert metrics["ml_exporter_config_last_reload_success_timestamp_seconds"] == loaded
        assert metrics[PREDICTIONS] == 300
        assert b"the last reload failed" in server.request("GET", "/")[2]
        config.write_text(good)
        assert server.post("/-/reload", None)[0] == 200
        assert server.metrics()["ml_exporter_config_last_reload_successful"] == 1


def test_a_reload_goes_on_watching_the_server_that_it_watched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/healthz"
        server_lines = (
            f"server: {{pid: {os.getpid()}, health_url: '{url}', health_interval: 1s, health_timeout: 100ms}}"
        )
        config = write_config(tmp_path, more=server_lines)
        timeouts = 'ml_server_health_probes_total{result="timeout"}'
        with running(config) as server:
            server.until(timeouts, 1)
            began = time.monotonic()
            assert server.metrics()["ml_server_health_up"] == 0
            assert time.monotonic() - began < 1
            threads = checking()
            assert server.post("/-/reload", None)[0] == 200
            assert server.metrics()[timeouts] >= 1
            assert checking() == threads
            config.write_text(config.read_text().replace("health_interval: 1s", "health_interval: 2s"))
            assert server.post("/-/reload", None)[0] == 200
            server.until(timeouts, 0)
            server.until(timeouts, 1)
            until_ended(threads)
            assert server.metrics()["ml_server_threads"] >= 1
            config.write_text(config.read_text().replace(server_lines.replace("1s", "2s"), ""))
            assert server.post("/-/reload", None)[0] == 200
            server.until("ml_exporter_ready", 1)
            gone = time.monotonic() + 10
            while any(line.startswith("ml_server_") for line in server.metrics()):
                assert time.monotonic() < gone
    until_ended(checking())


def checking() -> set[threading.Thread]:
    """Return the threads that check a server's health."""
    return {thread for thread in threading.enumerate() if thread.name == "health"}


def until_ended(threads: set[threading.Thread]) -> None:
    end = time.monotonic() + 20
    while threads & checking():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_models_come_and_go_with_a_reload(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    good = config.read_text()
    second = good.replace("models:\n", "models:\n  - {name: second, task: regression}\n")
    with running(config) as server:
        server.post("/v1/predictions?ack=durable", EVENTS)
        config.write_text(second)
        server.post("/-/reload", None)
        status, _ = server.post("/v1/predictions?ack=durable", {"model": "second", "id": "a", "prediction": 5})
        assert status == 200
        server.until('ml_predictions_total{model="second",version="1"}', 1)
        assert server.metrics()[PREDICTIONS] == 300
        config.write_text(good)
        server.post("/-/reload", None)
        assert server.post("/v1/predictions", {"model": "second", "prediction": 5})[0] == 404
        assert not any('model="second"' in line for line in server.metrics())


def test_another_baseline_begins_the_model_anew(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with running(config) as server:
        server.post("/v1/predictions?ack=durable", EVENTS)
        server.until(PREDICTIONS, 300)
        text = config.read_text()
        config.write_text(text.replace("    baseline: baseline.json\n", "").replace(PROTECTED, ""))
        assert server.post("/-/reload", None)[0] == 200
        server.until(PREDICTIONS, 0)


def test_a_stalled_writer_holds_up_neither_intake_nor_scrapes(tmp_path: Path) -> None:
    with running(write_config(tmp_path)) as server:
        server.post("/v1/predictions?ack=durable", EVENTS)
        server.until(PREDICTIONS, 300)
        entered, release = threading.Event(), threading.Event()
        evaluate = server.sidecar._evaluator.evaluate

        def stall(*given: object) -> object:
            entered.set()
            release.wait(30)
            return evaluate(*given)  # type: ignore[arg-type]

        server.sidecar._evaluator.evaluate = stall  # type: ignore[method-assign, assignment]
        assert entered.wait(10)
        published = server.metrics()["ml_exporter_snapshot_timestamp_seconds"]
        for number in range(20):
            assert server.post("/v1/predictions", {"id": f"stalled-{number}", "score": 0.5})[0] == 202
            metrics = server.metrics()
        assert metrics["ml_exporter_queue_events"] == 20
        assert metrics["ml_exporter_snapshot_timestamp_seconds"] == published
        assert metrics[PREDICTIONS] == 300
        release.set()
        server.until(PREDICTIONS, 320)


def test_a_dead_writer_ends_the_process_with_an_error(tmp_path: Path) -> None:
    with running(write_config(tmp_path)) as server:
        server.until("ml_exporter_ready", 1)

        def die() -> None:
            raise SystemError("gone")

        server.sidecar._engine.tick = die  # type: ignore[method-assign]
        server._thread.join(10)
        assert server.exit_code == 1
        server.stop = lambda: None  # type: ignore[method-assign]


def test_a_clean_stop_writes_everything(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with running(config) as server:
        server.until("ml_exporter_ready", 1)
        server.post("/v1/predictions", EVENTS)
        server.post("/v1/labels", LABELS)
    assert server.exit_code == 0
    with running(config) as server:
        server.until(PREDICTIONS, 300)
        assert server.metrics()['ml_labels_total{model="model",result="joined"}'] == 300


def test_two_sidecars_cannot_share_a_state_directory(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with running(config), pytest.raises(StateError, match="in use by process"), running(config):
        pass


def test_personal_data_stays_out_of_page_state_and_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Canaries as id, category, unknown feature's value and label: none is found anywhere afterwards."""
    config = write_config(tmp_path)
    canary = "jane.doe@example.org"
    with running(config) as server:
        event = {"id": canary, "score": 0.5, "features": {"few": canary, "stranger": canary, "normal": canary}}
        assert server.post("/v1/predictions?ack=durable", event)[0] == 200
        server.post("/v1/labels?ack=durable", {"id": canary, "label": 1})
        server.post("/v1/labels", {"id": canary, "label": canary})
        server.request("POST", "/v1/predictions", canary.encode(), {"Content-Type": "application/json"})
        page = server.request("GET", "/metrics")[2] + server.request("GET", "/")[2]
    assert canary.encode() not in page
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert canary.encode() not in path.read_bytes()
    assert canary not in caplog.text


@pytest.mark.parametrize("format", logs.FORMATS)
def test_log_lines_are_parseable(format: str, capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logs.LogOptions("info", format), "test")
    log = logging.getLogger("test")
    log.debug("not shown")
    log.warning('a "message"', extra={"model": "m 1"})
    try:
        raise ValueError("reason")
    except ValueError:
        log.exception("failed")
    first, second = capfd.readouterr().err.splitlines()
    if format == "json":
        line = json.loads(first)
        assert line["message"] == 'a "message"'
        assert (line["log.level"], line["labels"], line["ecs.version"]) == ("warning", {"model": "m 1"}, "8.11.0")
        assert json.loads(second)["error.type"] == "ValueError"
    else:
        assert 'level=warn msg="a \\"message\\"" model="m 1"' in first
        assert "ValueError: reason" in second
