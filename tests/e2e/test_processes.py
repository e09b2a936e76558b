"""The sidecar as a process: killed, stopped, reloaded, started twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import workload
from support.engine import write_config
from support.processes import Process, free_port, sidecar

COLUMNS = workload.table(2_000, seed=91)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)
PREDICTIONS = 'ml_predictions_total{model="model",version="1"}'
JOINED = 'ml_labels_total{model="model",result="joined"}'


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace("directory: state", "directory: state\n  interval: 500ms"))
    started: list[Process] = []

    def begin(port: int | None = None) -> Process:
        started.append(sidecar(config, port))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def test_a_sigkill_under_load_loses_at_most_the_interval_and_never_counts_twice(
    start: Callable[..., Process],
) -> None:
    """Killed at random moments while events arrive; everything is then sent again, and counts exactly once."""
    port = free_port()
    acknowledged: dict[str, float] = {}
    durable: set[str] = set()
    for round_ in range(5):
        process = start(port)
        part = EVENTS[round_ * 400 : round_ * 400 + 400]
        stop = threading.Event()

        def send(
            process: Process = process, part: list[dict[str, object]] = part, stop: threading.Event = stop
        ) -> None:
            for number in range(0, 400, 20):
                batch = part[number : number + 20]
                try:
                    if number % 100 == 0:
                        if process.post("/v1/predictions?ack=durable", batch)[0] == 200:
                            durable.update(str(event["id"]) for event in batch)
                    elif process.post("/v1/predictions", batch)[0] == 202:
                        acknowledged.update({str(event["id"]): time.monotonic() for event in batch})
                except OSError:
                    return
                if stop.is_set():
                    return

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.15 + 0.2 * round_)
        seen = process.metrics().get(PREDICTIONS, 0.0)
        process.end()
        killed = time.monotonic()
        stop.set()
        sender.join()
        process = start(port)
        kept = process.metrics()[PREDICTIONS]
        assert kept >= seen, "a counter fell over a restart"
        assert kept >= len(durable), "an event acknowledged as durable is gone"
        old = sum(killed - when > 1.5 for when in acknowledged.values())
        assert kept >= old, "an event older than the interval is gone"
        process.post("/v1/predictions?ack=durable", EVENTS[: round_ * 400 + 400])
        process.until(PREDICTIONS, round_ * 400 + 400)
        process.end()
    process = start(port)
    for number in range(0, 2_000, 500):
        assert process.post("/v1/predictions?ack=durable", EVENTS[number : number + 500])[0] == 200
        assert process.post("/v1/labels?ack=durable", LABELS[number : number + 500])[0] == 200
        assert process.post("/v1/labels?ack=durable", LABELS[number : number + 500])[0] == 200
    process.until(PREDICTIONS, 2_000)
    process.until(JOINED, 2_000)
    assert process.metrics()['ml_window_predictions{model="model",version="1",window="1h"}'] == 2_000


def test_sigterm_counts_what_waits_and_exits_with_0(start: Callable[..., Process]) -> None:
    process = start()
    assert process.post("/v1/predictions", EVENTS[:500])[0] == 202
    assert process.end(signal.SIGTERM) == 0
    process = start()
    process.until(PREDICTIONS, 500)
    assert process.metrics()["ml_exporter_restore_problems"] == 0
    assert process.end(signal.SIGINT) == 0


def test_sighup_reloads_and_a_bad_file_changes_nothing(start: Callable[..., Process], tmp_path: Path) -> None:
    process = start()
    process.post("/v1/predictions?ack=durable", EVENTS[:100])
    config = tmp_path / "ml-exporter.yml"
    good = config.read_text()
    config.write_text(good.replace("owner: team", "owners: others"))
    process.process.send_signal(signal.SIGHUP)
    process.until("ml_exporter_config_last_reload_successful", 0)
    config.write_text(good.replace("owner: team", "owner: others"))
    process.process.send_signal(signal.SIGHUP)
    process.until("ml_exporter_config_last_reload_successful", 1)
    assert process.metrics()[PREDICTIONS] == 100
    assert any('owner="others"' in line for line in process.metrics())
    assert "owners: unknown key" in process.log.read_text()


def test_a_second_process_is_refused_with_a_clear_word(start: Callable[..., Process], tmp_path: Path) -> None:
    process = start()
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    for config, word in (
        (tmp_path / "ml-exporter.yml", f"in use by process {process.process.pid}; give each its own"),
        (
            write_config(elsewhere),
            f"cannot listen on 127.0.0.1:{process.port}: Address already in use; choose another",
        ),
    ):
        command = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(config)]
        command.append(f"--web.listen-address=127.0.0.1:{process.port}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert word in done.stderr


def test_a_state_directory_that_fills_up_is_survived(start: Callable[..., Process], tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for a full disk: writes fail, counting and scraping go on, the next start is clean."""
    import resource

    process = start()
    process.post("/v1/predictions?ack=durable", EVENTS[:100])
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    process.post("/v1/predictions", EVENTS[100:200])
    process.until("ml_exporter_checkpoint_successful", 0)
    process.until(PREDICTIONS, 200)
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    process.until("ml_exporter_checkpoint_successful", 1)
    process.end()
    process = start()
    process.until(PREDICTIONS, 200)


def test_descriptors_may_run_out_and_come_back(start: Callable[..., Process]) -> None:
    import resource
    import socket

    process = start()
    resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE, (60, 60))
    clients = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(100)]
    time.sleep(0.3)
    for client in clients:
        client.close()
    process.until_answers("/-/healthy")
    process.post("/v1/predictions?ack=durable", EVENTS[:10])
    process.until(PREDICTIONS, 10)


def test_no_core_is_taken_by_threads_of_numpy(
    start: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody asks for them."""
    counts = []
    for threads in (None, "1", str(os.cpu_count())):
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        if threads is not None:
            monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
        process = start()
        counts.append(len(os.listdir(f"/proc/{process.process.pid}/task")))
        process.end()
    assert counts[0] == counts[1]
    assert counts[2] > counts[1] or os.cpu_count() == 1
