"""``ml-exporter check``: the sidecar's numbers, the criteria of the rules, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import structs

from ml_exporter.baseline import document
from ml_exporter.cli.main import main
from ml_exporter.compare.criteria import Criteria
from ml_exporter.core.schema import Role, Task
from ml_exporter.signals import drift, quality
from support import workload
from support.engine import Bench, values, write_config
from support.models import baseline

ROOT = Path(__file__).parents[2]
ROWS = 2_000


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "ml_exporter", "check", *map(str, arguments)]


def check(*arguments: object) -> tuple[int, str, str]:
    """Run the command in this process; return exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(["check", *map(str, arguments)])
        except SystemExit as error:  # of the parser of arguments
            code = int(error.code or 0)
    return code, out.getvalue(), err.getvalue()


def report(*arguments: object) -> dict[str, Any]:
    """Return the JSON document of a check, which must have found an answer."""
    code, out, err = check(*arguments, "--format", "json")
    assert code in (0, 1), err
    found: dict[str, Any] = json.loads(out)
    assert found["drift"] is (code == 1)
    return found


def frame(shift: float = 0.0, rows: int = ROWS, task: Task = Task.BINARY) -> pd.DataFrame:
    columns = workload.table(rows, seed=9, shift=shift, task=task)
    return pd.DataFrame({name: values for name, values in columns.items() if not name.startswith("score:")})


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    document.write(baseline(noise=True), tmp_path / "baseline.json")
    return tmp_path / "baseline.json"


@cache
def live(shift: float) -> dict[tuple[Any, ...], float]:
    """Return what an engine publishes over the rows of :func:`frame`."""
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder), noise=True)
        config.write_text(config.read_text().replace("    task:", "    drift_variants: [azure]\n    task:"))
        bench = Bench(config, state=False)
        columns = workload.table(ROWS, seed=9, shift=shift)
        bench.send(workload.events(columns), workload.labels(columns))
        bench.tick()
        return {key: value for key, value in values(bench.published).items() if ("window", "1h") in key}


@pytest.mark.parametrize("shift", [0.0, 1.5])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "ndjson"])
def test_its_numbers_are_those_of_a_sidecar(fitted: Path, tmp_path: Path, suffix: str, shift: float) -> None:
    data = tmp_path / f"data.{suffix}"
    if suffix == "csv":
        frame(shift).to_csv(data, index=False)
    elif suffix == "parquet":
        frame(shift).to_parquet(data)
    elif suffix == "jsonl":
        rows = frame(shift).astype(object).where(frame(shift).notna(), None).to_dict("records")
        data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        columns = workload.table(ROWS, seed=9, shift=shift)
        labels = workload.labels(columns)
        lines = [
            json.dumps({**event, "label": label["label"]})
            for event, label in zip(workload.events(columns), labels, strict=True)
        ]
        data.write_text("\n".join(lines) + "\n\n")
    found = report(fitted, data, "--variant", "azure")
    assert (found["rows"], found["labels"]) == (ROWS, ROWS)
    assert found["drift"] is (shift > 0)
    assert all("azure_psi" in feature["drift"] for feature in found["features"])
    there = live(shift)

    def shown(name: str, **labels: str) -> float | None:
        known = {"model": "model", "version": "1", "window": "1h", **labels}
        return there.get((name, *sorted(known.items())))

    def near(value: float | None) -> Any:
        return None if value is None else pytest.approx(value, rel=1e-9)

    for feature in found["features"]:
        for measure in drift.MEASURES:
            score = feature["drift"].get(measure.key, {})
            metric = f"ml_feature_drift_{measure.key}"
            assert score.get("value") == near(shown(metric, feature=feature["name"]))
            floor = shown(f"{metric}_noise_floor", feature=feature["name"])
            assert score.get("noise_floor") == near(floor)
        for bad in quality.MEASURES:
            now, _ = feature["quality"].get(bad.key, (None, None))
            assert now == shown(f"ml_feature_{bad.key}_ratio", feature=feature["name"])
    assert found["predictions"]["drift"]["psi"]["value"] == near(shown("ml_prediction_drift_psi"))
    assert found["share"] == near(shown("ml_feature_drift_share_ratio"))
    performance = {(item["measure"], item["of_class"]): item["value"] for item in found["performance"]}
    assert performance["roc_auc", ""] == near(shown("ml_performance_roc_auc"))
    assert performance["recall", "1"] == near(shown("ml_performance_recall", **{"class": "1"}))


