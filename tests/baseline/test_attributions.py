"""Attributions of a baseline: the file, its sums, and the rankings of the helper."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pandas as pd
import pytest

from ml_exporter.baseline import document
from ml_exporter.baseline.attribute import attribute
from ml_exporter.baseline.attributions import documents_of, shares_of
from ml_exporter.baseline.document import parse
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import read_chunks
from ml_exporter.cli.main import main
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import Task
from support import workload
from support.models import baseline

WEIGHTS = {"heavy": 3.0, "middle": -2.0, "light": 0.5, "unused": 0.0}


def linear(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    return np.asarray(sum(weight * frame[name] for name, weight in WEIGHTS.items()))


def inputs(rows: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame({name: rng.normal(size=rows) for name in WEIGHTS})


def ranking(attributions: pd.DataFrame) -> list[str]:
    return list(attributions.abs().mean().sort_values(ascending=False).index)


def test_permutation_ranks_a_known_linear_model() -> None:
    frame = inputs()
    found = attribute(linear, frame, "permutation")
    assert ranking(found) == list(WEIGHTS)
    assert (found["unused"] == 0).all()
    # E|w (x - x')| of two independent standard normal numbers is 2 |w| / sqrt(pi).
    for name, weight in WEIGHTS.items():
        assert found[name].abs().mean() == pytest.approx(2 * abs(weight) / np.sqrt(np.pi), rel=0.1)
    pd.testing.assert_frame_equal(found, attribute(linear, frame, "permutation"))


def test_permutation_takes_columns_of_any_kind_and_leaves_them_as_they_are() -> None:
    frame = inputs(300).assign(name=np.array(["a", "b"], object)[np.arange(300) % 2])
    before = frame.copy()
    found = attribute(lambda rows: linear(rows) + 10.0 * (rows["name"] == "a"), frame)
    assert ranking(found)[0] == "name"
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("predict", "method", "told"),
    [
        (linear, "lime", 'method must be one of auto, shap, permutation, got "lime"'),
        (
            lambda rows: np.zeros((len(rows), 2)),
            "permutation",
            r"predict must return one number a row.*\(800, 2\)",
        ),
    ],
)
def test_what_cannot_be_explained_is_said(predict: Any, method: str, told: str) -> None:
    with pytest.raises(BaselineError, match=told):
        attribute(predict, inputs(), method)


def _shap() -> Any:
    return pytest.importorskip("shap", reason="shap is not installed: pip install 'ml-exporter[explain]'")


@pytest.mark.filterwarnings("ignore")
def test_shap_ranks_a_linear_model_as_its_exact_values_do() -> None:
    _shap()
    frame = inputs(120)
    found = attribute(linear, frame, "shap")
    assert ranking(found) == list(WEIGHTS)
    # The Shapley value of a linear model is w (x - mean of the background): a shift away from w x.
    for name, weight in WEIGHTS.items():
        assert np.ptp(found[name] - weight * frame[name]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_both_methods_rank_a_forest_as_shaps_tree_explainer_does() -> None:
    shap = _shap()
    from sklearn.ensemble import RandomForestRegressor

    frame = inputs(400)
    target = linear(frame) + 2.0 * frame["heavy"] * (frame["middle"] > 0)
    forest = RandomForestRegressor(30, max_depth=5, random_state=1, n_jobs=1).fit(frame, target)
    exact = pd.DataFrame(shap.TreeExplainer(forest).shap_values(frame), columns=frame.columns)
    expected = ranking(exact)[:2]
    assert expected == ["heavy", "middle"]
    for method in ("auto", "permutation"):
        assert ranking(attribute(forest.predict, frame.head(60), method))[:2] == expected


def tables(folder: Path) -> tuple[Path, Path]:
    """Write data and attributions; return their files."""
    rows = {name: values for name, values in workload.table(500, seed=3).items() if ":" not in name}
    names = (*workload.NUMERIC, *workload.CATEGORICAL)
    told = dict(zip(names, workload.attributions(rows, names), strict=True))
    pd.DataFrame(rows).to_csv(folder / "data.csv", index=False)
    pd.DataFrame(told).to_parquet(folder / "told.parquet")
    pd.DataFrame(told).to_csv(folder / "told.csv", index=False)
    return folder / "data.csv", folder / "told.parquet"


def test_a_baseline_is_fitted_with_attributions_and_shows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, told = tables(tmp_path)
    output = tmp_path / "baseline.json"
    fit = ["baseline", "fit", str(data), "--output", str(output), "--task", "binary_classification"]
    fit += ["--score", "score", "--exclude", "label", "--exclude", "region", "--attributions", str(told)]
    assert main(fit) == 0
    made = document.read(output)
    values = np.abs(pd.read_parquet(told))
    assert {entry.name: entry.count for entry in made.attributions} == values.notna().sum().to_dict()
    assert shares_of(made.attributions) == pytest.approx(
        (values.mean() / values.mean().sum()).to_dict(), rel=1e-12
    )
    schema, problems = schema_of("m", Task.BINARY, made, {})
    assert schema.attributed
    assert not problems
    assert main(["baseline", "show", str(output)]) == 0
    assert "attributions: normal " in capsys.readouterr().out
    features = [entry.name for entry in made.attributions]
    again = documents_of(read_chunks(tmp_path / "told.csv", ()), features)
    assert again == made.attributions


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"normol": [1.0]}, '--attributions: column "normol" is no feature; did you mean "normal"?'),
        ({"normal": ["much"]}, '--attributions: column "normal" holds no number'),
        ({"normal": []}, '--attributions: column "normal" holds no number'),
    ],
)
def test_unusable_attributions_are_refused(tmp_path: Path, columns: dict[str, list[Any]], told: str) -> None:
    pd.DataFrame(columns).to_csv(tmp_path / "told.csv", index=False)
    with pytest.raises(BaselineError) as caught:
        documents_of(read_chunks(tmp_path / "told.csv", ()), ["normal", "tied"])
    assert str(caught.value) == told


def test_a_baseline_of_before_attributions_is_read_as_ever_and_its_sums_too() -> None:
    bare = msgspec.structs.replace(baseline(), attributions=[])
    content = msgspec.to_builtins(bare)
    assert "attributions" not in content
    bare.sha256 = bare.digest()
    del content["sha256"]
    assert bare.sha256 == hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert parse(orjson.dumps(msgspec.to_builtins(bare))).attributions == []
    with_them, without = (schema_of("m", Task.BINARY, made, {})[0] for made in (baseline(), bare))
    assert (with_them.attributed, without.attributed) == (True, False)
    assert with_them.fingerprint() != without.fingerprint()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "stranger"}, 'attributions ("stranger"): there is no feature of that name'),
        ({"count": 0}, 'attributions ("normal"): count must be positive'),
        ({"sum": [1]}, 'attributions ("normal"): sum needs 12 numbers'),
        ({"sum": [-1] * 12}, 'attributions ("normal"): no sum is negative'),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(change: dict[str, Any], told: str) -> None:
    made = msgspec.structs.replace(baseline())
    made.attributions = [msgspec.structs.replace(made.attributions[0], **change)]
    made.sha256 = made.digest()
    with pytest.raises(BaselineError) as caught:
        parse(orjson.dumps(msgspec.to_builtins(made)))
    assert told in str(caught.value)
