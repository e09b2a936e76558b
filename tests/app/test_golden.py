"""The whole page from recorded events under a clock that stands still, reviewed as a file.

``pytest tests/app/test_golden.py --update-golden`` writes it anew; the diff is for a person to read.
"""

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
from msgspec import structs
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ml_exporter.app.catalogue import catalogue
from ml_exporter.baseline import document
from ml_exporter.baseline.document import BaselineDocument, VolumeDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.core.metrics import Kind
from ml_exporter.core.pipelines import Report, State
from ml_exporter.core.schema import Task
from support import workload
from support.engine import START, Bench, write_config
from support.fitting import fitted
from support.http import running
from support.models import baseline

GOLDEN = Path(__file__).parents[1] / "golden/metrics.txt"
OTHER_MODELS = """
  - {name: prices, version: "7", owner: sales, task: regression, baseline: regression.json}
  - {name: kinds, task: multiclass_classification, baseline: multiclass.json, drift_variants: [azure]}
  - {name: fresh, task: regression, versions: {"2": {shadow: true}}}
  - {name: ranks, task: multiclass_classification, baseline: ranks.json, versions: {"2": {shadow: true}}}
windows: [5m, 24h]
pipelines: [{name: nightly, every: 24h}]
state:
"""


def make_page(folder: Path) -> str:
    """Return the snapshot of some models after known events; what depends on the machine is left out."""
    config = write_config(folder, noise=True)
    hours = [int(8 <= hour < 11) for hour in range(168)]
    volume = VolumeDocument(rows=[420 * seen for seen in hours], hours=[2 * seen for seen in hours])
    timed = structs.replace(baseline(Task.REGRESSION, noise=True), volume=volume)
    timed.sha256 = timed.digest()
    document.write(timed, folder / "regression.json")
    document.write(baseline(Task.MULTICLASS, noise=True), folder / "multiclass.json")
    document.write(_ranks(folder), folder / "ranks.json")
    few = "    baseline: baseline.json\n    minimum_samples: 40\n    drift_variants: [azure]\n"
    text = config.read_text().replace("    baseline: baseline.json\n", few).replace("\nstate:\n", OTHER_MODELS)
    config.write_text(text)
    bench = Bench(config, state=False)
    for name, task in (("model", Task.BINARY), ("prices", Task.REGRESSION), ("kinds", Task.MULTICLASS)):
        columns = workload.table(700, seed=101, task=task, shift=0.3)
        columns["few"][:7] = "new"
        columns["tied"][:9] = np.nan
        columns["normal"][:3] = 99.0
        if task is Task.REGRESSION:
            columns["label"][300:] += 3.0
            columns["label"][:120] += 40.0
        events = [{**event, "model": name} for event in workload.events(columns)]
        if task is Task.BINARY:
            events = workload.attributed(events, columns)
        events[5]["error"] = True
        told = workload.told(columns)[:400] if task is Task.BINARY else []
        labels = [{**label, "model": name} for label in workload.labels(columns)]
        bench.send(events, labels[:600], [{**item, "model": name} for item in told])
        bench.send(events[:11], [{"id": "early", "label": events[0].get("prediction", 1), "model": name}])
        bench.tick(2)
    ranked, labels = ([{**each, "model": "ranks"} for each in some] for some in workload.ranked(200, seed=102))
    bench.send([*ranked, *({**event, "version": "2", "prediction": "a"} for event in ranked)], labels)
    priced = [{"model": "fresh", "id": f"fresh-{row}", "prediction": row / 8} for row in range(150)]
    bench.send([*priced, *({**event, "version": "2", "prediction": 9.0} for event in priced)])
    for id, state, more in (
        ("1", State.STARTED, {"scheduled": START - 60, "interval": 3600.0}),
        ("1", State.SUCCEEDED, {"start": START - 50, "end": START - 20, "rows": 700, "data_version": "v1"}),
        ("2", State.FAILED, {"start": START - 10, "error": "exit_1"}),
        ("3", State.STARTED, {}),
    ):
        bench.engine.pipelines.take(Report("training", id, state, START, **more))  # type: ignore[arg-type]
    bench.tick(2)
    assert all(
        block.metric.name != "ml_exporter_collector_success" or block.values.all() for block in bench.published
    )
    # Processors differ in the last digits of logarithms, and so in the hashes of the baselines.
    page, hashes = re.subn(r'baseline="[0-9a-f]{12}"', 'baseline="0123456789ab"', bench.page())
    assert hashes == 5
    lines = page.splitlines()
    return "\n".join(line for line in lines if "collector_duration" not in line) + "\n"


