"""From the profiles of the columns to the schema of the model, and a review of it for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.baseline.bins import decile_groups, quantile_edges, score_bins
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.profile import NUMERIC_SHARE, Profile
from ml_exporter.baseline.segments import plan_segments
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.privacy import masked
from ml_exporter.core.schema import (
    CategoricalVariable,
    FeatureKind,
    ModelSchema,
    NumericVariable,
    Role,
    Task,
)

CATEGORIES: Final = 50
"""Categories kept of a feature, the most frequent; the rest count as other."""

CLASSES: Final = 50

_POSITIVE: Final = ("1", "true", "yes")


@dataclass(frozen=True)
class Review:
    """What was made of one column, for a person to check."""

    name: str
    use: str
    why: str
    missing: float
    distinct: str
    lowest: str
    highest: str


def plan(profiles: Mapping[str, Profile], options: FitOptions) -> tuple[ModelSchema, tuple[Review, ...]]:
    """Return the schema that the profiles and options give, and what was made of each column."""
    _check_roles(profiles, options)
    roles = options.roles
    numeric: list[NumericVariable] = []
    categorical: list[CategoricalVariable] = []
    reviews: list[Review] = []
    for name, profile in profiles.items():
        kind, why = profile.kind()
        if not name or name.startswith("Unnamed: "):
            kind, why = None, "a column without a name"
        elif kind is FeatureKind.CATEGORICAL and len(profile.names) > CATEGORIES:
            why += f", the {CATEGORIES} most frequent are kept"
        if profile.is_beside:
            kind, why = None, "beside the features of events"
        if name in options.kinds:
            kind, why = options.kinds[name], "as told"
            if kind is not FeatureKind.CATEGORICAL and not profile.finite:
                held = "texts" if kind is FeatureKind.TEXT else "numbers"
                raise BaselineError(f'--kind: column "{name}" holds no {held}')
        use = roles.get(name) or ("excluded" if name in options.exclude else kind.value if kind else "ignored")
        reviews.append(_review(name, profile, use, why))
        if use in (FeatureKind.NUMERIC, FeatureKind.TEXT):
            numeric.append(_numeric(name, profile, name in options.sensitive))
        elif use == FeatureKind.CATEGORICAL:
            categorical.append(_categorical(name, profile, options))
    if not numeric and not categorical:
        raise BaselineError("no column is left that could be a feature")
    classes, positive = _classes(profiles, options)
    _check_class_scores(profiles, options, classes)
    output = _output(profiles, options, classes)
    if isinstance(output, NumericVariable):
        numeric.append(output)
    elif output is not None:
        categorical.append(output)
    scores = profiles[options.score].sample if options.score and options.task is Task.BINARY else np.zeros(0)
    edges, groups = score_bins(scores)
    label = options.label if options.task is Task.REGRESSION else None
    schema = ModelSchema(
        name="",
        task=options.task,
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        classes=classes,
        positive=positive,
        threshold=options.threshold,
        score_edges=edges,
        score_groups=groups,
        label_center=profiles[label].center if label else 0.0,
        label_scale=profiles[label].spread if label else 0.0,
        segments=plan_segments(profiles, [*numeric, *categorical], options),
    )
    return schema, tuple(reviews)


def _check_roles(profiles: Mapping[str, Profile], options: FitOptions) -> None:
    """Raise BaselineError if a column cannot be what it is said to be."""
    if options.score is not None and options.task is not Task.BINARY:
        raise BaselineError(f"--score: is for binary_classification; for {options.task} give --prediction")
    given = {"--label": options.label, "--score": options.score, "--prediction": options.prediction}
    given["--timestamp"] = options.timestamp
    named = {flag: name for flag, name in given.items() if name is not None}
    for flag, name in named.items():
        twice = [other for other, column in named.items() if column == name and other != flag]
        if twice or name in options.exclude:
            raise BaselineError(f'{flag}: column "{name}" is given to {(*twice, "--exclude")[0]} too')
        numeric = flag == "--score" or (options.task is Task.REGRESSION and flag != "--timestamp")
        if numeric and profiles[name].numeric_share < NUMERIC_SHARE:
            raise BaselineError(f'{flag}: column "{name}" must hold numbers')


def _numeric(name: str, profile: Profile, sensitive: bool, role: Role = Role.FEATURE) -> NumericVariable:
    edges = quantile_edges(profile.sample)
    counts = np.bincount(np.searchsorted(edges, profile.sample, side="right"), minlength=len(edges) + 1)
    return NumericVariable(
        name=name,
        edges=edges,
        groups=decile_groups(counts),
        center=profile.center,
        scale=profile.scale,
        sensitive=sensitive,
        role=role,
        is_text=profile.is_text and role is Role.FEATURE,
    )


def _categorical(name: str, profile: Profile, options: FitOptions) -> CategoricalVariable:
    frequent = [category for category, _ in profile.names.most_common(CATEGORIES)]
    sensitive = name in options.sensitive
    if sensitive:
        if options.key is None:
            raise BaselineError(f"--sensitive {name}: names need a key: --sensitive-key-file FILE")
        frequent = [masked(category, options.key) for category in frequent]
    return CategoricalVariable(name, tuple(sorted(frequent)), sensitive)


def _classes(profiles: Mapping[str, Profile], options: FitOptions) -> tuple[tuple[str, ...], int]:
    if options.task is Task.REGRESSION:
        return (), 1
    names: set[str] = set()
    for column in (options.label, options.prediction):
        if column is not None:
            if profiles[column].overflow or len(profiles[column].names) > CLASSES:
                raise BaselineError(f'column "{column}" has more than {CLASSES} classes; is the task right?')
            names |= set(profiles[column].names)
    classes = tuple(sorted(names, key=_class_order))
    if options.task is Task.MULTICLASS:
        if len(classes) < 2:
            raise BaselineError("a multiclass baseline needs --label or --prediction with at least two classes")
        return classes, 1
    classes = classes or ("0", "1")
    if len(classes) != 2:
        raise BaselineError(f"a binary baseline needs two classes, found {len(classes)}: {', '.join(classes)}")
    wanted = options.positive_class or next((name for name in _POSITIVE if name in classes), None)
    if wanted is None or wanted not in classes:
        raise BaselineError(f"give --positive-class, one of {', '.join(classes)}")
    return classes, classes.index(wanted)


def _check_class_scores(profiles: Mapping[str, Profile], options: FitOptions, classes: tuple[str, ...]) -> None:
    """Raise BaselineError if there are scores of classes, but not one column of numbers from 0 to 1 for each."""
    given = options.class_scores
    if not given:
        return
    if options.task is not Task.MULTICLASS:
        raise BaselineError(f"--class-score: is for multiclass_classification; for {options.task} give --score")
    if given.keys() != set(classes):
        raise BaselineError(
            f"--class-score: needs one for each of {', '.join(classes)}, got {', '.join(sorted(given))}"
        )
    others = {options.label, options.prediction, *options.exclude}
    for place, column in enumerate(given.values()):
        if column in others or column in list(given.values())[:place]:
            raise BaselineError(f'--class-score: column "{column}" is given twice')
        profile = profiles[column]
        if profile.numeric_share < NUMERIC_SHARE or profile.minimum < 0 or profile.maximum > 1:
            raise BaselineError(f'--class-score: column "{column}" must hold numbers between 0 and 1')


def _class_order(name: str) -> tuple[bool, int, str]:
    """Numbers come first, in their own order."""
    is_number = name.removeprefix("-").isdigit()
    return not is_number, int(name) if is_number else 0, name


def _output(
    profiles: Mapping[str, Profile], options: FitOptions, classes: tuple[str, ...]
) -> NumericVariable | CategoricalVariable | None:
    if options.task is Task.REGRESSION:
        name = options.prediction
        return _numeric("prediction", profiles[name], False, Role.OUTPUT) if name else None
    if options.score is not None and options.task is Task.BINARY:
        profile = profiles[options.score]
        if profile.minimum < 0 or profile.maximum > 1:
            found = f"{profile.minimum:g} to {profile.maximum:g}"
            raise BaselineError(f'column "{options.score}": scores must lie between 0 and 1, found {found}')
        return _numeric("score", profile, False, Role.OUTPUT)
    if options.prediction or options.class_scores:
        return CategoricalVariable("prediction", classes, role=Role.OUTPUT)
    return None


def _review(name: str, profile: Profile, use: str, why: str) -> Review:
    numeric = bool(len(profile.sample))
    return Review(
        name=name,
        use=use,
        why=why,
        missing=(profile.missing + (profile.words if use == FeatureKind.NUMERIC else 0)) / max(profile.rows, 1),
        distinct="many" if profile.overflow else f"{len(profile.names):,}",
        lowest=f"{profile.minimum:g}" if numeric else "",
        highest=f"{profile.maximum:g}" if numeric else "",
    )
