"""Made-up months of a model's life as the sidecar counts them: what Prometheus would have scraped of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.rows import outcomes_of, predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import Chunk, Column
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import Task
from ml_exporter.signals import drift, estimation, performance, quality, traffic
from ml_exporter.signals.drift import MEASURES
from ml_exporter.signals.drift.noise import SIZES, noise_floors
from ml_exporter.signals.signal import ModelContext, View
from support.models import tallies_of
from support.rules import BUDGETS, FRUGAL, rules_for

STEP: Final = 150
"""Seconds between two scrapes: two within each five minutes, on whichever side a range is open."""

STEPS: Final = 86_400 // STEP
FEATURES: Final = ("hour", "age", "country")
"""What is watched; more would be more than promtool lets a query read."""

_COUNTRIES: Final = np.array(["de", "fr", "it", "es", "lu"], object)
_SHARES: Final = (0.4, 0.3, 0.2, 0.09, 0.01)
_LABELS_LATE: Final = 3600 // STEP
_OPTIONS: Final = FitOptions(Task.BINARY, label="label", score="score")
BASELINE_ROWS: Final = 20_000

Table = dict[str, np.ndarray[Any, Any]]
Change = Callable[[Table, np.random.Generator], None]


def volume(steps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return each step's share of its day's predictions: nights have a tenth of the middays."""
    shares: np.ndarray[Any, Any] = 1.0 - 0.82 * np.cos(2 * np.pi * (steps % STEPS) / STEPS)
    return shares / STEPS


def events(rows: int, steps: np.ndarray[Any, Any], rng: np.random.Generator) -> Table:
    """Return events at some steps of a process that repeats itself each day and never changes otherwise."""
    hour = (steps % STEPS) * STEP / 3600 + rng.random(rows) * STEP / 3600
    age = rng.normal(45, 12, rows)
    age[rng.random(rows) < 0.03] = np.nan
    return {
        "hour": hour,
        "age": age,
        "amount": np.exp(rng.normal(3 + 0.3 * np.cos(2 * np.pi * hour / 24), 1, rows)),
        "country": _COUNTRIES[rng.choice(len(_COUNTRIES), rows, p=_SHARES)],
    }


def answer(table: Table, rng: np.random.Generator) -> None:
    """Add what the model says and what turns out: scores are calibrated."""
    age = np.nan_to_num(table["age"], nan=45.0)
    logit = (age - 45) / 12 + 0.8 * (np.log(table["amount"]) - 3) - 1 + (table["country"] == "it")
    table["score"] = 1 / (1 + np.exp(-logit))
    table["label"] = (rng.random(len(logit)) < table["score"]).astype(int)


def mean_shift(table: Table, rng: np.random.Generator) -> None:
    """Ages rise by a standard deviation."""
    table["age"] = table["age"] + 12
    answer(table, rng)


def variance(table: Table, rng: np.random.Generator) -> None:
    """Ages scatter twice as much around the same mean."""
    table["age"] = 45 + 2 * (table["age"] - 45)
    answer(table, rng)


def new_category(table: Table, rng: np.random.Generator) -> None:
    """A fifth of the events come from a country that training never saw."""
    table["country"][rng.random(len(table["age"])) < 0.2] = "uk"
    answer(table, rng)


def missing_feed(table: Table, rng: np.random.Generator) -> None:
    """The feed that delivers ages is gone."""
    table["age"] = np.full(len(table["age"]), np.nan)
    answer(table, rng)


def label_shift(table: Table, rng: np.random.Generator) -> None:
    """Positive events become thrice as likely to appear, with the inputs that they have."""
    answer(table, rng)
    weight = np.where(table["label"] == 1, 3.0, 1.0)
    chosen = rng.choice(len(weight), len(weight), p=weight / weight.sum()) if len(weight) else []
    for name in ("age", "amount", "country", "score", "label"):
        table[name] = table[name][chosen]


def concept(table: Table, rng: np.random.Generator) -> None:
    """Inputs and scores stay; what turns out no longer depends on age."""
    answer(table, rng)
    logit = 0.8 * (np.log(table["amount"]) - 3) - 1 + (table["country"] == "it")
    table["label"] = (rng.random(len(logit)) < 1 / (1 + np.exp(-logit))).astype(int)


CHANGES: Final[dict[str, Change]] = {
    "mean shift": mean_shift,
    "variance": variance,
    "new category": new_category,
    "missing feed": missing_feed,
    "label shift": label_shift,
    "concept change": concept,
}


