"""``ml-exporter backfill``: what it says, what it refuses, and that an interrupted run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from ml_exporter.cli.main import main
from support import workload
from support.engine import write_config

BEGIN = 1_384_992_000


def table(rows: int, hours: int) -> pd.DataFrame:
    """Return recorded predictions with labels an hour later."""
    columns = workload.table(rows, seed=43)
    frame = pd.DataFrame({name: values for name, values in columns.items() if not name.startswith("score:")})
    frame.insert(0, "id", [f"id-{number}" for number in range(rows)])
    frame["timestamp"] = BEGIN + np.linspace(0, hours * 3_600, rows, endpoint=False)
    frame["label_timestamp"] = frame["timestamp"] + 3_600
    return frame


def arguments(folder: Path, *more: str, events: str = "events.csv") -> list[str]:
    config = folder / "ml-exporter.yml"
    known = ["backfill", str(folder / events), "--config.file", str(config), "--output", str(folder / "history")]
    return [*known, *more]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(tmp_path, more="windows: [24h]")
    table(2_000, 100).to_csv(tmp_path / "events.csv", index=False)
    return tmp_path


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "history/parts/model").glob("*.om"))}


def test_it_says_what_it_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder, "--interval", "5m", "--label", "instance=here:1")) == 0
    out = capsys.readouterr().out
    assert (
        "history: 4,000 predictions and labels, 2013-11-21 00:05 UTC to 2013-11-25 05:00 UTC, in 3 parts; " in out
    )
    assert list(parts(folder)) == ["20131120T000000Z.om", "20131122T060000Z.om", "20131124T120000Z.om"]
    first = parts(folder)["20131120T000000Z.om"].decode()
    assert (
        'ml_predictions_total{job="ml-exporter",instance="here:1",model="model",version="1"} 2 1384992300\n'
        in first
    )
    assert first.endswith("# EOF\n")


def test_parts_of_an_earlier_run_stay_and_the_others_are_as_they_would_have_been(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, "--interval", "5m")) == 0
    whole = parts(folder)
    (folder / "history/parts/model" / "20131122T060000Z.om").unlink()
    (folder / "history/parts/model" / "20131124T120000Z.om").write_bytes(b"not looked at")
    assert main(arguments(folder, "--interval", "5m")) == 0
    assert "in 3 parts, 2 of them from an earlier run; " in capsys.readouterr().out
    assert parts(folder) == whole | {"20131124T120000Z.om": b"not looked at"}


def test_a_run_that_was_killed_goes_on(folder: Path) -> None:
    table(500, 10).to_csv(folder / "events.csv", index=False)
    command = [sys.executable, "-m", "ml_exporter", *arguments(folder, "--interval", "30s")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        end = time.monotonic() + 60
        while not parts(folder) and time.monotonic() < end:
            assert process.poll() is None, "ended before it could be killed"
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    killed = parts(folder)
    assert 0 < len(killed) < 6
    subprocess.run(command, check=True, capture_output=True)
    whole = parts(folder)
    assert len(whole) == 6
    assert {name: whole[name] for name in killed} == killed
    command[-3] = str(folder / "again")
    subprocess.run(command, check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in sorted((folder / "again/parts/model").glob("*.om"))} == whole


def test_another_history_is_not_mixed_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder)) == 0
    table(1_000, 10).to_csv(folder / "events.csv", index=False)
    assert main(arguments(folder, "--interval", "2h")) == 4
    assert capsys.readouterr().err == (
        f"ml-exporter: {folder}/history/parts/model: holds a history of other events, interval;"
        " delete it, or name a new --output\n"
    )
    (folder / "history/parts/model/history.json").unlink()
    for part in (folder / "history/parts/model").glob("*.om"):
        part.rename(part.with_suffix(".txt"))
    assert main(arguments(folder)) == 4
    assert "model: holds other files; name a new folder with --output\n" in capsys.readouterr().err


def test_what_cannot_be_used_is_told_and_the_rest_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = table(300, 10).astype({"timestamp": object, "label": object})
    frame.loc[3, "timestamp"] = "soon"
    frame.loc[5, "label"] = "perhaps"
    frame.loc[7, "id"] = None
    frame.loc[11, "score"] = 70.0
    frame["latency_seconds"] = 0.1
    frame.loc[13, "latency_seconds"] = -1.0
    frame = frame.astype({"label_timestamp": object})
    frame.loc[15, "label_timestamp"] = 1e13
    frame.loc[17, "label_timestamp"] = "soon"
    frame.loc[19, "label"] = True
    frame["prediction"] = 1
    frame.loc[9, "prediction"] = 7
    frame.to_csv(folder / "events.csv", index=False)
    assert main(arguments(folder)) == 0
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "rows whose time cannot be used, or is before 1980, are left out: 1, first at row 5 of events.csv",
        "rows whose score is no number between 0 and 1 are left out: 1, first at row 13 of events.csv",
        "rows whose latency_seconds is no number of at least 0 are left out: 1, first at row 15 of events.csv",
        "predictions are none of the classes 0, 1: 1, first at row 11 of events.csv",
        "labels are not one of 0, 1: 1, first at row 7 of events.csv",
        "labels without an id are left out: 1, first at row 9 of events.csv",
        "labels whose time cannot be used are left out: 2, first at row 17 of events.csv",
    ]
    assert "history: 590 predictions and labels" in told.out


def test_lines_that_cannot_be_used_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"id": "a", "timestamp": BEGIN, "features": {"normal": 1.0}, "score": 0.5}
    lines = [
        json.dumps(event),
        "{",
        json.dumps(event | {"id": "b", "model": "other"}),
        json.dumps(event | {"id": "c", "timestamp": None}),
        json.dumps(event | {"id": "d", "score": 2.0}),
        json.dumps({"id": "a", "label": 1, "timestamp": BEGIN + 1}),
        json.dumps({"id": "a", "label": "perhaps", "timestamp": BEGIN + 1}),
    ]
    (folder / "events.jsonl").write_text("\n".join(lines))
    assert main(arguments(folder, events="events.jsonl")) == 0
    told = capsys.readouterr()
    assert "history: 3 predictions and labels" in told.out
    assert "events are of another model: 1, first at line 3 of events.jsonl\n" in told.err
    assert "events without a timestamp are left out: 1, first at lines 1 to 5 of events.jsonl" in told.err
    assert "at line 2 of events.jsonl\n" in told.err
    assert "score" in told.err
    assert "label: must be one of 0, 1: 1, first at line 7 of events.jsonl\n" in told.err


MISTAKES = {
    "no file": (["--interval", "1h"], "missing.csv", "missing.csv: cannot be read: No such file or directory"),
    "a suffix": ([], "ml-exporter.yml", "ml-exporter.yml: must end in one of .csv, .parquet, .jsonl, .ndjson"),
    "an interval": (
        ["--interval", "7h"],
        "events.csv",
        "--interval: must be whole seconds that a day is a multiple of",
    ),
    "a duration": (["--interval", "often"], "events.csv", '--interval: "often" is not a duration such as 30s'),
    "a column": (["--column", "labl=x"], "events.csv", '--column: "labl" is none of id,'),
    "a key twice": (
        ["--column", "label=a", "--column", "label=b"],
        "events.csv",
        '--column: "label" is given twice',
    ),
    "no times": (
        ["--column", "timestamp=normal"],
        "events.csv",
        "rows whose time cannot be used, or is before 1980, are left out: 2,000, first at row 2 of events.csv",
    ),
    "a file for a folder": (["--output", "events.csv"], "events.csv", "cannot be used: Not a directory\n"),
    "a pair": (["--column", "label"], "events.csv", '--column: must be KEY=COLUMN, got "label"'),
    "another column": (
        ["--column", "label=lable"],
        "events.csv",
        'events.csv: no column "lable" for label; did you mean "label"?',
    ),
    "the time": (
        ["--column", "timestamp=time"],
        "events.csv",
        'events.csv: no column "time" for timestamp',
    ),
    "a label": (
        ["--label", "model=x"],
        "events.csv",
        "--label: must be NAME=VALUE with the name of a label that no series",
    ),
    "a model": (["--model", "modle"], "events.csv", '--model: no model "modle" in '),
    "unsorted": (
        [],
        "unsorted.csv",
        "unsorted.csv: must be in the order of time, but an event of 2013-11-25 01:00:00 UTC comes after one of"
        " 2013-11-25 03:00:00 UTC; sort it first",
    ),
    "nothing": ([], "empty.csv", "empty.csv: no events that can be used"),
    "rules": (["--rules", "events.csv"], "events.csv", "events.csv: is no rule file of Prometheus: "),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_says_what_is_right(
    folder: Path, mistake: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    more, events, message = MISTAKES[mistake]
    monkeypatch.chdir(folder)
    frame = table(100, 100)
    frame.iloc[::-1].to_csv("unsorted.csv", index=False)
    frame.iloc[:0].to_csv("empty.csv", index=False)
    assert main(arguments(folder, *more, events=events)) == (2 if message.startswith("--") else 4)
    assert message in capsys.readouterr().err


def test_without_promtool_it_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(arguments(folder, "--blocks")) == 4
    assert capsys.readouterr().err.endswith("ml-exporter: promtool is not on PATH; it comes with Prometheus\n")


def test_whole_numbers_of_any_size_are_ids(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = table(300, 10)
    frame["id"] = 2**60 + np.arange(300)
    frame.to_parquet(folder / "events.parquet")
    assert main(arguments(folder, events="events.parquet")) == 0
    (part,) = parts(folder).values()
    lines = [line for line in part.decode().splitlines() if line.startswith("ml_predictions_duplicate_total")]
    assert lines
    assert all(line.split()[-2] == "0" for line in lines)


def test_a_time_that_is_years_away_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = table(300, 10)
    frame.loc[0, ["timestamp", "label_timestamp"]] = pd.Timestamp("2000-01-01").timestamp()
    frame.to_csv(folder / "events.csv", index=False)
    assert main(arguments(folder)) == 4
    assert (
        "the event of 2013-11-21 00:02:00 UTC comes 5,072 days after the one before it" in capsys.readouterr().err
    )


def test_a_corrected_command_may_use_the_folder_of_one_that_failed(folder: Path) -> None:
    assert main(arguments(folder, "--column", "label=nothing")) == 4
    assert main(arguments(folder)) == 0


@pytest.mark.parametrize("name", ["empty.parquet", "folder.jsonl"])
def test_what_is_no_such_file_is_told(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.parquet").touch()
    (folder / "folder.jsonl").mkdir()
    assert main(arguments(folder, events=name)) == 4
    assert name in capsys.readouterr().err


def test_workers_end_with_the_command(folder: Path) -> None:
    table(20_000, 400).to_csv(folder / "events.csv", index=False)
    command = [sys.executable, "-m", "ml_exporter", *arguments(folder, "--interval", "1m")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        end = time.monotonic() + 60
        while not parts(folder) and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        # The pipe ends once nobody has it open any more.
        process.communicate(timeout=20)


@pytest.mark.parametrize("which", [0, -1])
def test_a_process_that_is_killed_is_told(folder: Path, which: int) -> None:
    """As by the kernel when memory runs out."""
    table(20_000, 400).to_csv(folder / "events.csv", index=False)
    command = [sys.executable, "-m", "ml_exporter", *arguments(folder, "--interval", "1m")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not parts(folder) and time.monotonic() < end:
            time.sleep(0.01)
        # The server of the processes has no children of its own but them.
        (server,) = (each for each in psutil.Process(process.pid).children() if each.children())
        server.children()[which].kill()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert err.splitlines()[-1].startswith("ml-exporter: one of the processes of the backfill was killed")
    assert "Traceback" not in err


def test_truth_values_say_which_predictions_failed(folder: Path) -> None:
    frame = table(300, 10)
    frame["error"] = np.arange(300) % 3 == 0
    for name in ("events.csv", "events.parquet"):
        frame.to_csv(folder / name, index=False) if name.endswith("csv") else frame.to_parquet(folder / name)
        output = folder / name.replace(".", "-")
        assert main([*arguments(folder, events=name), "--output", str(output)]) == 0
        (part,) = output.glob("parts/model/*.om")
        errors = [line for line in part.read_text().splitlines() if line.startswith("ml_prediction_errors_total")]
        assert errors[-1].split()[-2] == "100"


def test_lines_of_columns_are_told_and_columns_are_not_renamed_in_lines(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"id": "a", "timestamp": BEGIN, "features": {"normal": 1.0}, "score": 0.5}
    columns = {"columns": {"id": ["b", "c"], "timestamp": [BEGIN, BEGIN], "score": [0.5, 0.6]}}
    (folder / "events.jsonl").write_text(f"{json.dumps(event)}\n{json.dumps(columns)}\n")
    assert main(arguments(folder, "--column", "label=late", events="events.jsonl")) == 2
    assert "--column: is for .csv and .parquet files" in capsys.readouterr().err
    assert main(arguments(folder, events="events.jsonl")) == 0
    told = capsys.readouterr()
    assert "history: 1 predictions and labels" in told.out
    assert "events in columns are left out: give them as lines or as a table: 2" in told.err
