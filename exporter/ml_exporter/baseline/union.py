"""One schema for the events of a model whose versions have baselines of their own."""

from __future__ import annotations

from dataclasses import replace

from ml_exporter.core.errors import Problem
from ml_exporter.core.schema import CategoricalVariable, FeatureKind, ModelSchema, NumericVariable, Variable


def union_of(schema: ModelSchema, other: ModelSchema) -> ModelSchema:
    """Return a schema that knows every feature and category of two schemas that :func:`contradictions` passes.

    Events are decoded by it, with their attributions if either keeps them; ``sums.recoding`` turns them into what
    each version counts. It is ``schema`` itself where the other knows nothing beyond it.
    """
    if other.attributed and not schema.attributed:
        schema = replace(schema, attributed=True)
    features = {variable.name: variable for variable in schema.features}
    grown = False
    for variable in other.features:
        known = features.get(variable.name)
        merged = _merged(known, variable)
        if merged is not known:
            features[variable.name], grown = merged, True
    if not grown:
        return schema
    variables: list[Variable] = [*features.values()]
    if schema.output is not None:
        variables.append(schema.output)
    return replace(
        schema,
        numeric=tuple(variable for variable in variables if isinstance(variable, NumericVariable)),
        categorical=tuple(variable for variable in variables if isinstance(variable, CategoricalVariable)),
    )


def _merged(known: Variable | None, variable: Variable) -> Variable:
    if known is None:
        return variable
    if not isinstance(known, CategoricalVariable) or not isinstance(variable, CategoricalVariable):
        return known
    new = [name for name in variable.categories if name not in known.categories]
    return replace(known, categories=(*known.categories, *new)) if new else known


def contradictions(schema: ModelSchema, other: ModelSchema) -> list[Problem]:
    """Return what keeps a version from being counted beside those of ``schema``; ``where`` is ``baseline``."""
    problems = []
    for what, ours, theirs in (
        ("classes", schema.classes, other.classes),
        ("positive class", schema.positive, other.positive),
        ("threshold", schema.threshold, other.threshold),
    ):
        if ours != theirs:
            problems.append(f"has another {what} than the model's baseline: {_shown(theirs)}, not {_shown(ours)}")
    features = {variable.name: variable for variable in schema.features}
    for variable in other.features:
        known = features.get(variable.name, variable)
        if known.kind is not variable.kind:
            kinds = f"{_kind(variable)}, another baseline of the model as {_kind(known)}"
            problems.append(f'has feature "{variable.name}" as {kinds}')
        elif known.sensitive != variable.sensitive:
            problems.append(
                f'and another baseline of the model do not agree on whether feature "{variable.name}" is sensitive'
            )
    if isinstance(schema.output, NumericVariable) != isinstance(other.output, NumericVariable):
        problems.append("has another kind of output than the model's baseline")
    return [Problem("baseline", problem) for problem in problems]


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _kind(variable: Variable) -> str:
    return {FeatureKind.NUMERIC: "a number", FeatureKind.TEXT: "a text"}.get(variable.kind, "a category")
