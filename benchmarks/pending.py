"""Predictions that wait for their label, beside a dict from id to tuple."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness import Row, resident
from ml_exporter.ingest.assemble import hash_ids
from ml_exporter.state.join.store import JoinStore

IDS, BATCH = 2_000_000, 1_000


def run() -> list[Row]:
    """Return the lines of disk, memory and speed; hashing the ids is part of the time."""
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 1 << 62, IDS)
    ids = [f"prediction-{number:016x}" for number in raw.tolist()]
    folder = Path(tempfile.mkdtemp())
    before = resident()
    store = JoinStore(folder, 7 * 86400.0, IDS)
    began = time.perf_counter()
    for start in range(0, IDS, BATCH):
        rows: Any = np.zeros(BATCH, store.dtype)
        rows["hash"] = hash_ids(ids[start : start + BATCH], 7)[0]
        rows["value"] = 0.5
        assert store.add_predictions(rows, 0.0).all()
        if start % 100_000 == 0:
            store.save()
    adding = time.perf_counter() - began
    store.save()
    memory = resident() - before
    disk = sum(path.stat().st_size for path in folder.glob("*.rows")) + IDS / 8
    order = rng.permutation(IDS)
    shuffled = [ids[number] for number in order[: IDS // 2].tolist()]
    began = time.perf_counter()
    joined = 0
    for start in range(0, len(shuffled), BATCH):
        hashes = hash_ids(shuffled[start : start + BATCH], 7)[0]
        _, found = store.add_labels(hashes, np.zeros(BATCH), np.ones(BATCH), 1.0)
        joined += len(found.rows)
    joining = time.perf_counter() - began
    assert joined == IDS // 2
    del store

    before = resident()
    waiting = {identifier.encode().decode(): (0.5, float(number), 1, "1") for number, identifier in enumerate(ids)}
    rival = resident() - before
    assert len(waiting) == IDS
    rate = joined / joining
    return [
        Row(
            f"pending labels on disk, {IDS:,} ids",
            f"{disk / IDS:.1f} bytes an id",
            f"dict of id to tuple, in memory: {rival / IDS:.0f} bytes an id",
            f"{rival / disk:.1f}x less",
            "at most 32 bytes an id",
            disk / IDS <= 32,
        ),
        Row(
            "pending labels in memory beside that",
            f"{memory / IDS:.1f} bytes an id",
            f"the same dict: {rival / IDS:.0f} bytes an id",
            f"{rival / memory:.1f}x less",
            "bounded by labels.capacity",
            None,
        ),
        Row("ids added, hashed and checked for duplicates", f"{IDS / adding:,.0f}/s", "-", "-", "-", None),
        Row("labels joined in random order", f"{rate:,.0f}/s", "-", "-", "100,000/s", rate >= 100_000),
    ]
