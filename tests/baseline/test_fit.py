"""Fitting: the same from CSV and Parquet, in bounded memory, with kinds a person would choose."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.baseline import document, profile
from ml_exporter.baseline.bins import decile_groups, quantile_edges, score_bins
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.rows import predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import Chunk, read_chunks
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import FeatureKind, FeatureOptions, Task
from ml_exporter.sums.multivariate import Points
from support import workload
from support.fitting import fitted, frame
from support.models import baseline, chunk_of, options_of, tallies_of


def test_csv_and_parquet_give_the_same_baseline(tmp_path: Path) -> None:
    data = frame(25_000)
    data.to_csv(tmp_path / "data.csv", index=False)
    data.to_parquet(tmp_path / "data.parquet")
    options = FitOptions(Task.BINARY, label="label", score="score")
    one, other = (fitted(tmp_path / f"data.{suffix}", options).document for suffix in ("csv", "parquet"))
    assert one.sha256 == other.sha256
    assert one.rows == 25_000


def test_the_file_is_read_back_as_it_was_written_and_holds_no_row(tmp_path: Path) -> None:
    made = fitted(frame(), folder=tmp_path).document
    path = tmp_path / "baseline.json"
    document.write(made, path)
    again = document.read(path)
    assert again == made
    text = path.read_text()
    assert json.loads(text)["format"] == "ml-exporter-baseline/1"
    longest = max(len(line) for line in text.splitlines())
    assert longest < 8_000
    # 250 edges of each numeric feature are values of the sample; no row of them is in the file.
    assert len(text) < 60_000


def test_chunks_of_any_size_count_the_same() -> None:
    columns = workload.table(3_000, seed=5)
    documents = []
    for size in (3_000, 700, 1):
        limit = 3_000 if size > 1 else 40

        def chunks(size: int = size, limit: int = limit) -> Iterator[Chunk]:
            for start in range(0, limit, size):
                yield chunk_of(workload.take(columns, slice(start, min(start + size, limit))))

        options = FitOptions(Task.BINARY, label="label", score="score")
        documents.append(fit(chunks, options, tallies_of, lambda *known: {}, (), source="s", created=1.0).document)
    one, other = documents[:2]
    for variable, twin in zip(one.variables, other.variables, strict=True):
        assert (variable.counts, variable.edges, variable.missing) == (twin.counts, twin.edges, twin.missing)
    assert one.outcomes == other.outcomes


def test_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column far longer than the sample keeps no more than the sample of it, and its quantiles stay true."""
    monkeypatch.setattr(profile, "SAMPLE", 2_000)
    rng = np.random.default_rng(1)
    kept = profile.Profile(np.random.default_rng(2))
    total = np.zeros(0)
    for _ in range(40):
        values = rng.exponential(1, 1_000)
        total = np.concatenate((total, values))
        kept.add(chunk_of({"x": values, "few": np.full(1_000, "a", object)})["x"])
    assert len(kept.sample) == 2_000
    assert (kept.minimum, kept.maximum) == (total.min(), total.max())
    assert kept.center == pytest.approx(total.mean())
    assert kept.scale == pytest.approx(total.std())
    for share in (0.1, 0.5, 0.9):
        rank = (total < np.quantile(kept.sample, share)).mean()
        assert rank == pytest.approx(share, abs=0.04)
    assert len(kept.names) <= profile.DISTINCT + 1_000


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.5, None, 3.5], "numeric"),
        ([1, 2, 3, 4], "numeric"),
        (["1", "2", "x", "4"] * 10, "categorical"),
        ([*["1.5"] * 99, "x"], "numeric"),
        ([True, False, True, None], "categorical"),
        (["a", "b", "a", None], "categorical"),
        ([f"user {n}" for n in range(200)], "ignored"),
        ([None, None, None], "ignored"),
        (["00501", "02134", "10001"] * 10, "categorical"),
        (list(range(1_000, 1_200)), "ignored"),
        (["NA", "1.5", "null", "2.5", "3"], "numeric"),
        (["NA", "US", "None"] * 5, "categorical"),
        ([f"2026-01-{n % 28 + 1:02d}" for n in range(60)], "categorical"),
    ],
)
def test_kinds_are_those_a_person_would_choose(tmp_path: Path, values: list[object], kind: str) -> None:
    data = pd.DataFrame({"x": pd.Series(values), "other": np.arange(len(values)) % 7})
    data.to_csv(tmp_path / "data.csv", index=False)
    reviews = fitted(tmp_path / "data.csv", FitOptions(Task.BINARY)).reviews
    assert {review.name: review.use for review in reviews}["x"] == kind


def test_what_a_csv_file_spells_is_what_live_events_spell(tmp_path: Path) -> None:
    rows = ["x,place,", *["NA,NA,0"] * 10, *["1.5,None,1"] * 80, ",,2", *["2.5,US,3"] * 9]
    (tmp_path / "data.csv").write_text("\n".join(rows))
    made = fitted(tmp_path / "data.csv", FitOptions(Task.BINARY))
    uses = {review.name: review.use for review in made.reviews}
    assert uses == {"x": "numeric", "place": "categorical", "Unnamed: 2": "ignored"}
    x, place = made.document.variables
    assert (x.missing, x.type_error) == (11, 0)
    assert (place.categories, place.missing) == (["NA", "None", "US"], 1)


