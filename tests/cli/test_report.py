"""``ml-exporter report`` against real sidecars: the file, and what is told where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support import html, workload
from support.engine import write_config
from support.guarded import PASSWORD, USERS, serve
from support.http import running
from support.processes import free_port


def report(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command; return exit code, standard output and standard error."""
    command = [sys.executable, "-m", "ml_exporter", "report", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_a_file_that_needs_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "incident.html"
    with running(write_config(tmp_path, more="windows: [5m, 1h]")) as sidecar:
        url = f"http://127.0.0.1:{sidecar.port}"
        columns = workload.table(300, 3)
        sidecar.post("/v1/predictions?ack=durable", workload.events(columns))
        sidecar.post("/v1/labels?ack=durable", workload.labels(columns))
        sidecar.until('ml_performance_samples{model="model",version="1",window="5m"}', 300)
        code, out, err = report("--model", "model", "--output", output, url)
        page = output.read_bytes()
        assert (code, out, err) == (0, f"{output}: {len(page):,} bytes\n", "")
        digest = sidecar.sidecar._setup.digest
    root = html.check(page)
    assert html.fact(root, "Configuration") == f"{tmp_path / 'ml-exporter.yml'}, {digest}"
    assert html.row(root, "labels that arrived within 1h", "Accuracy")
    assert [each.get("href") for each in root.iter("a")] == ["#content"]


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    output = tmp_path / "incident.html"
    with running(write_config(tmp_path)) as sidecar:
        url = f"http://127.0.0.1:{sidecar.port}"
        code, _, err = report("--model", "a b", "--output", output, url)
        assert (code, output.exists()) == (1, False)
        assert err == f'ml-exporter: {url}/report?model=a+b: 404 there is no model "a b"; see /\n'
        code, _, err = report("--output", tmp_path, url)
        assert (code, err) == (1, f"ml-exporter: --output: {tmp_path} cannot be written: Is a directory\n")


def test_a_sidecar_that_cannot_be_reached(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    output = tmp_path / "incident.html"
    told = f"ml-exporter: {url}/report: cannot connect to {url[7:]}: Connection refused\n"
    assert report("--output", output, url) == (1, "", told)
    assert not output.exists()


def test_a_sidecar_with_users(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    output = tmp_path / "incident.html"
    server = serve(tmp_path, USERS)
    try:
        url = f"http://127.0.0.1:{server.port}"
        assert "401" in report("--output", output, url)[2]
        assert report("--output", output, "--user", "alice", "--password-file", password, url)[0] == 0
    finally:
        server.stop()
    html.check(output.read_bytes())


def test_the_command_line() -> None:
    code, _, err = report("http://127.0.0.1:1")
    assert code == 2
    assert "--output" in err
    code, _, err = report("--output", "x", "--model", "", "http://127.0.0.1:1")
    assert (code, err) == (2, "ml-exporter: --model: must be the name of a model, got nothing\n")
