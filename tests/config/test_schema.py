"""The JSON Schema of the configurations: it takes what the reader takes and refuses what it can refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ml_exporter.config import settings
from ml_exporter.config.fields import Section
from ml_exporter.config.yaml_file import read
from ml_exporter.retrain import settings as retrain_settings
from ml_exporter.retrain.targets import TARGETS
from support.retrain import write_retrain

from .test_settings import BAD, GOOD

ROOT = Path(__file__).parents[2]
RETRAIN_MISTAKES = yaml.safe_load((ROOT / "tests/retrain/mistakes.yml").read_text())

BEYOND = {
    "key twice": "data know a key once",
    "name twice": "of another item",
    "no baseline file": "a file",
    "baseline of another task": "a file",
    "classes beside a baseline": "another key",
    "no classes": "another key",
    "three classes": "another key",
    "classes of a regression": "another key",
    "unknown feature": "a file",
    "feature without kind": "another key",
    "kind against baseline": "a file",
    "range of a category": "a file",
    "categories of a number": "a file",
    "range descends": "of another item",
    "sensitive against baseline": "a file",
    "sensitive without key": "another key",
    "secret of no variable": "the environment",
    "secret of no file": "a file",
    "horizon too long": "a bound of a duration",
    "store": "another key",
    "window of too many slices": "a bound of a duration",
    "window too short": "a bound of a duration",
    "window of half seconds": "a bound of a duration",
    "window twice": "of another item, spelled otherwise",
    "interval": "a bound of a duration",
    "two servers": "another key",
    "scale that descends": "of another item",
    "segment that is nowhere": "another key",
    "segment of a number": "another key",
    "segment edges": "of another item",
    "segment values of a number": "another key",
    "segment edges of a name": "another key",
    "segment of unknown category": "another key",
    "too many segments": "a file",
    "segment of the baseline": "a file",
    "unknown reference": "a file",
    "reference of a regression": "another key",
    "prediction log without key": "another key",
    "prediction log with hashed values without key": "another key",
    "small prediction log": "a bound of a size that is spelled",
    "one file for two logs": "another key",
    "three servers": "another key",
    "health of a port that is none": "a bound within an address",
    "health too often": "a bound of a duration",
    "health waited for too long": "another key",
    "model waited for too long": "another key",
    "field without an address": "another key",
    "pipeline twice": "of another item",
    "pipeline too often": "a bound of a duration",
}
"""Mistakes of ``test_settings`` that no schema of single values can know, with what they depend on."""

RETRAIN_BEYOND = {
    "credentials_file: nowhere": "a file",
    "credentials_file: empty": "a file",
    "{kind: http, url: 'http://x:99999'}": "a bound within text",
    "{kind: http, url: 'http://x', headers: {Authorization: x}}": "a rule of the target",
    "{kind: http, url: 'http://x', headers: {'A B': x}}": "a rule of the target",
    "{kind: http, url: 'http://x', username: u}": "another key",
    "{kind: http, url: 'http://x', username: u, password_file: token, token_file: token}": "another key",
    "{kind: airflow, url: 'http://x', dag: d}": "another key",
    "mode: approval": "another file",
    "retry: {first: 1h, longest: 1m}": "another key",
    "parameters: {ml_retrain: x}": "a rule on names",
    "parameters: {'a=b': x}": "a rule on names",
}


NO_SENDER = ["authorization: must be given, or users in --web.config.file: anyone could start runs"]


@cache
def validator(of: str) -> Any:
    schema = json.loads((ROOT / f"docs/{of}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def is_valid(of: str, path: Path) -> bool:
    """Return whether the data of a file, as the reader sees them, fit the schema."""
    return bool(validator(of).is_valid(read(path).data))


@pytest.mark.parametrize("name", ["ml-exporter", "retrain"])
def test_the_example_is_valid_and_names_its_schema(name: str) -> None:
    example = ROOT / f"docs/{name}.example.yml"
    assert example.read_text().startswith(f"# yaml-language-server: $schema={name}.schema.json\n")
    assert is_valid(name, example)


def test_what_is_good_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "good.yml"
    for text in (
        GOOD,
        "models: [{name: m, task: regression}]",
        "models: [{name: m, task: regression, owner: null, labels: , minimum_samples: null}]\nwindows:\n",
        "models: [{name: m, task: regression}]\nlimits: {queue_bytes: 1048576, request_bytes: '1 MiB'}",
    ):
        path.write_text(text)
        settings.read(path)[0].finish()
        assert is_valid("ml-exporter", path), text


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_refused_where_a_schema_can(mistake: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(BAD[mistake][0])
    if ": is not YAML" in BAD[mistake][1]:
        return
    assert is_valid("ml-exporter", path) is (mistake in BEYOND)


@pytest.mark.parametrize("mistake", RETRAIN_MISTAKES, ids=lambda mistake: mistake["with"])
def test_a_mistake_of_the_bridge_is_refused_where_a_schema_can(mistake: dict[str, Any], tmp_path: Path) -> None:
    old, new = mistake["replace"], mistake["with"]
    config = write_retrain(tmp_path, target=new if old == "TARGET" else "", job=new if old == "JOB" else "")
    if old not in ("JOB", "TARGET"):
        config.write_text(config.read_text().replace(old, new))
    assert is_valid("retrain", config) is (new in RETRAIN_BEYOND or mistake["told"] == NO_SENDER)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.key)
def test_the_example_of_every_target_is_valid(target: Any, tmp_path: Path) -> None:
    assert is_valid("retrain", write_retrain(tmp_path, target=target.example))


@pytest.mark.parametrize("root", [settings.ROOT, retrain_settings.ROOT, *(target.section for target in TARGETS)])
def test_every_key_says_what_it_takes(root: Section) -> None:
    for field in root.fields:
        assert field.kind.schema, field.name
        if field.kind.section is not None:
            test_every_key_says_what_it_takes(field.kind.section)


def test_the_command_prints_it() -> None:
    for arguments, name in (([], "ml-exporter"), (["serve"], "ml-exporter"), (["retrain"], "retrain")):
        command = [sys.executable, "-m", "ml_exporter", "config-schema", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == (ROOT / f"docs/{name}.schema.json").read_text()


def test_only_keywords_that_editors_know() -> None:
    """What drafts 7 to 2020-12 have in common."""
    known = {
        *("$schema", "title", "description", "default", "type", "enum", "const", "pattern", "properties"),
        *(
            "required",
            "additionalProperties",
            "propertyNames",
            "items",
            "minItems",
            "maxItems",
            "uniqueItems",
            "minLength",
        ),
        *(
            "maxLength",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "minProperties",
            "maxProperties",
            "anyOf",
            "oneOf",
        ),
    }

    def check(schema: Any) -> None:
        if isinstance(schema, list):
            for each in schema:
                check(each)
        elif isinstance(schema, dict):
            assert schema.keys() <= known
            for keyword, inner in schema.items():
                if keyword == "properties":
                    check(list(inner.values()))
                elif keyword not in ("default", "enum", "const", "required"):
                    check(inner)

    check(validator("ml-exporter").schema)
    check(validator("retrain").schema)
