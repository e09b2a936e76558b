"""Ratings and thumbs: counted once for an id, at the version that predicted, over restarts; and what they say."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ml_exporter.core.columns import FeedbackColumns
from ml_exporter.core.errors import PayloadError
from ml_exporter.core.feedback import Scale
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.ingest.protocols import ArrowStream, JsonDocument, NdJson
from ml_exporter.state import checkpoint
from ml_exporter.state.join.store import Fate, JoinChanges, JoinStore
from ml_exporter.sums.feedback import FeedbackTally
from support import workload
from support.engine import Bench, write_config
from support.intake import ndjson
from support.models import Model, tallies_of
from support.processes import Process, free_port, sidecar

COLUMNS = workload.table(600, seed=71)
EVENTS, LABELS, TOLD = workload.events(COLUMNS), workload.labels(COLUMNS), workload.told(COLUMNS)
RESULTS = ("joined", "duplicate", "late", "unmatched")


def results(bench: Bench) -> dict[str, float | None]:
    return {result: bench.value("ml_feedback_results_total", model="model", result=result) for result in RESULTS}


def counters(bench: Bench, version: str = "1") -> dict[str, float]:
    page = bench.page().splitlines()
    found = [line for line in page if line.startswith("ml_feedback") and f'version="{version}"' in line]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in found if "_total{" in line}


def test_numbers_are_those_of_the_ratings(tmp_path: Path) -> None:
    """Against numpy over the plain ratings, and SciPy's interval."""
    bench = Bench(write_config(tmp_path))
    bench.send(EVENTS, [], TOLD)
    bench.tick()
    ratings = np.array([item["rating"] for item in TOLD if "rating" in item])
    thumbs = np.array([item["thumb"] for item in TOLD if "thumb" in item])
    within = {"model": "model", "version": "1", "window": "5m"}
    assert results(bench) == {"joined": 600, "duplicate": 0, "late": 0, "unmatched": 0}
    assert bench.value("ml_feedback_rating_mean", **within) == pytest.approx(ratings.mean(), abs=1e-8)
    positive = int((ratings >= 3.4).sum() + thumbs.sum())
    assert bench.value("ml_feedback_positive_ratio", **within) == positive / 600
    interval = binomtest(positive, 600).proportion_ci(method="wilson")
    assert bench.value("ml_feedback_positive_ratio_lower", **within) == pytest.approx(interval.low)
    assert bench.value("ml_feedback_positive_ratio_upper", **within) == pytest.approx(interval.high)
    assert bench.value("ml_feedback_samples", **within) == 600
    scope = {"model": "model", "version": "1"}
    for step in range(1, 6):
        expected = int((np.floor(ratings + 0.5) == step).sum())
        assert bench.value("ml_feedback_rating_total", **scope, rating=str(step)) == expected
    assert bench.value("ml_feedback_thumbs_total", **scope, thumb="up") == thumbs.sum()
    assert bench.value("ml_feedback_thumbs_total", **scope, thumb="down") == (~thumbs).sum()
    assert bench.value("ml_feedback_positive_total", **scope) == positive
    assert bench.value("ml_feedback_points_total", **scope) == pytest.approx((ratings - 1).sum(), abs=1e-5)


