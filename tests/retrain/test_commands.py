"""Commands and MLflow Projects, run for real."""

import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ml_exporter.retrain.settings import load
from ml_exporter.retrain.targets import child
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, Target
from support.retrain import until, write_retrain

FACTS = Facts("0123456789abcdef", "flights", "v1", ("A", "B"), ("ab",), "2026-11-21T09:00:00Z", {"days": 3})
HOSTILE = "$(touch oops); `touch oops` && touch oops | {{ .Values }} ../../x \\ ' \" \u202e \n -rf"


def command(folder: Path, script: str, **keys: Any) -> Target:
    """Return the target that runs a shell script; the shell is the test's, not the target's."""
    keys = {"kind": "command", "arguments": ["sh", "-c", script], "folder": str(folder), **keys}
    return load(write_retrain(folder, target=json.dumps(keys)), has_users=False).jobs["flights"].target


def start(target: Target, facts: Facts = FACTS) -> Outcome:
    outcome = target.start(facts, threading.Event())
    assert outcome is not None
    return outcome


def test_a_command_gets_the_facts_as_environment_and_input(tmp_path: Path) -> None:
    script = "cat > input; env > environment; pwd > folder"
    assert start(command(tmp_path, script)) == Outcome(Result.STARTED, "ended with 0")
    assert json.loads((tmp_path / "input").read_text()) == {
        "ml_retrain": {
            "job": "0123456789abcdef",
            "model": "flights",
            "version": "v1",
            "alerts": ["A", "B"],
            "fingerprints": ["ab"],
            "starts_at": "2026-11-21T09:00:00Z",
        },
        "parameters": {"days": 3},
    }
    environment = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
    assert {name: value for name, value in environment.items() if name.startswith("ML_RETRAIN")} == {
        "ML_RETRAIN_JOB": "0123456789abcdef",
        "ML_RETRAIN_MODEL": "flights",
        "ML_RETRAIN_VERSION": "v1",
        "ML_RETRAIN_ALERTS": '["A","B"]',
        "ML_RETRAIN_FINGERPRINTS": '["ab"]',
        "ML_RETRAIN_STARTS_AT": "2026-11-21T09:00:00Z",
        "ML_RETRAIN_PARAMETERS": '{"days":3}',
    }
    assert (tmp_path / "folder").read_text().strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("exit 1", Outcome(Result.FAILED, "ended with 1; its output is in the log")),
        ("exit 75", Outcome(Result.RETRY, "ended with 75")),
        ("kill -9 $$", Outcome(Result.FAILED, "was ended by signal 9; its output is in the log")),
        ("exec 0<&-; exit 0", Outcome(Result.STARTED, "ended with 0")),
    ],
)
def test_what_an_exit_means(tmp_path: Path, script: str, outcome: Outcome) -> None:
    assert start(command(tmp_path, script)) == outcome


def test_a_program_that_is_not_there_is_final(tmp_path: Path) -> None:
    target = command(tmp_path, "", arguments=["/nowhere/train"])
    assert start(target) == Outcome(Result.FAILED, "cannot be started: No such file or directory")


def test_arguments_and_facts_meet_no_shell(tmp_path: Path) -> None:
    """Whatever stands in an argument or in a fact arrives as it is, and nothing of it is run."""
    facts = Facts("0" * 16, "flights", HOSTILE, (HOSTILE,), (), "", {"text": HOSTILE})
    script = 'import json, os, sys; json.dump([sys.argv[1], dict(os.environ), sys.stdin.read()], open("got", "w"))'
    target = command(tmp_path, "", arguments=["python3", "-c", script, HOSTILE])
    assert start(target, facts).result is Result.STARTED
    argument, environment, content = json.loads((tmp_path / "got").read_text())
    assert argument == environment["ML_RETRAIN_VERSION"] == HOSTILE
    assert json.loads(environment["ML_RETRAIN_PARAMETERS"]) == {"text": HOSTILE}
    assert json.loads(content)["ml_retrain"]["alerts"] == [HOSTILE]
    assert not (tmp_path / "oops").exists()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return state[0] not in "ZX"


@pytest.mark.parametrize("deaf", [False, True])
def test_the_time_limit_ends_the_whole_group(tmp_path: Path, deaf: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "TERM_SECONDS", 0.3)
    script = ("trap '' TERM; " if deaf else "") + "sleep 60 & echo $! $$ > pids; wait; sleep 60"
    outcome = start(command(tmp_path, script, timeout="400ms"))
    assert outcome == Outcome(Result.FAILED, "took longer than 0.4 s and was ended")
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        until(lambda pid=pid: [alive(pid)], lambda found: not found[0])  # type: ignore[misc]


