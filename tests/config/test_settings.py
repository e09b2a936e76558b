"""One bad configuration per mistake, with the exact message; and the good one, read as it says."""

from pathlib import Path

import pytest

from ml_exporter.baseline import document
from ml_exporter.config.load import load
from ml_exporter.config.settings import PredictionLogSettings
from ml_exporter.core.errors import ConfigError
from ml_exporter.core.feedback import Scale
from ml_exporter.core.schema import Task
from ml_exporter.resources.target import Health, ModelStatus, Target
from support.engine import write_config
from support.models import baseline

GOOD = """\
models:
  - name: flights
    version: "2013-03"
    owner: operations
    task: binary_classification
    baseline: baseline.json
    minimum_samples: 50
    features:
      normal: {range: [-4, 4]}
      few: {categories: [a, b, c, d]}
      humidity: {kind: numeric, range: [0, null]}
    labels: {horizon: 3d, capacity: 5000}
    feedback: {scale: [0, 10]}
  - name: second
    task: multiclass_classification
    classes: [low, high]
windows: [24h, 5m]
state: {directory: state, interval: 500ms}
server:
  pid_file: server.pid
  health_url: http://127.0.0.1:8080/healthz?deep=1
  model_url: http://127.0.0.1:8501/v1/models/flights/metadata
  model_field: /model_spec/a~1b
  health_interval: 15s
  health_timeout: 2s
limits: {queue_events: 2000, queue_bytes: 2MiB, request_bytes: 1MiB, connections: 10, versions: 3}
prediction_log: {file: p.jsonl, share: 0.5, max_size: 2MiB, keep: 3, ids: plain}
audit_log: {file: audit.jsonl}
pipelines: [{name: nightly, every: 24h}, {name: train.v2}]
"""


def test_a_good_file_is_read_as_it_says(tmp_path: Path) -> None:
    document.write(baseline(), tmp_path / "baseline.json")
    path = tmp_path / "ml-exporter.yml"
    path.write_text(GOOD)
    setup = load(path)
    settings = setup.settings
    assert settings.windows == ("5m", "24h")
    assert settings.state_directory == tmp_path / "state"
    assert settings.interval == 0.5
    health = Health("http://127.0.0.1:8080/healthz?deep=1", 15.0, 2.0)
    model = ModelStatus("http://127.0.0.1:8501/v1/models/flights/metadata", "/model_spec/a~1b", 15.0, 2.0)
    assert settings.server == Target(pid_file=tmp_path / "server.pid", health=health, model=model)
    assert (settings.limits.queue_bytes, settings.limits.versions) == (2 << 20, 3)
    assert settings.prediction_log == PredictionLogSettings(
        tmp_path / "p.jsonl", 0.5, 2 << 20, 3, "plain", "omitted"
    )
    assert settings.audit_log == tmp_path / "audit.jsonl"
    assert settings.pipelines == {"nightly": 86400, "train.v2": None}
    first, second = setup.models
    assert (first.settings.name, first.settings.version, first.settings.owner) == (
        "flights",
        "2013-03",
        "operations",
    )
    assert (first.settings.labels.horizon, first.settings.labels.capacity) == (3 * 86400, 5000)
    assert first.settings.labels.on_disk
    assert first.schema.feedback == Scale(0, 10)
    assert second.schema.feedback is None
    by_name = {variable.name: variable for variable in first.schema.features}
    assert (by_name["normal"].lower, by_name["normal"].upper) == (-4, 4)  # type: ignore[union-attr]
    assert by_name["few"].categories == ("a", "b", "c", "d")  # type: ignore[union-attr]
    assert by_name["humidity"].bins == 1  # type: ignore[union-attr]
    assert (second.settings.version, second.settings.task) == ("1", Task.MULTICLASS)
    assert second.schema.classes == ("low", "high")
    assert second.settings.minimum_samples == 100


def test_defaults_need_almost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ml-exporter.yml"
    path.write_text("models: [{name: m, task: regression}]")
    settings = load(path).settings
    assert settings.windows == ("5m", "1h", "24h")
    assert (settings.state_directory, settings.interval) == (None, 1.0)
    assert not settings.models[0].labels.on_disk
    assert settings.limits.queue_events == 50_000
    assert (settings.prediction_log, settings.audit_log) == (None, None)


