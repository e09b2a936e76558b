"""The pages from the published snapshot of a real engine: every number on them is one of the page of metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.app import evaluation
from ml_exporter.core.metrics import Block, NoData, gauge, one
from ml_exporter.core.schema import Task
from ml_exporter.pages.histogram import WIDTH, histogram
from ml_exporter.pages.landing import Standing, landing_page
from ml_exporter.pages.model import missing_page, model_page, path_of, select
from ml_exporter.pages.report import report_page, report_parts
from ml_exporter.pages.sections import SECTIONS
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import number, percent, plain
from ml_exporter.signals.signal import Views
from support import html, wide, workload
from support.engine import Bench, write_config
from support.versions import fit_next

STANDING = Standing("1.2.3", "running", "/metrics", [("Configuration", "ml-exporter.yml")], ["model"])
ROWS = 600
HOSTILE_VERSION = "<b onclick='x'>2"


def snapshot_of(bench: Bench, *more: Block) -> Snapshot:
    blocks = [*bench.published, *bench.engine._evaluator.for_pages, *more]
    return Snapshot(blocks, bench.clock.wall())


def page_of(
    snapshot: Snapshot, model: str = "model", version: str | None = None, window: str | None = None
) -> Any:
    chosen = select(snapshot, model, version, window)
    assert chosen is not None
    return html.check(model_page(chosen))


@pytest.fixture(params=list(Task))
def task(request: pytest.FixtureRequest) -> Task:
    return Task(request.param)


def filled(folder: Path, task: Task = Task.BINARY, shift: float = 0.8) -> Bench:
    """Return a bench with 600 labelled predictions, drifted by ``shift``, and a second version without labels."""
    bench = Bench(write_config(folder, task, "windows: [5m, 1h]", noise=True), state=False)
    columns = workload.table(ROWS, 5, task, shift)
    second = [{**event, "version": "2"} for event in workload.events(columns, prefix="other")]
    bench.send(workload.events(columns) + second[:300], workload.labels(columns))
    bench.tick(0)
    bench.tick(10)
    return bench


def test_every_section_of_every_task(tmp_path: Path, task: Task) -> None:
    bench = filled(tmp_path, task)
    root = page_of(snapshot_of(bench), version="1")
    found = [html.text_of(each) for each in root.iter("h2")]
    declared = {"Fairness", "Feedback", "Attributions", "Drift of all features together"}
    left_out = set() if task is Task.BINARY else declared
    left_out |= {"Confusion matrix"} if task is Task.REGRESSION else set()
    assert found == [each.title for each in SECTIONS if each.title not in left_out]


def test_the_numbers_are_those_of_the_page_of_metrics(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    root = page_of(snapshot_of(bench), version="1", window="1h")
    own = {"model": "model", "version": "1"}

    def shown(name: str, **labels: str) -> str:
        value = bench.value(name, **own, **labels)
        assert value is not None
        return plain(value)

    def within(name: str, **labels: str) -> str:
        ends = [shown(f"{name}_{end}", window="1h", **labels) for end in ("lower", "upper")]
        return shown(name, window="1h", **labels) + " to ".join(ends)

    estimated = "ml_estimated_performance_accuracy"
    assert html.row(root, "labels that arrived", "Accuracy") == [
        within("ml_performance_accuracy"),
        f"{shown(estimated, window='1h')}± {shown(f'{estimated}_standard_error', window='1h')}",
        shown("ml_baseline_performance_accuracy"),
        shown("ml_performance_constant_accuracy", window="1h"),
    ]
    first, recall = {"class": "1"}, "ml_estimated_performance_recall"
    assert html.row(root, "labels that arrived", "Recall, class 1") == [
        within("ml_performance_recall", **first),
        f"{shown(recall, window='1h', **first)}± {shown(f'{recall}_standard_error', window='1h', **first)}",
        shown("ml_baseline_performance_recall", **first),
        "-",
    ]
    precision = html.row(root, "labels that arrived", "Precision, class 1")
    assert precision[-1] == shown("ml_performance_constant_precision", window="1h", **first)
    _, psi, ks, samples = html.row(root, "Sorted by how far PSI", "normal")
    drift = {"window": "1h", "feature": "normal"}
    scores = [shown(f"ml_feature_drift_psi{part}", **drift) for part in ("", "_noise_floor")]
    assert psi == " noise ".join(scores).replace(" noise", "noise")
    assert ks.startswith(shown("ml_feature_drift_kolmogorov_smirnov", **drift))
    assert samples == shown("ml_feature_drift_samples", **drift)
    group = {"window": "1h", "segment": "region", "group": "north"}
    cells = html.row(root, "Groups within", "region = north")
    assert cells[:2] == [
        shown(f"ml_segment_{name}", **group) for name in ("window_predictions", "performance_samples")
    ]
    accuracy = "ml_segment_performance_accuracy"
    value, error = (shown(f"{accuracy}{part}", **group) for part in ("", "_standard_error"))
    before = shown("ml_baseline_segment_performance_accuracy", segment="region", group="north")
    assert cells[2] == f"{value}± {error}baseline {before}"
    key = "statistical_parity_difference"
    east = {"window": "1h", "segment": "region", "group": "east"}
    parity, spread = (bench.value(f"ml_fairness_{key}{end}", **own, **east) for end in ("", "_standard_error"))
    assert parity is not None
    assert spread is not None
    counts = Counter(workload.table(ROWS, 5, Task.BINARY, 0.8)["region"])
    before = shown(f"ml_baseline_fairness_{key}", segment="region", group="east")
    group, told, counted, baseline = html.row(root, "Compared with region = north", "Statistical parity")
    ends = (plain(parity + sign * 1.959963984540054 * spread) for sign in (-1, 1))
    assert (group, told) == ("region = east", plain(parity) + " to ".join(ends))
    assert (counted, baseline) == (f"{counts['east']} / {counts['north']}", before)
    assert html.row(root, "The windows of this version", "5m")[:3] == ["holds the last 10 s", "600", "600"]
    before = f"baseline {shown('ml_baseline_performance_accuracy')}"
    versions = html.row(root, "All versions", "Accuracy")
    assert versions == [within("ml_performance_accuracy") + before, f"no labels{before}"]


def test_histograms_that_failed_are_no_empty_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def histograms(views: Views) -> Iterable[Block]:
        raise ValueError

    monkeypatch.setattr(evaluation, "_FOR_PAGES", (histograms,))
    root = page_of(snapshot_of(filled(tmp_path)), version="1", window="1h")
    assert html.row(root, "Sorted by how far PSI", "normal")[0] == "failed, see the log"
    assert "No distribution of the predictions: failed, see the log." in html.text_of(root)


def test_histograms_show_the_window_beside_the_baseline(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    snapshot = snapshot_of(bench)
    for window in ("5m", "1h"):
        bins = snapshot.rows("ml_feature_window_bin", "model", "1", window)
        total = snapshot.rows("ml_feature_bin_total", "model", "1")
        assert bins == total
    bench.tick(400)
    snapshot = snapshot_of(bench)
    assert not any(snapshot.rows("ml_feature_window_bin", "model", "1", "5m").values())
    assert snapshot.rows("ml_feature_window_bin", "model", "1", "1h") == total
    root = page_of(snapshot, version="1", window="1h")
    before = snapshot.rows("ml_baseline_feature_bin_ratio", "model", "1")
    rows = {place: value for place, value in total.items() if place[0] == "normal"}
    change = {place: value / ROWS - before[place] for place, value in rows.items()}
    most = max(change, key=lambda place: abs(change[place]))
    pictures = [each.get("aria-label") or "" for each in root.iter(html.SVG)]
    assert (
        sum(
            f"largest change in {most[1]}: {100 * before[most]:.1f} % in the baseline" in each for each in pictures
        )
        == 1
    )
    assert "ml_feature_window_bin" not in bench.page()


def test_each_bin_tells_its_shares(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    snapshot = snapshot_of(bench)
    root = page_of(snapshot, version="1", window="1h")
    pictures = list(root.iter(html.SVG))
    summaries = [each.get("aria-label") for each in root.iter("summary") if html.text_of(each) == "Bins"]
    assert len(summaries) == len(set(summaries)) == len(pictures)
    for name in ("normal", "few"):
        counts = snapshot.by_first("ml_feature_window_bin", "model", "1", "1h", name)
        before = snapshot.by_first("ml_baseline_feature_bin_ratio", "model", "1", name)
        shares = {bin: (percent(count / ROWS), percent(before[bin])) for bin, count in counts.items()}
        told = [f"{bin}: now {now}, baseline {then}" for bin, (now, then) in shares.items()]
        (drawn,) = (each for each in pictures if titles_of(each) == told)
        highest = max(max(counts.values()) / ROWS, *before.values())
        first, *_, last, _, _ = shares
        if name == "normal":
            low, high = first.removeprefix("(-Inf, ")[:-1], last.removesuffix(", +Inf)")[1:]
            under = [f"below {low}", f"from {high}"]
        else:
            under = [*counts]
        assert texts_of(drawn) == [percent(highest), *under]
        for bin, cells in shares.items():
            assert html.row(root, f"Bins of {name}", bin) == [*cells]
    report = html.check(report_page(list(report_parts(STANDING, snapshot, ["model"])), ["model"]))
    assert all(titles_of(each) and texts_of(each) for each in report.iter(html.SVG))
    assert "Bins" not in [html.text_of(each) for each in report.iter("summary")]


def titles_of(picture: Any) -> list[str]:
    return [html.text_of(each) for each in picture.iter(f"{html.DRAWN}title")]


def texts_of(picture: Any) -> list[str]:
    return [html.text_of(each) for each in picture.iter(f"{html.DRAWN}text")]


@pytest.mark.parametrize(
    ("values", "under"),
    [
        (["(-Inf, 0.5)", "[0.5, +Inf)"], ["below 0.5", "from 0.5"]),
        (["(-Inf, -1.235e-05)", "[-1.235e-05, 1.5e+10)", "[1.5e+10, +Inf)"], ["below -1.235e-05", "from 1.5e+10"]),
        (["EWR", "JFK", "LGA"], ["EWR", "JFK", "LGA", "other", "missing"]),
        (["Monday", "Fri", "Sun"], ["Monday", "Fri", "Sun", "other", "missing"]),
        (list("abcdefgh"), list("abcdefgh")),
        (["Albuquerque", "Nashville", "x"], ["most changed: Nashville"]),
        (["short", "a < b" * 20], ["most changed: " + "a < b" * 5 + "a < …"]),
        ([], ["other", "missing"]),
    ],
)
def test_what_stands_under_a_histogram_fits(values: list[str], under: list[str]) -> None:
    bins = [*values, "other", "missing"]
    now, before = [0.1] * len(bins), [0.1] * len(bins)
    now[min(1, len(bins) - 1)] = 0.9
    picture = html.fragment(histogram(bins, now, before))
    assert texts_of(picture) == ["90.0 %", *under]
    _, *places = (float(each.get("x") or -1) for each in picture.iter(f"{html.DRAWN}text"))
    assert all(0 <= x <= WIDTH for x in places)
    alone = titles_of(html.fragment(histogram(bins, now, [])))
    assert alone == [told.partition(", baseline")[0] for told in titles_of(picture)]


def test_without_any_event(tmp_path: Path, task: Task) -> None:
    bench = Bench(write_config(tmp_path, task, noise=True), state=False)
    bench.tick()
    snapshot = snapshot_of(bench)
    root = page_of(snapshot)
    words = html.text_of(root.find("body"))
    assert "No prediction has arrived within the window" in words
    assert html.fact(root, "Last prediction") == "none yet"
    assert html.fact(root, "Last label") == "none yet"
    accuracy = "RMSE" if task is Task.REGRESSION else "Accuracy"
    assert html.row(root, "labels that arrived", accuracy)[0] == "no labels"
    assert html.row(root, "Sorted by how far PSI", "normal")[1] == "no predictions"
    landing = html.check(landing_page(STANDING, snapshot))
    assert html.row(landing, "Numbers of", "model")[2:] == [
        "no predictions yet0 counted",
        "no labels yet",
        "no labels",
        "no predictions",
    ]
    assert "nan" not in words.lower().split()


def test_a_model_without_a_baseline_and_features(tmp_path: Path) -> None:
    config = tmp_path / "ml-exporter.yml"
    config.write_text("models:\n  - {name: bare, task: regression}\n")
    bench = Bench(config, state=False)
    bench.send([{"id": "a", "prediction": 5}])
    bench.tick()
    root = page_of(snapshot_of(bench), "bare")
    assert (html.fact(root, "Baseline"), html.fact(root, "Version")) == ("none", "1")
    html.check(landing_page(STANDING, snapshot_of(bench)))


def test_a_configured_version_is_shown_before_it_comes(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    own = "    baseline: baseline.json\n"
    versions = '    versions: {"2": {shadow: true}, "3": {baseline: next.json}}\n'
    config.write_text(config.read_text().replace(own, own + versions))
    fit_next(tmp_path, Task.BINARY)
    bench = Bench(config, state=False)
    bench.send([{"id": "a", "version": "1", "score": 0.5}])
    bench.tick()
    bench.tick(10)
    bench.send([{"id": "a", "version": "2", "score": 0.5}])
    bench.tick()
    snapshot = snapshot_of(bench)
    assert html.fact(page_of(snapshot), "Version") == "1"
    pages = [page_of(snapshot, version=version) for version in ("1", "2", "3")]
    assert [html.fact(page, "Version") for page in pages] == ["1", "2, a shadow", "3"]
    model, shadow, other = html.row(pages[0], "All versions", "Baseline")
    assert model == shadow != other
    assert html.row(pages[0], "All versions", "Last prediction") == ["12 s ago", "1 s ago", "none yet"]
    assert html.row(pages[0], "All versions", "PSI of the predictions")[1:] == [
        "too few samples",
        "no predictions",
    ]
    agreement = html.row(pages[0], "All versions", "Agreement with the version at work")
    assert agreement == ["not a shadow", "too few samples", "not a shadow"]
    landing = html.text_of(html.check(landing_page(STANDING, snapshot)).find("body"))
    assert landing.count("no predictions yet") == 1
    assert "2a shadow" in landing


def test_before_earlier_state_is_restored() -> None:
    snapshot = Snapshot([], 0.0)
    root = html.check(landing_page(STANDING, snapshot))
    assert "earlier state is being restored" in html.row(root, "Numbers of", "model")
    assert select(snapshot, "model", None, None) is None
    html.check(missing_page("model", None, None, snapshot))
    parts = list(report_parts(STANDING, snapshot, ["model"]))
    html.check(report_page(parts, ["model"]))


def test_estimates_stand_beside_what_was_observed(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    estimate = gauge("ml_estimated_performance_accuracy", "Expected share.", "model", "version", "window")
    alone = gauge(
        "ml_estimated_performance_lift", "Expected lift, over what was seen.", "model", "version", "window"
    )
    snapshot = snapshot_of(bench, one(estimate, 0.75, "model", "2", "5m"), one(alone, 2, "model", "2", "5m"))
    root = page_of(snapshot, version="2", window="5m")
    baseline = bench.value("ml_baseline_performance_accuracy", model="model", version="2")
    assert baseline is not None
    now, expected, then, constant = html.row(root, "labels that arrived", "Accuracy")
    assert (now, then, constant) == ("no labels", plain(baseline), "no labels")
    assert expected.startswith("0.75±")
    assert html.row(root, "labels that arrived", "Lift") == ["no value", "2", "not in the baseline", "-"]
    assert html.row(root, "labels that arrived", "Log loss")[1] == "no estimate"


def test_what_belongs_to_a_measure_stands_beside_it(tmp_path: Path) -> None:
    of = ("model", "version", "window")
    ends = {"": 12.0, "_start_timestamp_seconds": 1.4e9, "_noise_floor": 0.5}
    more = [
        one(gauge(f"ml_performance_error_cusum{end}", "Sum.", *of), value, "model", "1", "5m")
        for end, value in ends.items()
    ]
    bench = filled(tmp_path)
    kept = [block for block in bench.published if not block.metric.name.startswith("ml_performance_error_cusum")]
    root = page_of(Snapshot([*kept, *more], bench.clock.wall()), version="1", window="5m")
    told = "12noise 0.5since 2014-05-13 16:53:20 UTC"
    assert html.row(root, "labels that arrived", "Error CUSUM")[0] == told
    assert html.row(root, "All versions", "Error CUSUM")[0] == told
    assert "seconds" not in html.text_of(root.find("body")).lower()


def test_the_landing_page_tells_the_highest_psi_and_accuracy(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    root = html.check(landing_page(STANDING, snapshot_of(bench)))
    cells = html.row(root, "Numbers of", "model")
    scores = snapshot_of(bench).by_first("ml_feature_drift_psi", "model", "1", "1h")
    worst = max(scores, key=lambda name: scores[name])
    assert cells[-1].startswith(f"{number(scores[worst])} noise ")
    assert cells[-1].endswith(f"{worst}, 1h")
    assert cells[2:4] == ["10 s ago600 counted", "10 s ago"]
    assert cells[4].startswith("Accuracy ")
    assert "baseline" in cells[4]


def test_links_choose_version_and_window(tmp_path: Path) -> None:
    snapshot = snapshot_of(filled(tmp_path))
    root = page_of(snapshot, version="2", window="1h")
    current = [each.get("href") for each in root.iter("a") if each.get("aria-current")]
    assert current == [path_of("model", "2", "1h")] * 2
    for asked in (("nobody", None, None), ("model", "9", None), ("model", "1", "2h"), ("model", "", None)):
        assert select(snapshot, *asked) is None
        html.check(missing_page(*asked, snapshot))


def test_a_report_holds_all_versions_and_windows_once(tmp_path: Path) -> None:
    snapshot = snapshot_of(filled(tmp_path))
    root = html.check(report_page(list(report_parts(STANDING, snapshot, ["model"])), ["model"]))
    heads = [html.text_of(each) for each in root.iter("h2")]
    assert heads == ["Exporter", "Model model"] + [
        text
        for version in "12"
        for text in (
            f"Model model, version {version}",
            *(f"Model model, version {version}, window {w}" for w in ("5m", "1h")),
        )
    ]
    assert html.fact(root, "Exporter version") == "1.2.3"


@pytest.fixture(scope="module")
def broad(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot of 300 features, five of which have hostile names."""
    bench = Bench(wide.write_config(tmp_path_factory.mktemp("wide"), 300), state=False)
    events = wide.events(300, 200, shift=2.0)
    bench.send([*events, {"id": "other", "version": HOSTILE_VERSION, "score": 0.5, "features": {}}])
    bench.tick()
    snapshot = snapshot_of(bench)
    bench.vanish()
    Bench.open.remove(bench)
    return snapshot