def test_the_first_feedback_of_an_id_counts_beside_its_label(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    bench.send(EVENTS[:300], LABELS[:300], [*TOLD[:200], *TOLD[:50]])
    bench.send([], LABELS[:10], [{"id": "id-0", "rating": 1}, *TOLD[200:320], *TOLD[310:320]])
    bench.tick()
    assert results(bench) == {"joined": 300, "duplicate": 51, "late": 0, "unmatched": 30}
    assert bench.value("ml_labels_total", model="model", result="joined") == 300
    assert bench.value("ml_labels_total", model="model", result="duplicate") == 10
    assert bench.value("ml_exporter_join_early_labels", model="model") in (None, 0)
    expected = Model().feedback(workload.take(COLUMNS, slice(0, 300)))
    sums = Model().tallies.zero()
    Model().tallies.add_feedback(expected, sums)
    state = bench.models["model"].state
    assert state is not None
    for block in ("feedback_ratings", "feedback_thumbs", "feedback_totals"):
        assert (state.versions["1"].total[block] == sums[block]).all()


def test_feedback_counts_for_the_version_that_predicted(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    old, new = (
        [{**event, "version": v} for event in part] for v, part in (("1", EVENTS[:100]), ("2", EVENTS[100:300]))
    )
    bench.send(
        [*old, *new], [], [{"id": f"id-{row}", "thumb": "up" if row < 100 else "down"} for row in range(300)]
    )
    bench.tick()
    shares = {
        version: bench.value("ml_feedback_positive_ratio", model="model", version=version, window="5m")
        for version in ("1", "2")
    }
    assert shares == {"1": 1.0, "2": 0.0}
    assert bench.value("ml_feedback_thumbs_total", model="model", version="2", thumb="down") == 200


def test_why_there_is_no_number(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    bench.send(EVENTS, [], [{"id": f"id-{row}", "thumb": True} for row in range(120)] + TOLD[120:130])
    bench.tick()
    reason = {"model": "model", "version": "1", "window": "5m", "feature": ""}
    mean = {"signal": "feedback_rating_mean", "reason": "too_few_samples"}
    assert bench.value("ml_signal_no_data", **reason, **mean) == 1
    assert bench.value("ml_feedback_rating_mean", model="model", version="1", window="5m") is None
    assert bench.value("ml_feedback_positive_ratio", model="model", version="1", window="5m") is not None
    bench.tick(400)
    for signal in ("feedback_rating_mean", "feedback_positive_ratio"):
        assert bench.value("ml_signal_no_data", **reason, signal=signal, reason="no_feedback") == 1


def test_feedback_after_the_horizon_is_late(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace("    feedback:", "    labels: {horizon: 1h}\n    feedback:"))
    bench = Bench(config)
    bench.send(EVENTS[:10])
    bench.tick(3700)
    bench.send([], [], [*TOLD[:10], *TOLD[:5]])
    bench.tick()
    assert results(bench) == {"joined": 0, "duplicate": 0, "late": 15, "unmatched": 0}


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_knows_what_was_rated(tmp_path: Path, clean: bool) -> None:
    """From the journal after a SIGKILL, from the snapshot after a stop, and from both."""
    config = write_config(tmp_path)
    bench = Bench(config)
    bench.send(EVENTS, LABELS[:300], TOLD[:200])
    bench.tick()
    bench.engine._snapshot_due = True
    bench.send([], [], TOLD[200:350])
    bench.tick()
    bench.send([], [], TOLD[350:400])
    bench.tick()
    before = counters(bench)
    bench.end(clean=clean)
    again = Bench(config, bench.clock)
    assert counters(again) == before
    again.send([], [], TOLD)
    again.tick()
    assert results(again) == {"joined": 600, "duplicate": 400, "late": 0, "unmatched": 0}
    whole = Bench(config, state=False)
    whole.send(EVENTS, LABELS[:300], TOLD)
    whole.tick()
    assert counters(again) == counters(whole)


def test_state_of_before_there_was_feedback_is_read() -> None:
    content = checkpoint._join(JoinChanges([], [], _nothing(), np.zeros(0, np.uint64), ["1"]), _Blobs())  # type: ignore[arg-type]
    del content["rated"]
    assert checkpoint._join_changes(content, _Blobs()).rated == []  # type: ignore[arg-type]


def _nothing() -> tuple[Any, Any]:
    return np.zeros(0, np.uint64), np.zeros((0, 3))


class _Blobs:
    def attach(self, array: Any) -> Any:
        return array

    def array(self, blob: Any, dtype: Any) -> Any:
        return np.asarray(blob, dtype)


def test_a_schema_without_feedback_is_as_before() -> None:
    plain = ModelSchema("m", Task.BINARY, classes=("0", "1"))
    tallies = tallies_of(plain)
    assert not [name for name in tallies.layout if name.startswith("feedback")]
    prints = {
        ModelSchema("m", Task.BINARY, classes=("0", "1"), feedback=scale).fingerprint()
        for scale in (None, Scale(1, 5), Scale(0, 5))
    }
    assert len(prints) == 3
    assert plain.fingerprint() in prints


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=30), max_size=20), st.booleans())
def test_each_known_id_is_joined_once_whatever_the_batches(batches: list[list[int]], labelled: bool) -> None:
    store = JoinStore(None, horizon=1e9, capacity=1_000)
    rows = np.zeros(30, store.dtype)
    rows["hash"] = np.arange(30)
    store.add_predictions(rows[:20], 0.0)
    store.expire(5e8)  # the first rows are sealed
    store.add_predictions(rows[20:], 5e8)
    seen: set[int] = set()
    for batch in batches:
        hashes = np.array(batch, np.uint64)
        if labelled:
            store.add_labels(hashes, np.zeros(len(batch)), np.zeros(len(batch)), 5e8)
        fates, places, found = store.add_feedback(hashes, 5e8)
        expected = []
        for key in batch:
            known = key < 30
            expected.append(Fate.EARLY if not known else Fate.DUPLICATE if key in seen else Fate.JOINED)
            seen |= {key} if known else set()
        assert fates.tolist() == expected
        assert (hashes[places] == found["hash"]).all()


