"""The confusion matrix on a model's page and in its report: counts, shares, baseline, what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from sklearn.metrics import confusion_matrix

from ml_exporter.app import evaluation
from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import Task
from ml_exporter.pages.landing import Standing
from ml_exporter.pages.model import model_page, select
from ml_exporter.pages.report import report_page, report_parts
from ml_exporter.pages.sections.confusion import FITTING
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import percent, plain
from ml_exporter.signals.performance.window_confusion import MOST_CLASSES, confusions
from ml_exporter.signals.signal import Views
from support import html, workload
from support.engine import Bench, write_config

CAPTION = "True by predicted class"
TASKS = (Task.BINARY, Task.MULTICLASS)


def snapshot_of(bench: Bench) -> Snapshot:
    return Snapshot([*bench.published, *bench.engine._evaluator.for_pages], bench.clock.wall())


def page_of(bench: Bench, window: str = "5m", model: str = "model") -> Element:
    chosen = select(snapshot_of(bench), model, None, window)
    assert chosen is not None
    return html.check(model_page(chosen))


def matrix_of(root: Element) -> Element:
    """Return the section of the matrix."""
    (found,) = (each for each in root.iter("section") if each.get("aria-labelledby") == "confusion")
    return found


def counts_of(columns: workload.Table, task: Task) -> Any:
    """Return scikit-learn's matrix, its classes in order."""
    told = (columns["score"] >= 0.5).astype(int) if task is Task.BINARY else columns["prediction"]
    return confusion_matrix(columns["label"].astype(str), told.astype(str))


def names_of(task: Task) -> list[str]:
    return ["0", "1"] if task is Task.BINARY else sorted(workload.CLASSES)


def made(folder: Path, classes: Iterable[str]) -> Bench:
    """Return a model without a baseline that has 400 labelled predictions, none of them of the second class."""
    config = folder / "ml-exporter.yml"
    names = list(classes)
    listed = ", ".join(f'"{name}"' for name in names)
    config.write_text(
        f"models:\n  - {{name: ranks, version: '1', task: multiclass_classification, classes: [{listed}]}}\n"
    )
    bench = Bench(config, state=False)
    events, labels = workload.ranked(400, 3, names)  # type: ignore[arg-type]
    bench.send(events, [label for label in labels if label["label"] != names[1]])
    bench.tick()
    return bench


@pytest.mark.parametrize("task", TASKS)
def test_counts_and_shares_of_a_window_beside_the_baseline(tmp_path: Path, task: Task) -> None:
    bench = Bench(write_config(tmp_path, task, "windows: [5m, 1h]"), state=False)
    first, second = (workload.table(600, seed, task, 0.8) for seed in (5, 6))
    bench.send(workload.events(first), workload.labels(first))
    bench.tick()
    bench.tick(400)
    bench.send(workload.events(second, prefix="more"), workload.labels(second, prefix="more"))
    bench.tick()
    before = counts_of(workload.table(5_000, 1, task), task)
    now = {"5m": counts_of(second, task), "1h": counts_of(first, task) + counts_of(second, task)}
    for window, counts in now.items():
        root = page_of(bench, window)
        assert f"Over {plain(counts.sum())} labels" in html.text_of(matrix_of(root))
        assert f"within {window}; the baseline had 5,000." in html.text_of(matrix_of(root))
        for place, name in enumerate(names_of(task)):
            labels, *cells = html.row(root, CAPTION, f"True {name}")
            actual, then = counts[place].sum(), before[place].sum()
            assert labels == f"{plain(actual)}baseline {plain(then)}"
            assert cells == [
                f"{'right ' if column == place else ''}{plain(counts[place, column])}"
                f"{percent(counts[place, column] / actual)}baseline {percent(before[place, column] / then)}"
                for column in range(len(counts))
            ]
            of = {"model": "model", "version": "1", "window": window, "class": name}
            assert f"{percent(bench.value('ml_performance_recall', **of))}baseline" in cells[place]
    assert "ml_window_confusion" not in bench.page()
    assert "ml_baseline_confusion" not in bench.page()


