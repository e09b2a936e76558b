"""``ml-exporter baseline diff``: what differs, scores in common bins only, bounds that hold, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import structs
from scipy.stats import ks_2samp

from ml_exporter.baseline import document
from ml_exporter.baseline.document import BaselineDocument, VolumeDocument
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.source import read_chunks
from ml_exporter.compare.data import Reading, count
from ml_exporter.compare.difference import Compared, difference
from ml_exporter.compare.numbers import Numbers
from ml_exporter.core.schema import Task
from ml_exporter.signals.drift import MEASURES
from ml_exporter.signals.drift.noise import SIZES, noise_floors
from support import workload
from support.models import options_of, tallies_of

ROWS = 3_000


def frame(seed: int, shift: float = 0.0, task: Task = Task.BINARY) -> pd.DataFrame:
    return pd.DataFrame(workload.table(ROWS, seed=seed, shift=shift, task=task))


def fitted(data: pd.DataFrame, folder: Path, task: Task = Task.BINARY, *, noise: bool = False) -> BaselineDocument:
    path = folder / "data.parquet"
    data.to_parquet(path)

    def floors(*known: Any) -> dict[str, list[float]]:
        return noise_floors(*known, MEASURES) if noise else {}

    sizes = SIZES if noise else ()
    return fit(
        lambda: read_chunks(path), options_of(task), tallies_of, floors, sizes, source="data", created=1.0
    ).document


def compared(a: BaselineDocument, b: BaselineDocument) -> dict[str, Compared]:
    return {item.name: item for item in difference(a, b).variables}


def diff(*arguments: object) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "ml_exporter", "baseline", "diff", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def psi(a: pd.Series, b: pd.Series) -> float:
    """PSI of values that are compared one by one."""
    names = sorted({*a.dropna(), *b.dropna()}, key=str)
    shares = [
        np.maximum([*((side == name).mean() for name in names), 0, side.isna().mean()], 1e-4) for side in (a, b)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def test_variables_of_the_same_bins_have_the_scores_of_a_window(tmp_path: Path) -> None:
    first, second = frame(1), frame(2, shift=0.8)
    found = compared(fitted(first, tmp_path, noise=True), fitted(second, tmp_path))
    for name in ("few", "flag", "many"):
        item = found[name]
        assert item.report is not None
        assert item.bins == item.of
        assert item.report.drift["psi"].value == pytest.approx(psi(first[name], second[name]), rel=1e-9)
        assert item.report.drift["psi"].noise_floor is not None
    tied = found["tied"]
    assert tied.report is not None
    assert (tied.bins, tied.of, tied.gap) == (24, 24, None)
    statistic = ks_2samp(first["tied"], second["tied"]).statistic
    assert tied.report.drift["kolmogorov_smirnov"].value == pytest.approx(statistic, abs=1e-12)
    few = found["few"].report
    assert few is not None
    assert few.quality["missing"] == pytest.approx((second["few"].isna().mean(), first["few"].isna().mean()))


def test_a_volume_that_only_one_has_is_told(tmp_path: Path) -> None:
    one = fitted(frame(1), tmp_path)
    other = structs.replace(one, volume=VolumeDocument(rows=[9] * 168, hours=[3] * 168))
    found = difference(one, other)
    assert (found.same, found.facts) == (False, (("weeks_of_volume", 0.0, 3.0),))


@pytest.mark.parametrize("shift", [0.0, 0.3, 3.0, 100.0])
def test_the_bounds_hold_the_statistic_of_the_rows(tmp_path: Path, shift: float) -> None:
    first, second = frame(1), frame(2, shift=shift)
    found = compared(fitted(first, tmp_path), fitted(second, tmp_path))
    seen = 0
    for name in ("normal", "tailed", "lognormal", "zeros"):
        gap = found[name].gap
        assert gap is not None
        exact = ks_2samp(first[name].dropna(), second[name].dropna()).statistic
        assert gap[0] - 1e-12 <= exact <= gap[1] + 1e-12
        seen += gap[1] - gap[0] < 0.02
    assert seen >= 3


def test_bins_put_together_give_a_lower_bound_without_a_floor(tmp_path: Path) -> None:
    first, second = frame(1), frame(2)
    second["tied"] = second["tied"] // 2 * 2
    item = compared(fitted(first, tmp_path, noise=True), fitted(second, tmp_path))["tied"]
    assert item.report is not None
    assert (item.bins, item.of) == (12, 24)
    score = item.report.drift["psi"]
    assert score.noise_floor is None
    assert score.value is not None
    assert score.value < psi(first["tied"], second["tied"])
    distance = (second["tied"].mean() - first["tied"].mean()) / first["tied"].std()
    wasserstein = item.report.drift["wasserstein"].value
    assert wasserstein is not None
    assert wasserstein >= abs(distance) * 0.99


def test_numbers_in_another_unit_are_compared_in_that_of_the_first(tmp_path: Path) -> None:
    """The same edges, but other rows between them, so another mean and another standard deviation."""
    values = np.repeat(np.arange(10.0), 300)
    first, second = frame(1), frame(2)
    first["tied"], second["tied"] = values, np.minimum(values**2 / 9, 9).round()
    second.loc[:9, "tied"] = np.arange(10.0)
    one = fitted(first, tmp_path)
    item = compared(one, fitted(second, tmp_path))["tied"]
    assert item.report is not None
    rows = count(one, read_chunks(tmp_path / "data.parquet"), "data.parquet", Reading({}, {}, None, 1))
    of_rows = Numbers(rows.context, rows.sums).value("ml_feature_drift_wasserstein", "tied")
    assert item.report.drift["wasserstein"].value == pytest.approx(of_rows, rel=1e-5)


def test_categories_of_one_side_are_zero_or_unknown(tmp_path: Path) -> None:
    first, second = frame(1), frame(2)
    second["few"] = second["few"].replace({"c": "d"})
    item = compared(fitted(first, tmp_path), fitted(second, tmp_path))["few"]
    assert item.changes == ("categories added: d", "categories removed: c")
    assert item.report is not None
    assert item.bins == 4
    assert item.report.drift["psi"].value == pytest.approx(psi(first["few"], second["few"]), rel=1e-9)
    # 60 categories, of which the rarest are not kept: what is not named may be among the others.
    first["many"] = [f"name {number % 60:02}" for number in range(ROWS)]
    one = fitted(first, tmp_path)
    item = compared(one, fitted(second, tmp_path))["many"]
    assert item.report is None
    assert item.bins == 0


def test_features_classes_and_performance(tmp_path: Path) -> None:
    first = frame(1)
    second = frame(2).drop(columns=["zeros"]).assign(humidity=1.5, constant="text")
    second["constant"] = np.where(np.arange(ROWS) % 2 == 0, "x", "y")
    second["label"] = 1 - second["label"]
    document.write(fitted(first, tmp_path), tmp_path / "a.json")
    document.write(fitted(second, tmp_path), tmp_path / "b.json")
    code, out, err = diff(tmp_path / "a.json", tmp_path / "b.json")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[:3] == ["+ humidity", "- zeros", "~ constant: numeric -> categorical"]
    assert max(len(line) for line in lines if not line.startswith("~")) <= 100
    assert any(line.startswith("~ normal: 249 edges -> 249, 0 in common; range ") for line in lines)
    (roc,) = (line.split() for line in lines if line.startswith(" roc_auc"))
    assert float(roc[1]) == pytest.approx(1 - float(roc[2]), abs=0.05)
    found = json.loads(diff(tmp_path / "a.json", tmp_path / "b.json", "--format", "json")[1])
    assert (found["added"], found["removed"], found["same"]) == (["humidity"], ["zeros"], False)


@pytest.mark.parametrize("task", list(Task))
def test_the_same_data_are_the_same(tmp_path: Path, task: Task) -> None:
    one = fitted(frame(1, task=task), tmp_path, task)
    other = fitted(frame(1, task=task), tmp_path, task)
    other.created, other.source = 2.0, "elsewhere"
    document.write(one, tmp_path / "a.json")
    document.write(other, tmp_path / "b.json")
    assert diff(tmp_path / "a.json", tmp_path / "b.json") == (0, "the same\n", "")
    scores = [item.report.drift["psi"].value for item in difference(one, other).variables if item.report]
    assert scores == [0.0] * len(one.variables)


def test_another_task_is_told(tmp_path: Path) -> None:
    a, b = fitted(frame(1), tmp_path), fitted(frame(1, task=Task.REGRESSION), tmp_path, Task.REGRESSION)
    document.write(a, tmp_path / "a.json")
    document.write(b, tmp_path / "b.json")
    code, out, _ = diff(tmp_path / "a.json", tmp_path / "b.json")
    assert code == 1
    assert "task: binary_classification -> regression\n" in out
    assert "classes: 0, 1 -> none\n" in out


def test_an_unusable_file_ends_with_2(tmp_path: Path) -> None:
    code, out, err = diff(tmp_path / "a.json", tmp_path / "b.json")
    assert (code, out) == (2, "")
    assert "a.json: cannot be read: No such file or directory" in err
