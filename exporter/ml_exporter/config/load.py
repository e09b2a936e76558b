"""A configuration with the baselines it names, checked together: what the sidecar starts from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ml_exporter.baseline import document as baseline_file
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.schema import schema_of
from ml_exporter.config import settings as settings_file
from ml_exporter.config.settings import ModelSettings, Settings
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import CategoricalVariable, ModelSchema


@dataclass(frozen=True)
class ModelSetup:
    """A model with its baseline and the schema that both give."""

    settings: ModelSettings
    baseline: BaselineDocument | None
    schema: ModelSchema


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
    baseline = None
    if model.baseline is not None:
        try:
            baseline = baseline_file.read(model.baseline)
        except BaselineError as error:
            document.problem(f"{where}.baseline", str(error))
            return ModelSetup(model, None, ModelSchema(model.name, model.task))
    schema, problems = schema_of(
        model.name,
        model.task,
        baseline,
        model.features,
        model.classes,
        model.segments,
        attributed=model.attributions,
        feedback=model.feedback,
    )
    told = [problem.where for problem in document.problems]
    for problem in problems:
        place = f"{where}.{problem.where}"
        # What is wrong inside may be why the whole seems to lack something.
        if not any(inside.startswith(f"{place}.") for inside in told):
            document.problem(place, problem.what)
    masked = [v.name for v in schema.features if v.sensitive and isinstance(v, CategoricalVariable)]
    if masked and settings.sensitive_key is None:
        document.problem(
            "sensitive_key", f'must be given: feature "{masked[0]}" of model "{model.name}" is sensitive'
        )
    return ModelSetup(model, baseline, schema)
