"""The start of a process, beside the clock of whoever started it."""

import subprocess
import sys
import time

import psutil

from ml_exporter.resources.boot import started_at


def test_a_start_is_told_to_a_fraction_of_a_second() -> None:
    before = time.time()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        after = time.time()
        created = psutil.Process(child.pid).create_time()
        child.kill()
    assert before - 0.05 <= started_at(created) <= after + 0.05
    assert started_at(created) == started_at(created)
    assert 0 <= started_at(created) - created < 1
