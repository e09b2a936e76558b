"""The main job, from a flight to a notification, through real processes: the demo with shorter waits.

What is made shorter: ``for`` of the rules and the waits of Alertmanager, so that the test need not last as long
as a person would watch. So that a small machine keeps pace, every fourth flight departs, and Prometheus looks half
as often. Expressions, thresholds, routes and processes are the demo's own.
"""

import json
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import pytest
import requests
from rich.console import Console

from support.grafana.dashboard import load
from support.grafana.draw.marks import times as marks_of
from support.grafana.queries import Result, missing_legend_labels, run
from support.processes import free_port
from support.receivers import until

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy/demo"))

import past  # noqa: E402
import story as demo  # noqa: E402
import viewer  # noqa: E402
from processes import DemoError  # noqa: E402
from screen import picture  # noqa: E402

SCRAPE = 10
"""Seconds between scrapes, and between evaluations of the rules: half the demo's work."""

FLOORS = """\
      - {record: "ml:performance_floor:threshold", labels: {measure: accuracy}, expr: vector(0.5)}
      - {record: "ml:performance_floor:threshold", labels: {measure: roc_auc}, expr: vector(0.5)}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the trained model and its baseline, and a quarter of the flights."""
    path = tmp_path_factory.mktemp("demo")
    demo.Story(path, ports(), 1.0, Console(quiet=True)).prepare()
    for name in ("flights.parquet", "winter.parquet"):
        pd.read_parquet(path / name)[::4].reset_index(drop=True).to_parquet(path / name)
    return path


def ports() -> demo.Ports:
    return demo.Ports(*(free_port() for _ in range(7)))