@pytest.mark.parametrize("form", ["events", "columns"])
def test_scores_of_classes_are_read(tmp_path: Path, form: str) -> None:
    document.write(baseline(Task.MULTICLASS, noise=True), tmp_path / "baseline.json")
    columns = workload.table(ROWS, seed=9, task=Task.MULTICLASS)
    given: list[str] = []
    if form == "events":
        data = tmp_path / "data.jsonl"
        lines = zip(workload.events(columns), workload.labels(columns), strict=True)
        data.write_text("".join(f"{json.dumps(event | {'label': label['label']})}\n" for event, label in lines))
    else:
        data = tmp_path / "data.parquet"
        pd.DataFrame(columns).drop(columns="prediction").to_parquet(data)
        given = [part for name in workload.CLASSES for part in ("--class-score", f"{name}=score:{name}")]
    found = {
        item["measure"]: item["value"] for item in report(tmp_path / "baseline.json", data, *given)["performance"]
    }
    bench = Bench(write_config(tmp_path, Task.MULTICLASS, noise=True), state=False)
    bench.send(workload.events(columns), workload.labels(columns))
    bench.tick()
    of = {"model": "model", "version": "1", "window": "1h"}
    for measure in ("accuracy", "roc_auc", "log_loss"):
        assert found[measure] == pytest.approx(bench.value(f"ml_performance_{measure}", **of), rel=1e-9)
    code, _, err = check(tmp_path / "baseline.json", data, "--class-score", "low=score:low")
    assert (code, err) == (
        2,
        "ml-exporter: --class-score: needs one for each class of the baseline, high, low, middle\n",
    )


def test_a_class_that_is_not_named_follows_from_the_scores(tmp_path: Path) -> None:
    document.write(baseline(Task.MULTICLASS, noise=True), tmp_path / "baseline.json")
    columns = workload.table(ROWS, seed=9, task=Task.MULTICLASS)
    columns["prediction"][::3] = None
    for name, score in zip(workload.CLASSES, (0.2, 0.4, 0.4), strict=True):
        columns[f"score:{name}"][::2] = score
    data = tmp_path / "data.jsonl"
    data.write_text("".join(f"{json.dumps(event)}\n" for event in workload.events(columns)))
    psi = report(tmp_path / "baseline.json", data)["predictions"]["drift"]["psi"]["value"]
    bench = Bench(write_config(tmp_path, Task.MULTICLASS, noise=True), state=False)
    bench.send(workload.events(columns))
    bench.tick()
    shown = bench.value("ml_prediction_drift_psi", model="model", version="1", window="1h")
    assert psi == pytest.approx(shown, rel=1e-9)
    assert psi > 0.01


def fitted_without_predictions(folder: Path, task: Task = Task.BINARY) -> Path:
    made = structs.replace(baseline(task, noise=True), segments=[])
    made.variables = [variable for variable in made.variables if variable.role == Role.FEATURE]
    made.sha256 = made.digest()
    document.write(made, folder / "features.json")
    return folder / "features.json"


