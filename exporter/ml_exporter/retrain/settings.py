"""The configuration of the bridge: its keys, and what they are read as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ml_exporter.config import json_schema, yaml_file
from ml_exporter.config.fields import (
    DEFAULTS,
    Field,
    Kind,
    Section,
    choice,
    duration,
    integer,
    list_of,
    mapping_of,
    path,
    section,
    text,
)
from ml_exporter.config.json_schema import Schema
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.errors import nearest
from ml_exporter.retrain.secrets import SecretFile, secret_file
from ml_exporter.retrain.targets import TARGETS
from ml_exporter.retrain.targets.target import FACTS, Parameter, Target, TargetKind

DAY: Final = 86400.0
MODES: Final = ("automatic", "approval", "dry_run")
ALERTS: Final = ("MLPerformanceDrop", "MLFeatureDrift")

_MODEL: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PARAMETERS: Final = 50
_NO_TARGET: Final[Any] = ("", None)


def _target() -> Kind:
    """A mapping whose ``kind`` says which other keys there are."""
    kinds = {target.key: target for target in TARGETS}

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, dict):
            document.problem(where, "must be a mapping with the key kind")
            return None
        name = value.get("kind")
        kind = kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            told = f', got "{name}"{nearest(str(name), kinds)}' if name is not None else ""
            document.problem(f"{where}.kind", f"must be one of {', '.join(kinds)}{told}")
            return None
        before = len(document.problems)
        rest = {key: entry for key, entry in value.items() if key != "kind"}
        values = kind.section.read(rest, where, document)
        if len(document.problems) > before:
            return None
        for key, what in kind.check(values):
            document.problem(f"{where}.{key}", what)
        return kind.key, kind.make(**values)

    schema: Schema = {"oneOf": [_schema(target) for target in TARGETS]}
    return Kind("mapping with the key kind, see the targets", read, schema=schema)


def _schema(target: TargetKind) -> Schema:
    """Return the schema of a target's keys, ``kind`` among them."""
    schema = json_schema.mapping(target.section)
    kind: Schema = {"const": target.key, "description": f"{target.meaning[:1].upper()}{target.meaning[1:]}."}
    return schema | {
        "properties": {"kind": kind, **schema["properties"]},
        "required": ["kind", *schema.get("required", ())],
    }


def _parameter() -> Kind:
    """A fixed value that is handed to the run."""
    words = text(r"[^\0]*", "text of at most 500 characters without NUL", 500)

    def read(value: Any, where: str, document: Document) -> Any:
        return value if isinstance(value, bool | int | float) else words.read(value, where, document)

    schema: Schema = {"anyOf": [words.schema or {}, {"type": ["number", "boolean"]}]}
    return Kind("text, number, true or false", read, schema=schema)


BUDGET: Final = Section(
    (
        Field("runs", integer(1, 1000), "Runs at most ...", 3),
        Field("per", duration(60, 90 * DAY), "... in this time.", 7 * DAY),
    )
)

RETRY: Final = Section(
    (
        Field("times", integer(0, 20), "Attempts after the first one.", 5),
        Field("first", duration(0.1, 3600), "Wait before the first of them; it doubles each time.", 10.0),
        Field("longest", duration(0.1, DAY), "Longest wait between two attempts.", 900.0),
    )
)

JOB: Final = Section(
    (
        Field("model", text(_MODEL, "a name of letters, digits and . _ -", 64), "Value of the label `model`."),
        Field("version", text(longest=64), "Value of the label `version`; default: any, and none too.", None),
        Field(
            "alerts",
            list_of(text(), 1, unique=True),
            "Names of the alerts that may start it; no others do.",
            ALERTS,
        ),
        Field("target", _target(), "Where the run is started."),
        Field(
            "parameters",
            mapping_of(_parameter(), "names"),
            "Fixed values that are handed to every run.",
            {},
        ),
        Field("cooldown", duration(0, 90 * DAY), "Time after a run in which there is no other.", 6 * 3600.0),
        Field("budget", section(BUDGET), "Bound on the runs of a longer time.", DEFAULTS),
        Field(
            "mode",
            choice(MODES),
            "`automatic` starts runs; `approval` waits for a user's word; `dry_run` decides and starts nothing.",
            "automatic",
        ),
        Field("approval_timeout", duration(60, 30 * DAY), "How long a job waits for a user's word.", DAY),
        Field("retry", section(RETRY), "What follows an attempt that failed for now.", DEFAULTS),
    )
)