def test_hostile_names_stay_text(broad: Snapshot) -> None:
    root = page_of(broad, "wide", "1")
    assert HOSTILE_VERSION in [html.text_of(each) for each in root.iter("a")]
    page_of(broad, "wide", HOSTILE_VERSION)
    heads = {html.text_of(each) for each in root.iter("th")}
    for name in wide.HOSTILE[:3]:
        assert name in heads
    assert "line\ufffdbreak\ufffd\ufffdtxt" in heads
    standing = Standing("1", "<u>state</u>", "/<s>", [("<p>", "</p>")], ["</table>"])
    html.check(landing_page(standing, broad))
    models = ["wide", "</table>"]
    html.check(report_page(list(report_parts(standing, broad, models)), models))
    html.check(missing_page("<i>no</i>", '"', "'", broad))


def test_300_features_make_a_small_page_in_little_time(broad: Snapshot) -> None:
    chosen = select(broad, "wide", "1", None)
    assert chosen is not None
    took = []
    for _ in range(9):
        began = time.process_time()
        page = model_page(chosen)
        took.append(time.process_time() - began)
    assert min(took) < 0.05
    assert len(page) < 400_000
    root = html.parsed(page)
    assert len(list(root.iter(html.SVG))) == 31
    rows = root.findall(".//details//tbody/tr")
    assert len([each for each in rows if html.text_of(each[0]).startswith("feature")]) >= 265
    names = [html.text_of(each) for each in root.iter("th") if each.get("scope") == "row"]
    assert all(f"feature {number}" in names for number in range(len(wide.HOSTILE), 300))


def test_reasons_are_told_in_words(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    missing = NoData(("model", "2", "5m"), "accuracy", "no_labels")
    root = page_of(snapshot_of(bench), version="2", window="5m")
    cells = html.row(root, "Signals without a value", "No label has arrived within the window")
    assert missing.signal in cells[0].split(", ")
    assert cells[1] == "all"


def test_a_nan_is_no_value() -> None:
    metric = gauge("ml_x", "X.", "model")
    snapshot = Snapshot([one(metric, np.nan, "a"), one(metric, 2, "b")], 0.0)
    assert snapshot.rows("ml_x") == {("b",): 2}
    assert snapshot.value("ml_x", "a") is None
