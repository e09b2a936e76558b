"""The log of the real process: lines of the schema, a file with rotation, what is not told."""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ecs_logging
import pytest

from ml_exporter.app import logs
from ml_exporter.core.appended import AppendedFile
from ml_exporter.core.privacy import without_message
from support import ecs
from support.engine import write_config
from support.processes import sidecar

BROKEN = (
    "-c",
    "import psutil\n"
    "def broken(self): raise ValueError('jane.doe@example.org')\n"
    "psutil.Process.num_fds = broken\n"
    "from ml_exporter.cli import main\n"
    "raise SystemExit(main())",
)
"""The program, with a fault of which nobody thought: each scrape fails over it."""


def until(good: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not good():
        assert time.monotonic() < end
        time.sleep(0.02)


def record(error: bool = False) -> logging.LogRecord:
    exc_info = None
    if error:
        try:
            raise ValueError("reason")
        except ValueError:
            exc_info = sys.exc_info()
    made = logging.LogRecord("some.name", logging.WARNING, "f.py", 5, "a %s", ("word",), exc_info)
    made.threadName = "engine"
    return made


@pytest.mark.parametrize("error", [False, True])
def test_lines_are_those_of_elastic_s_own_library(error: bool) -> None:
    """What both write is equal; ours has the service and the dataset, theirs the place in the source."""
    made = record(error)
    ours = dict(ecs.flat(json.loads(logs._Json("ml-exporter").format(made))))
    theirs = dict(ecs.flat(json.loads(ecs_logging.StdlibFormatter().format(made))))
    assert ours.pop("ecs.version") == "8.11.0"
    trace, theirs_trace = ours.pop("error.stack_trace", ""), theirs.pop("error.stack_trace", "")
    assert theirs_trace in trace
    assert {name for name in ours if name not in theirs} == {"event.dataset", "service.name", "service.version"}
    for name in ours.keys() & theirs.keys():
        assert ours[name] == theirs[name], name
    assert bool(trace) == error


def test_every_line_of_a_life_is_of_the_schema(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    log = tmp_path / "ml-exporter.log"
    server = sidecar(config, None, "--log.format=json", f"--log.file={log}", "--log.level=debug", program=BROKEN)
    try:
        assert server.get("/metrics")[0] in (200, 500)
        config.write_text(config.read_text().replace("owner:", "owners:"))
        assert server.request("POST", "/-/reload")[0] == 400
    finally:
        assert server.end(signal.SIGTERM) == 0
    lines = ecs.lines(log)
    for line in lines:
        ecs.check(line, {})
        assert (line["service.name"], line["event.dataset"]) == ("ml-exporter", "ml_exporter.log")
    said = {line["message"]: line for line in lines}
    assert said["listening"]["labels"]["address"] == f"http://127.0.0.1:{server.port}"
    assert "owners" in said["configuration not reloaded; the old one stays in use"]["error.message"]
    assert said["stopping"]["labels"] == {"signal": "SIGTERM"}
    failed = next(line for line in lines if "error.type" in line)
    assert failed["error.type"] == "ValueError"
    assert "num_fds" in failed["error.stack_trace"]
    assert server.log.read_text() == "", "everything is in the file"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_value_in_an_unforeseen_error_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test")
    value = "-".join(["jane", "doe"])
    try:
        int(value)
    except ValueError as error:
        log.error("failed", exc_info=without_message(error))
    line = json.loads(logs._Json("s").format(caplog.records[-1]))
    assert line["error.type"] == "ValueError"
    assert "test_log_lines.py" in line["error.stack_trace"]
    assert "jane" not in json.dumps(line)


def test_the_file_may_be_moved_away_at_any_time(tmp_path: Path) -> None:
    """As logrotate does it: move, then SIGHUP, which also reads the configuration again."""
    log = tmp_path / "ml-exporter.log"
    server = sidecar(write_config(tmp_path), None, f"--log.file={log}")
    try:
        log.rename(tmp_path / "ml-exporter.log.1")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: log.exists() and "configuration reloaded" in log.read_text())
    finally:
        server.end(signal.SIGTERM)
    assert "listening" in (tmp_path / "ml-exporter.log.1").read_text()
    assert "stopping" in log.read_text()


def test_rotation_bounds_what_the_log_takes(tmp_path: Path) -> None:
    log = tmp_path / "ml-exporter.log"
    options = (f"--log.file={log}", "--log.file.max-size=1KiB", "--log.file.keep=2")
    server = sidecar(write_config(tmp_path), None, *options)
    try:
        for _ in range(40):
            assert server.request("POST", "/-/reload")[0] == 200
    finally:
        server.end(signal.SIGTERM)
    found = sorted(path.name for path in tmp_path.glob("ml-exporter.log*"))
    assert found == ["ml-exporter.log", "ml-exporter.log.1", "ml-exporter.log.2"]
    sizes = [(tmp_path / name).stat().st_size for name in found]
    assert max(sizes) <= 1024
    text = "".join((tmp_path / name).read_text() for name in reversed(found))
    assert text.startswith("ts="), "no line is torn"
    assert "stopping" in text.splitlines()[-1]


def test_a_line_that_does_not_fit_on_the_disk_goes_to_standard_error(tmp_path: Path) -> None:
    server = sidecar(write_config(tmp_path), None, "--log.file=/dev/full")
    try:
        assert server.get("/-/healthy")[0] == 200
    finally:
        assert server.end(signal.SIGTERM) == 0
    assert "msg=listening" in server.log.read_text()
    assert "msg=stopping" in server.log.read_text()


def test_a_file_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(write_config(tmp_path))]
    done = subprocess.run([*command, f"--log.file={tmp_path}/no/log"], capture_output=True, text=True, timeout=60)
    told = f"ml-exporter: --log.file: {tmp_path}/no/log cannot be written: No such file or directory\n"
    assert (done.returncode, done.stderr) == (1, told)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--log.file.max-size=big", '"big" is not a size such as 512KiB, 16MiB or 1GiB'),
        ("--log.file.keep=0", 'must be a whole number from 1 to 1,000, got "0"'),
    ],
)
def test_a_wrong_option_is_told(option: str, told: str) -> None:
    done = subprocess.run([sys.executable, "-m", "ml_exporter", "serve", option], capture_output=True, text=True)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_line_is_in_the_file_whole_or_not_at_all(tmp_path: Path) -> None:
    """The disk is full after some bytes of a line: what was written of it is taken away."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from ml_exporter.core.appended import AppendedFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "file = AppendedFile(Path(sys.argv[1]))\n"
        "file.write(b'a' * 60 + b'\\n')\n"
        "try: file.write(b'b' * 60 + b'\\n')\n"
        "except OSError as error: print(error)\n"
        "file.write(b'c' * 30 + b'\\n')\n"
    )
    path = tmp_path / "lines"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[Errno 28] No space left on device\n", "")
    assert path.read_text() == "a" * 60 + "\n" + "c" * 30 + "\n"


def test_rotation_keeps_every_line_that_the_files_have_room_for(tmp_path: Path) -> None:
    file = AppendedFile(tmp_path / "lines", 30, 3)
    for number in range(12):
        file.write(f"line {number:03}\n".encode())
    names = ["lines.3", "lines.2", "lines.1", "lines"]
    text = "".join((tmp_path / name).read_text() for name in names)
    assert text.split("\n")[:-1] == [f"line {number:03}" for number in range(12)]
    file.write(b"line 012\n")
    assert (tmp_path / "lines.3").read_text().startswith("line 003")
    assert not (tmp_path / "lines.4").exists()
