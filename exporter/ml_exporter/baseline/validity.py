"""Whether the parts of a baseline file agree with each other."""

from __future__ import annotations

from itertools import compress, pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import FeatureKind, Role, Task
from ml_exporter.core.segments import SegmentKind
from ml_exporter.core.times import WEEK_HOURS
from ml_exporter.sums.fixed import WIDE

if TYPE_CHECKING:
    from ml_exporter.baseline.document import BaselineDocument, MultivariateDocument, VariableDocument


def check(document: BaselineDocument) -> None:
    """Refuse a document whose parts contradict each other: BaselineError says which, and what is wanted."""
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
        if variable.kind in (FeatureKind.NUMERIC, FeatureKind.TEXT):
            _check_numeric(variable, where)
        elif variable.kind == FeatureKind.CATEGORICAL:
            categories = variable.categories or []
            _require(len(categories) == len(variable.counts), where, "needs a count for each category")
            _require(len(set(categories)) == len(categories), where, "categories must be unique")
        else:
            raise BaselineError(f'{where}: kind "{variable.kind}" must be one of {", ".join(FeatureKind)}')
        for measure, floors in variable.noise.items():
            fits = len(floors) == len(document.noise_samples)
            _require(fits, where, f'noise of "{measure}" needs one floor for each of noise_samples')
    _check_segments(document)
    _check_attributions(document)
    _check_calibration(document)
    if document.multivariate is not None:
        _check_multivariate(document.multivariate, document)
    if document.volume is not None:
        for name, numbers in (("rows", document.volume.rows), ("hours", document.volume.hours)):
            fits = len(numbers) == WEEK_HOURS and min(numbers) >= 0
            _require(fits, f"volume.{name}", f"needs {WEEK_HOURS} numbers, none of them negative")


def _check_multivariate(found: MultivariateDocument, document: BaselineDocument) -> None:
    features = {item.name: item for item in document.variables if item.role == Role.FEATURE}
    _require(
        set(found.features) <= features.keys() and bool(found.features),
        "multivariate.features",
        "must be features",
    )
    categorical = [features[name].kind == FeatureKind.CATEGORICAL for name in found.features]
    _require(categorical == sorted(categorical), "multivariate.features", "must have the numeric ones first")
    sizes = [len(features[name].counts) + 1 for name in compress(found.features, categorical)]
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
    of_kind = {FeatureKind.CATEGORICAL.value: SegmentKind.CATEGORICAL.value}
    features = {
        (found.name, of_kind.get(found.kind, SegmentKind.NUMERIC.value))
        for found in document.variables
        if found.role == Role.FEATURE
    }
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
