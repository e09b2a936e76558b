"""How long a monitor lives: without an owner, to the end of its process, across forks."""

import gc
import subprocess
import sys
import threading
import time
from typing import Any

from ml_exporter.client import Monitor
from ml_exporter.client.sender import Signal
from support.client import series
from support.http import Running


def test_a_monitor_that_nobody_keeps_still_sends_and_ends_its_thread(sidecar: Running, monitor: Monitor) -> None:
    before = threading.active_count()
    lost = Monitor(f"http://127.0.0.1:{sidecar.port}", model="model", version=monitor._version, interval=60)
    lost.log({"normal": 1.0}, score=0.5)
    del lost
    gc.collect()
    sidecar.until(series(monitor, "ml_predictions_total"), 1)
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_signal_may_be_set_within_its_own_wait_and_clear() -> None:
    """As the finalizer of a monitor does when the garbage collector runs there, or after a fork."""
    signal, calls = Signal(), 0

    def reenter(frame: Any, event: str, argument: object) -> None:
        nonlocal calls
        if frame.f_code is not reenter.__code__:
            calls += 1
            signal.set()

    def use() -> None:
        sys.setprofile(reenter)
        for _ in range(3):
            signal.wait(0.01)
            signal.clear()
        sys.setprofile(None)

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert calls


ORPHAN = """
import atexit, sys

def late():
    kept.log({"normal": 1.0})
    assert (kept.stats.dropped_full, kept.stats.queued) == (1, 0), kept.stats
    print("late")

atexit.register(late)  # before the client registers its own, hence called after it
from ml_exporter.client import Monitor
kept = Monitor(sys.argv[1], model="model", version=sys.argv[2], interval=30)
kept.log({"normal": 1.0}, score=0.5)

def report():
    gone = Monitor(sys.argv[1], model="model", version=sys.argv[2], interval=30)
    for number in range(99):
        gone.log({"normal": 1.0}, score=0.5)

report()
"""


def test_at_the_exit_monitors_that_are_gone_are_sent_too_and_what_comes_later_is_counted(sidecar: Running) -> None:
    command = [sys.executable, "-c", ORPHAN, f"http://127.0.0.1:{sidecar.port}", "orphan"]
    ended = subprocess.run(command, check=True, timeout=30, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("late\n", "")
    sidecar.until('ml_predictions_total{model="model",version="orphan"}', 100)


CHILD = """
import os, sys
from ml_exporter.client import Monitor
monitor = Monitor(sys.argv[1], model="model", version=sys.argv[2], interval=30)
for number in range(100):
    monitor.log({"normal": 1.0}, score=0.5)
if sys.argv[3] == "fork":
    monitor.flush()
    pids = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            for number in range(50):
                monitor.log({"normal": 1.0}, score=0.5)
            assert monitor.stats.sent == 0
            sys.exit(0 if monitor.flush() and monitor.stats.sent == 50 else 1)
        pids.append(pid)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""


def test_what_is_buffered_at_the_exit_still_arrives(sidecar: Running) -> None:
    url = f"http://127.0.0.1:{sidecar.port}"
    subprocess.run([sys.executable, "-c", CHILD, url, "at-exit", "exit"], check=True, timeout=30)
    sidecar.until('ml_predictions_total{model="model",version="at-exit"}', 100)


def test_forked_workers_report_their_own_events_once(sidecar: Running) -> None:
    url = f"http://127.0.0.1:{sidecar.port}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD, url, "forked", "fork"], check=True, timeout=30)
    sidecar.until('ml_predictions_total{model="model",version="forked"}', 250)