@pytest.fixture
def quick(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[demo.Story]:
    """The story six times as fast, with waits of seconds, and without the winter before it."""
    monkeypatch.setattr(past, "backfill", lambda *_: None)
    # A folder of its own: another story may still be running in that of the module.
    own = tmp_path / "demo"
    own.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            shutil.copy(path, own)
    yield from shortened(own, monkeypatch)


@pytest.fixture(scope="module")
def told(folder: Path) -> Iterator[demo.Story]:
    """The whole story six times as fast, once its alerts have arrived."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for story in shortened(folder, monkeypatch):
            story.start()
            end = time.monotonic() + 240
            while story.delivered() != set(demo.STORY) and time.monotonic() < end:
                story.check()
                time.sleep(0.2)
            yield story


def shortened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[demo.Story]:
    """Yield a story that is told six times as fast; end it afterwards."""
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    for path in (ROOT / "prometheus/rules").glob("*.yml"):
        text = re.sub(r"\bfor: \d+m", "for: 3s", path.read_text())
        (rules / path.name).write_text(text + FLOORS if path.name == "thresholds.yml" else text)
    monkeypatch.setattr(viewer, "find", lambda: None)
    monkeypatch.setattr(past, "INTERVAL", SCRAPE)
    monkeypatch.setitem(demo.WINDOWS, f"{demo.COVERED}vector(0.8)", f"{demo.COVERED}vector(0.02)")
    routes = folder / "alertmanager.yml"
    text = (ROOT / "alertmanager/alertmanager.yml").read_text()
    routes.write_text(re.sub(r"group_(wait|interval): \w+", r"group_\1: 2s", text))
    # Five minutes hold eleven weeks at this speed: a feed must be down for three of them to be missed in a tenth.
    monkeypatch.setattr(demo, "BROKEN_FROM", "2013-04-02 00:00")
    story = demo.Story(folder, ports(), 6 * 3600.0, Console(quiet=True), rules, routes)
    try:
        yield story
    finally:
        story.stop()


def test_every_alert_of_the_story_is_delivered(told: demo.Story) -> None:
    assert told.delivered() == set(demo.STORY), told.missing()
    assert "temp" in features(told, "MLFeatureDrift"), "spring has come"
    owners = {labels["model"]: labels["owner"] for labels in arrived(told, "MLPerformanceDrop")}
    assert owners["flights"] == "operations"
    until(lambda: features(told, "MLFeatureMissing") >= {"temp", "humid", "visib"})
    assert features(told, "MLFeatureMissing") <= set(demo_features())
    assert told.progress.where["weather"] == "down at EWR"
    # The terminal's summary of it can be drawn.
    console = Console(record=True, width=120, quiet=True)
    console.print(picture(told, told._ports))


def test_the_fall_of_the_performance_starts_a_retraining(told: demo.Story) -> None:
    shown = {"Authorization": f"Bearer {(told._run / 'token').read_text()}"}

    def started() -> bool:
        jobs = requests.get(f"{told._ports.url('bridge')}/v1/jobs", headers=shown, timeout=5).json()["jobs"]
        return [job["state"] for job in jobs] == ["started"]

    until(started, seconds=60)
    assert (told._run / "retrained.pickle").stat().st_size > 100_000


NOTHING_YET = {
    ("ml-fleet", "Models", "N"): "the budget of 30 days needs a day of them",
    ("ml-model", "Budget left", "A"): "the same",
    ("ml-model", "Budget left", "B"): "the same",
    ("ml-model", "Budget left", "C"): "the same",
    ("ml-model", "Volume against the usual", "A"): "there is no earlier week",
    ("ml-model", "Volume against the usual", "B"): "the same",
    ("ml-model", "Volume against the usual", "C"): "the same",
    ("ml-model", "Volume against the usual", "D"): "the same",
    **{
        ("ml-drift", f"{of}: PSI against the past", name): "there is no earlier day"
        for of in ("$feature", "Predictions")
        for name in "BC"
    },
    **{
        ("ml-drift", title, name): "the baselines of the demo are not fitted with --multivariate"
        for title, names in {"Maximum mean discrepancy": "ABC", "Reconstruction error": "ABCD"}.items()
        for name in names
    },
}
"""Queries that cannot have data within the minutes of the story; tests/grafana/test_history.py has it for them."""

AT_FIVE_MINUTES = {("ml-model", "Burn rate, slow answers", name) for name in "ABCD"}
"""Queries over sums of five minutes, the first of which ends within the minutes of the story or after them."""

UNPROTECTED = {
    *(("ml-performance", "Groups beside the reference", name) for name in "ABCDEFG"),
    *(("ml-performance", title, "A") for title in ("Disparate impact", "Equal opportunity", "Average odds")),
}
"""Queries about fairness: flights have no group to protect; tests/grafana/test_history.py has data for them."""

WITHOUT_A_GPU = {
    ("ml-resources", title, name)
    for title, names in {
        "GPU utilisation": "AB",
        "GPU memory": "AB",
        "GPU memory of the server": "A",
        "GPU power": "AB",
        "GPU temperature": "A",
        "GPU throttled": "AB",
        "GPU clocks": "A",
        "PCIe": "AB",
        "PCIe link": "AB",
        "GPU errors": "AB",
    }.items()
    for name in names
}
"""Queries about GPUs, which the demo does not use; tests/grafana/test_gpus.py has data for them."""


WITHOUT_ATTRIBUTIONS = {
    *(("ml-drift", "Features by attribution", name) for name in "ABCDE"),
    *(("ml-drift", "NDCG of the order of the features", name) for name in "AB"),
    ("ml-drift", "Mean absolute attribution", "A"),
}
"""Queries about attributions, which the demo does not send; tests/rules/test_numbers.py has them."""

WITHOUT_A_SHADOW = {
    *(("ml-versions", title, "A") for title in ("Agreement", "Mean absolute difference", "Mean difference")),
    *(("ml-versions", "How sure the agreement is", name) for name in "ABCD"),
}
"""Queries about shadows, which the demo has none of; tests/rules/test_records.py has one."""

WITHOUT_FEEDBACK = {
    *(("ml-versions", title, "A") for title in ("Mean rating", "Positive feedback", "Ratings and thumbs")),
    *(("ml-versions", "How sure the feedback is", name) for name in "ABCD"),
}
"""Queries about feedback, which the demo does not send; tests/rules/test_numbers.py has it."""

OF_MORE_CLASSES = {("ml-performance", "Every class", name) for name in "IJKL"}
"""Queries about areas of each class of more than two; tests/signals/performance has their numbers."""

OF_ANOTHER_KIND = {("ml-drift", "$feature: distances by sidecar", name) for name in "DE"}
"""Queries about a category, where the feature that moved most may be a number; test_history.py asks for one."""

WITHOUT_LOGS = {
    *(("ml-exporter", "Prediction log", name) for name in "AB"),
    ("ml-exporter", "Lines that the audit log lacks", "A"),
}
"""Queries about logs that the demo does not write; tests/logs has their counters."""

BEYOND_CHANCE = {("ml-model", "Groups by their part in the loss", name) for name in "ABCD"}
"""Queries about a loss, which has parts once it lies beyond chance."""

BY_MACHINE = {
    **{("ml-resources", "Throttled", name): "only where there is a CPU quota" for name in "AB"},
    ("ml-resources", "Kills for want of memory", "A"): "only in a cgroup of its own",
    ("ml-resources", "Memory of all servers by how it is counted", "C"): "the same",
    ("ml-resources", "Disk by device", "A"): "the same",
    ("ml-resources", "Pressure", "A"): "only where the kernel was built with it",
}
"""Queries about what not every machine that runs the tests has."""


def test_every_query_of_every_dashboard_has_data(told: demo.Story) -> None:
    provoke(told)
    url = told._ports.url("prometheus")
    until(lambda: instant(url, 'ALERTS{alertname="MLExporterEventsLost", alertstate="firing"}'), seconds=60)
    for name in ("ml_exporter_event_warnings_total", "ml_pipeline_failures_total"):
        until(lambda name=name: instant(url, f"count_over_time({name}[1m]) > 2"), name, seconds=60)
    # A mark lies on a whole minute, and the retraining may have been the last thing to happen.
    until(lambda: instant(url, "ml_retrain_last_success_timestamp_seconds", time.time() // 60 * 60), seconds=90)
    seen: dict[tuple[str, str, str], bool] = {}
    seconds: list[float] = []
    for path in sorted((ROOT / "grafana/dashboards").glob("*.json")):
        names = {variable["name"] for variable in load(path).variables}
        for model in ("flights", "delay"):
            choices = {name: value for name, value in (("model", model), ("window", "5m")) if name in names}
            ran = run(path, url, end=time.time(), seconds=600, choices=choices, scrape=f"{SCRAPE}s")
            for name, value in ran.runner.scope.variables.items():
                assert value.values, f"{path.stem}: variable {name} has no value"
            for result in ran.results:
                key = (path.stem, result.panel.title, result.target["refId"])
                seen[key] = seen.get(key, False) or has_data(result)
                seconds.append(result.seconds)
                assert not missing_legend_labels(result), f"{key}: {result.expression}"
            if path.stem == "ml-model" and model == "flights":
                assert [bool(mark.times) for mark in marks_of(ran)] == [True, True, True]
    assert len(seen) > 250
    excused = (
        AT_FIVE_MINUTES
        | WITHOUT_A_GPU
        | UNPROTECTED
        | WITHOUT_ATTRIBUTIONS
        | WITHOUT_A_SHADOW
        | WITHOUT_FEEDBACK
        | WITHOUT_LOGS
        | OF_MORE_CLASSES
        | OF_ANOTHER_KIND
        | BEYOND_CHANCE
        | set(BY_MACHINE)
    )
    assert {key for key, found in seen.items() if not found} - excused == set(NOTHING_YET)
    assert median(seconds) < 0.1
    assert max(seconds) < 10.0


def provoke(story: demo.Story) -> None:
    """Send what a dashboard would otherwise have nothing to show of: losses, warnings, a version that is rare."""
    url = f"{story._ports.url('exporter')}/v1/predictions?model=flights"
    lines = {"Content-Type": "application/x-ndjson"}
    rare = {"version": "rare", "score": 0.1, "features": {"temp": 50.0}}
    assert requests.post(url, data=json.dumps(rare), headers=lines, timeout=5).status_code == 202
    odd = {"score": 0.1, "features": {"temp": 50.0, "wind": 3}, "prediction": "perhaps"}
    assert requests.post(url, data=json.dumps(odd), headers=lines, timeout=5).status_code == 202
    for _ in range(20):
        requests.post(url, data="\n".join(["{"] * 100), headers=lines, timeout=5)
    now = time.time()
    begun = {"id": "1", "state": "started", "start": now - 5, "interval": 3600}
    begun |= {"scheduled": now - 6, "data_version": "2013-09"}
    runs = [
        begun,
        {"id": "1", "state": "succeeded", "end": now - 3, "rows": 10},
        {**begun, "id": "2"},
        {"id": "2", "state": "failed", "error": "exit_1"},
    ]
    for report in runs:
        path = f"{story._ports.url('exporter')}/v1/pipelines/features/runs"
        assert requests.post(path, json=report, timeout=10).status_code == 200


def instant(url: str, expression: str, at: float | None = None) -> list[Any]:
    asked = {"query": expression} if at is None else {"query": expression, "time": at}
    answer = requests.get(f"{url}/api/v1/query", params=asked, timeout=5).json()
    result: list[Any] = answer["data"]["result"]
    return result


def has_data(result: Result) -> bool:
    return any(len(column.values) > 0 for frame in result.frames for column in frame.fields)


def arrived(story: demo.Story, name: str) -> list[dict[str, str]]:
    """Return the labels of the alerts of a name that have arrived; a notification holds all of a model."""
    alerts = [alert["labels"] for item in story.receiver.notifications for alert in item.alerts]
    return [labels for labels in alerts if labels["alertname"] == name]


def features(story: demo.Story, name: str) -> set[str]:
    return {labels["feature"] for labels in arrived(story, name)}


def demo_features() -> list[str]:
    from flights import WEATHER

    return WEATHER


def test_a_port_in_use_is_told_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        mine = ports()
        mine.prometheus = taken.getsockname()[1]
        with pytest.raises(DemoError) as caught:
            mine.check()
    way_out = f"choose another: make demo PROMETHEUS_PORT={mine.prometheus + 1}"
    assert str(caught.value) == f"port {mine.prometheus} (prometheus) is in use; {way_out}"


def test_nothing_runs_any_more_after_the_story(quick: demo.Story) -> None:
    quick.start()
    processes = list(quick._processes._running.values())
    assert len(processes) == 6
    quick.stop()
    assert all(process.poll() is not None for process in processes)
    for port in vars(quick._ports).values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_process_that_ends_early_ends_the_story_with_its_last_words(quick: demo.Story) -> None:
    quick.start()
    quick._processes._running["model-server"].kill()
    quick._processes._running["model-server"].wait()
    with pytest.raises(DemoError, match="model-server ended with code -9"):
        quick.check()
