"""A configuration with the baselines it names, checked together: what the sidecar starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from ml_exporter.baseline import document as baseline_file
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.union import contradictions, union_of
from ml_exporter.config import settings as settings_file
from ml_exporter.config.settings import ModelSettings, Settings
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.errors import BaselineError, Problem
from ml_exporter.core.schema import CategoricalVariable, FeatureOptions, ModelSchema


@dataclass(frozen=True)
class VersionSetup:
    """A version with the baseline that it is compared with, and the schema that it gives."""

    baseline: BaselineDocument | None
    schema: ModelSchema
    is_own: bool
    """Whether the baseline is another one than the model's."""


@dataclass(frozen=True)
class ModelSetup:
    """A model with its baseline and the schema that both give, and its versions that have baselines of their own.

    ``events`` is the schema that events are decoded by: it knows the features and categories of all of them.
    """

    settings: ModelSettings
    baseline: BaselineDocument | None
    schema: ModelSchema
    versions: Mapping[str, VersionSetup]
    events: ModelSchema

    @property
    def baselines(self) -> Iterator[tuple[str, Path | None, BaselineDocument]]:
        """Yield the version, the file and the content of each baseline; the model's own is that of its default."""
        if self.baseline is not None:
            yield self.settings.version, self.settings.baseline, self.baseline
        for name, version in self.versions.items():
            if version.is_own and version.baseline is not None:
                yield name, self.settings.versions[name].baseline, version.baseline


@dataclass(frozen=True)
class Setup:
    """All that a configuration file and the files it names say."""

    settings: Settings
    models: tuple[ModelSetup, ...]
    content: Any
    """The file as plain data: secrets are not in it, only where they are."""

    @property
    def digest(self) -> str:
        """The first digits of a hash of what the file says: equal where two sidecars were told the same."""
        text = orjson.dumps(self.content, str, orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
        return hashlib.sha256(text).hexdigest()[:12]


def load(file: Path) -> Setup:
    """Return the setup of a configuration file; ConfigError with every problem in it and its baselines."""
    document, settings = settings_file.read(file)
    models = tuple(
        _model(model, f"models[{number}]", settings, document) for number, model in enumerate(settings.models)
    )
    document.finish()
    return Setup(settings, models, document.data)


def _model(model: ModelSettings, where: str, settings: Settings, document: Document) -> ModelSetup:
    baseline = _baseline(model.baseline, where, document) if model.baseline is not None else None
    if baseline is None and model.baseline is not None:
        schema = ModelSchema(model.name, model.task)
        return ModelSetup(model, None, schema, {}, schema)
    others = {
        name: _baseline(given.baseline, f"{where}.versions.{name}", document)
        for name, given in model.versions.items()
        if given.baseline is not None
    }
    schema, problems = schema_of(
        model.name,
        model.task,
        baseline,
        _options(model, baseline, others.values()),
        model.classes,
        model.segments,
        attributed=model.attributions,
        feedback=model.feedback,
    )
    _tell(problems, where, document)
    versions = {}
    events = schema
    for name, given in model.versions.items():
        version: VersionSetup | None = VersionSetup(baseline, schema, is_own=False)
        if given.baseline is not None:
            version = _version(model, schema, events, others[name], f"{where}.versions.{name}", document)
        if version is not None:
            versions[name] = replace(version, schema=replace(version.schema, is_shadow=given.shadow))
            events = union_of(events, version.schema)
    masked = [v.name for v in events.features if v.sensitive and isinstance(v, CategoricalVariable)]
    if masked and settings.sensitive_key is None:
        document.problem(
            "sensitive_key", f'must be given: feature "{masked[0]}" of model "{model.name}" is sensitive'
        )
    return ModelSetup(model, baseline, schema, versions, events)


def _version(
    model: ModelSettings,
    schema: ModelSchema,
    events: ModelSchema,
    baseline: BaselineDocument | None,
    where: str,
    document: Document,
) -> VersionSetup | None:
    """Return a version with a baseline of its own; ``events`` knows those before it."""
    if baseline is None:
        return None
    if baseline.task != model.task:
        document.problem(f"{where}.baseline", f'was fitted for "{baseline.task}", the model is "{model.task}"')
        return None
    known = {variable.name for variable in baseline.variables}
    options = {name: option for name, option in model.features.items() if name in known}
    own, problems = schema_of(
        model.name, model.task, baseline, options, attributed=schema.attributed, feedback=model.feedback
    )
    # Groups are those of the model: a prediction is parted once, whatever its version.
    own = replace(own, segments=schema.segments)
    problems = problems or contradictions(events, own)
    _tell(problems, where, document)
    return None if problems else VersionSetup(baseline, own, is_own=True)


def _options(
    model: ModelSettings, baseline: BaselineDocument | None, others: Iterable[BaselineDocument | None]
) -> dict[str, FeatureOptions]:
    """Return what is configured of the model's features: not of those that its versions' baselines alone have."""
    own = {variable.name for variable in baseline.variables} if baseline is not None else set()
    theirs = {variable.name for other in others if other is not None for variable in other.variables}
    return {name: option for name, option in model.features.items() if name in own or name not in theirs}


def _baseline(file: Path, where: str, document: Document) -> BaselineDocument | None:
    try:
        return baseline_file.read(file)
    except BaselineError as error:
        document.problem(f"{where}.baseline", str(error))
        return None


def _tell(problems: Sequence[Problem], where: str, document: Document) -> None:
    told = [problem.where for problem in document.problems]
    for problem in problems:
        place = f"{where}.{problem.where}"
        # What is wrong inside may be why the whole seems to lack something.
        if not any(inside.startswith(f"{place}.") for inside in told):
            document.problem(place, problem.what)
