"""The example for Filebeat: every field that it names is written by the real processes, in the type it says."""

import json
import re
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_exporter.config.load import load
from ml_exporter.core.schema import Task
from support import ecs, workload
from support.engine import write_config
from support.processes import sidecar
from support.retrain import ALICE, BridgeProcess, alert, write_retrain, write_users

EXAMPLE = Path(__file__).parents[2] / "deploy/filebeat"
ADDED = {"event.ingested"}
"""What the pipeline adds."""

FAULT = (
    "import psutil\n"
    "def broken(self): raise ValueError('unforeseen')\n"
    "psutil.Process.num_fds = broken\n"
    "from ml_exporter.cli import main\n"
    "raise SystemExit(main())"
)

SETTINGS = """\
prediction_log: {file: predictions.jsonl, share: 1}
audit_log: {file: audit.jsonl}
sensitive_key: {file: key}
"""


def feed(folder: Path, task: Task, program: tuple[str, ...]) -> list[Path]:
    """Run a sidecar through a life; return the files that it wrote."""
    folder.mkdir()
    (folder / "key").write_text("key")
    config = write_config(folder, task, SETTINGS)
    table = workload.table(20, seed=51, task=task)
    log = folder / "ml-exporter.log"
    server = sidecar(config, None, "--log.format=json", f"--log.file={log}", program=program)
    try:
        assert server.post("/v1/predictions?ack=durable", workload.events(table))[0] == 200
        assert server.post("/v1/labels?ack=durable", workload.labels(table))[0] == 200
        server.get("/metrics")
        config.write_text(config.read_text().replace("owner: team", "owner: others"))
        assert server.request("POST", "/-/reload")[0] == 200
        config.write_text(config.read_text().replace("owner:", "owners:"))
        assert server.request("POST", "/-/reload")[0] == 400
    finally:
        assert server.end(signal.SIGTERM) == 0
    return [log, folder / "audit.jsonl", folder / "predictions.jsonl"]


def retrain(folder: Path) -> list[Path]:
    """Run a bridge through a life; return the files that it wrote."""
    folder.mkdir()
    config, log = write_retrain(folder), folder / "ml-exporter.log"
    options = (f"--web.config.file={write_users(folder)}", "--log.format=json", f"--log.file={log}")
    bridge = BridgeProcess(config, *options)
    try:
        assert bridge.take(alert(), alert(alertname="Other")) == 200
        bridge.until_job("started")
        assert bridge.request("POST", "/-/reload", **ALICE)[0] == 200
    finally:
        assert bridge.end(signal.SIGTERM) == 0
    return [log, folder / "jobs.audit.jsonl"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("lives")
    files = feed(folder / "binary", Task.BINARY, ("-c", FAULT))
    files += feed(folder / "regression", Task.REGRESSION, ("-m", "ml_exporter"))
    files += feed(folder / "multiclass", Task.MULTICLASS, ("-m", "ml_exporter"))
    files += retrain(folder / "retrain")
    return [line for file in files for line in ecs.lines(file)]


def template() -> dict[str, str]:
    """Return the fields of the index template with their types."""
    document = json.loads((EXAMPLE / "template.json").read_text())

    def fields(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
        for name, item in properties.items():
            if "type" in item:
                yield f"{prefix}{name}", item["type"]
            else:
                yield from fields(item["properties"], f"{prefix}{name}.")

    return dict(fields(document["template"]["mappings"]["properties"]))


def test_every_line_is_of_the_schema_and_fits_the_template(written: list[dict[str, Any]]) -> None:
    own = {name: type for name, type in template().items() if name.startswith(ecs.OWN)}
    for line in written:
        ecs.check(line, own)


def test_every_field_of_the_template_is_written(written: list[dict[str, Any]]) -> None:
    assert template().keys() - ADDED == {name for line in written for name in line}


def test_the_template_says_of_the_schema_s_fields_what_the_schema_says() -> None:
    fields = {name: type for name, type in template().items() if not name.startswith(ecs.OWN)}
    assert fields == ecs.FIELDS


def conditions(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the field and the value of every condition of the example."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "when.equals":
                yield from item.items()
            else:
                yield from conditions(item)
    elif isinstance(value, list):
        for item in value:
            yield from conditions(item)


def test_every_condition_meets_lines(written: list[dict[str, Any]]) -> None:
    config = yaml.safe_load((EXAMPLE / "filebeat.yml").read_text())
    found = list(conditions(config))
    assert found == [("event.dataset", "ml_exporter.audit"), ("event.dataset", "ml_exporter.prediction")]
    by_value: dict[str, int] = defaultdict(int)
    for line in written:
        by_value[line["event.dataset"]] += 1
    assert all(by_value[value] for _, value in found)
    assert set(by_value) - {value for _, value in found} == {"ml_exporter.log"}, "it has the index of the rest"


def test_the_parts_of_the_example_belong_together() -> None:
    config = yaml.safe_load((EXAMPLE / "filebeat.yml").read_text())
    output, setup = config["output.elasticsearch"], config["setup.template"]
    names = [output["index"], *(item["index"] for item in output["indices"])]
    pattern = setup["pattern"].rstrip("*")
    assert all(name.startswith(pattern) for name in names)
    assert len({name.partition("%")[0] for name in names}) == 3
    document = json.loads((EXAMPLE / setup["json"]["path"]).read_text())
    assert document["index_patterns"] == [setup["pattern"]]
    assert config["setup.ilm.enabled"] is False, "it would take the place of the names"
    assert len({item["id"] for item in inputs()}) == len(inputs()) == 3
    for item in inputs():
        (parser,) = item["parsers"]
        assert parser["ndjson"] == {
            "target": "",
            "overwrite_keys": True,
            "expand_keys": True,
            "add_error_key": True,
        }
    pipeline = json.loads((EXAMPLE / "pipeline.json").read_text())
    assert {processor["set"]["field"] for processor in pipeline["processors"]} == ADDED


def test_the_lines_of_the_documentation_are_such_lines() -> None:
    own = {name: type for name, type in template().items() if name.startswith(ecs.OWN)}
    page = (EXAMPLE.parents[1] / "docs/logs.md").read_text()
    shown = re.findall(r"<!-- line -->\n```json\n(.*?)```", page, re.DOTALL)
    assert len(shown) == page.count("<!-- line -->") == 3
    for line in shown:
        ecs.check(dict(ecs.flat(json.loads(line))), own)


def test_the_configuration_of_the_documentation_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_EXPORTER_KEY", "key")
    page = (EXAMPLE.parents[1] / "docs/logs.md").read_text()
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    settings = load(write_config(tmp_path, more="".join(blocks))).settings
    assert settings.prediction_log is not None
    assert settings.prediction_log.max_size * (settings.prediction_log.keep + 1) == 600 << 20
    paths = [path for item in inputs() for path in item["paths"]]
    files = [settings.prediction_log.file, settings.audit_log]
    assert {f"{file}*" for file in files} < set(paths)
    assert all(path.rstrip("*") in page for path in paths)


def inputs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((EXAMPLE / "filebeat.yml").read_text())["filebeat.inputs"]
    return found


def test_no_two_fields_of_a_line_are_in_each_other_s_way(written: list[dict[str, Any]]) -> None:
    """What Filebeat makes objects of must not be a value as well: it would leave such a line as it is."""
    names = {name for line in written for name in line}
    assert not any(other.startswith(f"{name}.") for name in names for other in names)