@pytest.mark.parametrize("task", list(Task))
def test_predictions_that_cannot_be_judged_are_no_lack_of_drift(task: Task, tmp_path: Path) -> None:
    path = fitted_without_predictions(tmp_path, task)
    unjudged = "the predictions (?) cannot be judged: not in the baseline"
    frame(task=task).to_parquet(tmp_path / "data.parquet")
    code, out, err = check(path, tmp_path / "data.parquet")
    assert (code, err) == (2, "")
    assert out.splitlines()[-1] == f"no drift of the features, but {unjudged}"
    code, out, _ = check(path, tmp_path / "data.parquet", "--format", "json")
    found = json.loads(out)
    assert (code, found["drift"], found["predictions"]["reason"]) == (2, None, "no_baseline")
    frame(1.5, task=task).to_parquet(tmp_path / "data.parquet")
    code, out, _ = check(path, tmp_path / "data.parquet")
    assert code == 1
    last = out.splitlines()[-1]
    assert last.startswith("drift of 4 features (!)")
    assert last.endswith(f"; {unjudged}")
    frame(task=task).drop(columns=["score", "prediction"], errors="ignore").to_parquet(tmp_path / "data.parquet")
    code, out, _ = check(path, tmp_path / "data.parquet")
    assert (code, out.splitlines()[-1]) == (0, "no drift")


def test_the_criteria_are_those_of_the_rules() -> None:
    code = (
        "from definitions.drift import FEATURE_PSI, PREDICTION_PSI, SHARE;"
        "print(FEATURE_PSI.default, PREDICTION_PSI.default, SHARE.default)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'prometheus'}{os.pathsep}{ROOT / 'exporter'}"}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    usual = Criteria()
    assert told.stdout.split() == [str(usual.feature_psi), str(usual.prediction_psi), str(usual.share)]
    assert f"count >= {usual.fewest}" in (ROOT / "prometheus/rules/drift.yml").read_text().replace(
        "model_version:ml_feature_drift:count", "count"
    )


def test_the_table_has_the_worst_first_and_fits(fitted: Path, tmp_path: Path) -> None:
    frame(1.5).to_csv(tmp_path / "data.csv", index=False)
    code, out, err = check(fitted, tmp_path / "data.csv")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert "\033" not in out
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["!", name] for name in ("normal", "tailed", "zeros", "flag")
    ]
    assert lines[10].startswith("! (predictions) ")
    assert all(line.startswith("  ") for line in lines[5:10])
    assert lines[-2:] == [
        "9 features; 2,000 rows, 2,000 labels",
        "drift of 4 features (!), the predictions, 44% of the features at least a little",
    ]
    assert "expected_calibration_error" in out


def test_azures_definitions_are_a_table_of_their_own(fitted: Path, tmp_path: Path) -> None:
    frame(1.5).to_csv(tmp_path / "data.csv", index=False)
    _, plain, _ = check(fitted, tmp_path / "data.csv")
    assert "Azure" not in plain
    code, out, err = check(fitted, tmp_path / "data.csv", "--variant", "azure")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    start = lines.index(next(line for line in lines if "as Azure ML has it" in line))
    told = {line.split()[0]: line.split()[1:] for line in lines[start + 1 : start + 11]}
    assert {line.split()[0 if line[0] == " " else 1] for line in lines[1:11]} == set(told)
    assert (len(told["normal"]), len(told["few"])) == (2, 3)
    assert float(told["normal"][0]) > 1


def test_it_paints_a_terminal_only(fitted: Path, tmp_path: Path) -> None:
    frame(1.5).to_csv(tmp_path / "data.csv", index=False)

    def on_a_terminal(**environment: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            command(fitted, tmp_path / "data.csv"), stdout=theirs, env={**os.environ, **environment}
        )
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError:  # the other side is closed
            pass
        os.close(ours)
        assert process.wait(60) == 1
        return text.decode()

    painted = on_a_terminal()
    assert [line.startswith("\033[31m") for line in painted.splitlines()[1:6]] == [True, True, True, True, False]
    assert "\033" not in on_a_terminal(NO_COLOR="1")


