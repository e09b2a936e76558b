"""Answers of Prometheus as frames, in the three formats of a query: time series, table and heatmap."""

from __future__ import annotations

import math
import re
from typing import Any

from support.grafana.frames import NUMBER, STRING, TIME, Field, Frame


def number(text: str) -> float:
    """Return a sample's value."""
    return float(text.replace("Inf", "inf"))


def series(data: Any, ref: str, legend: str, expression: str, step: float | None) -> list[Frame]:
    """Return one frame for each series of an answer."""
    if data["resultType"] in ("scalar", "string"):
        rows = [{"metric": {}, "value": data["result"]}]
    else:
        rows = data["result"]
    frames = []
    for row in rows:
        samples = row.get("values") or ([row["value"]] if "value" in row else [])
        if not samples:
            raise NotImplementedError("native histograms")
        labels = dict(sorted(row["metric"].items()))
        config = (
            {} if legend == "__auto" and labels else {"displayNameFromDS": _legend(legend, labels, expression)}
        )
        times = Field("Time", TIME, [round(at * 1000) for at, _ in samples])
        if step is not None:
            times.config["interval"] = step * 1000
        values = Field("Value", NUMBER, [number(value) for _, value in samples], labels, config)
        frames.append(Frame(ref, [times, values]))
    return frames


def _legend(legend: str, labels: dict[str, str], expression: str) -> str:
    if legend and legend != "__auto":
        return re.sub(r"\{\{\s*(.+?)\s*\}\}", lambda match: labels.get(match[1], ""), legend)
    rest = ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{rest}}}" if rest else name or expression


def tables(answers: list[tuple[str, list[Frame]]]) -> list[Frame]:
    """Return one table for each query in the table format: time, labels in order of first sight, value."""
    made = []
    for ref, frames in answers:
        times, columns, values = Field("Time", TIME, []), dict[str, Field](), Field("Value", NUMBER, [])
        for frame in frames:
            for label in frame.fields[1].labels:
                columns.setdefault(label, Field(label, NUMBER if label == "le" else STRING, []))
        for frame in frames:
            length = len(frame)
            times.values += frame.fields[0].values
            values.values += frame.fields[1].values
            for label, column in columns.items():
                column.values += [frame.fields[1].labels.get(label, "")] * length
        if len(answers) > 1:
            values.name = f"Value #{ref}"
        made.append(Frame(ref, [times, *columns.values(), values]))
    return made


def heatmap(frames: list[Frame]) -> list[Frame]:
    """Return cumulative buckets as one frame of counts: a row for each upper bound, lowest first."""

    def bound(frame: Frame) -> float:
        try:
            return number(frame.fields[1].labels.get("le", ""))
        except ValueError:
            return math.inf

    ordered = sorted(frames, key=bound)
    if not ordered:
        return []
    times = sorted({at for frame in ordered for at in frame.fields[0].values})
    counts = [dict(zip(frame.fields[0].values, frame.fields[1].values, strict=True)) for frame in ordered]
    fields = [Field("Time", TIME, list(times), config=dict(ordered[0].fields[0].config))]
    below: dict[Any, float] = {}
    for frame, upper in zip(ordered, counts, strict=True):
        values = [upper[at] - below.get(at, 0.0) if at in upper else None for at in times]
        below = upper
        item = frame.fields[1]
        fields.append(Field(item.labels.get("le", item.name), NUMBER, values, item.labels, item.config))
    return [Frame(ordered[0].ref, fields, "heatmap")]
