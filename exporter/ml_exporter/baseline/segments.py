"""Segments: chosen when a baseline is fitted, kept in it with their sums, joined with the configuration's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ml_exporter.baseline.document import SegmentDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.profile import Profile
from ml_exporter.core.errors import BaselineError, Problem
from ml_exporter.core.schema import CategoricalVariable, NumericVariable, Role, Task, Variable
from ml_exporter.core.segments import MOST_GROUPS, MOST_SEGMENTS, Segment, SegmentKind, SegmentOptions
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.segments import Groups

PREFIX = "segment_"


def plan_segments(
    profiles: Mapping[str, Profile], variables: Sequence[Variable], options: FitOptions
) -> tuple[Segment, ...]:
    """Return the segments that ``options`` asks for; BaselineError if a column cannot be one."""
    if len(options.segments) > MOST_SEGMENTS:
        raise BaselineError(f"--segment: at most {MOST_SEGMENTS}, got {len(options.segments)}")
    features = {variable.name: variable for variable in variables if variable.role is Role.FEATURE}
    segments = []
    for name, edges in options.segments.items():
        feature = features.get(name)
        if feature is None and name not in options.exclude and not profiles[name].is_beside:
            raise BaselineError(
                f'--segment: column "{name}" is no feature; with --exclude {name} its values come beside them'
            )
        if isinstance(feature, NumericVariable):
            if not edges:
                raise BaselineError(f'--segment: "{name}" is numeric; give edges, such as {name}=10,100')
            segments.append(Segment(name, SegmentKind.NUMERIC, edges=np.array(edges)))
            continue
        if edges:
            raise BaselineError(f'--segment: "{name}" is not numeric; leave the edges out')
        common = [value for value, _ in profiles[name].names.most_common()]
        if isinstance(feature, CategoricalVariable):
            segments.append(_of_categories(feature, [value for value in common if value in feature.categories]))
        else:
            segments.append(Segment(name, SegmentKind.SENT, tuple(sorted(common[:MOST_GROUPS]))))
    return tuple(segments)


def _of_categories(feature: CategoricalVariable, values: Sequence[str]) -> Segment:
    """Return the segment of a categorical feature; of a sensitive one the categories are the first, and masked."""
    known = sorted((values or feature.categories)[:MOST_GROUPS])
    labels = dict(zip(feature.categories, feature.bin_labels(), strict=True)) if feature.sensitive else {}
    shown = tuple(labels[value] for value in known) if labels else ()
    return Segment(feature.name, SegmentKind.CATEGORICAL, tuple(known), labels=shown)


def segments_of(
    documents: Sequence[SegmentDocument],
    variables: Sequence[Variable],
    options: Mapping[str, SegmentOptions],
    task: Task,
    problems: list[Problem],
) -> tuple[Segment, ...]:
    """Return the segments of a baseline and those that a configuration adds, and what contradicts.

    ``where`` of a problem is ``segments.NAME``.
    """
    features = {variable.name: variable for variable in variables if variable.role is Role.FEATURE}
    segments = {found.name: _of_document(found, features) for found in documents}
    for name, option in options.items():
        where = f"segments.{name}"
        if name not in segments:
            segments[name] = _declared(name, option, features.get(name), where, problems)
        elif option.values or option.edges:
            problems.append(Problem(where, "comes from the baseline; fit it again to change its groups"))
        if option.reference:
            segments[name] = _with_reference(segments[name], option.reference, task, where, problems)
    if len(segments) > MOST_SEGMENTS:
        problems.append(
            Problem("segments", f"at most {MOST_SEGMENTS}, with those of the baseline {len(segments)}")
        )
    return tuple(segments.values())


def _of_document(found: SegmentDocument, features: Mapping[str, Variable]) -> Segment:
    kind = SegmentKind(found.kind)
    feature = features.get(found.name)
    if kind is SegmentKind.CATEGORICAL and isinstance(feature, CategoricalVariable):
        return _of_categories(feature, found.values)
    return Segment(found.name, kind, tuple(found.values), np.array(found.edges, np.float64))


def _declared(
    name: str, option: SegmentOptions, feature: Variable | None, where: str, problems: list[Problem]
) -> Segment:
    if isinstance(feature, NumericVariable):
        if option.values:
            problems.append(Problem(f"{where}.values", "is for categories; this feature is numeric: give edges"))
        elif not option.edges:
            problems.append(Problem(where, "is a numeric feature and needs edges, such as [10, 100]"))
        return Segment(name, SegmentKind.NUMERIC, edges=np.array(option.edges, np.float64))
    if option.edges:
        problems.append(Problem(f"{where}.edges", "is for numeric features; give values"))
    if isinstance(feature, CategoricalVariable):
        unknown = [value for value in option.values if value not in feature.categories]
        if unknown and not feature.sensitive:
            problems.append(Problem(f"{where}.values", f'"{unknown[0]}" is no category of the feature'))
        return _of_categories(feature, option.values)
    if not option.values:
        problems.append(
            Problem(where, "is no feature and needs values: those that events carry beside the features")
        )
    return Segment(name, SegmentKind.SENT, option.values)


def _with_reference(segment: Segment, reference: str, task: Task, where: str, problems: list[Problem]) -> Segment:
    named = segment.groups[: segment.named]
    if task is not Task.BINARY:
        problems.append(
            Problem(f"{where}.reference", "is for binary classifiers: fairness compares a positive class")
        )
    elif reference not in named:
        problems.append(Problem(f"{where}.reference", f'"{reference}" is none of the groups {", ".join(named)}'))
    return replace(segment, reference=reference)


def documents_of(segments: Sequence[Segment], groups: Groups, sums: Sums) -> list[SegmentDocument]:
    """Return the segments with their part of ``sums``."""
    return [
        SegmentDocument(
            name=segment.name,
            kind=segment.kind.value,
            values=list(segment.values),
            edges=segment.edges.tolist(),
            sums={name: sums[name][start : start + size].ravel().tolist() for name in _blocks(sums)},
        )
        for segment, start, size in zip(segments, groups.starts, groups.sizes, strict=True)
    ]


def fill(sums: Sums, segments: Sequence[Segment], groups: Groups, documents: Sequence[SegmentDocument]) -> None:
    """Write the baseline's sums of each segment into ``sums``; others stay zero."""
    by_name = {found.name: found for found in documents}
    for segment, start, size in zip(segments, groups.starts, groups.sizes, strict=True):
        found = by_name.get(segment.name)
        if found is None or (tuple(found.values), tuple(found.edges)) != (segment.values, tuple(segment.edges)):
            continue
        for name in _blocks(sums):
            part = sums[name][start : start + size]
            flat = found.sums.get(name, [])
            if len(flat) == part.size:
                part[:] = np.array(flat, np.int64).reshape(part.shape)


def _blocks(sums: Sums) -> list[str]:
    return [name for name in sums.layout if name.startswith(PREFIX)]
