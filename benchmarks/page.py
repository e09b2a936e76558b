"""A page of 10,000 series of which every value has changed, beside prometheus-client's generate_latest."""

from __future__ import annotations

import gzip

import numpy as np
from isal import isal_zlib
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from harness import Row, compare, seconds
from ml_exporter.core.metrics import Block, Rows, gauge
from ml_exporter.exposition.render import Format, Renderer

BLOCKS, SERIES = 200, 50


def run() -> list[Row]:
    """Return a line for the plain page and one for the gzipped one."""
    metrics = [gauge(f"ml_drift_{n}", "Drift.", "model", "version", "window", "feature") for n in range(10)]
    rows = Rows.of(f"feature_{n:02d}" for n in range(SERIES))
    rng = np.random.default_rng(1)
    pages = [rng.random((BLOCKS, SERIES)) for _ in range(20)]
    turn = iter(range(10**9))
    renderer = Renderer(Format.TEXT)

    def ours() -> bytes:
        values = pages[next(turn) % 20]
        return renderer.render(
            Block(metrics[n % 10], ("model", "1", f"w{n // 10}"), rows, values[n]) for n in range(BLOCKS)
        )

    registry = CollectorRegistry()
    gauges = [
        Gauge(f"ml_drift_{n}", "Drift.", ["model", "version", "window", "feature"], registry=registry)
        for n in range(10)
    ]
    children = [
        gauges[n % 10].labels("model", "1", f"w{n // 10}", f"feature_{feature:02d}")
        for n in range(BLOCKS)
        for feature in range(SERIES)
    ]
    for child, value in zip(children, pages[0].ravel().tolist(), strict=True):
        child.set(value)
    assert len(ours().splitlines()) == len(generate_latest(registry).splitlines())
    plain = compare(ours, lambda: generate_latest(registry), runs=9, repeat=(40, 1))
    packed = compare(
        lambda: isal_zlib.compress(ours(), 1, 31),
        lambda: gzip.compress(generate_latest(registry)),
        runs=9,
        repeat=(20, 1),
    )
    return [
        Row(
            f"page of 10,000 series{name}",
            seconds(pair.ours),
            f"prometheus-client generate_latest{name}: {seconds(pair.rival)}",
            f"{pair.times_less:.0f}x less",
            f"{goal}x less",
            pair.times_less >= goal,
        )
        for name, pair, goal in (("", plain, 60), (", gzipped", packed, 40))
    ]
