"""The main job, from a flight to a notification, through real processes: the demo with shorter waits.

What is made shorter: ``for`` of the rules and the waits of Alertmanager, so that the test need not last as long
as a person would watch; expressions, thresholds, routes, data and processes are the demo's own.
"""

import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from support.processes import free_port
from support.receivers import until

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy/demo"))

import story as demo  # noqa: E402
from processes import DemoError  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the trained model and its baseline."""
    path = tmp_path_factory.mktemp("demo")
    demo.Story(path, ports(), 1.0, Console(quiet=True)).prepare()
    return path


def ports() -> demo.Ports:
    return demo.Ports(*(free_port() for _ in range(5)))


@pytest.fixture
def quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[demo.Story]:
    """The story six times as fast, with waits of seconds."""
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    for path in (ROOT / "prometheus/rules").glob("*.yml"):
        (rules / path.name).write_text(re.sub(r"\bfor: \d+m", "for: 3s", path.read_text()))
    monkeypatch.setitem(demo.WINDOWS, f"{demo.COVERED}vector(0.8)", f"{demo.COVERED}vector(0.02)")
    routes = folder / "alertmanager.yml"
    text = (ROOT / "alertmanager/alertmanager.yml").read_text()
    routes.write_text(re.sub(r"group_(wait|interval): \w+", r"group_\1: 2s", text))
    monkeypatch.setattr(demo, "BROKEN_FROM", "2013-04-06 00:00")
    story = demo.Story(folder, ports(), 6 * 3600.0, Console(quiet=True), rules, routes)
    yield story
    story.stop()


def test_every_alert_of_the_story_is_delivered(quick: demo.Story) -> None:
    quick.start()
    end = time.monotonic() + 150
    while quick.delivered() != set(demo.STORY) and time.monotonic() < end:
        quick.check()
        time.sleep(0.2)
    assert quick.delivered() == set(demo.STORY), quick.missing()
    assert "temp" in features(quick, "MLFeatureDrift"), "spring has come"
    (owner,) = {labels["owner"] for labels in arrived(quick, "MLPerformanceDrop")}
    assert owner == "operations"
    until(lambda: features(quick, "MLFeatureMissing") >= {"temp", "humid", "visib"})
    assert features(quick, "MLFeatureMissing") <= set(demo_features())
    assert quick.progress.where["weather"] == "down at EWR"
    # The terminal's summary of it can be drawn.
    console = Console(record=True, width=120, quiet=True)
    console.print(demo.picture(quick, quick._ports))


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
    assert len(processes) == 5
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
