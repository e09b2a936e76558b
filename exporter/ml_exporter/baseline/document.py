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
      "label_center": 0.0,
      "noise_samples": […],                window sizes at which the noise floors below were fitted
      "variables": [ {"name": …, "role": …, "kind": …, "counts": […], …}, … ],
      "outcomes": {"confusion": […], …},   flat sums over labelled rows, by block name; may be empty
      "equal_pairs": 0.0,                  share of the pairs of rows with equal features; not in older files
      "segments": [ {"name": …, "kind": …, "values": […], "sums": {…}}, … ]    only if some were asked for
      "attributions": [ {"name": …, "count": …, "sum": […]}, … ]               only if some were given
      "multivariate": {"features": […], "seed": …, "bandwidth": …, "components": […], …}  only if asked for
      "calibration": {"maps": [ {"scores": […], "probabilities": […]}, … ], "sums": {…}}
                                           only of classifiers with labelled scores
    }
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import Role, Task
from ml_exporter.core.segments import SegmentKind
from ml_exporter.sums.fixed import WIDE

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
    equal_pairs: float | None = None
    segments: list[SegmentDocument] = []
    attributions: list[AttributionDocument] = []
    multivariate: MultivariateDocument | None = None
    calibration: CalibrationDocument | None = None

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
    _check(document)
    return document


def write(document: BaselineDocument, path: Path) -> None:
    """Seal ``document`` with its hash and write it to ``path``, whole or not at all."""
    document.sha256 = document.digest()
    _check(document)
    text = "\n".join(_lines(msgspec.to_builtins(document))) + "\n"
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def _check(document: BaselineDocument) -> None:
    """Refuse a document whose parts contradict each other."""
    _require(document.rows > 0, "rows", "must be positive")
    _require(_ascending(document.score_edges), "score_edges", "must ascend")
    _check_groups(document.score_groups, len(document.score_edges) + 1, "score_groups")
    _require(len(set(document.classes)) == len(document.classes), "classes", "must be unique")
    _require(0.0 <= (document.equal_pairs or 0.0) <= 1.0, "equal_pairs", "must lie between 0 and 1")
    seen = set()
    for number, variable in enumerate(document.variables):
        where = f'variables[{number}] ("{variable.name}")'
        key = (variable.role, variable.name)
        _require(key not in seen, where, "stands twice")
        seen.add(key)
        counts = [*variable.counts, variable.other, variable.missing, variable.absent, variable.type_error]
        _require(min(counts, default=0) >= 0, where, "counts must not be negative")
        _require(variable.total == document.rows, where, f"counts sum to {variable.total}, not to rows")
        if variable.kind == "numeric":
            _check_numeric(variable, where)
        elif variable.kind == "categorical":
            categories = variable.categories or []
            _require(len(categories) == len(variable.counts), where, "needs a count for each category")
            _require(len(set(categories)) == len(categories), where, "categories must be unique")
        else:
            raise BaselineError(f'{where}: kind "{variable.kind}" must be numeric or categorical')
        for measure, floors in variable.noise.items():
            fits = len(floors) == len(document.noise_samples)
            _require(fits, where, f'noise of "{measure}" needs one floor for each of noise_samples')
    _check_segments(document)
    _check_attributions(document)
    _check_calibration(document)
    if document.multivariate is not None:
        _check_multivariate(document.multivariate, document)


def _check_multivariate(found: MultivariateDocument, document: BaselineDocument) -> None:
    features = {item.name: item for item in document.variables if item.role == Role.FEATURE}
    _require(
        set(found.features) <= features.keys() and bool(found.features),
        "multivariate.features",
        "must be features",
    )
    kinds = [features[name].kind for name in found.features]
    _require(kinds == sorted(kinds, reverse=True), "multivariate.features", "must have the numeric ones first")
    sizes = [len(features[name].counts) + 1 for name in found.features if features[name].kind == "categorical"]
    given = [len(part) for part in found.encodings]
    _require(given == sizes, "multivariate.encodings", "must hold a number for each category, then one for others")
    _require(0 < found.bandwidth < inf, "multivariate.bandwidth", "must be positive")
    _require(0 < found.frequencies <= 1024, "multivariate.frequencies", "must be between 1 and 1024")
    widths = {len(component) for component in found.components}
    _require(widths <= {len(found.features)}, "multivariate.components", "need a number for each feature")
    lowest = min((min(part, default=0) for part in found.sums.values()), default=0)
    _require(lowest >= 0, "multivariate.sums", "no sum is negative")


