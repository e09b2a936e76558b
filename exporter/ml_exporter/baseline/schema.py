"""The schema that a baseline and a configuration's word on single features give together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ml_exporter.baseline.calibration import calibration_of
from ml_exporter.baseline.document import BaselineDocument, VariableDocument
from ml_exporter.baseline.multivariate import multivariate_of
from ml_exporter.baseline.segments import segments_of
from ml_exporter.core.errors import Problem
from ml_exporter.core.feedback import Scale
from ml_exporter.core.schema import (
    CategoricalVariable,
    FeatureKind,
    FeatureOptions,
    ModelSchema,
    NumericVariable,
    Role,
    Task,
    Variable,
)
from ml_exporter.core.segments import SegmentOptions


def schema_of(
    name: str,
    task: Task,
    document: BaselineDocument | None,
    options: Mapping[str, FeatureOptions],
    classes: tuple[str, ...] = (),
    segments: Mapping[str, SegmentOptions] = MappingProxyType({}),
    *,
    attributed: bool = False,
    feedback: Scale | None = None,
) -> tuple[ModelSchema, list[Problem]]:
    """Return the schema that a baseline and options for single features give, and what contradicts.

    ``where`` of a problem is ``features.NAME``, ``segments.NAME`` or ``task``. ``classes`` serve where there is no
    baseline; ``attributed`` says that events carry attributions, as they do where the baseline has some;
    ``feedback`` is the scale of ratings.
    """
    problems: list[Problem] = []
    documents = document.variables if document else []
    known = {variable.name: variable for variable in documents if variable.role == Role.FEATURE}
    features: list[Variable] = []
    for feature in known.values():
        features.append(_feature(feature, options.get(feature.name, FeatureOptions()), problems))
    for feature_name, option in options.items():
        if feature_name not in known:
            features.append(_feature_without_baseline(feature_name, option, document is not None, problems))
    if document is None:
        classes = classes or (("0", "1") if task is Task.BINARY else ())
        outputs = _outputs_without_baseline(task, classes)
    else:
        fitted = [item for item in documents if item.role == Role.OUTPUT]
        outputs = [_variable(item, FeatureOptions(), problems) for item in fitted]
        outputs = outputs or _outputs_without_baseline(task, tuple(document.classes))
    variables = [*features, *outputs]
    schema = ModelSchema(
        name=name,
        task=task,
        numeric=tuple(item for item in variables if isinstance(item, NumericVariable)),
        categorical=tuple(item for item in variables if isinstance(item, CategoricalVariable)),
        classes=classes,
        segments=segments_of(document.segments if document else (), variables, segments, task, problems),
        attributed=attributed or bool(document and document.attributions),
        multivariate=multivariate_of(document),
        feedback=feedback,
    )
    if document is None:
        return schema, problems
    if document.task != task:
        problems.append(Problem("task", f'is "{task}", but the baseline was fitted for "{document.task}"'))
    positive = document.positive_class
    schema = replace(
        schema,
        classes=tuple(document.classes),
        positive=document.classes.index(positive) if positive in document.classes else 1,
        threshold=document.threshold,
        score_edges=np.array(document.score_edges, np.float64),
        score_groups=np.array(document.score_groups, np.int64),
        label_center=document.label_center,
        label_scale=document.label_scale,
        calibration=calibration_of(document.calibration),
    )
    return schema, problems


def _feature(found: VariableDocument, option: FeatureOptions, problems: list[Problem]) -> Variable:
    where = f"features.{found.name}"
    if option.kind is not None and option.kind.value != found.kind:
        problems.append(
            Problem(
                f"{where}.kind",
                f"is {option.kind}, but the baseline was fitted with {found.kind};"
                f" fit it again with --kind {found.name}={option.kind}",
            )
        )
    return _variable(found, option, problems)


def _variable(found: VariableDocument, option: FeatureOptions, problems: list[Problem]) -> Variable:
    where = f"features.{found.name}"
    sensitive = found.sensitive if option.sensitive is None else option.sensitive
    if sensitive != found.sensitive and found.kind == "categorical":
        wanted = "with" if sensitive else "without"
        problems.append(
            Problem(
                f"{where}.sensitive", f"contradicts the baseline; fit it again {wanted} --sensitive {found.name}"
            )
        )
    if found.kind != FeatureKind.CATEGORICAL:
        if option.categories is not None:
            told = f"is for categorical features; this one is {found.kind}"
            problems.append(Problem(f"{where}.categories", told))
        low = found.minimum if found.minimum is not None else -np.inf
        high = found.maximum if found.maximum is not None else np.inf
        lower, upper = option.range or (low, high)
        return NumericVariable(
            name=found.name,
            edges=np.array(found.edges, np.float64),
            groups=np.array(found.groups, np.int64),
            center=found.center or 0.0,
            scale=found.scale or 1.0,
            lower=lower,
            upper=upper,
            minimum=low,
            maximum=high,
            sensitive=sensitive,
            role=Role(found.role),
            is_text=found.kind == FeatureKind.TEXT,
        )
    if option.range is not None:
        problems.append(Problem(f"{where}.range", "is for numeric features; this one is categorical"))
    categories = tuple(found.categories or ()) if option.categories is None else option.categories
    return CategoricalVariable(found.name, categories, sensitive, Role(found.role))


def _feature_without_baseline(
    name: str, option: FeatureOptions, has_baseline: bool, problems: list[Problem]
) -> Variable:
    where = f"features.{name}"
    if option.kind is FeatureKind.CATEGORICAL or (option.kind is None and option.categories is not None):
        if option.range is not None:
            problems.append(Problem(f"{where}.range", "is for numeric features; this one is categorical"))
        return CategoricalVariable(name, option.categories or (), bool(option.sensitive))
    if option.kind is None:
        why = "is not in the baseline" if has_baseline else "has no baseline"
        problems.append(Problem(where, f'{why} and needs a "kind": numeric, categorical or text'))
    if option.categories is not None:
        told = f"is for categorical features; this one is {option.kind}"
        problems.append(Problem(f"{where}.categories", told))
    lower, upper = option.range or (-np.inf, np.inf)
    return NumericVariable(
        name,
        edges=np.zeros(0),
        groups=np.zeros(1, np.int64),
        lower=lower,
        upper=upper,
        sensitive=bool(option.sensitive),
        is_text=option.kind is FeatureKind.TEXT,
    )


def _outputs_without_baseline(task: Task, classes: tuple[str, ...]) -> list[Variable]:
    if task is Task.BINARY:
        edges = np.arange(1, 20) / 20
        groups = np.arange(0, 20, 2)
        return [NumericVariable("score", edges, groups, lower=0.0, upper=1.0, role=Role.OUTPUT)]
    if task is Task.MULTICLASS:
        return [CategoricalVariable("prediction", classes, role=Role.OUTPUT)]
    return [NumericVariable("prediction", np.zeros(0), np.zeros(1, np.int64), role=Role.OUTPUT)]
