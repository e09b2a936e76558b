"""What is exposed of the runs of pipelines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Metric, Rows, counter, gauge, info
from ml_exporter.state.pipelines import Pipeline, Pipelines

_RUNS: Final = counter(
    "ml_pipeline_runs_total",
    "Runs of a pipeline that entered a state: started, succeeded, failed.",
    *("pipeline", "state"),
)
_FAILURES: Final = counter(
    "ml_pipeline_failures_total",
    "Runs that failed, by the kind of error that was reported; the eleventh kind and further ones are `other`.",
    *("pipeline", "error"),
)
_DATA: Final = info(
    "ml_pipeline_data_info",
    "Version of the data of the newest run that reported one.",
    *("pipeline", "data_version"),
)


def _gauge(name: str, help: str) -> Metric:
    return gauge(f"ml_pipeline_{name}", help, "pipeline")


_OF_PIPELINE: Final[tuple[tuple[Metric, Callable[[Pipeline], float | None]], ...]] = (
    (
        _gauge("known_timestamp_seconds", "Time since when this exporter knows the pipeline."),
        lambda item: item.known,
    ),
    (
        _gauge("last_scheduled_timestamp_seconds", "Time at which the newest run was to start."),
        lambda item: item.scheduled,
    ),
    (_gauge("last_start_timestamp_seconds", "Time at which the newest run started."), lambda item: item.start),
    (_gauge("last_end_timestamp_seconds", "Time at which a run last ended, well or not."), lambda item: item.end),
    (
        _gauge("last_success_timestamp_seconds", "Time at which a run last succeeded."),
        lambda item: item.success,
    ),
    (_gauge("duration_seconds", "Time that the run took which ended last."), lambda item: item.duration),
    (_gauge("rows", "Rows of the newest run that reported any."), lambda item: item.rows),
    (
        _gauge("running", "Runs that started and have not ended; one is forgotten after 30 days."),
        lambda item: len(item.open),
    ),
)
_INTERVAL: Final = _gauge(
    "interval_seconds",
    "Time after which the next run is expected, from the configuration, else of the newest run that reported one.",
)
METRICS: Final = (_RUNS, _FAILURES, *(metric for metric, _ in _OF_PIPELINE), _INTERVAL, _DATA)


class PipelineBlocks:
    """The samples of all pipelines, made anew when something has changed."""

    def __init__(self, pipelines: Pipelines) -> None:
        self._pipelines = pipelines
        self._revision = -1
        self._blocks: list[Block] = []

    def blocks(self) -> list[Block]:
        """Return the samples of now."""
        if self._revision != self._pipelines.revision:
            self._blocks, self._revision = list(self._made()), self._pipelines.revision
        return self._blocks

    def _made(self) -> Iterable[Block]:
        known = dict(sorted(self._pipelines.known.items()))
        if not known:
            return
        yield _counted(_RUNS, {(name, state): n for name, item in known.items() for state, n in item.runs.items()})
        errors = {(name, error): count for name, item in known.items() for error, count in item.errors.items()}
        if errors:
            yield _counted(_FAILURES, errors)
        rows = Rows.of(known)
        for metric, value in _OF_PIPELINE:
            yield Block(metric, (), rows, _values(map(value, known.values())))
        yield Block(_INTERVAL, (), rows, _values(map(self._pipelines.interval, known)))
        data = tuple((name, item.data_version) for name, item in known.items() if item.data_version is not None)
        if data:
            yield Block(_DATA, (), Rows(data), np.ones(len(data), np.int64))


def _counted(metric: Metric, counts: dict[tuple[str, str], int]) -> Block:
    return Block(metric, (), Rows(tuple(counts)), np.array(list(counts.values()), np.int64))


def _values(found: Iterable[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in found], np.float64)