def test_a_stop_ends_it_and_tells_nothing(tmp_path: Path) -> None:
    stop = threading.Event()
    target = command(tmp_path, "echo $$ > pid; sleep 60")
    found: list[Outcome | None] = []
    thread = threading.Thread(target=lambda: found.append(target.start(FACTS, stop)))
    thread.start()
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), bool)
    stop.set()
    thread.join(10)
    assert found == [None]
    assert not alive(int((tmp_path / "pid").read_text()))


def test_the_end_of_much_output_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert start(command(tmp_path, "yes 0123456789 | head -c 5000000; printf '\\033[31mlast'")).result
    (record,) = (record for record in caplog.records if record.message == "command ended")
    output: str = vars(record)["output"]
    assert output.endswith("\N{REPLACEMENT CHARACTER}[31mlast")
    assert len(output) <= child.OUTPUT_BYTES
    assert output.isprintable()


def test_a_child_left_behind_does_not_hold_the_job_up(tmp_path: Path) -> None:
    began = time.monotonic()
    assert start(command(tmp_path, "sleep 60 & echo $! > pid")).result is Result.STARTED
    assert time.monotonic() - began < 5
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


MLFLOW = Path(sys.executable).with_name("mlflow")
PROJECT = """\
name: tiny
entry_points:
  main:
    parameters: {days: {type: float, default: 1}}
    command: "python train.py {days}"
"""
TRAIN = """\
import json, os, sys
facts = {name: value for name, value in os.environ.items() if name.startswith("ML_RETRAIN")}
json.dump([sys.argv[1:], facts], open("got", "w"))
sys.exit(int(os.environ.get("FAIL", 0)))
"""


def test_a_project_of_mlflow_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("PATH", str(MLFLOW.parent), prepend=os.pathsep)  # the project asks for "python"
    (tmp_path / "MLproject").write_text(PROJECT)
    (tmp_path / "train.py").write_text(TRAIN)
    keys = {"kind": "mlflow", "uri": str(tmp_path), "env_manager": "local", "program": str(MLFLOW)}
    keys["tracking_uri"] = f"file://{tmp_path / 'runs'}"
    target = load(write_retrain(tmp_path, target=json.dumps(keys)), has_users=False).jobs["flights"].target
    outcome = start(target, Facts("0" * 16, "flights", "v1", ("A",), (), "", {"days": 3, "note": HOSTILE}))
    assert outcome.result is Result.STARTED
    assert (tmp_path / "runs/0" / outcome.run_id).is_dir()
    arguments, facts = json.loads((tmp_path / "got").read_text())
    assert arguments[0] == "3"
    assert HOSTILE in arguments
    assert (facts["ML_RETRAIN_MODEL"], facts["ML_RETRAIN_VERSION"]) == ("flights", "v1")
    assert not (tmp_path / "oops").exists()
    monkeypatch.setenv("FAIL", "3")
    assert start(target).result is Result.FAILED


def test_the_command_line_of_mlflow(tmp_path: Path) -> None:
    """A program that stands for mlflow shows which arguments it was given."""
    fake = tmp_path / "mlflow"
    fake.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        f"json.dump([sys.argv[1:], os.environ['MLFLOW_TRACKING_URI']], open('{tmp_path}/got', 'w'))\n"
        "print(\"=== Run (ID 'abc123') succeeded ===\")\n"
    )
    fake.chmod(0o755)
    keys = {
        "kind": "mlflow",
        "uri": "https://git.example.org/x.git",
        "version": "main",
        "experiment_name": "retrain",
        "tracking_uri": "http://mlflow",
        "program": str(fake),
    }
    target = load(write_retrain(tmp_path, target=json.dumps(keys)), has_users=False).jobs["flights"].target
    facts = Facts("0" * 16, "flights", HOSTILE, ("A",), (), "", {"days": 3, "full": True, "note": "--x"})
    assert start(target, facts) == Outcome(Result.STARTED, "ended with 0", "abc123")
    arguments, tracking = json.loads((tmp_path / "got").read_text())
    assert tracking == "http://mlflow"
    assert arguments == [
        "run",
        "--env-manager=virtualenv",
        "--backend=local",
        "--entry-point=main",
        "--version=main",
        "--experiment-name=retrain",
        *("-P", "days=3", "-P", "full=true", "-P", "note=--x"),
        "https://git.example.org/x.git",
    ]
