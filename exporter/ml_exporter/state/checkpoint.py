"""The state of all models as records: the changes of a tick, and the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ml_exporter.state.directory import Recovered
from ml_exporter.state.join.store import JoinChanges
from ml_exporter.state.journal import Record
from ml_exporter.state.model import ModelState, VersionState
from ml_exporter.state.ring import Slice

Models = Mapping[str, ModelState]

Fingerprints = Mapping[str, Callable[[str], str]]
"""Of each model, what the sums of a version depend on."""


def tick_record(models: Models, fingerprints: Fingerprints, now: float) -> Record:
    """Return what was counted since the last tick; the join stores consider it written from now on."""
    record = Record({"time": now})
    record.header["models"] = {
        name: _model_changes(model, fingerprints[name], record) for name, model in models.items()
    }
    return record


def snapshot_record(models: Models, fingerprints: Fingerprints, now: float, seed: int) -> Record:
    """Return the whole state."""
    record = Record({"time": now, "seed": seed})
    record.header["models"] = {
        name: _model_state(model, fingerprints[name], record) for name, model in models.items()
    }
    return record


def restore(models: Models, fingerprints: Fingerprints, found: Recovered, now: float) -> list[str]:
    """Put what an earlier run left into fresh models; return in sentences what could not be used.

    What is of a time after ``now``, because the clock was set back, counts as of now.
    """
    if found.snapshot is None:
        return []
    notes: list[str] = []
    kept = found.snapshot.header["models"]
    for name in kept.keys() - models.keys():
        notes.append(f'model "{name}" is not configured any more: its state is dropped')
    for name, model in models.items():
        if name not in kept:
            continue
        if kept[name]["fingerprint"] != fingerprints[name](model.default_version):
            notes.append(f'model "{name}" has another baseline or other features: its state begins anew')
            continue
        try:
            notes += _restore_model(model, fingerprints[name], kept[name], found, name, now)
        except (KeyError, TypeError, ValueError) as error:
            model.clear()
            notes.append(f'model "{name}": its state cannot be used and begins anew: {error}')
    return notes


def _model_changes(model: ModelState, fingerprint: Callable[[str], str], record: Record) -> dict[str, Any]:
    return {
        "versions": {
            name: [
                record.attach(delta.sums.vector),
                _time(delta.last_prediction),
                _time(delta.last_label),
                fingerprint(name),
            ]
            for name, delta in model.deltas.items()
        },
        "dropped": model.dropped_versions(),
        "counts": dict(model.new_counts),
        "join": _join(model.join.changes(), record),
    }


def _model_state(model: ModelState, fingerprint: Callable[[str], str], record: Record) -> dict[str, Any]:
    whole, bits, rated_bits = model.join.dump()
    return {
        "fingerprint": fingerprint(model.default_version),
        "versions": {
            name: {
                "fingerprint": fingerprint(name),
                "total": record.attach(version.total.vector),
                "touched": _time(version.touched),
                "last": [_time(version.last_prediction), _time(version.last_label)],
                "rings": [
                    {
                        "window": [ring.window.length, ring.window.width],
                        "slices": [[part.number, part.first, record.attach(part.vector)] for part in ring.slices],
                    }
                    for ring in version.rings
                ],
            }
            for name, version in model.versions.items()
        },
        "counts": dict(model.counts),
        "join": _join(whole, record),
        "bits": [[number, record.attach_bytes(marks)] for number, marks in bits.items()],
        "rated_bits": [[number, record.attach_bytes(marks)] for number, marks in rated_bits.items()],
    }


def _restore_model(
    model: ModelState,
    fingerprint: Callable[[str], str],
    kept: dict[str, Any],
    found: Recovered,
    name: str,
    now: float,
) -> list[str]:
    assert found.snapshot is not None
    snapshot = found.snapshot
    begun_anew: set[str] = set()

    def is_usable(version: str, given: str) -> bool:
        usable = given == fingerprint(version)
        if not usable:
            begun_anew.add(version)
        return usable

    # State of an earlier release has one fingerprint for all versions.
    for version_name, content in kept["versions"].items():
        if is_usable(version_name, content.get("fingerprint", kept["fingerprint"])):
            _restore_version(model.version(version_name), content, snapshot, now)
    model.counts.update(kept["counts"])
    changes = [_join_changes(kept["join"], snapshot)]
    for record in found.records:
        tick = record.header["models"].get(name)
        if tick is None:
            continue
        for version_name in tick["dropped"]:
            model.versions.pop(version_name, None)
        for version_name, (blob, last_prediction, last_label, *given) in tick["versions"].items():
            if is_usable(version_name, *(given or [kept["fingerprint"]])):
                vector = record.array(blob, np.int64)
                model.version(version_name).fold(
                    min(record.header["time"], now), vector, _from_time(last_prediction), _from_time(last_label)
                )
        model.counts.update(tick["counts"])
        changes.append(_join_changes(tick["join"], record))
    bits = {number: snapshot.content(blob) for number, blob in kept["bits"]}
    # State of an earlier release knows no feedback.
    rated_bits = {number: snapshot.content(blob) for number, blob in kept.get("rated_bits", [])}
    notes = [
        f'model "{name}": version "{version}" begins anew: its baseline, or whether it is a shadow, changed'
        for version in sorted(begun_anew)
    ]
    try:
        model.join.restore(bits, changes, rated_bits)
    except (OSError, ValueError) as error:
        model.join.clear()
        notes.append(f'model "{name}": the ids that waited for labels are lost: {error}')
    model.begin_named()
    if not found.trusted:
        model.counts.clear()
        for version in model.versions.values():
            version.total.clear()
    return notes


def _restore_version(version: VersionState, content: dict[str, Any], snapshot: Record, now: float) -> None:
    version.total.add(snapshot.array(content["total"], np.int64))
    touched = _from_time(content["touched"])
    version.touched = -np.inf if np.isnan(touched) else min(touched, now)
    version.last_prediction, version.last_label = (_from_time(time) for time in content["last"])
    rings = {tuple(kept["window"]): kept["slices"] for kept in content["rings"]}
    for ring in version.rings:
        for number, first, blob in rings.get((ring.window.length, ring.window.width), []):
            ring.restore(Slice(number, first, snapshot.array(blob, np.int64)), now)


def _join(changes: JoinChanges, record: Record) -> dict[str, Any]:
    keys, values = changes.early_added
    return {
        "generations": changes.generations,
        "marks": [[number, record.attach(rows)] for number, rows in changes.marks],
        "early": [record.attach(keys), record.attach(values), record.attach(changes.early_removed)],
        "versions": changes.versions,
        "rated": [[number, record.attach(rows)] for number, rows in changes.rated],
    }


def _join_changes(content: dict[str, Any], record: Record) -> JoinChanges:
    added, values, removed = content["early"]
    return JoinChanges(
        generations=[(number, opened, closed, count) for number, opened, closed, count in content["generations"]],
        marks=[(number, record.array(blob, np.int64)) for number, blob in content["marks"]],
        early_added=(record.array(added, np.uint64), record.array(values, np.float64).reshape(-1, 3)),
        early_removed=record.array(removed, np.uint64),
        versions=content["versions"],
        rated=[(number, record.array(blob, np.int64)) for number, blob in content.get("rated", [])],
    )


def _time(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _from_time(value: float | None) -> float:
    return np.nan if value is None else value
