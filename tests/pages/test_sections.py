"""The sections that not every model has: each number is one of the page of metrics, or why there is none."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from ml_exporter.app.evaluation import NO_DATA, Evaluator
from ml_exporter.core.metrics import gauge, one
from ml_exporter.core.pipelines import Report, State
from ml_exporter.core.schema import Task
from ml_exporter.pages.landing import Standing, landing_page
from ml_exporter.pages.model import model_page, select
from ml_exporter.pages.sections import attributions, quality, root_cause
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import SHORT, percent, plain
from ml_exporter.resources.health import HealthReader
from ml_exporter.resources.model_reload import ReloadReader
from ml_exporter.resources.probe import Answer
from ml_exporter.resources.process import ProcessReader
from ml_exporter.resources.target import Health, ModelStatus, Target
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.signal import FAILED, TOO_FEW_SAMPLES
from support import html, workload
from support.engine import START, Bench, write_config

STANDING = Standing("1.2.3", "running", "/metrics", [], ["model"])
OPTIONAL = {"What moved performance", "Drift of all features together", "Attributions", "Feedback"}
OWN = ("model", "1", "5m")
FEATURES = (*workload.NUMERIC, *workload.CATEGORICAL)


def snapshot_of(bench: Bench) -> Snapshot:
    return Snapshot([*bench.published, *bench.engine._evaluator.for_pages], bench.clock.wall())


def page_of(bench: Bench, version: str = "1", window: str | None = "5m", model: str = "model") -> Element:
    chosen = select(snapshot_of(bench), model, version, window)
    assert chosen is not None
    return html.check(model_page(chosen))


def titles(root: Element) -> set[str]:
    return {html.text_of(each) for each in root.iter("h2")}


def words_of(root: Element) -> str:
    body = root.find("body")
    assert body is not None
    return html.text_of(body)


def first_cells(root: Element, caption: str) -> list[str]:
    """Return the headings of a table's rows."""
    for table in root.iter("table"):
        if caption in html.text_of(table[0]):
            return [html.text_of(each[0]) for each in table.findall("tbody/tr")]
    raise AssertionError(f"no table {caption}")