def _check_segments(document: BaselineDocument) -> None:
    names = [segment.name for segment in document.segments]
    _require(len(set(names)) == len(names), "segments", "must have different names")
    kinds = {kind.value for kind in SegmentKind}
    features = {(found.name, found.kind) for found in document.variables if found.role == Role.FEATURE}
    for segment in document.segments:
        where = f'segments ("{segment.name}")'
        _require(segment.kind in kinds, where, f'kind "{segment.kind}" must be one of {", ".join(sorted(kinds))}')
        known = segment.kind == SegmentKind.SENT or (segment.name, segment.kind) in features
        _require(known, where, f"there is no {segment.kind} feature of that name")
        _require(_ascending(segment.edges), where, "edges must ascend")
        _require(
            min((min(part, default=0) for part in segment.sums.values()), default=0) >= 0,
            where,
            "no sum is negative",
        )


def _check_attributions(document: BaselineDocument) -> None:
    names = [told.name for told in document.attributions]
    _require(len(set(names)) == len(names), "attributions", "must have different names")
    features = {found.name for found in document.variables if found.role == Role.FEATURE}
    for told in document.attributions:
        where = f'attributions ("{told.name}")'
        _require(told.name in features, where, "there is no feature of that name")
        _require(told.count > 0, where, "count must be positive")
        _require(len(told.sum) == WIDE.limbs, where, f"sum needs {WIDE.limbs} numbers")
        _require(min(told.sum) >= 0, where, "no sum is negative")


def _check_calibration(document: BaselineDocument) -> None:
    if document.calibration is None:
        return
    maps, classes = document.calibration.maps, len(document.classes)
    wanted = {Task.BINARY: 1, Task.MULTICLASS: classes}.get(Task(document.task), 0)
    _require(len(maps) == wanted, "calibration.maps", f"needs {wanted} for this task, got {len(maps)}")
    for number, each in enumerate(maps):
        where, chances = f"calibration.maps[{number}]", each.probabilities
        _require(
            bool(each.scores) and len(chances) == len(each.scores), where, "needs a probability for each score"
        )
        _require(_ascending(each.scores), where, "scores must ascend")
        _require(chances == sorted(chances), where, "probabilities must not fall")
        _require(chances[0] >= 0 and chances[-1] <= 1, where, "probabilities must lie between 0 and 1")


def _check_numeric(variable: VariableDocument, where: str) -> None:
    edges, groups, sums = variable.edges, variable.groups, variable.sums
    if edges is None or groups is None or sums is None or variable.center is None or variable.scale is None:
        raise BaselineError(f"{where}: a numeric variable needs edges, groups, sums, center and scale")
    _require(_ascending(edges), where, "edges must ascend")
    _require(len(variable.counts) == len(edges) + 1, where, "needs one count more than edges")
    _require(len(sums) == len(variable.counts), where, "needs a sum for each count")
    _require(variable.scale > 0, where, "scale must be positive")
    _check_groups(groups, len(variable.counts), where)


def _check_groups(groups: list[int], bins: int, where: str) -> None:
    _require(bool(groups) and groups[0] == 0, where, "groups must begin with 0")
    _require(_ascending(groups) and groups[-1] < bins, where, "groups must ascend within the bins")


def _ascending(values: list[Any]) -> bool:
    return all(low < high for low, high in pairwise(values))


def _require(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise BaselineError(f"{where}: {what}")


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
