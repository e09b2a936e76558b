"""Baseline files: what is read back, what is refused, and what earlier releases wrote."""

import dataclasses
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import orjson
import pytest

from ml_exporter.baseline import document
from ml_exporter.baseline.document import parse
from ml_exporter.baseline.schema import schema_of
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import Task
from support.models import baseline, tallies_of


def test_a_baseline_of_before_segments_is_read_as_ever() -> None:
    made = baseline()
    bare = msgspec.structs.replace(made, segments=[])
    assert "segments" not in msgspec.to_builtins(bare)
    bare.sha256 = bare.digest()
    assert parse(orjson.dumps(msgspec.to_builtins(bare))).segments == []


def test_a_baseline_of_before_multivariate_sums_is_read_as_ever() -> None:
    made = baseline()
    bare = msgspec.structs.replace(made, multivariate=None)
    assert "multivariate" not in msgspec.to_builtins(bare)
    bare.sha256 = bare.digest()
    read = parse(orjson.dumps(msgspec.to_builtins(bare)))
    assert read.multivariate is None
    whole, before = (schema_of("m", Task.BINARY, one, {})[0] for one in (made, read))
    assert before.multivariate is None
    assert before.fingerprint() != whole.fingerprint()
    assert replace(whole, multivariate=None).fingerprint() == before.fingerprint()


def broken(change: object) -> bytes:
    content = json.loads(json.dumps(_content()))
    change(content)  # type: ignore[operator]
    made = document.BaselineDocument(
        **{**content, "variables": [document.VariableDocument(**v) for v in content["variables"]]}
    )
    content["sha256"] = made.digest()
    return json.dumps(content).encode()


def _content() -> dict[str, object]:
    import msgspec

    made: dict[str, object] = msgspec.to_builtins(baseline())
    return made


def variable(number: int, **changes: object) -> object:
    return lambda content: content["variables"][number].update(changes)


def together(**changes: object) -> object:
    return lambda content: content["multivariate"].update(changes)


def calibrated(**changes: object) -> object:
    good = {"scores": [0.2, 0.4], "probabilities": [0.1, 0.5]}
    return lambda content: content["calibration"].update(maps=[good | changes])


def counts(content: dict[str, list[dict[str, list[int]]]]) -> None:
    content["variables"][0]["counts"][0] += 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a baseline: Input data was truncated"),
        (b"[]", 'not a baseline of this version: "format" is None, must be "ml-exporter-baseline/1"'),
        (b'{"format": "ml-exporter-baseline/9"}', "\"format\" is 'ml-exporter-baseline/9', must be"),
        (b'{"format": "ml-exporter-baseline/1"}', "not a valid baseline: Object missing required field `sha256`"),
        (broken(lambda content: content.update(rows="many")), "Expected `int`, got `str` - at `$.rows`"),
        (broken(lambda content: content.update(rows=0)), "rows: must be positive"),
        (broken(counts), 'variables[0] ("normal"): counts sum to 5001, not to rows'),
        (broken(variable(0, edges=None)), 'variables[0] ("normal"): a numeric variable needs edges'),
        (broken(variable(0, scale=0.0)), 'variables[0] ("normal"): scale must be positive'),
        (broken(variable(0, groups=[0, 5, 5])), 'variables[0] ("normal"): groups must ascend within the bins'),
        (broken(variable(0, groups=[1])), 'variables[0] ("normal"): groups must begin with 0'),
        (broken(variable(0, sums=[1])), 'variables[0] ("normal"): needs a sum for each count'),
        (
            broken(variable(0, kind="date")),
            'kind "date" must be one of numeric, categorical, text',
        ),
        (broken(variable(-1, categories=["a"])), "needs a count for each category"),
        (broken(lambda content: content["variables"].append(content["variables"][0])), "stands twice"),
        (broken(lambda content: content.update(score_edges=[0.5, 0.4])), "score_edges: must ascend"),
        (broken(together(features=["nope"])), "multivariate.features: must be features"),
        (broken(together(features=["few", "normal"])), "multivariate.features: must have the numeric ones first"),
        (broken(together(encodings=[])), "multivariate.encodings: must hold a number for each category"),
        (broken(together(bandwidth=0.0)), "multivariate.bandwidth: must be positive"),
        (broken(together(frequencies=0)), "multivariate.frequencies: must be between 1 and 1024"),
        (broken(together(components=[[1, 2]])), "multivariate.components: need a number for each feature"),
        (broken(together(sums={"multivariate_rows": [-1, 0]})), "multivariate.sums: no sum is negative"),
        (broken(variable(0, noise={"psi": [0.5]})), 'noise of "psi" needs one floor for each of noise_samples'),
        (broken(calibrated(scores=[0.5, 0.4])), "calibration.maps[0]: scores must ascend"),
        (broken(calibrated(scores=[0.5])), "calibration.maps[0]: needs a probability for each score"),
        (broken(calibrated(probabilities=[0.5, 0.4])), "calibration.maps[0]: probabilities must not fall"),
        (
            broken(calibrated(probabilities=[0.5, 1.5])),
            "calibration.maps[0]: probabilities must lie between 0 and 1",
        ),
        (
            broken(lambda content: content["calibration"].update(maps=[])),
            "calibration.maps: needs 1 for this task, got 0",
        ),
    ],
)
def test_a_bad_baseline_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        document.parse(data)
    assert message in str(caught.value)


def test_a_baseline_without_calibration_is_what_it_was() -> None:
    content = _content()
    del content["calibration"]
    del content["sha256"]
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    old = document.parse(orjson.dumps(content | {"sha256": digest}))
    assert old.calibration is None
    assert old.digest() == digest
    before, _ = schema_of("m", Task.BINARY, old, {})
    now, _ = schema_of("m", Task.BINARY, baseline(), {})
    assert before.fingerprint() == dataclasses.replace(now, calibration=()).fingerprint() != now.fingerprint()
    assert not [name for name in tallies_of(before).layout if "expect" in name]


def test_an_edited_baseline_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    document.write(baseline(), path)
    path.write_text(path.read_text().replace('"threshold": 0.5', '"threshold": 0.6'))
    with pytest.raises(BaselineError, match='"sha256" does not match the content: the file was edited or damaged'):
        document.read(path)