def samples(page: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in parse_text(page)
        for sample in family.samples
    }


def test_the_page_is_the_golden_one(tmp_path: Path, update_golden: bool) -> None:
    page = make_page(tmp_path)
    if update_golden:
        GOLDEN.write_text(page)
    golden = GOLDEN.read_text()
    comments = [line for line in golden.splitlines() if line.startswith("#")]
    assert [line for line in page.splitlines() if line.startswith("#")] == comments
    found, expected = samples(page), samples(golden)
    assert found.keys() == expected.keys()
    for series, value in expected.items():
        assert math.isclose(found[series], value, rel_tol=1e-9, abs_tol=1e-12), series


def test_promtool_finds_nothing_to_lint_in_the_golden_page() -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=GOLDEN.read_bytes(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_live_page_is_valid_in_both_formats_and_in_the_catalogue(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text() + "server: {pid: 1}\n")
    columns = workload.table(300, seed=102)
    with running(config) as server:
        server.post("/v1/predictions?ack=durable", workload.events(columns))
        server.post("/v1/predictions", {"features": {"stranger": 1, "normal": "x"}})
        server.until('ml_predictions_total{model="model",version="1"}', 301)
        page = server.request("GET", "/metrics")[2]
        openmetrics = server.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})[2]
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    known = {metric.name: metric for metric in catalogue()}
    for family in parse_text(page.decode()):
        name = family.name if family.name in known else f"{family.name}_total"
        metric = known[name]
        assert family.documentation == metric.help
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
        expected = Kind.GAUGE if metric.kind is Kind.INFO else metric.kind
        assert family.type == expected.value
    text_names = {family.name for family in parse_text(page.decode())}
    assert len(list(parse_openmetrics(openmetrics.decode()))) == len(text_names)


def _ranks(folder: Path) -> BaselineDocument:
    """Return a baseline of more classes than the other one has: the highest three scores say something."""
    events, labels = workload.ranked(400, seed=103)
    frame = pd.DataFrame([event["scores"] for event in events])
    scores = {name: name for name in frame}
    frame = frame.assign(
        wing=["left", "right"] * 200,
        prediction=[e["prediction"] for e in events],
        label=[each["label"] for each in labels],
    )
    options = FitOptions(Task.MULTICLASS, label="label", prediction="prediction", class_scores=scores)
    return fitted(frame, options, folder).document


def test_every_metric_of_the_catalogue_is_well_named() -> None:
    names = [metric.name for metric in catalogue()]
    assert len(set(names)) == len(names)
    for metric in catalogue():
        assert metric.name.startswith("ml_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.name.endswith("_info") == (metric.kind is Kind.INFO)
        assert metric.help.endswith(".")
        assert not {"le", "quantile", "job", "instance"} & set(metric.labels)


def test_every_metric_of_the_catalogue_is_on_some_page() -> None:
    golden = {family.name for family in parse_text(GOLDEN.read_text())}
    live = {"ml_exporter", "ml_server", "ml_gpu"}
    for metric in catalogue():
        if not any(metric.name.startswith(prefix) for prefix in live):
            assert metric.name in golden or metric.name.removesuffix("_total") in golden, metric.name
