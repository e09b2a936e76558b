"""Counting one event in the process: ours a thousand at a time, prometheus-client's bound children one by one."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram

from harness import Row, compare, seconds
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import NdJson
from ml_exporter.ingest.queue import Batch
from workload import CATEGORICAL, LEVELS, NUMERIC, engine, events, ndjson

EVENTS, RUNS, BATCHES = 1_000, 11, 20


def run() -> list[Row]:
    """Return the line of the table: CPU time an event, ids and join included on our side."""
    made = engine()
    intake = Intake({name: model.intake for name, model in made.models.items()})
    bodies = [ndjson(events(EVENTS, seed)) for seed in range(2, 2 + RUNS * BATCHES + 1)]
    decoded: list[list[Batch]] = []

    def prepare() -> None:
        # As in the sidecar: an event is counted soon after it was decoded, and its id is new.
        decoded.append(intake.predictions(bodies.pop(), NdJson(), None)[0])

    def ours() -> None:
        made._queue.put(decoded.pop())
        made.count()

    registry = CollectorRegistry()
    buckets = [-3 + 0.5 * n for n in range(13)]
    numeric = Histogram("feature", "Values.", ["feature"], buckets=buckets, registry=registry)
    categorical = Counter("category", "Values.", ["feature", "category"], registry=registry)
    score = Histogram("score", "Scores.", buckets=[n / 20 for n in range(21)], registry=registry)
    observers = [numeric.labels(name).observe for name in NUMERIC]
    children = [
        {f"level_{level}": categorical.labels(name, f"level_{level}").inc for level in range(levels)}
        for name, levels in zip(CATEGORICAL, LEVELS, strict=True)
    ]
    rows = [
        ([e["features"][n] for n in NUMERIC], [e["features"][n] for n in CATEGORICAL], e["score"])
        for e in events(EVENTS)
    ]

    def rival() -> None:
        for numbers, names, value in rows:
            for observe, number in zip(observers, numbers, strict=True):
                if number is not None:
                    observe(number)
            for by_name, name in zip(children, names, strict=True):
                by_name[name]()
            score.observe(value)

    pair = compare(ours, rival, runs=RUNS, clock=time.process_time, repeat=(BATCHES, 4), prepare=prepare)
    return [
        Row(
            "count one event in-process: 30 features, score, id (CPU)",
            seconds(pair.ours, EVENTS),
            f"prometheus-client, bound histograms and counters: {seconds(pair.rival, EVENTS)}",
            f"{pair.times_less:.1f}x less",
            "10x less",
            pair.times_less >= 10,
        )
    ]