def test_text_of_a_parquet_file_is_text_whatever_it_spells(tmp_path: Path) -> None:
    data = pd.DataFrame({"code": ["10", "20", "30"] * 20, "number": [1.5, 2.5, 3.5] * 20})
    made = fitted(data, FitOptions(Task.BINARY), tmp_path)
    assert {variable.name: variable.kind for variable in made.document.variables} == {
        "number": "numeric",
        "code": "categorical",
    }


def test_a_word_overrides_the_kind(tmp_path: Path) -> None:
    options = FitOptions(
        Task.BINARY,
        label="label",
        score="score",
        exclude=frozenset({"many"}),
        kinds={"tied": FeatureKind.CATEGORICAL, "flag": FeatureKind.CATEGORICAL},
    )
    made = fitted(frame(), options, tmp_path)
    kinds = {variable.name: variable.kind for variable in made.document.variables}
    assert kinds["tied"] == "categorical"
    assert "many" not in kinds
    tied = next(variable for variable in made.document.variables if variable.name == "tied")
    assert tied.categories == sorted(str(n) for n in range(24))


def test_categories_beyond_the_cap_count_as_other(tmp_path: Path) -> None:
    data = frame()
    data["wide"] = [f"c{n % 80}" for n in range(len(data))]
    made = fitted(data, folder=tmp_path).document
    wide = next(variable for variable in made.variables if variable.name == "wide")
    assert len(wide.categories or []) == 50
    assert wide.other > 0
    assert wide.total == made.rows


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda data: data[:0], None, "there are no rows"),
        (None, FitOptions(Task.BINARY, label="lable"), '--label: no column "lable"; did you mean "label"?'),
        (None, FitOptions(Task.BINARY, exclude=frozenset({"nope"})), '--exclude: no column "nope"'),
        (None, FitOptions(Task.BINARY, label="many"), "a binary baseline needs two classes, found 30"),
        (
            None,
            FitOptions(Task.BINARY, label="normal"),
            'column "normal" has more than 50 classes; is the task right?',
        ),
        (
            None,
            FitOptions(Task.BINARY, score="lognormal"),
            'column "lognormal": scores must lie between 0 and 1, found',
        ),
        (None, FitOptions(Task.MULTICLASS), "a multiclass baseline needs --label or --prediction"),
        (
            lambda data: data.assign(label=np.where(data.label == 1, "late", "early")),
            FitOptions(Task.BINARY, label="label"),
            "give --positive-class, one of early, late",
        ),
        (None, FitOptions(Task.REGRESSION, label="many"), '--label: column "many" must hold numbers'),
        (
            None,
            FitOptions(Task.REGRESSION, label="label", score="score"),
            "--score: is for binary_classification; for regression give --prediction",
        ),
        (None, FitOptions(Task.BINARY, label="label", score="label"), "is given to --score too"),
        (
            None,
            FitOptions(Task.BINARY, label="label", exclude=frozenset({"label"})),
            'column "label" is given to --exclude too',
        ),
        (
            None,
            FitOptions(Task.BINARY, kinds={"many": FeatureKind.NUMERIC}),
            '--kind: column "many" holds no numbers',
        ),
        (
            None,
            FitOptions(Task.BINARY, sensitive=frozenset({"few"})),
            "--sensitive few: names need a key: --sensitive-key-file FILE",
        ),
        (lambda data: data[["label", "score"]], None, "no column is left that could be a feature"),
        (None, FitOptions(Task.BINARY, segments={"fw": ()}), '--segment: no column "fw"; did you mean "few"?'),
        (
            None,
            FitOptions(Task.BINARY, label="label", segments={"label": ()}),
            '--segment: column "label" is no feature; with --exclude label its values come beside them',
        ),
        (
            None,
            FitOptions(Task.BINARY, segments={"normal": ()}),
            '--segment: "normal" is numeric; give edges, such as normal=10,100',
        ),
        (
            None,
            FitOptions(Task.BINARY, segments={"few": (1.0,)}),
            '--segment: "few" is not numeric; leave the edges out',
        ),
        (None, FitOptions(Task.BINARY, segments=dict.fromkeys("abcdefghijk", ())), "--segment: no column"),
    ],
)
def test_data_that_cannot_be_used_are_refused_with_the_reason(
    tmp_path: Path, change: object, options: FitOptions | None, message: str
) -> None:
    data = frame()
    with pytest.raises(BaselineError) as caught:
        fitted(change(data) if callable(change) else data, options, tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.txt", b"", "must end in one of .csv, .parquet, .jsonl, .ndjson"),
        ("nowhere.csv", None, "no such file"),
        ("data.csv", b"", "cannot be read"),
        ("data.csv", b'a,b\n1,2\n"unclosed', "cannot be read"),
        ("data.csv", b"a,b\n\xff,2\n", "cannot be read"),
        ("data.parquet", b"PAR1 but not really", "cannot be read"),
    ],
)
def test_files_that_cannot_be_read_are_told(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BaselineError, match=message):
        list(read_chunks(path))


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "scipy"])
def test_a_library_that_is_not_there_is_told_with_the_way_to_it(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(BaselineError) as caught:
        next(read_chunks(tmp_path / "data.csv"))
    assert str(caught.value) == f"{library} is not installed; it comes with: pip install 'ml-exporter[fit]'"


def test_sensitive_features_show_neither_values_nor_names(tmp_path: Path) -> None:
    data = frame()
    options = FitOptions(
        Task.BINARY, label="label", score="score", sensitive=frozenset({"few", "normal"}), key=b"key"
    )
    made = fitted(data, options, tmp_path).document
    few = next(variable for variable in made.variables if variable.name == "few")
    normal = next(variable for variable in made.variables if variable.name == "normal")
    assert not {"a", "b", "c"} & set(few.categories or [])
    assert (normal.minimum, normal.maximum) == (None, None)
    assert sum(few.counts) + few.missing == made.rows


def test_a_segment_of_a_sensitive_feature_is_masked(tmp_path: Path) -> None:
    options = FitOptions(Task.BINARY, sensitive=frozenset({"few"}), key=b"key", segments={"few": ()})
    made = fitted(frame(), options, tmp_path).document
    assert not {"a", "b", "c"} & set(made.segments[0].values)
    schema, problems = schema_of("m", Task.BINARY, made, {})
    assert problems == []
    assert schema.segments[0].groups == ("c01", "c02", "c03", "other", "missing")


def test_what_is_fitted_together_comes_back_from_the_file(tmp_path: Path) -> None:
    made = baseline()
    document.write(made, tmp_path / "baseline.json")
    read = document.read(tmp_path / "baseline.json")
    assert read == made
    assert read.multivariate is not None
    assert read.multivariate.sums["multivariate_rows"][0] == made.rows
    assert len(orjson.dumps(msgspec.to_builtins(read.multivariate))) < 6_000


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_few_rows_and_columns_that_never_vary_are_fitted_together(tmp_path: Path, rows: int) -> None:
    data = pd.DataFrame({"x": [3.0] * rows, "gone": [1.0] + [None] * (rows - 1), "c": ["a"] * rows})
    kinds = {"x": FeatureKind.NUMERIC, "gone": FeatureKind.NUMERIC, "c": FeatureKind.CATEGORICAL}
    made = fitted(data, FitOptions(Task.BINARY, kinds=kinds, multivariate=True), tmp_path).document
    document.write(made, tmp_path / "baseline.json")
    whole = document.read(tmp_path / "baseline.json").multivariate
    assert whole is not None
    assert whole.features == ["x", "gone", "c"]
    assert whole.sums["multivariate_rows"] == [rows, 1]


def test_categories_of_the_configuration_keep_their_axes() -> None:
    """A configuration that lists categories in another order, or fewer, counts them where the baseline did."""
    made = baseline()
    options = {"few": FeatureOptions(categories=("c", "a"))}
    plain, other = (schema_of("m", Task.BINARY, made, given)[0] for given in ({}, options))
    chunk = chunk_of(workload.table(500, seed=3))
    few = np.array([name in ("a", "c", None) for name in chunk["few"].values])
    angles = []
    for schema in (plain, other):
        assert schema.multivariate is not None
        points = Points(schema, schema.multivariate)
        rows = predictions_of(chunk, schema, options_of(Task.BINARY))
        angles.append(points.angles(points.coordinates(rows.numeric), rows.categorical))
    assert (angles[0][few] == angles[1][few]).all()
    assert (angles[0][~few] != angles[1][~few]).any(axis=1).all()


def test_a_regression_has_the_center_of_its_labels(tmp_path: Path) -> None:
    data = frame(task=Task.REGRESSION)
    made = fitted(data, FitOptions(Task.REGRESSION, label="label", prediction="prediction"), tmp_path).document
    assert made.label_center == pytest.approx(data.label.mean())


@given(values=st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3), min_size=1, max_size=400))
def test_edges_ascend_and_every_bin_of_the_sample_is_used(values: list[float]) -> None:
    sample = np.array(values, float)
    edges = quantile_edges(sample)
    assert (np.diff(edges) > 0).all()
    counts = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)
    if len(set(values)) > 1:
        assert counts.min() > 0
    else:
        assert counts.tolist() == [0, len(values), 0]
    groups = decile_groups(counts)
    assert groups[0] == 0
    assert (np.diff(groups) > 0).all()
    assert len(groups) <= 10


@given(scores=st.lists(st.floats(0, 1), max_size=300))
def test_score_bins_hold_the_tenths(scores: list[float]) -> None:
    edges, groups = score_bins(np.array(scores))
    tenths = np.arange(1, 10) / 10
    assert set(tenths) <= set(edges)
    assert (np.diff(edges) > 0).all()
    assert set(tenths) <= set(edges[groups[1:] - 1])
