"""The documentation does what it says: pages follow from the code, examples run, links lead somewhere."""

import doctest
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ml_exporter.app.catalogue import catalogue
from ml_exporter.client import Monitor
from ml_exporter.config.load import load
from ml_exporter.core.text import format_duration
from ml_exporter.retrain.metrics import Metrics
from ml_exporter.signals.drift.measure import DriftSignal
from ml_exporter.signals.signal import View
from support import workload
from support.http import Running, running
from support.models import Model

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "docs/runbooks", "grafana/dashboards", "benchmarks", "alertmanager", ".")
PAGES = [page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
VALIDATION = "validation.csv"


@cache
def generator() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", generator().PAGES)
def test_generated_pages_are_what_the_code_says(page: str) -> None:
    module = generator()
    assert (module.HERE / page).read_text() == module.PAGES[page](), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_metrics_named_in_prose_exist(page: Path) -> None:
    known = {metric.name for metric in (*catalogue(), *Metrics.metrics)}
    known |= {f"{name}{suffix}" for name in known for suffix in ("_bucket", "_sum", "_count")}
    known |= {"ml_feature_drift_hellinger"}  # the measure that CONTRIBUTING adds
    known |= {"ml_retrain"}  # the key of the facts, no metric
    for name in re.findall(r"`(ml_[a-z0-9_]+)\b(?!\.)", page.read_text()):
        assert name in known, name


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)) <= targets


def write_validation(folder: Path) -> None:
    """Write data as the examples have them."""
    generator = np.random.default_rng(2013)
    rows = 2_000
    score = generator.uniform(0, 1, rows).round(4)
    late = (generator.uniform(0, 1, rows) < score).astype(int)
    temperature = generator.normal(5, 8, rows).round(1)
    carriers = generator.choice(["AA", "B6", "DL", "UA"], rows)
    lines = ["hour,temperature,carrier,score,late"]
    for row in range(rows):
        lines.append(f"{row % 19 + 5},{temperature[row]},{carriers[row]},{score[row]},{late[row]}")
    (folder / VALIDATION).write_text("\n".join(lines))


def shell(command: str, folder: Path) -> str:
    """Run a command as the README has it, with this environment's programs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the steps of the README up to the configuration were taken."""
    folder = tmp_path_factory.mktemp("flights")
    write_validation(folder)
    fit = next(block for block in blocks("README.md", "sh") if "baseline fit" in block)
    assert "carrier" in shell(fit, folder)
    (folder / "ml-exporter.yml").write_text(blocks("README.md", "yaml")[0])
    return folder


@pytest.fixture
def sidecar(flights: Path, tmp_path: Path) -> Iterator[Running]:
    config = tmp_path / "ml-exporter.yml"
    (scale,) = blocks("docs/intake.md", "yaml")
    config.write_text((flights / "ml-exporter.yml").read_text().replace("state:\n", f"{scale}state:\n", 1))
    (tmp_path / "flights.baseline.json").write_bytes((flights / "flights.baseline.json").read_bytes())
    with running(config) as server:
        yield server


def run_python(code: list[str], sidecar: Running) -> dict[str, Any]:
    """Run the Python of a page against a sidecar, and wait until all was sent."""
    names: dict[str, Any] = {}
    for block in code:
        exec(block.replace(":19100", f":{sidecar.port}"), names)
    monitor: Monitor = names["monitor"]
    try:
        assert monitor.flush(20)
        assert monitor.stats.dropped == 0
    finally:
        monitor.close()
    return names


def test_the_readme_leads_to_numbers(sidecar: Running) -> None:
    run_python(blocks("README.md", "python"), sidecar)
    sidecar.until('ml_predictions_total{model="flights",version="1"}', 1)
    sidecar.until('ml_labels_total{model="flights",result="joined"}', 1)
    warnings = {line: value for line, value in sidecar.metrics().items() if "warnings_total" in line}
    assert not any(warnings.values()), warnings


def test_the_readme_s_serve_command_is_understood(flights: Path) -> None:
    assert any("ml-exporter serve --config.file ml-exporter.yml" in block for block in blocks("README.md", "sh"))
    assert "flights" in shell("ml-exporter check-config --config.file ml-exporter.yml", flights)


def test_the_readme_s_prometheus_configuration_is_good(tmp_path: Path) -> None:
    (tmp_path / "rules").symlink_to(ROOT / "prometheus/rules")
    (tmp_path / "prometheus.yml").write_text(blocks("README.md", "yaml")[1])
    assert "rules found" in shell("promtool check config prometheus.yml", tmp_path)