def test_what_is_loaded_needs_no_health_check_and_no_field(tmp_path: Path) -> None:
    path = tmp_path / "ml-exporter.yml"
    path.write_text(OK + "server: {model_url: 'http://localhost/model'}")
    assert load(path).settings.server == Target(model=ModelStatus("http://localhost/model"))


def problems(tmp_path: Path, text: str) -> list[str]:
    document.write(baseline(), tmp_path / "baseline.json")
    path = tmp_path / "ml-exporter.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.source == str(path)
    return [str(problem).replace(str(tmp_path), "DIR") for problem in caught.value.problems]


def model(text: str) -> str:
    return f"models:\n  - name: m\n    task: binary_classification\n    {text}\n"


def with_baseline(text: str) -> str:
    return model(f"baseline: baseline.json\n    {text}")


OK = "models: [{name: m, task: regression}]\n"
BAD = {
    "empty file": ("", "models: must be given: list of mapping"),
    "no model": ("models: []", "line 1: models: must have at least 1 item"),
    "models no list": ("models: 5", "line 1: models: must be a list, got 5"),
    "model no mapping": ("models: [a]", 'line 1: models[0]: must be a mapping, got "a"'),
    "not a mapping": ("- a", "line 1: must be a mapping, got ['a']"),
    "unknown key": (OK + "window: [5m]", 'line 2: window: unknown key; did you mean "windows"?'),
    "far unknown key": (
        OK + "xyz: 1",
        "line 2: xyz: unknown key; allowed are models, windows, state, server, pipelines, limits,"
        " sensitive_key, prediction_log, audit_log",
    ),
    "unknown model key": (model("owners: me"), 'line 4: models[0].owners: unknown key; did you mean "owner"?'),
    "key twice": (OK + "state: {}\nstate: {}", "line 3: state: stands twice"),
    "no name": (
        "models: [{task: regression}]",
        "line 1: models[0].name: must be given: a name of letters, digits and . _ -",
    ),
    "bad name": (
        'models: [{name: "a b", task: regression}]',
        'line 1: models[0].name: must be a name of letters, digits and . _ -, got "a b"',
    ),
    "name twice": (
        "models:\n  - {name: m, task: regression}\n  - {name: m, task: regression}",
        'line 3: models[1].name: "m" stands twice',
    ),
    "version a number": (
        model("version: 1.10"),
        "line 4: models[0].version: must be text, but YAML reads it as 1.1; put it in quotes",
    ),
    "unknown task": (
        "models: [{name: m, task: binary}]",
        "line 1: models[0].task: must be one of binary_classification, multiclass_classification, regression, "
        'got "binary"',
    ),
    "no task": (
        "models: [{name: m}]",
        "line 1: models[0].task: must be given: "
        "one of binary_classification, multiclass_classification, regression",
    ),
    "no baseline file": (
        model("baseline: nowhere.json"),
        "line 4: models[0].baseline: DIR/nowhere.json: cannot be read: No such file or directory",
    ),
    "baseline of another task": (
        "models: [{name: m, task: regression, baseline: baseline.json}]",
        'line 1: models[0].task: is "regression", but the baseline was fitted for "binary_classification"',
    ),
    "classes beside a baseline": (
        with_baseline("classes: [a, b]"),
        "line 5: models[0].classes: come from the baseline; leave them out",
    ),
    "no classes": (
        "models: [{name: m, task: multiclass_classification}]",
        "line 1: models[0].classes: must be given: there is no baseline",
    ),
    "three classes": (
        model("classes: [a, b, c]"),
        "line 4: models[0].classes: must be two for a binary classifier",
    ),
    "classes of a regression": (
        "models: [{name: m, task: regression, classes: [a, b]}]",
        "line 1: models[0].classes: are for classifiers; this is a regression",
    ),
    "class twice": (model("classes: [a, a]"), "line 4: models[0].classes: must not repeat an item"),
    "bad minimum": (
        model("minimum_samples: 0"),
        "line 4: models[0].minimum_samples: must be a whole number from 1 to 1,000,000, got 0",
    ),
    "boolean minimum": (
        model("minimum_samples: true"),
        "line 4: models[0].minimum_samples: must be a whole number from 1 to 1,000,000, got true",
    ),
    "unknown variant": (
        model("drift_variants: [evidently]"),
        'line 4: models[0].drift_variants[0]: must be one of azure, got "evidently"',
    ),
    "variant twice": (
        model("drift_variants: [azure, azure]"),
        "line 4: models[0].drift_variants: must not repeat an item",
    ),
    "unknown feature": (
        with_baseline("features: {nope: {sensitive: true}}"),
        'line 5: models[0].features.nope: is not in the baseline and needs a "kind": numeric, categorical or text',
    ),
    "feature without kind": (
        model("features: {nope: {}}"),
        'line 4: models[0].features.nope: has no baseline and needs a "kind": numeric, categorical or text',
    ),
    "kind against baseline": (
        with_baseline("features: {normal: {kind: categorical}}"),
        "line 5: models[0].features.normal.kind: is categorical, but the baseline was fitted with numeric; "
        "fit it again with --kind normal=categorical",
    ),
    "unknown kind": (
        with_baseline("features: {normal: {kind: number}}"),
        'line 5: models[0].features.normal.kind: must be one of numeric, categorical, text, got "number"',
    ),
    "range of a category": (
        with_baseline("features: {few: {range: [0, 1]}}"),
        "line 5: models[0].features.few.range: is for numeric features; this one is categorical",
    ),
    "categories of a number": (
        with_baseline("features: {normal: {categories: [a]}}"),
        "line 5: models[0].features.normal.categories: is for categorical features; this one is numeric",
    ),
    "range descends": (
        with_baseline("features: {normal: {range: [1, 0]}}"),
        "line 5: models[0].features.normal.range: must ascend, got [1, 0]",
    ),
    "range no pair": (
        with_baseline("features: {normal: {range: 5}}"),
        "line 5: models[0].features.normal.range: must be a pair such as [0, 120] or [0, null], got 5",
    ),
    "category a number": (
        with_baseline("features: {few: {categories: [a, 1]}}"),
        "line 5: models[0].features.few.categories[1]: must be text, but YAML reads it as 1; put it in quotes",
    ),
    "sensitive against baseline": (
        with_baseline("features: {few: {sensitive: true}}") + "sensitive_key: {env: PATH}\n",
        "line 5: models[0].features.few.sensitive: contradicts the baseline; fit it again with --sensitive few",
    ),
    "sensitive without key": (
        model("features: {city: {kind: categorical, sensitive: true}}"),
        'line 1: sensitive_key: must be given: feature "city" of model "m" is sensitive',
    ),
    "secret in the file": (
        OK + "sensitive_key: hunter2",
        'line 2: sensitive_key: must be {"file": PATH} or {"env": NAME}; a secret does not belong in this file',
    ),
    "secret of no variable": (
        OK + "sensitive_key: {env: NOT_SET_ANYWHERE}",
        "line 2: sensitive_key: environment variable NOT_SET_ANYWHERE is not set",
    ),
    "secret of no file": (
        OK + "sensitive_key: {file: nowhere}",
        "line 2: sensitive_key: file nowhere cannot be read: No such file or directory",
    ),
    "horizon": (
        model("labels: {horizon: soon}"),
        'line 4: models[0].labels.horizon: must be a duration such as 30s, 5m, 1h30m or 7d, got "soon"',
    ),
    "horizon too long": (
        model("labels: {horizon: 500d}"),
        'line 4: models[0].labels.horizon: must be a duration from 1s to 400d, got "500d"',
    ),
    "capacity": (
        model("labels: {capacity: many}"),
        'line 4: models[0].labels.capacity: must be a whole number from 1,000 to 1,000,000,000, got "many"',
    ),
    "store": (model("labels: {store: disk}"), 'line 4: models[0].labels.store: "disk" needs state.directory'),
    "unknown store": (
        model("labels: {store: redis}"),
        'line 4: models[0].labels.store: must be one of disk, memory, got "redis"',
    ),
    "attributions that are no boolean": (
        model("attributions: shap"),
        'line 4: models[0].attributions: must be true or false, got "shap"',
    ),
    "feedback without a scale": (
        model("feedback: {}"),
        "line 4: models[0].feedback.scale: must be given: pair of ascending numbers [lowest, highest],"
        " within 1,000,000",
    ),
    "scale that is no pair": (
        model("feedback: {scale: 5}"),
        "line 4: models[0].feedback.scale: must be a pair of numbers such as [1, 5], got 5",
    ),
    "scale without an end": (
        model("feedback: {scale: [1, .inf]}"),
        "line 4: models[0].feedback.scale: must be a pair of numbers such as [1, 5], got [1, inf]",
    ),
    "scale that descends": (
        model("feedback: {scale: [5, 1]}"),
        "line 4: models[0].feedback.scale: must ascend by at least 0.001, got [5, 1]",
    ),
    "segment that is nowhere": (
        model("segments: {plan: {}}"),
        "line 4: models[0].segments.plan: is no feature and needs values: those that events carry beside the"
        " features",
    ),
    "segment of a number": (
        model("features: {age: {kind: numeric}}\n    segments: {age: {}}"),
        "line 5: models[0].segments.age: is a numeric feature and needs edges, such as [10, 100]",
    ),
    "segment edges": (
        model("features: {age: {kind: numeric}}\n    segments: {age: {edges: [65, 18]}}"),
        "line 5: models[0].segments.age.edges: must be numbers that ascend, such as [10, 100], got [65, 18]",
    ),
    "segment values of a number": (
        model("features: {age: {kind: numeric}}\n    segments: {age: {values: [a], edges: [18]}}"),
        "line 5: models[0].segments.age.values: is for categories; this feature is numeric: give edges",
    ),
    "segment edges of a name": (
        model("segments: {plan: {values: [a], edges: [18]}}"),
        "line 4: models[0].segments.plan.edges: is for numeric features; give values",
    ),
    "segment of unknown category": (
        model("features: {plan: {categories: [a, b]}}\n    segments: {plan: {values: [a, c]}}"),
        'line 5: models[0].segments.plan.values: "c" is no category of the feature',
    ),
    "segment of too many values": (
        model(f"segments: {{plan: {{values: [{', '.join(f'v{n}' for n in range(21))}]}}}}"),
        "line 4: models[0].segments.plan.values: must have at most 20 items, got 21",
    ),
    "too many segments": (
        model(f"segments: {{{', '.join(f's{n}: {{values: [a]}}' for n in range(11))}}}"),
        "line 4: models[0].segments: at most 10, with those of the baseline 11",
    ),
    "segment of the baseline": (
        "models:\n  - {name: m, task: binary_classification, baseline: baseline.json,"
        " segments: {few: {values: [a]}}}",
        "line 2: models[0].segments.few: comes from the baseline; fit it again to change its groups",
    ),
    "unknown reference": (
        "models:\n  - {name: m, task: binary_classification, baseline: baseline.json,"
        " segments: {region: {reference: west}}}",
        'line 2: models[0].segments.region.reference: "west" is none of the groups east, north, south',
    ),
    "reference of a regression": (
        "models: [{name: m, task: regression, segments: {plan: {values: [a, b], reference: a}}}]",
        "line 1: models[0].segments.plan.reference: is for binary classifiers: fairness compares a positive class",
    ),
    "window": (
        OK + "windows: [5 minutes]",
        'line 2: windows[0]: must be a duration such as 30s, 5m, 1h30m or 7d, got "5 minutes"',
    ),
    "window a number": (
        OK + "windows: [300]",
        "line 2: windows[0]: must be a duration such as 30s, 5m, 1h30m or 7d, got 300",
    ),
    "window of too many slices": (
        OK + "windows: [86399s]",
        "line 2: windows[0]: 86399s would be cut into 86,399 slices; take a rounder length",
    ),
    "window too short": (OK + "windows: [1s]", 'line 2: windows[0]: must be a duration from 10s to 90d, got "1s"'),
    "window of half seconds": (
        OK + "windows: [10500ms]",
        'line 2: windows[0]: must be whole seconds, got "10500ms"',
    ),
    "window twice": (OK + "windows: [1h, 60m]", 'line 2: windows[1]: "60m" stands twice'),
    "no window": (OK + "windows: []", "line 2: windows: must have at least 1 item"),
    "interval": (
        OK + "state: {interval: 1ms}",
        'line 2: state.interval: must be a duration from 0.2s to 1m, got "1ms"',
    ),
    "two servers": (
        OK + "server: {pid: 5, pid_file: f}",
        "line 2: server: takes one of pid, pid_file, name, port, parent, got pid and pid_file",
    ),
    "three servers": (
        OK + "server: {parent: 1, port: 80, name: tritonserver}",
        "line 2: server: takes one of pid, pid_file, name, port, parent, got name and port and parent",
    ),
    "name a number": (
        OK + "server: {name: 5}",
        "line 2: server.name: must be text, but YAML reads it as 5; put it in quotes",
    ),
    "port too high": (
        OK + "server: {port: 65536}",
        "line 2: server.port: must be a whole number from 1 to 65,535, got 65536",
    ),
    "parent no process": (
        OK + "server: {parent: 0}",
        "line 2: server.parent: must be a whole number from 1 to 4,194,304, got 0",
    ),
    "health without a scheme": (
        OK + "server: {health_url: localhost/healthz}",
        "line 2: server.health_url: must be an address such as http://127.0.0.1:8080/healthz,"
        ' got "localhost/healthz"',
    ),
    "health of a port that is none": (
        OK + "server: {health_url: 'http://a:99999/'}",
        'line 2: server.health_url: must be an address such as http://127.0.0.1:8080/healthz, got "http://a:99999/"',
    ),
    "health in two lines": (
        OK + 'server: {health_url: "http://a/\\r\\nX: y"}',
        "line 2: server.health_url: must be an address such as http://127.0.0.1:8080/healthz,"
        ' got "http://a/\r\nX: y"',
    ),
    "health with a password": (
        OK + "server: {health_url: 'http://me:hunter2@localhost/'}",
        "line 2: server.health_url: must not hold a user or a password; a secret does not belong in this file",
    ),
    "health too often": (
        OK + "server: {health_url: 'http://localhost/', health_interval: 10ms}",
        'line 2: server.health_interval: must be a duration from 1s to 1h, got "10ms"',
    ),
    "health waited for too long": (
        OK + "server: {health_url: 'http://localhost/', health_interval: 2s, health_timeout: 3s}",
        "line 2: server.health_timeout: must not be longer than server.health_interval",
    ),
    "model waited for too long": (
        OK + "server: {model_url: 'http://localhost/', health_interval: 2s, health_timeout: 3s}",
        "line 2: server.health_timeout: must not be longer than server.health_interval",
    ),
    "model without a scheme": (
        OK + "server: {model_url: localhost/v1/models/m, model_field: /a}",
        "line 2: server.model_url: must be an address such as http://127.0.0.1:8501/v1/models/flights/metadata,"
        ' got "localhost/v1/models/m"',
    ),
    "model with a password": (
        OK + "server: {model_url: 'http://me:hunter2@localhost/'}",
        "line 2: server.model_url: must not hold a user or a password; a secret does not belong in this file",
    ),
    "field without an address": (
        OK + "server: {health_url: 'http://localhost/', model_url: null, model_field: /a}",
        "line 2: server.model_field: needs server.model_url, into whose answer it points",
    ),
    "field no pointer": (
        OK + "server: {model_url: 'http://localhost/', model_field: model_spec.version}",
        'line 2: server.model_field: must be a JSON Pointer such as /model_spec/version, got "model_spec.version"',
    ),
    "field of a bad escape": (
        OK + "server: {model_url: 'http://localhost/', model_field: /a~2}",
        'line 2: server.model_field: must be a JSON Pointer such as /model_spec/version, got "/a~2"',
    ),
    "size": (
        OK + "limits: {queue_bytes: big}",
        'line 2: limits.queue_bytes: must be a size such as 512KiB, 16MiB or 1GiB, got "big"',
    ),
    "size too small": (
        OK + "limits: {request_bytes: 1}",
        "line 2: limits.request_bytes: must be a size from 1KiB to 1GiB, got 1",
    ),
    "path": (OK + "state: {directory: [a]}", "line 2: state.directory: must be a path, got ['a']"),
    "share": (
        OK + "prediction_log: {file: p, ids: plain, share: 0}",
        "line 2: prediction_log.share: must be a number above 0 and up to 1, got 0",
    ),
    "share of everything twice": (
        OK + "prediction_log: {file: p, ids: plain, share: 1.5}",
        "line 2: prediction_log.share: must be a number above 0 and up to 1, got 1.5",
    ),
    "prediction log without file": (
        OK + "prediction_log: {ids: plain}",
        "line 2: prediction_log.file: must be given: path, relative to this file's folder",
    ),
    "prediction log without key": (
        OK + "prediction_log: {file: p}",
        "line 1: sensitive_key: must be given: prediction_log writes hashes under it",
    ),
    "prediction log with hashed values without key": (
        OK + "prediction_log: {file: p, ids: plain, sensitive: hashed}",
        "line 1: sensitive_key: must be given: prediction_log writes hashes under it",
    ),
    "small prediction log": (
        OK + "prediction_log: {file: p, ids: plain, max_size: 1KiB}",
        'line 2: prediction_log.max_size: must be a size from 1MiB to 1024GiB, got "1KiB"',
    ),
    "one file for two logs": (
        OK + "prediction_log: {file: p, ids: plain}\naudit_log: {file: p}",
        "line 2: prediction_log.file: must be another file than audit_log.file",
    ),
    "prediction log of a model": (
        model("prediction_log: sometimes"),
        'line 4: models[0].prediction_log: must be true or false, got "sometimes"',
    ),
    "pipeline without name": (
        OK + "pipelines: [{every: 1h}]",
        "line 2: pipelines[0].name: must be given: a name of letters, digits and . _ -",
    ),
    "name of a pipeline": (
        OK + "pipelines: [{name: a/b}]",
        'line 2: pipelines[0].name: must be a name of letters, digits and . _ -, got "a/b"',
    ),
    "pipeline twice": (
        OK + "pipelines: [{name: a}, {name: a}]",
        'line 2: pipelines[1].name: "a" stands twice',
    ),
    "pipeline too often": (
        OK + "pipelines: [{name: a, every: 5s}]",
        'line 2: pipelines[0].every: must be a duration from 1m to 400d, got "5s"',
    ),
    "too many pipelines": (
        OK + f"pipelines: [{', '.join(f'{{name: p{n}}}' for n in range(201))}]",
        "line 2: pipelines: must have at most 200 items, got 201",
    ),
    "tab": (OK + "\twindows: [5m]", "line 2: is not YAML: found character '\\t' that cannot start any token"),
    "unclosed": ("models: [", "line 1: is not YAML: expected the node content, but found '<stream end>'"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_told_exactly(tmp_path: Path, mistake: str) -> None:
    text, message = BAD[mistake]
    assert problems(tmp_path, text) == [message]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "models:\n  - name: m\n    task: guess\n    owners: me\nwindows: [1h, soon]\nlimits: {versions: 0}\n"
    assert [problem.split(": ")[1] for problem in problems(tmp_path, text)] == [
        *("models[0].task", "models[0].owners", "windows[1]", "limits.versions")
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.yml")
    (tmp_path / "latin.yml").write_bytes(b"models: \xff")
    with pytest.raises(ConfigError, match="must be UTF-8"):
        load(tmp_path / "latin.yml")


def test_a_secret_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "hunter2")
    path = tmp_path / "ml-exporter.yml"
    path.write_text("models: [{name: m, task: regression}]\nsensitive_key: {env: THE_KEY}")
    settings = load(path).settings
    assert settings.sensitive_key is not None
    assert settings.sensitive_key.reveal() == b"hunter2"
    assert "hunter2" not in repr(settings) + str(settings)


def test_the_bench_configuration_loads(tmp_path: Path) -> None:
    assert load(write_config(tmp_path)).models[0].baseline is not None
