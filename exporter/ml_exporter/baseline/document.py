"""The baseline file: a versioned, hashed JSON document of sums; it holds no row of the data.

::

    {
      "format": "ml-exporter-baseline/1",
      "sha256": "…",                       over the canonical JSON of all other keys
      "created": 1385078400.0,             seconds since the Unix epoch
      "source": "validation.parquet",      name of the file it was fitted from
      "rows": 50000,
      "task": "binary_classification", "classes": […], "positive_class": "1", "threshold": 0.5,
      "score_edges": […], "score_groups": […],
      "label_center": 0.0, "label_scale": 0.0,   mean and spread of a regression's labels; the latter
                                           not in older files
      "noise_samples": […],                window sizes at which the noise floors below were fitted
      "variables": [ {"name": …, "role": …, "kind": …, "counts": […], …}, … ],
      "outcomes": {"confusion": […], …},   flat sums over labelled rows, by block name; may be empty
      "equal_pairs": 0.0,                  share of the pairs of rows with equal features; not in older files
      "segments": [ {"name": …, "kind": …, "values": […], "sums": {…}}, … ]    only if some were asked for
      "attributions": [ {"name": …, "count": …, "sum": […]}, … ]               only if some were given
      "multivariate": {"features": […], "seed": …, "bandwidth": …, "components": […], …}  only if asked for
      "calibration": {"maps": [ {"scores": […], "probabilities": […]}, … ], "sums": {…}}
                                           only of classifiers with labelled scores
      "volume": {"rows": […], "hours": […]}    by hour of the week, only if the rows have times
    }
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from ml_exporter.baseline.validity import check
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.times import WEEK_HOURS

FORMAT: Final = "ml-exporter-baseline/1"


class VariableDocument(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One variable: its bins or categories, how many baseline rows fell into each, and noise floors."""

    name: str
    role: str
    kind: str
    counts: list[int]
    other: int = 0
    missing: int = 0
    absent: int = 0
    type_error: int = 0
    sensitive: bool = False
    edges: list[float] | None = None
    groups: list[int] | None = None
    sums: list[int] | None = None
    center: float | None = None
    scale: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    categories: list[str] | None = None
    noise: dict[str, list[float]] = {}

    @property
    def total(self) -> int:
        """The number of rows counted."""
        return sum(self.counts) + self.other + self.missing + self.absent + self.type_error


class SegmentDocument(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One segment: its groups, and the flat sums over them by block name."""

    name: str
    kind: str
    values: list[str] = []
    edges: list[float] = []
    sums: dict[str, list[int]] = {}


class AttributionDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many attributions of a feature were told, and the sum of their absolute values as ``fixed.WIDE``."""

    name: str
    count: int
    sum: list[int]


class MultivariateDocument(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """All features together: what gives the projections, the components in steps of 2**-20, flat sums by block."""

    features: list[str]
    seed: int
    frequencies: int
    bandwidth: float
    noise_scale: float
    encodings: list[list[float]]
    components: list[list[int]]
    sums: dict[str, list[int]]


class MapDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The knots of a map from score to probability."""

    scores: list[float]
    probabilities: list[float]


class CalibrationDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How scores become probabilities: a map for the positive class, or one for each; and what they expect."""

    maps: list[MapDocument]
    sums: dict[str, list[int]]


class VolumeDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Rows in each of the 168 hours of a week, from Sunday 00:00 UTC on, and how often that hour was there."""

    rows: list[int]
    hours: list[int]


class BaselineDocument(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The whole file; see the module's description."""

    format: str
    sha256: str
    created: float
    source: str
    rows: int
    task: str
    classes: list[str]
    positive_class: str | None
    threshold: float
    score_edges: list[float]
    score_groups: list[int]
    label_center: float
    noise_samples: list[int]
    variables: list[VariableDocument]
    outcomes: dict[str, list[int]]
    label_scale: float = 0.0
    equal_pairs: float | None = None
    segments: list[SegmentDocument] = []
    attributions: list[AttributionDocument] = []
    multivariate: MultivariateDocument | None = None
    calibration: CalibrationDocument | None = None
    volume: VolumeDocument | None = None

    @property
    def weeks_of_volume(self) -> float:
        """Weeks whose volume by hour it knows."""
        return round(sum(self.volume.hours) / WEEK_HOURS, 1) if self.volume else 0.0

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON of all keys but ``sha256``."""
        content = msgspec.to_builtins(self)
        del content["sha256"]
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read(path: Path) -> BaselineDocument:
    """Return the document in ``path``; BaselineError with the reason if it is not a usable one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return parse(data)
    except BaselineError as error:
        raise BaselineError(f"{path}: {error}") from None


def parse(data: bytes) -> BaselineDocument:
    """Return the document in ``data``; BaselineError with the reason if it is not a usable one."""
    try:
        header = msgspec.json.decode(data)
    except msgspec.MsgspecError as error:
        raise BaselineError(f"not a baseline: {error}") from None
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        raise BaselineError(f'not a baseline of this version: "format" is {found!r}, must be "{FORMAT}"')
    try:
        document = msgspec.convert(header, BaselineDocument)
    except msgspec.ValidationError as error:
        raise BaselineError(f"not a valid baseline: {error}") from None
    if document.digest() != document.sha256:
        raise BaselineError('"sha256" does not match the content: the file was edited or damaged; fit it again')
    check(document)
    return document


def write(document: BaselineDocument, path: Path) -> None:
    """Seal ``document`` with its hash and write it to ``path``, whole or not at all if that is a file.

    A link leads to what is written, and a device or pipe stays what it is.
    """
    document.sha256 = document.digest()
    check(document)
    text = "\n".join(_lines(msgspec.to_builtins(document))) + "\n"
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def _lines(content: dict[str, Any]) -> list[str]:
    """Return the JSON of ``content`` with one key a line and every array of numbers on one line."""
    entries = [_json_of(key, value) for key, value in content.items()]
    body = [f'  "{key}": {entry}' for key, entry in zip(content, entries, strict=True)]
    return ["{", ",\n".join(body), "}"]


def _json_of(key: str, value: Any) -> str:
    if key == "variables":
        return _variables_json(value)
    if key == "multivariate":
        return _multivariate_json(value)
    if key == "calibration":
        maps = _variables_json(value["maps"])
        sums = _variables_json([value["sums"]]).removeprefix("[\n    ").removesuffix("\n  ]")
        return f'{{\n  "maps": {maps},\n  "sums": {sums}}}'
    return orjson.dumps(value).decode()


def _variables_json(variables: list[dict[str, Any]]) -> str:
    blocks = []
    for variable in variables:
        parts = [f'      "{key}": {orjson.dumps(value).decode()}' for key, value in variable.items()]
        blocks.append("    {\n" + ",\n".join(parts) + "\n    }")
    return "[\n" + ",\n".join(blocks) + "\n  ]"


def _multivariate_json(content: dict[str, Any]) -> str:
    """Return the JSON with a key a line, and each component on one."""
    parts = []
    for key, value in content.items():
        lines = [orjson.dumps(part).decode() for part in value] if key == "components" else []
        parts.append(
            f'    "{key}": '
            + ("[\n      " + ",\n      ".join(lines) + "\n    ]" if lines else orjson.dumps(value).decode())
        )
    return "{\n" + ",\n".join(parts) + "\n  }"
