"""Versions with baselines of their own: each is counted as if it were alone, through restarts and reloads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_exporter.app.runtime import runtimes
from ml_exporter.baseline import document
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.config.load import load
from ml_exporter.core.clock import ManualClock
from ml_exporter.core.errors import ConfigError
from ml_exporter.core.schema import Task
from ml_exporter.ingest.intake import Intake
from support import workload
from support.engine import START, Bench, values, write_config
from support.models import baseline
from support.versions import OWN, configured, events_of, fit_next, moved

ROWS = 700
ALONE = """\
models:
  - {{name: model, version: next, owner: team, task: {task}, baseline: next.json}}
"""


def numbers(bench: Bench, version: str) -> dict[tuple[Any, ...], float]:
    """Return the samples of a version, but those of segments, and reasons for none."""
    beside = ("ml_signal_no_data", "ml_segment", "ml_baseline_segment", "ml_fairness")
    more = ("ml_baseline_fairness", "ml_root_cause_segment")
    return {
        key: value
        for key, value in values(bench.published).items()
        if ("version", version) in key and not key[0].startswith((*beside, *more))
    }


@pytest.mark.parametrize("task", list(Task))
def test_each_version_shows_what_it_would_alone(tmp_path: Path, task: Task) -> None:
    together, first, second = (tmp_path / name for name in ("together", "first", "second"))
    for folder in (together, first, second):
        folder.mkdir()
    old, new = workload.table(ROWS, seed=71, task=task), moved(ROWS, 72, task)
    both = Bench(configured(together, task), ManualClock(START))
    mixed = [event for pair in zip(workload.events(old), events_of(new), strict=True) for event in pair]
    both.send(mixed, workload.labels(old) + workload.labels(new, prefix="next"))
    both.tick()

    before = Bench(write_config(first, task), ManualClock(START))
    before.send(workload.events(old), workload.labels(old))
    before.tick()
    assert numbers(both, "1") == numbers(before, "1")

    fit_next(second, task)
    (second / "alone.yml").write_text(ALONE.format(task=task.value))
    after = Bench(second / "alone.yml", ManualClock(START), state=False)
    after.send(events_of(new), workload.labels(new, prefix="next"))
    after.tick()
    alone = numbers(after, "next")
    shown = numbers(both, "next")
    assert len(alone) > 300
    assert {key: shown.get(key) for key in alone} == alone
    # What it has more is what the model's baseline alone asks for.
    more = {key[0] for key in shown.keys() - alone.keys()}
    assert all("feedback" in name or "attribut" in name for name in more)


def test_versions_without_a_baseline_of_their_own_are_compared_with_the_models(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, Task.BINARY))
    events = workload.events(workload.table(300, seed=5))
    bench.send([event | {"version": version} for event, version in zip(events, ["1", "third"] * 150, strict=True)])
    bench.tick()
    digest = {
        dict(key[1:])["version"]: dict(key[1:])["baseline"]
        for key in values(bench.published)
        if key[0] == "ml_model_info"
    }
    assert digest["third"] == digest["1"]


def test_a_restart_and_a_kill_keep_the_sums_of_each_version(tmp_path: Path) -> None:
    config = configured(tmp_path, Task.BINARY)
    bench = Bench(config, ManualClock(START))
    new = moved(ROWS, 72, Task.BINARY)
    bench.send(events_of(new)[:400], workload.labels(new, prefix="next")[:300])
    bench.tick()
    bench.send(events_of(new)[400:])
    bench.tick()
    shown = numbers(bench, "next")
    bench.vanish()
    again = Bench(config, bench.clock)
    assert again.engine.status.notes == []
    assert numbers(again, "next") == shown


def test_another_baseline_of_a_version_begins_that_version_anew_and_no_other(tmp_path: Path) -> None:
    config = configured(tmp_path, Task.BINARY)
    bench = Bench(config, ManualClock(START))
    old, new = workload.table(ROWS, seed=71), moved(ROWS, 72, Task.BINARY)
    bench.send(workload.events(old) + events_of(new))
    bench.tick()
    kept = numbers(bench, "1")
    bench.vanish()
    document.write(document.read(tmp_path / "baseline.json"), tmp_path / "next.json")
    again = Bench(config, bench.clock)
    assert again.engine.status.notes == [
        'model "model": version "next" begins anew: its baseline, or whether it is a shadow, changed'
    ]
    assert numbers(again, "1") == kept
    assert again.value("ml_predictions_total", model="model", version="next") == 0
    again.send([event | {"id": f"later {event['id']}"} for event in events_of(moved(50, 3, Task.BINARY))])
    again.tick()
    assert again.value("ml_predictions_total", model="model", version="next") == 50


def test_a_reload_adds_a_version_and_the_others_go_on(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    bench = Bench(config, ManualClock(START))
    old, new = workload.table(ROWS, seed=71), moved(ROWS, 72, Task.BINARY)
    bench.send(workload.events(old))
    bench.tick()
    kept = numbers(bench, "1")
    configured(tmp_path, Task.BINARY)
    models = runtimes(load(config))
    bench.engine.replace_models(models)
    bench.intake = Intake({name: model.intake for name, model in models.items()})
    bench.send(events_of(new))
    bench.tick()
    assert numbers(bench, "1") == kept
    assert bench.value("ml_predictions_total", model="model", version="next") == ROWS
    assert bench.value("ml_feature_missing_total", model="model", version="next", feature="added") == 0


def renamed(found: BaselineDocument) -> None:
    found.classes = ["no", "yes"]
    found.positive_class = "yes"


def recut(found: BaselineDocument) -> None:
    found.threshold = 0.3


def masked(found: BaselineDocument) -> None:
    next(variable for variable in found.variables if variable.name == "normal").sensitive = True


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (renamed, "has another classes than the model's baseline: no, yes, not 0, 1"),
        (recut, "has another threshold than the model's baseline: 0.3, not 0.5"),
        (masked, 'and another baseline of the model do not agree on whether feature "normal" is sensitive'),
    ],
)
def test_a_baseline_that_contradicts_the_models_is_refused(
    tmp_path: Path, change: Callable[[BaselineDocument], None], told: str
) -> None:
    config = configured(tmp_path, Task.BINARY)
    found = document.read(tmp_path / "next.json")
    change(found)
    document.write(found, tmp_path / "next.json")
    with pytest.raises(ConfigError) as error:
        load(config)
    assert str(error.value).endswith(f"models[0].versions.next.baseline: {told}")


def hidden(found: BaselineDocument) -> None:
    next(variable for variable in found.variables if variable.name == "added").sensitive = True


def swapped(found: BaselineDocument) -> None:
    names = {"added": "colour", "colour": "added"}
    for variable in found.variables:
        variable.name = names.get(variable.name, variable.name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (hidden, ['and another baseline of the model do not agree on whether feature "added" is sensitive']),
        (
            swapped,
            [
                'has feature "colour" as a number, another baseline of the model as a category',
                'has feature "added" as a category, another baseline of the model as a number',
            ],
        ),
    ],
)
def test_a_baseline_that_contradicts_another_versions_is_refused(
    tmp_path: Path, change: Callable[[BaselineDocument], None], told: list[str]
) -> None:
    """The model itself knows neither feature."""
    config = configured(tmp_path, Task.BINARY)
    found = document.read(tmp_path / "next.json")
    change(found)
    document.write(found, tmp_path / "third.json")
    config.write_text(config.read_text().replace(OWN, f"{OWN}      third: {{baseline: third.json}}\n"))
    with pytest.raises(ConfigError) as error:
        load(config)
    lines = [line.partition("models[0].")[2] for line in str(error.value).splitlines()[-len(told) :]]
    assert sorted(lines) == sorted(f"versions.third.baseline: {line}" for line in told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("      next:", "      other:", ".other: stands for versions beyond limits.versions"),
        ("      next:", '      "":', '.: must be 1 to 64 characters of one line, got ""'),
        ("      next:", '      "a\\nb":', ".a\nb: must be 1 to 64 characters of one line, got"),
        ("      next:", f"      {'x' * 65}:", f".{'x' * 65}: must be 1 to 64 characters of one line, got"),
        (
            "state:",
            "limits: {versions: 1}\nstate:",
            ": are 2 with the model's own, but limits.versions allows 1",
        ),
        ("{baseline: next.json}", "", ".next: must be a mapping, got none; {{}} stands for the defaults"),
        (
            "next.json}",
            "regression.json}",
            '.next.baseline: was fitted for "regression", the model is "binary_classification"',
        ),
        (
            "next.json}",
            "gone.json}",
            ".next.baseline: {folder}/gone.json: cannot be read: No such file",
        ),
        (
            "      next:",
            '      "1":',
            ".1: is the version of predictions that name none; its baseline is that of the model",
        ),
        (
            "    baseline: baseline.json\n",
            "",
            ": needs a baseline of the model: it names the classes and segments",
        ),
    ],
)
def test_what_the_configuration_says_wrong_of_a_version_is_told(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    config = configured(tmp_path, Task.BINARY)
    document.write(baseline(Task.REGRESSION), tmp_path / "regression.json")
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ConfigError) as error:
        load(config)
    assert f"models[0].versions{told.format(folder=tmp_path)}" in str(error.value)


def test_a_configured_version_has_its_place_whoever_came_before(tmp_path: Path) -> None:
    config = configured(tmp_path, Task.BINARY)
    config.write_text(config.read_text() + "limits: {versions: 3}\n")
    bench = Bench(config)
    events = workload.events(workload.table(90, seed=5))
    names = ["1", "third", "fourth"] * 30
    bench.send([event | {"version": name} for event, name in zip(events, names, strict=True)])
    bench.send(events_of(moved(40, 3, Task.BINARY)))
    bench.tick()
    counted = {
        version: bench.value("ml_predictions_total", model="model", version=version)
        for version in ("1", "third", "fourth", "other", "next")
    }
    assert counted == {"1": 30, "third": 30, "fourth": None, "other": 30, "next": 40}


def test_a_configured_version_keeps_its_place_though_it_is_silent(tmp_path: Path) -> None:
    """So it does through restarts, and with journals that tell of a time when it was not configured."""
    config = write_config(tmp_path)
    bench = Bench(config, ManualClock(START))
    bench.send(events_of(moved(40, 3, Task.BINARY)))
    bench.tick()
    bench.tick(2 * 86_400)
    assert bench.value("ml_predictions_total", model="model", version="next") is None
    configured(tmp_path, Task.BINARY)
    bench.vanish()
    again = Bench(config, bench.clock)
    for _ in range(2):
        assert again.value("ml_predictions_total", model="model", version="next") == 0
        again.tick(2 * 86_400)


def test_a_reload_tells_which_version_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = configured(tmp_path, Task.BINARY)
    bench = Bench(config, ManualClock(START))
    bench.send(workload.events(workload.table(50, seed=71)) + events_of(moved(40, 3, Task.BINARY)))
    bench.tick()
    config.write_text(config.read_text().replace("next.json}", "next.json, shadow: true}"))
    bench.engine.replace_models(runtimes(load(config)))
    told = [record for record in caplog.records if "begins anew" in record.message]
    assert [(record.__dict__["model"], record.__dict__["version"]) for record in told] == [("model", "next")]
    counted = [bench.value("ml_predictions_total", model="model", version=name) for name in ("1", "next")]
    assert counted == [50, 0]


def test_attributions_are_kept_for_the_version_whose_baseline_has_some(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    full = document.read(tmp_path / "baseline.json")
    assert full.attributions
    document.write(full, tmp_path / "next.json")
    full.attributions = []
    document.write(full, tmp_path / "baseline.json")
    own = "    baseline: baseline.json\n"
    config.write_text(config.read_text().replace(own, own + OWN))
    bench = Bench(config, ManualClock(START))
    columns = workload.table(200, seed=5)
    events = workload.attributed(workload.events(columns), columns)
    bench.send([event | {"version": "next" if row % 2 else "1"} for row, event in enumerate(events)])
    bench.tick()
    told = {"model": "model", "feature": "normal"}
    own_sum = sum(abs(event["attributions"]["normal"] or 0) for event in events[1::2])
    assert bench.value("ml_feature_attribution_total", version="next", **told) == pytest.approx(own_sum)
    assert bench.value("ml_feature_attribution_total", version="1", **told) is None
    assert bench.value("ml_predictions_total", model="model", version="1") == 100


def test_a_range_may_be_told_of_a_feature_that_a_version_alone_has(tmp_path: Path) -> None:
    config = configured(tmp_path, Task.BINARY)
    own = "    baseline: baseline.json\n"
    config.write_text(config.read_text().replace(own, own + "    features: {added: {range: [0, 1]}}\n"))
    bench = Bench(config, ManualClock(START))
    bench.send(workload.events(workload.table(120, seed=5)) + events_of(moved(120, 3, Task.BINARY)))
    bench.tick()
    of = {"model": "model", "window": "1h", "feature": "added"}
    outside = bench.value("ml_feature_out_of_range_ratio", version="next", **of)
    assert outside is not None
    assert 0.5 < outside < 1
    assert bench.value("ml_feature_out_of_range_ratio", version="1", **of) is None
