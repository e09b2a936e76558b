"""Running every signal over every window of every version, and keeping one that fails from the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import ONE, Block, Closing, Collector, Metric, NoData, Rows, counter, gauge
from ml_exporter.core.schema import ModelSchema
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.drift.window_bins import histograms
from ml_exporter.signals.fairness.window_counts import fairness_counts
from ml_exporter.signals.performance.trail import trail_of
from ml_exporter.signals.performance.window_confusion import confusions
from ml_exporter.signals.signal import FAILED, ModelContext, Samples, Signal, View, Views
from ml_exporter.state.model import DUPLICATE_PREDICTION, EVICTED, FEEDBACK_FATES, LABEL_RESULTS, VersionState

log = logging.getLogger(__name__)

NO_DATA: Final = gauge(
    "ml_signal_no_data",
    "1 for a signal, or one feature's part of it, that has no sample now, with the reason.",
    *("model", "version", "window", "signal", "feature", "reason"),
)
SUCCESS: Final = gauge(
    "ml_exporter_collector_success", "1 if a signal or reader raised no error at the last evaluation.", "collector"
)
DURATION: Final = gauge(
    "ml_exporter_collector_duration_seconds",
    "Time that a signal or reader took at its last evaluation, over all models and windows.",
    "collector",
)
LABELS: Final = counter(
    "ml_labels_total",
    "Labels by what became of them; an early one counts again as joined or unmatched.",
    *("model", "result"),
)
FEEDBACK: Final = counter(
    "ml_feedback_results_total",
    "Ratings and thumbs by what became of them; only the first for an id is joined.",
    *("model", "result"),
)
DUPLICATES: Final = counter(
    "ml_predictions_duplicate_total", "Predictions not counted because their id had been counted.", "model"
)
EVICTIONS: Final = counter(
    "ml_predictions_evicted_total", "Predictions forgotten before their horizon for want of capacity.", "model"
)
METRICS: Final = (NO_DATA, SUCCESS, DURATION, LABELS, FEEDBACK, DUPLICATES, EVICTIONS)

_FOR_PAGES: Final = (histograms, confusions, fairness_counts)
_QUIET_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Kept:
    """What was evaluated for a version, good until its sums change."""

    revision: int
    context: ModelContext
    blocks: list[Block] = field(default_factory=list)
    missing: list[NoData] = field(default_factory=list)
    for_pages: list[Block] = field(default_factory=list)
    failed: bool = False


class Evaluator:
    """Turns the states of the models, and what the readers find, into the samples of a snapshot.

    ``for_pages`` are the counts of each bin, of each pair of classes and behind fairness, in each window of the
    last evaluation, which are for the pages alone.
    """

    def __init__(self, signals: Sequence[Signal] = SIGNALS, readers: Sequence[Collector] = ()) -> None:
        self._signals = signals
        self._readers = readers
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._baselines: dict[tuple[ModelContext, str], _Kept] = {}
        self.for_pages: list[Block] = []
        self._no_data_rows = Rows(())
        self._logged: dict[str, float] = {}
        self._start_over()

    def replace_readers(self, readers: Sequence[Collector]) -> Sequence[Collector]:
        """Go on with other readers; return those before, for :func:`close`."""
        old, self._readers = self._readers, readers
        self._start_over()
        return old

    def close(self) -> None:
        """Give back what the readers hold; nothing is evaluated after it."""
        close(self._readers)

    def _start_over(self) -> None:
        keys = [*(signal.key for signal in self._signals), *(reader.key for reader in self._readers)]
        self._collectors = Rows.of(keys)
        self._seconds = self._last_seconds = np.zeros(len(keys))
        self._success = np.ones(len(keys))

    def evaluate(self, models: Mapping[str, ModelRuntime]) -> list[Block]:
        """Return the samples of all models; a signal that raises loses only its own."""
        self._seconds, self._success = np.zeros(len(self._collectors)), np.ones(len(self._collectors))
        blocks: list[Block] = []
        missing: list[NoData] = []
        kept: dict[tuple[str, str], _Kept] = {}
        baselines: dict[tuple[ModelContext, str], _Kept] = {}
        for name, model in models.items():
            if model.state is None:
                continue
            for version_name, version in sorted(model.state.versions.items()):
                context = model.of(version_name).context
                baseline = self._baseline(context, version_name)
                numbers = self._version(context, name, version_name, version)
                baselines[context, version_name] = baseline
                kept[name, version_name] = numbers
                blocks += [*baseline.blocks, *numbers.blocks]
                missing += [*baseline.missing, *numbers.missing]
            blocks += counts_of(model.context.schema, model.state.counts)
        self._kept, self._baselines = kept, baselines
        self.for_pages = [block for numbers in kept.values() for block in numbers.for_pages]
        self._last_seconds = np.where(self._seconds > 0, self._seconds, self._last_seconds)
        blocks += self._read()
        blocks.append(Block(SUCCESS, (), self._collectors, self._success))
        blocks.append(Block(DURATION, (), self._collectors, self._last_seconds))
        if missing:
            blocks.append(reasons_of(missing, self._no_data_rows))
            self._no_data_rows = blocks[-1].rows
        return blocks

    def _baseline(self, context: ModelContext, version: str) -> _Kept:
        kept = self._baselines.get((context, version))
        if kept is not None and not kept.failed:
            return kept
        kept = _Kept(0, context)
        scope = (context.schema.name, version, "")
        self._run(kept, [scope], lambda signal: signal.of_baseline(context, version))
        return kept

    def _version(self, context: ModelContext, model: str, name: str, version: VersionState) -> _Kept:
        kept = self._kept.get((model, name))
        fresh = kept is not None and kept.revision == version.revision and kept.context is context
        if kept is not None and fresh and not kept.failed:
            return kept
        kept = _Kept(version.revision, context)
        last = (version.last_prediction, version.last_label)
        total = Views([View(context, name, version.total, "", np.nan, *last)])
        windows = [
            View(context, name, ring.total, ring.window.label, ring.started, *last, partial(trail_of, ring))
            for ring in version.rings
        ]

        views = Views(windows)

        def samples(signal: Signal) -> Samples:
            for found in (*signal.since_starts(total), *signal.over_windows(views)):
                yield from found

        self._run(kept, [view.scope for view in windows], samples)
        for make in _FOR_PAGES:
            try:
                kept.for_pages += list(make(views))
            except Exception:
                kept.failed = True
                self._report(make.__name__)
        return kept

    def _run(self, kept: _Kept, scopes: list[tuple[str, ...]], samples: Callable[[Signal], Samples]) -> None:
        for number, signal in enumerate(self._signals):
            began = time.perf_counter()
            try:
                found = list(samples(signal))
            except Exception:
                kept.failed = True
                self._success[number] = 0.0
                self._report(signal.key)
                found = [NoData(scope, signal.key, FAILED) for scope in scopes]
            kept.blocks += [sample for sample in found if isinstance(sample, Block)]
            kept.missing += [sample for sample in found if isinstance(sample, NoData)]
            self._seconds[number] += time.perf_counter() - began

    def _read(self) -> list[Block]:
        blocks: list[Block] = []
        for number, reader in enumerate(self._readers, len(self._signals)):
            began = time.perf_counter()
            try:
                for block in reader.collect():
                    blocks.append(block)
            except ResourceError as error:
                self._success[number] = 0.0
                self._tell(reader.key, str(error))
            except Exception:
                self._success[number] = 0.0
                self._report(reader.key)
            self._last_seconds[number] = time.perf_counter() - began
        return blocks

    def _report(self, key: str) -> None:
        if self._is_due(key):
            log.exception("signal failed", extra={"collector": key})

    def _tell(self, key: str, error: str) -> None:
        if self._is_due(key):
            log.warning("a resource cannot be read", extra={"collector": key, "error": error})

    def _is_due(self, key: str) -> bool:
        now = time.monotonic()
        due = now - self._logged.get(key, -_QUIET_SECONDS) >= _QUIET_SECONDS
        if due:
            self._logged[key] = now
        return due


def reasons_of(missing: Iterable[NoData], before: Rows) -> Block:
    """Return the samples that say why there is no data; their rows are ``before`` where those are equal."""
    values = tuple((*item.scope, item.signal, item.feature, item.reason) for item in missing)
    rows = before if values == before.values else Rows(values)
    return Block(NO_DATA, (), rows, np.ones(len(values), np.int64))


def close(readers: Iterable[Collector]) -> None:
    """Give back what readers hold."""
    for reader in readers:
        if isinstance(reader, Closing):
            reader.close()


_RESULT_ROWS: Final = Rows.of(LABEL_RESULTS)
_FEEDBACK_ROWS: Final = Rows.of(fate.removeprefix("feedback_") for fate in FEEDBACK_FATES.values())


def counts_of(schema: ModelSchema, counts: Mapping[str, int]) -> Iterable[Block]:
    """Yield what became of a model's labels, feedback and ids, by the names of :class:`ModelState`."""
    name = schema.name
    results = np.array([counts[result] for result in LABEL_RESULTS], np.int64)
    yield Block(LABELS, (name,), _RESULT_ROWS, results)
    if schema.feedback is not None:
        told = np.array([counts[result] for result in FEEDBACK_FATES.values()], np.int64)
        yield Block(FEEDBACK, (name,), _FEEDBACK_ROWS, told)
    yield _single(DUPLICATES, name, counts[DUPLICATE_PREDICTION])
    yield _single(EVICTIONS, name, counts[EVICTED])


def _single(metric: Metric, name: str, count: int) -> Block:
    return Block(metric, (name,), ONE, np.array([count], np.int64))
