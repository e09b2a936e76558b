"""The configuration file as settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ml_exporter.config import yaml_file
from ml_exporter.config.secret import Secret
from ml_exporter.config.sections import HASHED, ROOT, TARGETS
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.feedback import Scale
from ml_exporter.core.schema import FeatureKind, FeatureOptions, Task
from ml_exporter.core.segments import SegmentOptions
from ml_exporter.core.text import parse_duration
from ml_exporter.core.variants import Variant
from ml_exporter.resources.target import Health, ModelStatus, Target
from ml_exporter.state.join.store import OTHER_VERSION
from ml_exporter.state.ring import Window

MOST_SLICES: Final = 200
"""Slices of a window at most (chosen): each takes the memory of all sums of a version."""


@dataclass(frozen=True)
class LabelSettings:
    """How labels are joined to predictions."""

    horizon: float
    capacity: int
    on_disk: bool


@dataclass(frozen=True)
class VersionSettings:
    """A version of which more is to be said than its name."""

    baseline: Path | None
    shadow: bool


@dataclass(frozen=True)
class ModelSettings:
    """One model."""

    name: str
    version: str
    owner: str
    task: Task
    baseline: Path | None
    versions: Mapping[str, VersionSettings]
    classes: tuple[str, ...]
    minimum_samples: int
    drift_variants: tuple[Variant, ...]
    features: Mapping[str, FeatureOptions]
    segments: Mapping[str, SegmentOptions]
    attributions: bool
    feedback: Scale | None
    labels: LabelSettings
    prediction_log: bool


@dataclass(frozen=True)
class Limits:
    """Bounds on what is kept and accepted."""

    queue_events: int
    queue_bytes: int
    request_bytes: int
    connections: int
    versions: int


@dataclass(frozen=True)
class PredictionLogSettings:
    """Which predictions are written as lines, where and how."""

    file: Path
    share: float
    max_size: int
    keep: int
    ids: str
    sensitive: str


@dataclass(frozen=True)
class Settings:
    """The whole configuration."""

    models: tuple[ModelSettings, ...]
    windows: tuple[str, ...]
    state_directory: Path | None
    interval: float
    server: Target
    pipelines: Mapping[str, float | None]
    limits: Limits
    sensitive_key: Secret | None
    prediction_log: PredictionLogSettings | None
    audit_log: Path | None


def read(file: Path) -> tuple[Document, Settings]:
    """Return the document, for problems that show later, and its settings; problems are in the document."""
    document = yaml_file.read(file)
    root = ROOT.read({} if document.data is None else document.data, "", document)
    state, server = root["state"], root["server"]
    lengths = [parse_duration(window) for window in root["windows"]]
    for number, length in enumerate(lengths):
        slices = Window.of(root["windows"][number]).slices
        if slices > MOST_SLICES:
            told = f"{root['windows'][number]} would be cut into {slices:,} slices; take a rounder length"
            document.problem(f"windows[{number}]", told)
        if length in lengths[:number]:
            document.problem(f"windows[{number}]", f'"{root["windows"][number]}" stands twice')
    models = tuple(
        _model(model, f"models[{number}]", state["directory"] is not None, document)
        for number, model in enumerate(root["models"] or ())
    )
    most = root["limits"]["versions"]
    for number, model in enumerate(models):
        count = 1 + len(model.versions)
        if count > most:
            told = f"are {count} with the model's own, but limits.versions allows {most}"
            document.problem(f"models[{number}].versions", told)
    names = [model.name for model in models]
    for number, name in enumerate(names):
        if name is not None and name in names[:number]:
            document.problem(f"models[{number}].name", f'"{name}" stands twice')
    pipelines = [pipeline["name"] for pipeline in root["pipelines"]]
    for number, name in enumerate(pipelines):
        if name is not None and name in pipelines[:number]:
            document.problem(f"pipelines[{number}].name", f'"{name}" stands twice')
    settings = Settings(
        models=models,
        windows=tuple(sorted(root["windows"], key=parse_duration)),
        state_directory=state["directory"],
        interval=state["interval"],
        server=_server(server, document),
        pipelines={pipeline["name"]: pipeline["every"] for pipeline in root["pipelines"]},
        limits=Limits(**root["limits"]),
        sensitive_key=root["sensitive_key"],
        prediction_log=_prediction_log(root, document),
        audit_log=root["audit_log"]["file"] if root["audit_log"] else None,
    )
    return document, settings


def _prediction_log(root: dict[str, Any], document: Document) -> PredictionLogSettings | None:
    given = root["prediction_log"]
    if given is None:
        return None
    if HASHED in (given["ids"], given["sensitive"]) and root["sensitive_key"] is None:
        document.problem("sensitive_key", "must be given: prediction_log writes hashes under it")
    if root["audit_log"] and given["file"] is not None and given["file"] == root["audit_log"]["file"]:
        document.problem("prediction_log.file", "must be another file than audit_log.file")
    return PredictionLogSettings(**given)


def _server(server: dict[str, Any], document: Document) -> Target:
    given = [name for name in TARGETS if server[name] is not None]
    if len(given) > 1:
        told = f"takes one of {', '.join(TARGETS)}, got {' and '.join(given)}"
        document.problem("server", told)
    url, interval, timeout = server["model_url"], server["health_interval"], server["health_timeout"]
    health = None if server["health_url"] is None else Health(server["health_url"], interval, timeout)
    model = None if url is None else ModelStatus(url, server["model_field"], interval, timeout)
    if (health or model) and timeout > interval:
        document.problem("server.health_timeout", "must not be longer than server.health_interval")
    if server["model_field"] is not None and document.data["server"].get("model_url") is None:
        document.problem("server.model_field", "needs server.model_url, into whose answer it points")
    return Target(**{name: server[name] for name in TARGETS}, health=health, model=model)


def _model(model: dict[str, Any], where: str, has_state: bool, document: Document) -> ModelSettings:
    labels = model["labels"]
    scale = model["feedback"] and model["feedback"]["scale"]
    if labels["store"] == "disk" and not has_state:
        document.problem(f"{where}.labels.store", '"disk" needs state.directory')
    if model["classes"] and model["baseline"] is not None:
        document.problem(f"{where}.classes", "come from the baseline; leave them out")
    elif model["task"] == Task.MULTICLASS and not model["classes"] and model["baseline"] is None:
        document.problem(f"{where}.classes", "must be given: there is no baseline")
    elif model["task"] == Task.BINARY and len(model["classes"]) not in (0, 2):
        document.problem(f"{where}.classes", "must be two for a binary classifier")
    elif model["task"] == Task.REGRESSION and model["classes"]:
        document.problem(f"{where}.classes", "are for classifiers; this is a regression")
    if model["baseline"] is None and any(version["baseline"] for version in model["versions"].values()):
        document.problem(f"{where}.versions", "needs a baseline of the model: it names the classes and segments")
    if OTHER_VERSION in model["versions"]:
        document.problem(f"{where}.versions.{OTHER_VERSION}", "stands for versions beyond limits.versions")
    if model["version"] in model["versions"]:
        told = "is the version of predictions that name none; its baseline is that of the model"
        document.problem(f"{where}.versions.{model['version']}", told)
    return ModelSettings(
        name=model["name"],
        version=model["version"],
        owner=model["owner"],
        task=Task(model["task"] or Task.REGRESSION),
        baseline=model["baseline"],
        versions={name: VersionSettings(**version) for name, version in model["versions"].items()},
        classes=model["classes"],
        minimum_samples=model["minimum_samples"],
        drift_variants=tuple(map(Variant, model["drift_variants"])),
        features={name: _options(options) for name, options in model["features"].items()},
        segments={name: SegmentOptions(**options) for name, options in model["segments"].items()},
        attributions=model["attributions"],
        feedback=Scale(*scale) if scale else None,
        labels=LabelSettings(labels["horizon"], labels["capacity"], labels["store"] != "memory" and has_state),
        prediction_log=model["prediction_log"],
    )


def _options(options: dict[str, Any]) -> FeatureOptions:
    kind = FeatureKind(options["kind"]) if options["kind"] else None
    return FeatureOptions(kind, options["range"], options["categories"], options["sensitive"])