STATE: Final = Section((Field("file", path(), "SQLite database with the jobs; one process at a time."),))

AUDIT: Final = Section(
    (Field("file", path(), "Log of decisions; default: beside the state, ending in `.audit.jsonl`.", None),)
)

AUTHORIZATION: Final = Section(
    (Field("credentials_file", secret_file(), "File with the bearer token that Alertmanager sends."),)
)

ROOT: Final = Section(
    (
        Field("jobs", list_of(section(JOB), 1), "What may be retrained, a model each."),
        Field("state", section(STATE), "What survives a restart."),
        Field("audit", section(AUDIT), "Who decided what.", DEFAULTS),
        Field(
            "authorization",
            section(AUTHORIZATION),
            "The sender's token; without it Alertmanager must be a user of the web configuration.",
            None,
        ),
    )
)


@dataclass(frozen=True)
class Retry:
    """Attempts after the first, and the waits between them in seconds."""

    times: int
    first: float
    longest: float


@dataclass(frozen=True)
class JobSettings:
    """What may start the retraining of a model, where it runs, how often; durations in seconds."""

    model: str
    version: str | None
    alerts: tuple[str, ...]
    kind: str
    target: Target
    parameters: Mapping[str, Parameter]
    cooldown: float
    runs: int
    per: float
    mode: str
    approval_timeout: float
    retry: Retry


@dataclass(frozen=True)
class Settings:
    """The whole configuration; ``jobs`` by model."""

    jobs: Mapping[str, JobSettings]
    state: Path
    audit: Path
    token: SecretFile | None


def load(file: Path, *, has_users: bool) -> Settings:
    """Return the settings in a file; ConfigError with every problem in it.

    ``has_users`` says whether the web configuration names users.
    """
    document = yaml_file.read(file)
    root = ROOT.read({} if document.data is None else document.data, "", document)
    jobs = [_job(job, f"jobs[{number}]", document, has_users) for number, job in enumerate(root["jobs"] or ())]
    models = [job.model for job in jobs]
    for number, model in enumerate(models):
        if model is not None and model in models[:number]:
            document.problem(f"jobs[{number}].model", f'"{model}" stands twice')
    if root["authorization"] is None and not has_users:
        document.problem("authorization", "must be given, or users in --web.config.file: anyone could start runs")
    document.finish()
    state = root["state"]["file"]
    return Settings(
        jobs={job.model: job for job in jobs},
        state=state,
        audit=root["audit"]["file"] or state.with_suffix(".audit.jsonl"),
        token=root["authorization"]["credentials_file"] if root["authorization"] else None,
    )


def _job(job: dict[str, Any], where: str, document: Document, has_users: bool) -> JobSettings:
    parameters = job["parameters"]
    if len(parameters) > _PARAMETERS:
        document.problem(f"{where}.parameters", f"must not be more than {_PARAMETERS}")
    for name in parameters:
        if name == FACTS or not _PARAMETER.fullmatch(name):
            what = f"must be a name of letters, digits and . _ -, and not {FACTS}"
            document.problem(f"{where}.parameters.{name}", what)
    if job["mode"] == "approval" and not has_users:
        document.problem(f"{where}.mode", "approval needs users in --web.config.file: the token names nobody")
    retry = job["retry"]
    if retry["longest"] < retry["first"]:
        document.problem(f"{where}.retry.longest", "must not be shorter than first")
    kind, target = job["target"] or _NO_TARGET
    return JobSettings(
        model=job["model"],
        version=job["version"],
        alerts=job["alerts"],
        kind=kind,
        target=target,
        parameters=parameters,
        cooldown=job["cooldown"],
        runs=job["budget"]["runs"],
        per=job["budget"]["per"],
        mode=job["mode"],
        approval_timeout=job["approval_timeout"],
        retry=Retry(**retry),
    )