@pytest.mark.parametrize(
    ("scale", "labels", "positive"),
    [
        (Scale(1, 5), ("1", "2", "3", "4", "5"), [4, 5]),
        (Scale(1, 10), tuple(map(str, range(1, 11))), [7, 8, 9, 10]),
        (Scale(0, 1), ("0", "1"), [1]),
        (Scale(-1, 1), ("-1", "0", "1"), [1]),
        (Scale(0, 100), ("[0, 20)", "[20, 40)", "[40, 60)", "[60, 80)", "[80, 100]"), [*range(60, 101)]),
    ],
)
def test_steps_of_a_scale(scale: Scale, labels: tuple[str, ...], positive: list[int]) -> None:
    every = np.arange(scale.lowest, scale.highest + 1)
    assert scale.labels == labels
    assert every[scale.positive(every)].tolist() == positive
    steps = scale.steps(every)
    assert steps[0] == 0
    assert steps[-1] == len(labels) - 1
    if scale.is_whole:
        assert steps.tolist() == list(range(len(labels)))
    else:
        assert np.bincount(steps).tolist() == [20, 20, 20, 20, 21]


@given(
    st.tuples(st.floats(-1e6, 1e6), st.floats(0.001, 1e6)).map(lambda pair: Scale(pair[0], pair[0] + pair[1])),
    st.lists(st.floats(0, 1), min_size=1, max_size=50),
)
def test_any_scale_has_distinct_steps_and_a_mean_within_it(scale: Scale, shares: list[float]) -> None:
    assert len(set(scale.labels)) == len(scale.labels)
    ratings = np.clip(scale.lowest + np.array(shares) * scale.length, scale.lowest, scale.highest)
    tallies = tallies_of(ModelSchema("m", Task.REGRESSION, feedback=scale))
    sums = tallies.zero()
    FeedbackTally(scale).add(FeedbackColumns(ratings, np.full(len(ratings), -1, np.int32)), sums)
    assert sums["feedback_ratings"].sum() == len(ratings)
    mean = scale.lowest + scale.length * sums["feedback_totals"][0] / len(ratings) / 2**30
    assert mean == pytest.approx(ratings.mean(), abs=scale.length * 1e-8 + 1e-9)


ONE = {"id": "a", "rating": 4}


@pytest.mark.parametrize("form", ["object", "array", "lines"])
def test_every_form_is_read(tmp_path: Path, form: str) -> None:
    bench = Bench(write_config(tmp_path), state=False)
    if form == "object":
        batches, receipt = bench.intake.feedback(json.dumps(ONE).encode(), JsonDocument(), None)
    elif form == "array":
        batches, receipt = bench.intake.feedback(json.dumps([ONE]).encode(), JsonDocument(), None)
    else:
        batches, receipt = bench.intake.feedback(ndjson([ONE]), NdJson(), None)
    ((ids, columns),) = [batch.content for batch in batches]
    assert (receipt.accepted, ids, columns.rating.tolist(), columns.thumb.tolist()) == (1, ["a"], [4.0], [-1])


@pytest.mark.parametrize(("thumb", "code"), [("up", 1), (True, 1), ("down", 0), (False, 0)])
def test_thumbs_are_words_or_booleans(tmp_path: Path, thumb: Any, code: int) -> None:
    bench = Bench(write_config(tmp_path), state=False)
    (batch,), _ = bench.intake.feedback(ndjson([{"id": 1, "thumb": thumb, "timestamp": 1e9}]), NdJson(), None)
    assert batch.content[1].thumb.tolist() == [code]