def chunk_of(table: Table) -> Chunk:
    """Return a table as a chunk of a file."""
    chunk: Chunk = {}
    for name in (*FEATURES, "score", "label"):
        values = table[name]
        missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
        chunk[name] = Column(values, missing)
    return chunk


def training() -> Table:
    """Return what the model was trained on: the same process."""
    rng = np.random.default_rng(20130101)
    steps = rng.choice(STEPS, BASELINE_ROWS, p=volume(np.arange(STEPS)))
    table = events(BASELINE_ROWS, steps, rng)
    answer(table, rng)
    return table


@cache
def context() -> ModelContext:
    """Return the model with its baseline."""

    def chunks() -> Iterator[Chunk]:
        yield chunk_of(training())

    def floors(*known: Any) -> dict[str, list[float]]:
        return noise_floors(*known, tuple(measure for measure in MEASURES if measure.key == "psi"))

    document = fit(chunks, _OPTIONS, tallies_of, floors, SIZES, source="stream", created=1.0e9).document
    schema, _ = schema_of("m", Task.BINARY, document, {})
    return ModelContext(reference_of(schema, tallies_of(schema), document), 100, "team", "1")


@dataclass(frozen=True)
class Stream:
    """A model's life: some days of so many predictions; from ``changes_at`` days on something is different."""

    a_day: int
    days: int
    change: Change | None = None
    changes_at: float = 0.0
    seed: int = 0

    def day(self, number: int) -> tuple[Table, np.ndarray[Any, Any]]:
        """Return the events of a day with the step of each, counted from the beginning."""
        rng = np.random.default_rng((self.seed, number))
        steps = np.arange(number * STEPS, (number + 1) * STEPS)
        when = np.repeat(steps, rng.poisson(self.a_day * volume(steps)))
        table = events(len(when), when, rng)
        changed = when >= self.changes_at * STEPS if self.change else np.zeros(len(when), bool)
        parts = []
        for mask, then in ((~changed, answer), (changed, self.change or answer)):
            part = {name: values[mask] for name, values in table.items()}
            then(part, rng)
            parts.append(part)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, when

    def series(self, model: str) -> tuple[list[str], np.ndarray[Any, Any]]:
        """Return the names of the series that the sidecar would show and their values, (steps, series).

        Labels come an hour after their predictions.
        """
        of = context()
        tallies = tallies_of(of.schema)
        sums = tallies.zero()
        rows: list[np.ndarray[Any, Any]] = []
        waiting: deque[tuple[int, OutcomeColumns]] = deque()
        last = labelled = np.nan
        blocks: list[Block] = []
        for number in range(self.days):
            table, when = self.day(number)
            bounds = np.searchsorted(when, np.arange(number * STEPS, (number + 1) * STEPS + 1))
            for offset in range(STEPS):
                step = number * STEPS + offset
                now = slice(bounds[offset], bounds[offset + 1])
                if now.stop > now.start:
                    chunk = chunk_of({name: values[now] for name, values in table.items()})
                    batch = predictions_of(chunk, of.schema, _OPTIONS)
                    tallies.add_predictions(batch, sums)
                    waiting.append((step + _LABELS_LATE, outcomes_of(batch, chunk["label"], of.schema)))
                    last = float(step * STEP)
                while waiting and waiting[0][0] <= step:
                    tallies.add_outcomes(waiting.popleft()[1], sums)
                    labelled = float(step * STEP)
                blocks = _shown(View(of, "1", sums, last_prediction=last, last_label=labelled))
                joined = sums["label_delay"][:-1].sum()
                rows.append(np.concatenate([*(block.values for block in blocks), [joined]], dtype=np.float64))
        joined_name = f'ml_label_delay_seconds_count{{job="ml", instance="a", model="{model}", version="1"}}'
        return [*(name for name, _ in _samples(blocks, model)), joined_name], np.array(rows)

    def facts(self, model: str) -> dict[str, float]:
        """Return the series of the model and its baseline, which never change."""
        return dict(
            _samples([block for signal in _SIGNALS for block in signal.of_baseline(context(), "1")], model)
        )


