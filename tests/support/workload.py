"""Made-up events with every difficulty a real table has: tails, ties, gaps, rare categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_exporter.core.schema import Task

NUMERIC = ("normal", "lognormal", "tailed", "tied", "zeros", "constant")
CATEGORICAL = ("few", "many", "flag")
CLASSES = ("high", "low", "middle")
REGIONS = ("east", "north", "south")
"""Values of the segment ``region``, which is no feature."""

Table = dict[str, np.ndarray[Any, Any]]


def table(rows: int, seed: int, task: Task = Task.BINARY, shift: float = 0.0) -> Table:
    """Return columns of ``rows`` events; ``shift`` moves some of them."""
    rng = np.random.default_rng(seed)
    columns: Table = {
        "normal": rng.normal(shift, 1, rows),
        "lognormal": np.exp(rng.normal(0, 1, rows)),
        "tailed": rng.standard_t(2, rows) + shift,
        "tied": rng.integers(0, 24, rows).astype(float),
        "zeros": np.where(rng.random(rows) < 0.8, 0.0, rng.exponential(1, rows) + shift),
        "constant": np.full(rows, 3.0),
        "few": np.array(["a", "b", "c"], object)[rng.choice(3, rows, p=[0.6, 0.3, 0.1])],
        "many": np.array([f"level {n}" for n in range(30)], object)[np.minimum(rng.geometric(0.15, rows) - 1, 29)],
        "flag": rng.random(rows) < 0.3 + shift / 4,
    }
    for name in ("normal", "tailed"):
        columns[name][rng.random(rows) < 0.05] = np.nan
    columns["few"][rng.random(rows) < 0.02] = None
    signal = np.nan_to_num(columns["normal"]) + (columns["few"] == "b")
    if task is Task.REGRESSION:
        columns["label"] = 10 * signal + rng.normal(0, 2, rows)
        columns["prediction"] = 10 * signal + 0.5
    elif task is Task.BINARY:
        score = 1 / (1 + np.exp(-(signal - 0.5)))
        columns["score"] = score
        columns["label"] = (rng.random(rows) < score).astype(int)
    else:
        logits = np.stack([signal, np.zeros(rows), -signal]) + rng.normal(0, 0.5, (3, rows))
        scores = np.exp(logits) / np.exp(logits).sum(axis=0)
        names = np.array(CLASSES, object)
        for code, name in enumerate(names):
            columns[f"score:{name}"] = scores[code]
        columns["prediction"] = names[scores.argmax(axis=0)]
        drawn = (rng.random(rows) > scores.cumsum(axis=0)).sum(axis=0)
        columns["label"] = names[np.minimum(drawn, 2)]
    columns["region"] = np.array([*REGIONS, None], object)[rng.choice(4, rows, p=[0.2, 0.5, 0.25, 0.05])]
    return columns


def ranked(rows: int, seed: int, classes: str = "abcd") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return events with the scores of more classes than the table has, and their labels."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(classes), rows)
    scores = rng.dirichlet(np.ones(len(classes)), rows)
    scores[np.arange(rows), truth] += 0.2
    scores /= scores.sum(axis=1, keepdims=True)
    found = [
        {
            "id": f"ranked-{row}",
            "features": {},
            "prediction": classes[own.argmax()],
            "scores": dict(zip(classes, own.tolist(), strict=True)),
        }
        for row, own in enumerate(scores)
    ]
    return found, [{"id": f"ranked-{row}", "label": classes[code]} for row, code in enumerate(truth)]


def attributions(columns: Table, features: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return made-up attributions of some features, (features, rows): a few matter, some are not always told."""
    weights = {"normal": 1.0, "lognormal": 0.4, "tied": 0.05, "zeros": 0.2}
    rows = len(columns["few"])
    told = np.zeros((len(features), rows))
    for place, name in enumerate(features):
        if name in weights:
            told[place] = weights[name] * columns[name].astype(float)
        elif name == "few":
            told[place] = np.where(columns[name] == "b", 0.9, -0.3)
    return told


def feedback(columns: Table) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return made-up feedback on every row, (rows,) each: thumbs by the flag, else ratings from 1 to 5."""
    content = np.asarray(columns["score"], float)
    has_thumb = columns["flag"].astype(bool)
    rating = np.where(has_thumb, np.nan, np.round(1.0 + 4.0 * content, 1))
    return rating, np.where(has_thumb, content >= 0.5, -1).astype(np.int32)


def told(columns: Table, first: int = 0, prefix: str = "id") -> list[dict[str, Any]]:
    """Return the feedback on the rows as the intake takes it."""
    return [
        {"id": f"{prefix}-{first + row}", **({"rating": rating} if thumb < 0 else {"thumb": bool(thumb)})}
        for row, (rating, thumb) in enumerate(zip(*(part.tolist() for part in feedback(columns)), strict=True))
    ]


def take(columns: Table, rows: Any) -> Table:
    """Return some rows of a table."""
    return {name: values[rows] for name, values in columns.items()}


def events(columns: Table, first: int = 0, prefix: str = "id") -> list[dict[str, Any]]:
    """Return the rows as events of the intake."""
    result = []
    scores = {name.removeprefix("score:"): name for name in columns if name.startswith("score:")}
    for row in range(len(columns["few"])):
        event: dict[str, Any] = {"id": f"{prefix}-{first + row}", "latency_seconds": 0.001 * (row % 50)}
        event["features"] = {name: _plain(columns[name][row]) for name in (*NUMERIC, *CATEGORICAL)}
        event["segments"] = {"region": columns["region"][row]}
        if "score" in columns:
            event["score"] = float(columns["score"][row])
        if "prediction" in columns:
            event["prediction"] = _plain(columns["prediction"][row])
        if scores:
            event["scores"] = {name: float(columns[column][row]) for name, column in scores.items()}
        result.append(event)
    return result


def attributed(items: list[dict[str, Any]], columns: Table) -> list[dict[str, Any]]:
    """Return events with the attributions of their rows."""
    names = (*NUMERIC, *CATEGORICAL)
    told = attributions(columns, names).T
    return [
        {**item, "attributions": {name: _plain(value) for name, value in zip(names, row, strict=True)}}
        for item, row in zip(items, told, strict=True)
    ]


def labels(columns: Table, first: int = 0, prefix: str = "id") -> list[dict[str, Any]]:
    """Return the labels of the rows as events of the intake."""
    return [
        {"id": f"{prefix}-{first + row}", "label": _plain(label)} for row, label in enumerate(columns["label"])
    ]


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and np.isnan(value) else value