def moved(task: Task = Task.BINARY) -> workload.Table:
    """Return rows of which one feature stands still, others drift, and one group is nearly always wrong."""
    columns = workload.table(600, 5, task, 0.8)
    columns["tied"][:] = 4.0
    if task is Task.BINARY:
        south = columns["region"] == "south"
        columns["label"] = np.where(south, columns["score"] < 0.5, columns["label"]).astype(int)
    return columns


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Version 1 with labels, feedback and attributions; version 2 without them."""
    config = write_config(tmp_path_factory.mktemp("told"), more="windows: [5m, 1h]", noise=True)
    bench = Bench(config, state=False)
    columns = moved()
    second = [{**event, "version": "2"} for event in workload.events(columns, prefix="other")]
    events = workload.attributed(workload.events(columns), columns)
    bench.send([*events, *second[:300]], workload.labels(columns), workload.told(columns))
    bench.tick()
    Bench.open.remove(bench)
    return bench


class Shown:
    """The values of version 1 within five minutes, as the page writes them."""

    def __init__(self, bench: Bench, **scope: str) -> None:
        self._bench = bench
        self._scope = {"model": "model", "version": "1", **scope}

    def value(self, name: str, **labels: str) -> float:
        found = self._bench.value(name, **self._scope, **labels)
        assert found is not None, name
        return found

    def __call__(self, name: str, **labels: str) -> str:
        return plain(self.value(name, **labels))

    def share(self, name: str, **labels: str) -> str:
        return percent(self.value(name, **labels))


@pytest.fixture
def within(bench: Bench) -> Shown:
    return Shown(bench, window="5m")


@pytest.fixture
def total(bench: Bench) -> Shown:
    return Shown(bench)


def test_features_by_drift_times_importance(bench: Bench, within: Shown, total: Shown) -> None:
    root = page_of(bench)
    caption = "Features within 5m by PSI beyond its noise floor"
    scores = {name: within.value("ml_root_cause_feature_score", feature=name) for name in FEATURES}
    suspects = sorted((name for name in FEATURES if scores[name]), key=lambda name: -scores[name])
    assert first_cells(root, caption) == suspects
    for name in suspects:
        assert html.row(root, caption, name) == [
            within("ml_root_cause_feature_score", feature=name),
            f"{within('ml_feature_drift_psi', feature=name)}"
            f"noise {within('ml_feature_drift_psi_noise_floor', feature=name)}",
            total.share("ml_baseline_feature_importance_ratio", feature=name, source="attributions"),
        ]
    assert "share in the attributions of the baseline" in words_of(root)
    left = len(FEATURES) - len(suspects)
    assert f"{left} features have not drifted beyond their noise" in words_of(root)


def test_groups_by_their_part_in_the_loss(bench: Bench, within: Shown) -> None:
    root = page_of(bench)
    caption = "Groups by their part in the loss of accuracy"
    order = [tuple(name.split(" = ")) for name in first_cells(root, caption)]
    assert order[0] == ("region", "south")
    less, mix = (snapshot_of(bench).rows(f"ml_root_cause_segment_{name}", *OWN) for name in ("loss", "mix_loss"))
    known = less.keys() | mix.keys()
    assert set(order) <= known
    assert len(order) == min(len(known), root_cause.SHOWN)
    shares = []
    for segment, group in order[: len(less)]:
        of = {"segment": segment, "group": group}
        assert html.row(root, caption, f"{segment} = {group}") == [
            within.share("ml_root_cause_segment_share", **of),
            within("ml_root_cause_segment_loss", **of),
            within("ml_root_cause_segment_mix_loss", **of),
        ]
        shares.append(within.value("ml_root_cause_segment_share", **of))
    assert shares == sorted(shares, reverse=True)
    for segment, group in order[len(less) :]:
        _, by_being, by_mix = html.row(root, caption, f"{segment} = {group}")
        assert by_being == "no labels now"
        assert by_mix == within("ml_root_cause_segment_mix_loss", segment=segment, group=group)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.MULTICLASS])
def test_a_loss_within_noise_is_not_shared_out(tmp_path: Path, task: Task) -> None:
    bench = Bench(write_config(tmp_path, task, "windows: [5m]", noise=True), state=False)
    columns = workload.table(600, 5, task)
    bench.send(workload.events(columns), workload.labels(columns))
    bench.tick()
    root = page_of(bench)
    assert titles(root) & OPTIONAL == {"What moved performance"}
    what = "growth of MAE" if task is Task.REGRESSION else "loss of accuracy"
    share, less, _ = html.row(root, f"Groups by their part in the {what}", "region = north")
    of = {"segment": "region", "group": "north"}
    why = "loss within noise" if task is Task.REGRESSION else "no loss"
    assert (share, less) == (why, Shown(bench, window="5m")("ml_root_cause_segment_loss", **of))
    bench.send([{"id": f"far-{row}", "features": {"normal": 9.0}} for row in range(600)])
    bench.tick()
    assert "every feature counts alike, so the order is that of drift" in words_of(page_of(bench))


def test_the_others_are_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_cause, "SHOWN", 2)
    monkeypatch.setattr(attributions, "SHOWN", 3)
    monkeypatch.setattr(attributions, "LISTED", 4)
    monkeypatch.setattr(quality, "STILL", 1)
    scores = snapshot_of(bench).by_first("ml_root_cause_feature_score", "model", "1", "5m")
    groups = snapshot_of(bench).rows("ml_root_cause_segment_mix_loss", *OWN)
    root = page_of(bench)
    suspects = sum(score > 0 for score in scores.values())
    assert len(first_cells(root, "Features within 5m")) == len(first_cells(root, "Groups by their part")) == 2
    assert f"{suspects - 2} more have a score above 0" in words_of(root)
    assert f"{len(groups) - 2} more groups are on the page of metrics" in words_of(root)
    assert len(first_cells(root, "Mean absolute attributions")) == 3
    assert first_cells(root, "At 100 %") == ["tied"]
    details = [html.text_of(each) for each in root.iter("details")]
    (rest,) = (each for each in details if each.startswith(f"{len(FEATURES) - 3} more features"))
    assert rest.endswith(f"{len(FEATURES) - 7} more are on the page of metrics.")


def test_all_features_together(bench: Bench, within: Shown, total: Shown) -> None:
    root = page_of(bench)
    mmd, error = "ml_multivariate_drift_mmd", "ml_multivariate_drift_reconstruction_error"
    before = "ml_baseline_multivariate_drift_reconstruction_error"
    assert (
        html.fact(root, "Maximum mean discrepancy (MMD)")
        == f"{within(mmd)} (noise {within(f'{mmd}_noise_floor')})"
    )
    assert html.fact(root, "PCA reconstruction error") == (
        f"{within(error)} ± {within(f'{error}_standard_error')}, baseline {total(before)}"
    )
    rows = f"{within(f'{error}_samples')}, baseline {total(f'{before}_samples')}"
    assert html.fact(root, "Rows that lack no feature") == rows


def test_attributions_beside_the_baseline(bench: Bench, within: Shown, total: Shown) -> None:
    root = page_of(bench)
    caption = "Mean absolute attributions within 5m"
    assert html.fact(root, "NDCG of the features' order") == within("ml_attribution_drift_ndcg")
    assert set(first_cells(root, caption)) == set(FEATURES)
    for name in FEATURES:
        assert html.row(root, caption, name) == [
            within("ml_feature_attribution_rank", feature=name),
            total("ml_baseline_feature_attribution_rank", feature=name),
            within("ml_feature_attribution_mean", feature=name),
            total("ml_baseline_feature_attribution_mean", feature=name),
            total("ml_feature_attributed_predictions_total", feature=name),
        ]
    best = [min(map(float, html.row(root, caption, name)[:2])) for name in first_cells(root, caption)]
    assert best == sorted(best)
    second = page_of(bench, "2")
    assert html.fact(second, "NDCG of the features' order") == "no predictions"
    assert html.row(second, caption, "normal")[::2] == ["no predictions", "no predictions", "0"]


def test_feedback_of_each_version(bench: Bench, within: Shown, total: Shown) -> None:
    root = page_of(bench)
    share = "ml_feedback_positive_ratio"
    ends = " to ".join(within.share(f"{share}_{end}") for end in ("lower", "upper"))
    mean, samples = within("ml_feedback_rating_mean"), within("ml_feedback_samples")
    assert html.fact(root, "Mean rating") == f"{mean} on a scale from 1 up"
    assert html.fact(root, "Share of positive feedback") == f"{within.share(share)} ({ends})"
    assert html.fact(root, "Ratings and thumbs within 5m") == samples
    assert html.row(root, "by step of the scale", "Since the counters began") == [
        *(total("ml_feedback_rating_total", rating=str(step)) for step in range(1, 6)),
        *(total("ml_feedback_thumbs_total", thumb=thumb) for thumb in ("down", "up")),
    ]
    assert html.fact(root, "Ratings and thumbs") == "600 joined, 0 duplicate, 0 late, 0 unmatched"
    assert html.row(root, "All versions", "Ratings and thumbs") == [samples, "0"]
    assert html.row(root, "All versions", "Mean rating") == [mean, "no feedback"]
    positive = html.row(root, "All versions", "Share of positive feedback")
    assert positive == [within.share(share) + ends, "no feedback"]
    second = page_of(bench, "2")
    assert html.fact(second, "Mean rating") == html.fact(second, "Share of positive feedback") == "no feedback"


def test_features_that_stand_still(bench: Bench, within: Shown, total: Shown) -> None:
    root = page_of(bench)
    caption = "At 100 % a feature stands still"
    names = first_cells(root, caption)
    assert names[0] == "tied"
    assert "constant" not in names
    for name in names:
        now, before = "ml_feature_modal_ratio", "ml_baseline_feature_modal_ratio"
        assert within.value(now, feature=name) > total.value(before, feature=name)
        assert html.row(root, caption, name) == [
            within.share(now, feature=name),
            total.share(before, feature=name),
        ]


def test_rows_that_repeat(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, more="windows: [5m]"), state=False)
    columns = workload.table(300, 5)
    again = [event for number in range(3) for event in workload.events(columns, prefix=f"sent-{number}")]
    bench.send(again)
    bench.tick()
    root, within = page_of(bench), Shown(bench, window="5m")
    assert html.fact(root, "Repeated rows within 5m") == within("ml_repeated_rows_per_prediction")
    assert within.value("ml_repeated_rows_per_prediction") > 1.5
    expected = within("ml_baseline_repeated_rows_per_prediction")
    assert html.fact(root, "Of as many rows like the baseline's") == expected


def test_why_there_is_no_value(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, more="windows: [5m]", noise=True), state=False)
    bench.tick()
    root = page_of(bench)
    assert titles(root) >= OPTIONAL
    words = words_of(root)
    assert "No ranking of the features: no predictions." in words
    assert "No parts of groups in a loss: no labels." in words
    assert "Whether features still vary is not known: no predictions." in words
    assert html.fact(root, "Maximum mean discrepancy (MMD)") == "no predictions"
    assert html.fact(root, "PCA reconstruction error").startswith("no predictions, baseline ")
    assert html.fact(root, "Repeated rows within 5m") == "no predictions"
    assert html.fact(root, "Mean rating") == "no feedback"
    columns = workload.table(50, 5)
    bench.send(
        workload.attributed(workload.events(columns), columns), workload.labels(columns), workload.told(columns)
    )
    bench.tick()
    root = page_of(bench)
    few = "too few samples"
    assert f"No ranking of the features: {few}." in words_of(root)
    assert f"No parts of groups in a loss: {few}." in words_of(root)
    for name in ("Maximum mean discrepancy (MMD)", "Mean rating", "NDCG of the features' order"):
        assert html.fact(root, name) == few
    assert html.row(root, "Mean absolute attributions", "normal")[0] == few


def test_what_failed_is_told(bench: Bench) -> None:
    failed = ("feature_modal", "repeated_rows", "multivariate_drift_reconstruction_error")
    assert {*failed} <= {signal.key for signal in SIGNALS}
    gone = ("ml_feature_modal_ratio", "ml_repeated_rows", f"ml_{failed[2]}")
    blocks = [block for block in bench.published if not block.metric.name.startswith(gone)]
    blocks += [one(NO_DATA, 1.0, *OWN, signal, "", FAILED) for signal in failed]
    chosen = select(Snapshot(blocks, bench.clock.wall()), *OWN)
    assert chosen is not None
    root = html.check(model_page(chosen))
    why = SHORT[FAILED]
    assert f"Whether features still vary is not known: {why}." in words_of(root)
    assert html.fact(root, "Repeated rows within 5m") == why
    assert html.fact(root, "PCA reconstruction error").startswith(why)
    assert html.fact(root, "Rows that lack no feature").startswith(why)
    assert "noise" in html.fact(root, "Maximum mean discrepancy (MMD)")


def test_features_of_which_it_is_not_known_are_named(bench: Bench) -> None:
    blocks = [*bench.published, one(NO_DATA, 1.0, *OWN, "feature_modal", "zeros", TOO_FEW_SAMPLES)]
    chosen = select(Snapshot(blocks, bench.clock.wall()), *OWN)
    assert chosen is not None
    words = words_of(html.check(model_page(chosen)))
    assert f"Not known of 1: zeros: {SHORT[TOO_FEW_SAMPLES]}." in words


def test_a_model_that_has_none_of_it_has_no_such_sections(tmp_path: Path) -> None:
    config = tmp_path / "ml-exporter.yml"
    config.write_text("models:\n  - {name: bare, task: regression}\n")
    bench = Bench(config, state=False)
    bench.send([{"id": "a", "prediction": 5}])
    bench.tick()
    root = page_of(bench, model="bare")
    assert not titles(root) & OPTIONAL
    landing = html.check(landing_page(STANDING, snapshot_of(bench)))
    assert titles(landing) == {"Models", "Exporter", "Links"}


def test_pipelines_on_the_landing_page(tmp_path: Path) -> None:
    config = "pipelines: [{name: hourly, every: 1h}, {name: nightly, every: 24h}, {name: seldom}]"
    bench = Bench(write_config(tmp_path, more=config), state=False)
    known = bench.engine.pipelines
    known.configure(bench.setup.settings.pipelines, START)
    runs = [("nightly", "a", State.SUCCEEDED, 0, 60), ("nightly", "b", State.FAILED, 3600, 3660)]
    runs += [("seldom", "a", State.SUCCEEDED, 0, 0)]
    for name, key, state, start, end in runs:
        known.take(Report(name, key, state, START + end, start=START + start, end=START + end))
    known.take(Report("nightly", "c", State.STARTED, START + 7200, start=START + 7200))
    bench.tick(2 * 3600 + 600)
    root = html.check(landing_page(STANDING, snapshot_of(bench)))
    assert html.row(root, "As reported", "hourly") == ["never", "never", "never", "1 hoverdue by 1 h"]
    nightly = ["10 min ago1 running", "1 h agofailed after 1 min", "2 h ago", "1 d"]
    assert html.row(root, "As reported", "nightly") == nightly
    assert html.row(root, "As reported", "seldom")[1:] == ["2 h agosucceeded after 0 s", "2 h ago", "not told"]


def test_the_model_server_on_the_landing_page(tmp_path: Path) -> None:
    target = Target(pid=os.getpid(), health=Health("http://127.0.0.1:9/"))
    assert target.health is not None
    target.stopped.set()
    health = HealthReader(target, target.health)
    evaluator = Evaluator(readers=[ProcessReader(target), health])
    bench = Bench(write_config(tmp_path), state=False, evaluator=evaluator)

    def landing() -> Element:
        bench.tick()
        return html.check(landing_page(STANDING, snapshot_of(bench)))

    root = landing()
    assert [html.fact(root, name) for name in ("Process", "Restarts seen")] == ["runs", "0"]
    assert [html.fact(root, name) for name in ("Health check", "Last checked")] == ["not checked yet", "not yet"]
    health.take(Answer("status", 503, 0.01, bench.clock.wall()), None)
    root = landing()
    assert html.fact(root, "Health check") == "not healthy; HTTP 503"
    assert html.fact(root, "Last checked") == "1 s ago"
    health.take(Answer("healthy", 200, 0.01, bench.clock.wall()), None)
    assert html.fact(landing(), "Health check") == "healthy; HTTP 200"
    health.take(Answer("unreachable", None, 0.01, bench.clock.wall()), None)
    assert html.fact(landing(), "Health check") == "not healthy; no HTTP answer"
    evaluator.replace_readers([ProcessReader(Target(pid=2**22 - 1))])
    root = landing()
    assert html.fact(root, "Process") == "does not run"
    assert "Health check" not in words_of(root)
    assert "Last load" not in words_of(root)


def test_the_loads_of_the_model_server_on_the_landing_page(tmp_path: Path) -> None:
    target = Target(model=ModelStatus("http://127.0.0.1:9/"))
    assert target.model is not None
    target.stopped.set()
    reload = ReloadReader(target, target.model)
    bench = Bench(write_config(tmp_path), state=False, evaluator=Evaluator(readers=[reload]))

    def shown() -> tuple[str, str]:
        bench.tick()
        root = html.check(landing_page(STANDING, snapshot_of(bench)))
        return html.fact(root, "Last load"), html.fact(root, "Reloads seen")

    def tell(result: str, told: bytes | None) -> None:
        reload.take(Answer(result, None, 0.01, bench.clock.wall(), told), None)

    assert shown() == ("not seen", "not asked for yet")
    tell("status", None)
    assert shown() == ("not seen", "what is loaded was not told")
    tell("success", b"v1")
    assert shown() == ("not seen", "0")
    tell("success", b"v2")
    assert shown() == ("1 s ago", "1")
    tell("timeout", None)
    assert shown() == ("2 s ago", "1; not told at the last request")


def test_a_server_that_cannot_be_read_is_not_healthy() -> None:
    success = gauge("ml_exporter_collector_success", "1 if.", "collector")
    blocks = [one(success, 0, collector) for collector in ("process", "health", "model_reload")]
    root = html.check(landing_page(STANDING, Snapshot(blocks, 0.0)))
    assert html.fact(root, "Process") == "cannot be read, see the log"
    assert html.fact(root, "Health check") == "cannot be checked, see the log"
    assert html.fact(root, "Last checked") == "unknown"
    assert html.fact(root, "Last load") == "unknown"
    assert html.fact(root, "Reloads seen") == "cannot be asked for, see the log"