_SIGNALS: Final = (*traffic.SIGNALS, *quality.SIGNALS, *drift.SIGNALS, *performance.SIGNALS, *estimation.SIGNALS)
_NEEDED: Final = (
    *("ml_predictions_total", "ml_prediction_errors_total", "ml_feature_bin_total", "ml_prediction_bin_total"),
    *("ml_confusion_total", "ml_score_bin_total", "ml_score_below_total", "ml_score_above_total"),
    "ml_outcome_scored_total",
    *("ml_prediction_last_timestamp_seconds", "ml_label_last_timestamp_seconds"),
    *(f"ml_feature_{check}_total" for check in ("missing", "absent", "type_error", "nonfinite", "out_of_range")),
    *("ml_feature_unseen_total", "ml_feature_outlier_total"),
    *("ml_estimated_confusion_total", "ml_estimated_score_bin_total", "ml_estimated_score_below_total"),
)
WATCHED: Final = (
    *("MLFeatureMissing", "MLFeatureInvalid", "MLFeatureDrift", "MLPredictionDrift", "MLDriftWidespread"),
    *("MLPerformanceDrop", "MLWorseThanConstant", "MLLabelsStopped", "MLLabelCoverageLow"),
    *("MLEstimatedPerformanceDrop", "MLFeatureFrozen", "MLNoPredictions", "MLVolumeAnomaly"),
)
"""Alerts on what a stream can show: it has no errors, latencies, servers or sidecars."""
_NEEDED_SIGNALS: Final = [
    signal for signal in _SIGNALS if any(metric.name in _NEEDED for metric in signal.metrics)
]


def _shown(view: View) -> list[Block]:
    return [
        block for signal in _NEEDED_SIGNALS for block in signal.since_start(view) if block.metric.name in _NEEDED
    ]


def _samples(blocks: list[Any], model: str) -> Iterator[tuple[str, float]]:
    block: Block
    for block in blocks:
        for row, value in zip(block.rows.values, block.values, strict=True):
            labels = dict(zip(block.metric.labels, (*block.scope, *row), strict=True))
            labels["model"] = model
            inner = ", ".join(f'{name}="{text}"' for name, text in labels.items())
            yield f'{block.metric.name}{{job="ml", instance="a", {inner}}}', float(value)


def notifications(model: str, stream: Stream, folder: Path, thresholds: str) -> list[tuple[dict[str, str], float]]:
    """Return the labels of each alert of a model's life, and the seconds to its first firing.

    promtool evaluates every rule that :data:`WATCHED` rests on each five minutes.
    """
    rules = rules_for(WATCHED, thresholds, without=BUDGETS)
    (folder / "rules.yml").write_text(json.dumps(rules))
    with open(folder / "stream.test.yml", "w") as file:
        groups = [group["name"] for group in rules["groups"]]
        file.write(f"rule_files: [rules.yml]\ngroup_eval_order: {json.dumps(groups)}\n")
        file.write(f"evaluation_interval: 5m\ntests:\n  - interval: {STEP}s\n    input_series:\n")
        for name, value in stream.facts(model).items():
            file.write(f"      - {{series: '{name}', values: '{value:.10g}x{stream.days * STEPS}'}}\n")
        names, values = stream.series(model)
        for name, column in zip(names, values.T, strict=True):
            text = " ".join("_" if np.isnan(value) else f"{value:.12g}" for value in column)
            file.write(f"      - {{series: '{name}', values: '{text}'}}\n")
        file.write("    promql_expr_test:\n")
        for day in range(1, stream.days + 1):
            query = 'min_over_time(timestamp(ALERTS{alertstate=\\"firing\\"})[1d:5m])'
            file.write(f'      - {{expr: "{query}", eval_time: {day}d, exp_samples: []}}\n')
    command = ["promtool", "test", "rules", file.name]
    done = subprocess.run(command, capture_output=True, text=True, env=FRUGAL)
    told = re.findall(r"got: (.*)", done.stdout + done.stderr)
    assert (done.returncode == 0) == (not told), (done.stdout + done.stderr)[:2_000]
    return _first(" ".join(told))


def _first(samples: str) -> list[tuple[dict[str, str], float]]:
    """Return the labels in promtool's answers with the lowest value that each has there."""
    lowest: dict[str, float] = {}
    for labels, value in re.findall(r"\{([^}]*)\} ([0-9.E+-]+)", samples):
        lowest[labels] = min(float(value), lowest.get(labels, np.inf))
    by_time = sorted(lowest.items(), key=lambda item: item[1])
    return [(dict(re.findall(r'(\w+)="([^"]*)"', labels)), when) for labels, when in by_time]