def test_what_was_right_is_marked_and_said(tmp_path: Path) -> None:
    bench = made(tmp_path, "abc")
    rows = matrix_of(page_of(bench, model="ranks")).findall(".//tbody/tr")
    for place, row in enumerate(rows):
        marked = [each for each, cell in enumerate(row[2:]) if "marked" in (cell.get("class") or "")]
        assert marked == [place]
        assert [each for each, cell in enumerate(row[2:]) if "right" in html.text_of(cell)] == [place]


def test_what_cannot_be_told_is_not_told(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, more="windows: [5m]"), state=False)
    bench.tick()
    assert html.row(page_of(bench), CAPTION, "True 0")[0].startswith("no labelsbaseline ")
    few = workload.table(60, 5)
    bench.send(workload.events(few), workload.labels(few))
    bench.tick()
    root = page_of(bench)
    counts = counts_of(few, Task.BINARY)
    labels, *cells = html.row(root, CAPTION, "True 0")
    assert labels.startswith(f"{counts[0].sum()}too few samplesbaseline ")
    assert cells[1].startswith(f"{counts[0, 1]}baseline ")
    assert "Below 100 labels no share is told; below a count stands the baseline's." in html.text_of(
        matrix_of(root)
    )


def test_a_class_without_labels_and_a_model_without_a_baseline(tmp_path: Path) -> None:
    bench = made(tmp_path, "abc")
    root = page_of(bench, model="ranks")
    assert html.row(root, CAPTION, "True b") == ["no labels", "0", "right 0", "0"]
    assert "baseline" not in "".join(html.row(root, CAPTION, "True a"))
    assert "there are none of a baseline" in html.text_of(matrix_of(root))
    bench.tick(400)
    words = html.text_of(matrix_of(page_of(bench, model="ranks")))
    assert "No label of a prediction with a class has arrived within 5m" in words


@pytest.mark.parametrize("classes", [FITTING, FITTING + 1, MOST_CLASSES, MOST_CLASSES + 1])
def test_many_classes_are_scrolled_and_too_many_are_named(tmp_path: Path, classes: int) -> None:
    names = [f"kind <{number:02}>" for number in range(classes)]
    section = matrix_of(page_of(made(tmp_path, names), model="ranks"))
    boxes = [each for each in section.iter("div") if each.get("tabindex") == "0" and each.get("aria-label")]
    assert len(boxes) == (FITTING < classes <= MOST_CLASSES)
    heads = [html.text_of(each) for each in section.findall(".//thead//th")]
    if classes > MOST_CLASSES:
        assert "The model has 21 classes; a matrix is drawn of 20 at most." in html.text_of(section)
        names = heads
    assert heads[2:] == [f"Predicted {name}" for name in names]


def test_a_failure_is_told_and_costs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(views: Views) -> Iterable[Block]:
        raise ValueError

    makers = evaluation._FOR_PAGES
    monkeypatch.setattr(evaluation, "_FOR_PAGES", tuple(broken if make is confusions else make for make in makers))
    bench = Bench(write_config(tmp_path, more="windows: [5m]"), state=False)
    columns = workload.table(300, 5)
    bench.send(workload.events(columns), workload.labels(columns))
    bench.tick()
    root = page_of(bench)
    assert html.text_of(matrix_of(root)) == "Confusion matrixNo confusion matrix: failed, see the log."
    assert snapshot_of(bench).rows("ml_feature_window_bin", "model", "1", "5m")
    monkeypatch.setattr(evaluation, "_FOR_PAGES", makers[::-1])
    bench.tick()
    assert html.row(page_of(bench), CAPTION, "True 0")


def test_a_report_has_the_matrix_of_each_window(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, Task.MULTICLASS, "windows: [5m, 1h]"), state=False)
    columns = workload.table(300, 5, Task.MULTICLASS)
    bench.send(workload.events(columns), workload.labels(columns))
    bench.tick()
    standing = Standing("1", "running", "/metrics", [], ["model"])
    parts = list(report_parts(standing, snapshot_of(bench), ["model"]))
    root = html.check(report_page(parts, ["model"]))
    captions = [html.text_of(each) for each in root.iter("caption")]
    assert [each for each in captions if CAPTION in each] == [f"{CAPTION}, within {w}." for w in ("5m", "1h")]