def test_one_criterion_is_enough(fitted: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.parquet"
    frame(1.5).to_parquet(data)
    deaf = {"--feature-psi": 10, "--prediction-psi": 10, "--share": 1}
    for flag, value, what in (
        ("--feature-psi", 1.8, "drift of 1 feature (!)"),
        ("--prediction-psi", 1.5, "drift of the predictions"),
        ("--share", 0.4, "drift of 44% of the features at least a little"),
    ):
        options = [part for pair in {**deaf, flag: value}.items() for part in pair]
        code, out, _ = check(fitted, data, *options)
        assert (code, out.splitlines()[-1]) == (1, what), out
    assert check(fitted, data, *[part for pair in deaf.items() for part in pair])[0] == 0
    # A PSI counts by what it exceeds its noise floor.
    psi = next(item for item in report(fitted, data)["features"] if item["name"] == "normal")["drift"]["psi"]
    between = psi["value"] - psi["noise_floor"] / 2
    assert (
        check(fitted, data, *[part for pair in {**deaf, "--feature-psi": between}.items() for part in pair])[0]
        == 0
    )


def test_what_is_not_there_is_told_and_not_judged(fitted: Path, tmp_path: Path) -> None:
    data = frame().drop(columns=["score", "label", "tied"])
    data.to_csv(tmp_path / "data.csv", index=False)
    code, out, err = check(fitted, tmp_path / "data.csv")
    assert (code, err) == (
        1,
        f"{tmp_path}/data.csv: no column for tied: absent in all rows\n"
        f"{tmp_path}/data.csv: no column score: the predictions cannot be compared\n",
    )
    assert "(predictions)" not in out
    assert "performance" not in out
    tied = next(line for line in out.splitlines() if " tied " in line and "%" in line)
    assert "100.0% (0)" in tied


def test_labels_that_nobody_knows_are_told(fitted: Path, tmp_path: Path) -> None:
    data = frame().astype({"label": object})
    data.loc[:49, "label"] = "perhaps"
    data.rename(columns={"label": "late", "score": "p"}).to_csv(tmp_path / "data.csv", index=False)
    code, out, err = check(fitted, tmp_path / "data.csv", "--label", "late", "--score", "p")
    assert (code, err) == (0, f"{tmp_path}/data.csv: 50 labels are none of the classes 0, 1\n")
    assert out.endswith("9 features; 2,000 rows, 1,950 labels\nno drift\n")


@pytest.mark.parametrize("task", list(Task))
def test_every_task(task: Task, tmp_path: Path) -> None:
    document.write(baseline(task, noise=True), tmp_path / "baseline.json")
    frame(task=task).to_parquet(tmp_path / "data.parquet")
    found = report(tmp_path / "baseline.json", tmp_path / "data.parquet")
    assert not found["drift"]
    assert found["predictions"]["drifted"] is False
    measures = {item["measure"]: item["value"] for item in found["performance"]}
    assert measures["mae" if task is Task.REGRESSION else "accuracy"] is not None


def test_few_labels_have_no_performance(fitted: Path, tmp_path: Path) -> None:
    data = frame().astype({"label": object})
    data.loc[40:, "label"] = None
    data.to_parquet(tmp_path / "data.parquet")
    code, out, _ = check(fitted, tmp_path / "data.parquet")
    assert code == 0
    (line,) = (line for line in out.splitlines() if line.startswith(" accuracy"))
    assert line.split() == ["accuracy", "0.684", "too_few_samples"]


MISTAKES = {
    "few rows": (["few.csv"], "no feature can be judged: too_few_samples"),
    "no rows": (["empty.csv"], "empty.csv: there are no rows"),
    "no file": (["nowhere.csv"], "nowhere.csv: no such file"),
    "a suffix": (["baseline.json"], "baseline.json: must end in one of .csv, .parquet, .jsonl, .ndjson"),
    "no line": (["bad.jsonl"], "bad.jsonl: line 2 is not JSON: "),
    "no object": (["list.jsonl"], "list.jsonl: line 1 must be an object"),
    "twice": (["twice.jsonl"], 'twice.jsonl: line 1: "normal" stands in features and beside them'),
    "features": (["features.jsonl"], "features.jsonl: line 1: features must be an object"),
    "another table": (["other.csv"], "no column is a feature of the baseline; there are x, y"),
    "a column": (["data.csv", "--label", "lable"], '--label: no column "lable"; did you mean "label"?'),
    "no classes": (
        ["data.csv", "--class-score", "0=score"],
        "--class-score: is for multiclass_classification, the baseline is of binary_classification",
    ),
    "a pair": (["data.csv", "--class-score", "0"], '--class-score: must be CLASS=COLUMN, got "0"'),
    "a score": (["scores.csv"], 'scores.csv: column "score": scores must lie between 0 and 1'),
    "a criterion": (["data.csv", "--share", "-1"], "--share: must lie between 0 and 1, got -1"),
    "another share": (["data.csv", "--share", "3"], "--share: must lie between 0 and 1, got 3"),
    "no number": (["data.csv", "--feature-psi", "nan"], "--feature-psi: must be at least 0, got nan"),
    "a minimum": (["data.csv", "--minimum-samples", "0"], "--minimum-samples: must be at least 1, got 0"),
    "a key": (["data.csv", "--sensitive-key-file", "/nowhere"], "--sensitive-key-file: /nowhere cannot be read"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_be_told_ends_with_2(fitted: Path, tmp_path: Path, mistake: str) -> None:
    data = frame(rows=300)
    data.to_csv(tmp_path / "data.csv", index=False)
    data.iloc[:99].to_csv(tmp_path / "few.csv", index=False)
    data.iloc[:0].to_csv(tmp_path / "empty.csv", index=False)
    data.assign(score=70.0).to_csv(tmp_path / "scores.csv", index=False)
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    (tmp_path / "bad.jsonl").write_text('{"normal": 1}\n{\n')
    (tmp_path / "list.jsonl").write_text("[1]\n")
    (tmp_path / "twice.jsonl").write_text('{"features": {"normal": 1}, "normal": 2}\n')
    (tmp_path / "features.jsonl").write_text('{"features": 1}\n')
    (name, *more), message = MISTAKES[mistake]
    code, out, err = check(fitted, tmp_path / name, *more)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_bad_baseline_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text("{}")
    code, _, err = check(tmp_path / "baseline.json", tmp_path / "data.csv")
    assert code == 2
    assert "not a baseline of this version" in err


def test_sensitive_categories_are_compared_under_their_key(tmp_path: Path) -> None:
    frame(rows=3_000).to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "key").write_text("secret")
    fit = [sys.executable, "-m", "ml_exporter", "baseline", "fit", str(tmp_path / "data.csv"), "--output"]
    fit += [str(tmp_path / "b.json"), "--task", "binary_classification", "--label", "label", "--score", "score"]
    fit += ["--sensitive", "few", "--sensitive-key-file", str(tmp_path / "key")]
    subprocess.run(fit, check=True, capture_output=True)
    code, _, err = check(tmp_path / "b.json", tmp_path / "data.csv")
    assert code == 2
    assert 'feature "few" is sensitive: its categories need --sensitive-key-file' in err
    found = report(tmp_path / "b.json", tmp_path / "data.csv", "--sensitive-key-file", tmp_path / "key")
    assert all(feature["drift"]["psi"]["value"] == 0 for feature in found["features"])


def test_text_in_lines_of_json_is_no_number(fitted: Path, tmp_path: Path) -> None:
    columns = workload.table(ROWS, seed=9)
    events = workload.events(columns)
    for row in range(0, ROWS, 10):
        events[row]["features"]["tied"] = str(events[row]["features"]["tied"])
    for row in range(0, ROWS, 4):
        events[row]["features"]["lognormal"] = [1]
        del events[row]["features"]["zeros"]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, events)))
    by_name = {
        feature["name"]: feature["quality"] for feature in report(fitted, tmp_path / "data.jsonl")["features"]
    }
    assert by_name["tied"]["type_error"][0] == pytest.approx(0.1)
    assert by_name["lognormal"]["type_error"][0] == pytest.approx(0.25)
    assert by_name["zeros"]["missing"][0] == pytest.approx(0.25)
    assert np.isclose(by_name["tied"]["missing"][0], 0)
