"""The audit logs of the real processes: who did what, and how it ended."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import bcrypt

from ml_exporter.baseline import document
from ml_exporter.core.schema import Task
from support.engine import write_config
from support.models import baseline
from support.processes import Process, free_port, sidecar
from support.retrain import ALICE, BridgeProcess, alert, basic, until, write_retrain, write_users

PASSWORD = "correct horse"
FAILURES = "ml_exporter_audit_failures_total"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def reload(server: Process, user: str | None = None) -> int:
    headers = basic(user, PASSWORD) if user else {}
    return server.request("POST", "/-/reload", **headers)[0]


def test_a_life_is_in_the_audit_log(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit.jsonl}")
    good, path = config.read_text(), tmp_path / "audit.jsonl"
    server = sidecar(config)
    try:
        config.write_text(good.replace("owner: team", "owner: others\n    minimum_samples: 7"))
        assert reload(server) == 200
        config.write_text(good.replace("owner: team", "owners: others"))
        assert reload(server) == 400
        document.write(baseline(noise=True), tmp_path / "baseline.json")
        config.write_text(good)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: lines(path), lambda found: len(found) == 6)
        assert server.metrics()[FAILURES] == 0
    finally:
        assert server.end(signal.SIGTERM) == 0
    start, loaded, changed, refused, again, another, stop = lines(path)
    assert (start["event.action"], start["event.category"], start["event.type"]) == (
        "start",
        ["process"],
        ["start"],
    )
    assert (loaded["event.action"], loaded["file.path"]) == ("load-baseline", str(tmp_path / "baseline.json"))
    assert loaded["file.hash.sha256"] == baseline().sha256
    assert loaded["ml_exporter"] == {"model": {"name": "model", "version": "1"}, "rows": 5_000}
    assert changed["event.outcome"] == "success"
    assert changed["ml_exporter"] == {
        "trigger": "http",
        "changes": ["models[model].owner", "models[model].minimum_samples"],
    }
    assert refused["event.outcome"] == "failure"
    assert refused["log.level"] == "error"
    heading, told = refused["error.message"].splitlines()
    assert heading.endswith("1 problem")
    assert "models[0].owners: unknown key" in told
    assert again["ml_exporter"]["trigger"] == "signal"
    assert another["file.hash.sha256"] == baseline(noise=True).sha256 != baseline().sha256
    assert (stop["event.action"], stop["event.outcome"], stop["ml_exporter"]) == (
        "stop",
        "success",
        {"trigger": "SIGTERM"},
    )
    for line in (start, loaded, changed, refused, again, another, stop):
        assert "user.name" not in line
    assert path.stat().st_mode & 0o777 == 0o600


def test_each_version_with_a_baseline_has_its_line(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit.jsonl}")
    second = 'baseline: baseline.json\n    versions: {"2": {baseline: baseline.json}}'
    config.write_text(config.read_text().replace("baseline: baseline.json", second, 1))
    server = sidecar(config)
    assert server.end(signal.SIGTERM) == 0
    loaded = [line for line in lines(tmp_path / "audit.jsonl") if line["event.action"] == "load-baseline"]
    assert [line["ml_exporter"]["model"]["version"] for line in loaded] == ["1", "2"]


def test_the_user_is_the_one_whose_password_was_checked(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit.jsonl}")
    web = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n")
    path = tmp_path / "audit.jsonl"
    command = (f"--web.config.file={web}",)
    server = Guarded(config, command)
    try:
        assert reload(server, "alice") == 200
        assert server.request("POST", "/-/reload", **basic("alice", "wrong"))[0] == 401
        web.write_text(f"basic_auth_users: {{alice: '{hashed}', bob: '{hashed}'}}\n")
        assert reload(server, "alice") == 200
        assert reload(server, "bob") == 200
    finally:
        server.end(signal.SIGTERM)
    reloads = [line for line in lines(path) if line["event.action"] == "reload"]
    assert [line["user.name"] for line in reloads] == ["alice", "alice", "bob"]
    assert [line["ml_exporter"]["changes"] for line in reloads] == [[], ["basic_auth_users"], []]
    assert PASSWORD not in path.read_text()
    assert hashed not in path.read_text()


class Guarded(Process):
    """A sidecar with users: it is ready once it listens."""

    def __init__(self, config: Path, options: tuple[str, ...]) -> None:
        port = free_port()
        command = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(config), *options]
        command += [f"--web.listen-address=127.0.0.1:{port}"]
        super().__init__(command, port, "/-/healthy", config.parent / "guarded.log")

    def get(self, path: str) -> tuple[int, bytes]:
        return self.request("GET", path, **basic("alice", PASSWORD))


def test_nobody_is_named_where_no_password_was_checked(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit.jsonl}")
    server = sidecar(config)
    try:
        assert reload(server, "mallory") == 200
    finally:
        server.end(signal.SIGTERM)
    assert "mallory" not in (tmp_path / "audit.jsonl").read_text()


def test_turning_the_audit_log_off_or_elsewhere_is_its_last_line(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit.jsonl}")
    good = config.read_text()
    server = sidecar(config)
    try:
        config.write_text(good.replace("audit.jsonl", "other.jsonl"))
        assert reload(server) == 200
        config.write_text(good.partition("audit_log")[0])
        assert reload(server) == 200
        assert reload(server) == 200
        assert FAILURES not in server.metrics()
    finally:
        server.end(signal.SIGTERM)
    first, second = lines(tmp_path / "audit.jsonl"), lines(tmp_path / "other.jsonl")
    assert first[-1]["ml_exporter"]["changes"] == ["audit_log.file"]
    assert [line["ml_exporter"]["changes"] for line in second] == [["audit_log.file"], ["audit_log"]]


def test_a_lost_line_is_counted_and_in_the_log(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit/lines}")
    (tmp_path / "audit").mkdir()
    server = sidecar(config)
    try:
        (tmp_path / "audit").rename(tmp_path / "gone")
        (tmp_path / "ml-exporter.yml").write_text(config.read_text().replace("owner: team", "owners: x"))
        assert reload(server) == 400
        assert server.metrics()[FAILURES] == 1
    finally:
        server.end(signal.SIGTERM)
    assert "line not in the audit log" in server.log.read_text()


def test_an_audit_log_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: no/where}")
    command = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = f"ml-exporter: audit_log.file: {tmp_path}/no/where cannot be written: No such file or directory\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_the_bridge_s_lines_are_of_the_same_kind(tmp_path: Path) -> None:
    config, web = write_retrain(tmp_path), write_users(tmp_path)
    bridge = BridgeProcess(config, f"--web.config.file={web}")
    path = tmp_path / "jobs.audit.jsonl"
    try:
        assert bridge.take(alert()) == 200
        bridge.until_job("started")
        assert bridge.request("POST", "/-/reload", **ALICE)[0] == 200
        config.write_text(config.read_text().replace("jobs:", "job:"))
        assert bridge.request("POST", "/-/reload")[0] == 400
    finally:
        assert bridge.end(signal.SIGTERM) == 0
    found = lines(path)
    told = [(line["event.action"], line.get("event.outcome"), line.get("user.name")) for line in found]
    assert told == [
        ("start", "success", None),
        ("accepted", None, None),
        ("sending", None, None),
        ("started", "success", None),
        ("reload", "success", "alice"),
        ("reload", "failure", None),
        ("stop", "success", None),
    ]
    assert {line["service.name"] for line in found} == {"ml-exporter-retrain"}
    assert {line["event.dataset"] for line in found} == {"ml_exporter.audit"}
    job = found[3]["ml_exporter"]
    assert job["model"] == {"name": "flights", "version": "1"}
    assert (job["retrain"]["target"], job["retrain"]["alerts"]) == ("command", ["MLFeatureDrift"])


def test_two_models_are_told_by_their_names(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="audit_log: {file: audit.jsonl}")
    good = config.read_text()
    server = sidecar(config)
    try:
        second = f"models:\n  - {{name: second, task: {Task.REGRESSION.value}}}\n"
        config.write_text(good.replace("models:\n", second) + "windows: [5m]\n")
        assert reload(server) == 200
    finally:
        server.end(signal.SIGTERM)
    (line,) = (line for line in lines(tmp_path / "audit.jsonl") if line["event.action"] == "reload")
    assert line["ml_exporter"]["changes"] == ["models[second]", "windows"]