@pytest.mark.parametrize(
    ("item", "reason", "detail"),
    [
        ({"rating": 4}, "missing_id", "id: must be given"),
        ({"id": "", "rating": 4}, "missing_id", "id: must be given"),
        ({"id": "a"}, "invalid", "must have a rating or a thumb, one of them"),
        ({"id": "a", "rating": 4, "thumb": True}, "invalid", "must have a rating or a thumb, one of them"),
        ({"id": "a", "rating": 6}, "invalid", "rating: must be from 1 to 5"),
        ({"id": "a", "rating": 0.5}, "invalid", "rating: must be from 1 to 5"),
        ({"id": "a", "rating": float("nan")}, "invalid", "rating: must be from 1 to 5"),
        ({"id": "a", "rating": True}, "invalid", "Expected `float | null`, got `bool` - at `$.rating`"),
        ({"id": "a", "rating": "5"}, "invalid", "Expected `float | null`, got `str` - at `$.rating`"),
        ({"id": "a", "thumb": "sideways"}, "invalid", "Invalid enum value 'sideways' - at `$.thumb`"),
        ({"id": "a", "stars": 4}, "invalid", "Object contains unknown field `stars`"),
        (
            {"id": "a", "rating": 4, "model": "other"},
            "unknown_model",
            'model: no model "other"; configured are model',
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, item: dict[str, Any], reason: str, detail: str) -> None:
    bench = Bench(write_config(tmp_path), state=False)
    batches, receipt = bench.intake.feedback(json.dumps([ONE, item]).encode(), JsonDocument(), None)
    assert [batch.events for batch in batches] == [1]
    assert receipt.trouble is not None
    assert receipt.trouble.errors == [{"index": 1, "reason": reason, "detail": detail}]


def test_a_model_that_takes_none_says_how_to_declare_it(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, Task.REGRESSION), state=False)
    batches, receipt = bench.intake.feedback(json.dumps(ONE).encode(), JsonDocument(), None)
    assert not batches
    assert receipt.trouble is not None
    told = 'model "model" takes no feedback; declare it: feedback: {scale: [1, 5]}'
    assert receipt.trouble.errors == [{"index": 0, "reason": "invalid", "detail": told}]
    bench.tick()
    assert "ml_feedback" not in bench.page()


def test_tables_are_refused(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path), state=False)
    with pytest.raises(PayloadError, match="feedback must be JSON"):
        bench.intake.feedback(b"", ArrowStream(), None)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[int], Process]]:
    config = write_config(tmp_path)
    started: list[Process] = []

    def begin(port: int) -> Process:
        started.append(sidecar(config, port))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def test_durable_feedback_survives_a_sigkill_of_the_process(start: Callable[[int], Process]) -> None:
    port = free_port()
    process = start(port)
    assert process.post("/v1/predictions?ack=durable", EVENTS)[0] == 200
    status, answer = process.post("/v1/feedback?ack=durable", TOLD[:250])
    assert (status, answer) == (200, {"status": "durable", "accepted": 250})
    assert process.end() == -9
    process = start(port)
    joined = 'ml_feedback_results_total{model="model",result="%s"}'
    process.until(joined % "joined", 250)
    thumbs = sum(item.get("thumb") is True for item in TOLD[:250])
    assert process.metrics()['ml_feedback_thumbs_total{model="model",version="1",thumb="up"}'] == thumbs
    assert process.post("/v1/feedback?ack=durable", TOLD)[0] == 200
    process.until(joined % "joined", 600)
    assert process.metrics()[joined % "duplicate"] == 250
    status, body = process.request("POST", "/v1/feedback", orjson.dumps({"id": "x", "rating": 9}))
    assert (status, orjson.loads(body)["detail"]) == (400, "rating: must be from 1 to 5")
    status, body = process.request(
        "POST", "/v1/feedback", b"x", Content_Type="application/vnd.apache.arrow.stream"
    )
    assert status == 415
    assert process.metrics()['ml_exporter_events_accepted_total{event="feedback"}'] == 600