def test_the_client_s_page_runs(sidecar: Running, capsys: pytest.CaptureFixture[str]) -> None:
    run_python(blocks("docs/client.md", "python"), sidecar)
    sidecar.until('ml_predictions_total{model="flights",version="1"}', 3)
    sidecar.until('ml_labels_total{model="flights",result="joined"}', 2)
    assert "sent=" in capsys.readouterr().out


def test_the_client_s_page_names_every_argument() -> None:
    page = (ROOT / "docs/client.md").read_text()
    for name, parameter in inspect.signature(Monitor).parameters.items():
        row = next(line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line)
        if isinstance(parameter.default, int | float):
            assert f"| {parameter.default:,g} |" in row


def test_the_intake_s_examples_are_accepted_and_answered_so(sidecar: Running) -> None:
    page = (ROOT / "docs/intake.md").read_text()
    pattern = r"<!-- POST (\S+) -->\n```json\n(.*?)```(?:[^`<]*<!-- answer -->\n```json\n(.*?)```)?"
    examples = re.findall(pattern, page, re.DOTALL)
    assert len(examples) == page.count("<!-- POST")
    for path, body, answer in examples:
        status, _, got = sidecar.request("POST", path, body.encode(), {"Content-Type": "application/json"})
        assert status == 202, got
        if answer:
            assert json.loads(got) == json.loads(answer)
        else:
            assert set(json.loads(got)) == {"status", "accepted"}, got
    sidecar.until('ml_feedback_results_total{model="flights",result="joined"}', 2)
    sidecar.until('ml_labels_total{model="flights",result="joined"}', 2)


def test_the_intake_s_table_is_accepted_as_it_stands(sidecar: Running) -> None:
    (code,) = blocks("docs/intake.md", "python")
    assert "http://127.0.0.1:19100/" in code
    before = sidecar.metrics().get('ml_exporter_events_accepted_total{event="prediction"}', 0)
    exec(code.replace("127.0.0.1:19100", f"127.0.0.1:{sidecar.port}"), {})
    sidecar.until('ml_exporter_events_accepted_total{event="prediction"}', before + 2)
    warned = [name for name in sidecar.metrics() if name.startswith("ml_exporter_event_warnings_total")]
    assert not [name for name in warned if "type_error" in name], warned


def test_the_example_of_the_configuration_is_good(flights: Path) -> None:
    example = (ROOT / "docs/ml-exporter.example.yml").read_text()
    (flights / "example.yml").write_text(example)
    setup = load(flights / "example.yml")
    (model,) = setup.models
    assert model.settings.owner == "operations"
    horizon = yaml.safe_load(example)["models"][0]["labels"]["horizon"]
    assert format_duration(model.settings.labels.horizon) == horizon


def test_the_five_minutes_of_retraining_work(tmp_path: Path) -> None:
    token, check, *_ = blocks("docs/retraining.md", "sh")
    (tmp_path / "retrain.yml").write_text((ROOT / "docs/retrain.example.yml").read_text())
    shell(token, tmp_path)
    told = shell(check.splitlines()[0], tmp_path)
    assert told.startswith("flights: MLPerformanceDrop, MLFeatureDrift -> command, automatic, at most 3 runs per")
    (tmp_path / "alertmanager.yml").write_text(blocks("docs/retraining.md", "yaml")[1])
    assert "SUCCESS" in shell("amtool check-config alertmanager.yml", tmp_path)
    (tmp_path / "prometheus.yml").write_text(blocks("docs/retraining.md", "yaml")[2])
    shell("promtool check config prometheus.yml", tmp_path)
    route = "amtool config routes test --config.file=alertmanager.yml --verify.receivers=retrain,team"
    shell(f"{route} alertname=MLFeatureDrift model=flights", tmp_path)


def test_the_measure_of_the_contributors_page_works() -> None:
    (code,) = blocks("CONTRIBUTING.md", "python")
    module = types.ModuleType("hellinger")
    exec(code, module.__dict__)
    finder = doctest.DocTestFinder()
    runner = doctest.DocTestRunner()
    (example,) = finder.find(module.hellinger, "hellinger", globs=module.__dict__)
    assert runner.run(example).failed == 0
    model = Model()
    columns = workload.table(2_000, seed=3)
    signal = DriftSignal(module.MEASURE)
    assert list(signal.over_window(View(model.context, "1", model.sums(columns), "1h")))
