"""Fitting a baseline: two passes over the rows, or three, bounded memory, sums out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ml_exporter.baseline import calibration, multivariate
from ml_exporter.baseline.calibration import LabelledScores
from ml_exporter.baseline.document import FORMAT, BaselineDocument, VariableDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.plan import Review, plan
from ml_exporter.baseline.profile import Profile
from ml_exporter.baseline.rows import outcomes_of, predictions_of
from ml_exporter.baseline.segments import PREFIX, documents_of
from ml_exporter.baseline.source import Chunk
from ml_exporter.baseline.volume import HourlyVolume
from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.errors import BaselineError, nearest
from ml_exporter.core.schema import FeatureKind, ModelSchema, NumericVariable, Role, Task, Variable
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.repeats import pair_ratio
from ml_exporter.sums.segments import Groups
from ml_exporter.sums.tally import Tallies
from ml_exporter.sums.variables import Cells

_SEED: Final = 20130101

NoiseFit = Callable[[Variable, IntArray, IntArray, FloatArray], dict[str, list[float]]]
"""Returns a variable's noise floors, by measure, from its cells' counts, its bins' sums and a sample of it."""


@dataclass(frozen=True)
class Fitted:
    """A baseline and the review of its columns."""

    document: BaselineDocument
    reviews: tuple[Review, ...]


def fit(
    chunks: Callable[[], Iterator[Chunk]],
    options: FitOptions,
    tallies_of: Callable[[ModelSchema], Tallies],
    noise: NoiseFit,
    noise_samples: Sequence[int],
    *,
    source: str,
    created: float,
) -> Fitted:
    """Return the baseline of the rows that ``chunks()`` yields; it is called twice, or three times.

    The first pass finds kinds, edges, categories, units and a calibration from bounded samples; the last counts
    every row with the same tallies that the sidecar uses. Between the two, sums over whole rows ask for a sample
    of whole rows. BaselineError says what in the data is unusable.
    """
    profiles, labelled_scores, volume = _first_pass(chunks, options, source)
    schema, reviews = plan(profiles, options)
    rows = profiles[next(iter(profiles))].rows
    if options.multivariate:
        schema = replace(schema, multivariate=multivariate.fit_multivariate(chunks, rows, schema, options))
    schema = replace(schema, calibration=labelled_scores.maps(schema))
    tallies = tallies_of(schema)
    sums = tallies.zero()
    for chunk in chunks():
        columns = predictions_of(chunk, schema, options)
        tallies.add_predictions(columns, sums)
        if options.label is not None:
            labelled = outcomes_of(columns, chunk[options.label], schema)
            if labelled.rows:
                tallies.add_outcomes(labelled, sums)
    outcomes = [name for name in tallies.outcome_blocks if not name.startswith(PREFIX)]
    positive = schema.classes[schema.positive] if schema.task is Task.BINARY and schema.classes else None
    document = BaselineDocument(
        format=FORMAT,
        sha256="",
        created=created,
        source=source,
        rows=rows,
        task=schema.task.value,
        classes=list(schema.classes),
        positive_class=positive,
        threshold=schema.threshold,
        score_edges=schema.score_edges.tolist(),
        score_groups=schema.score_groups.tolist(),
        label_center=schema.label_center,
        label_scale=schema.label_scale,
        noise_samples=list(noise_samples),
        variables=_variables(schema, sums, profiles, options, noise),
        outcomes={name: sums[name].ravel().tolist() for name in outcomes} if options.label else {},
        equal_pairs=pair_ratio(sums["repeats"]) if "repeats" in sums else None,
        segments=documents_of(schema.segments, Groups(schema), sums),
        multivariate=multivariate.document_of(schema.multivariate, sums),
        calibration=calibration.document_of(schema, sums),
        volume=volume.document(),
    )
    document.sha256 = document.digest()
    return Fitted(document, reviews)


def _first_pass(
    chunks: Callable[[], Iterator[Chunk]], options: FitOptions, source: str
) -> tuple[dict[str, Profile], LabelledScores, HourlyVolume]:
    profiles: dict[str, Profile] = {}
    labelled = LabelledScores(options, np.random.default_rng(_SEED))
    volume = HourlyVolume(options.timestamp)
    for chunk in chunks():
        labelled.add(chunk)
        volume.add(chunk)
        for name, column in chunk.items():
            if name not in profiles:
                is_text = options.kinds.get(name) is FeatureKind.TEXT and name not in options.roles
                profiles[name] = Profile(np.random.default_rng([_SEED, len(profiles)]), is_text=is_text)
            profiles[name].add(column)
    if not profiles or not next(iter(profiles.values())).rows:
        raise BaselineError(f"{source}: there are no rows")
    named = {"--label": options.label, "--score": options.score, "--prediction": options.prediction}
    named["--timestamp"] = options.timestamp
    asked = [(flag, name) for flag, name in named.items() if name is not None]
    asked += [("--exclude", name) for name in sorted(options.exclude)]
    asked += [("--kind", name) for name in options.kinds]
    asked += [("--sensitive", name) for name in sorted(options.sensitive)]
    asked += [("--segment", name) for name in options.segments]
    asked += [("--class-score", name) for name in options.class_scores.values()]
    for flag, name in asked:
        if name not in profiles:
            known = nearest(name, profiles) or f"; there are {', '.join(list(profiles)[:10])}"
            raise BaselineError(f'{flag}: no column "{name}"{known}')
    return profiles, labelled, volume


def _variables(
    schema: ModelSchema, sums: Sums, profiles: Mapping[str, Profile], options: FitOptions, noise: NoiseFit
) -> list[VariableDocument]:
    cells = Cells(schema)
    counts, value_sums = sums["variable_counts"], sums["variable_sums"]
    documents = []
    start_of_sums = 0
    for variable, start, bins in zip(schema.variables, cells.starts, cells.bins, strict=True):
        here = counts[start : start + bins + 4]
        other, missing, absent, type_error = here[bins:].tolist()
        values = value_sums[start_of_sums : start_of_sums + bins]
        is_numeric = isinstance(variable, NumericVariable)
        column = variable.name
        if variable.role is Role.OUTPUT:
            column = (options.score if schema.task is Task.BINARY else options.prediction) or ""
        profile = profiles.get(column)
        sample = profile.sample if profile is not None else np.zeros(0)
        document = VariableDocument(
            name=variable.name,
            role=variable.role.value,
            kind=variable.kind.value,
            counts=here[:bins].tolist(),
            sensitive=variable.sensitive,
            noise=noise(
                variable, here, values if is_numeric else values[:0], sample if is_numeric else sample[:0]
            ),
            other=other,
            missing=missing,
            absent=absent,
            type_error=type_error,
        )
        if isinstance(variable, NumericVariable):
            start_of_sums += bins
            document.edges = variable.edges.tolist()
            document.groups = variable.groups.tolist()
            document.sums = values.tolist()
            document.center, document.scale = variable.center, variable.scale
            shown = variable.role is Role.FEATURE and not variable.sensitive
            if shown and profile is not None and profile.finite:
                document.minimum, document.maximum = profile.minimum, profile.maximum
        else:
            document.categories = list(variable.categories)
        documents.append(document)
    return documents
