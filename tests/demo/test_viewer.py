"""How the demo finds Grafana and what it gives it; Grafana itself is not at hand in CI."""

import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy/demo"))

import viewer  # noqa: E402


def program(path: Path, output: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{output}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("GRAFANA_HOME", raising=False)
    viewer.find.cache_clear()


def test_without_a_grafana_one_sentence_says_how_to_get_it() -> None:
    assert viewer.find() is None
    assert "GRAFANA_HOME" in viewer.HOW
    assert viewer.HOW.endswith("everything else runs.")


def test_an_unpacked_release_is_found_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "grafana-v12/bin/grafana")
    (tmp_path / "grafana-v12/conf").mkdir()
    (tmp_path / "grafana-v12/conf/defaults.ini").touch()
    monkeypatch.setenv("GRAFANA_HOME", str(tmp_path / "grafana-v12"))
    assert viewer.find() == (str(path), "server", "--homepath", str(tmp_path / "grafana-v12"))


def test_a_package_of_linux_is_found_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "bin/grafana-server")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert viewer.find() == (str(path), "--homepath", "/usr/share/grafana")


def test_it_is_given_the_dashboards_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin/grafana")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    command, environment = viewer.command(tmp_path / "run", 3000, "http://127.0.0.1:1", "http://127.0.0.1:2")
    assert command[1] == "server"
    folder = Path(environment["GF_PATHS_PROVISIONING"])
    (provider,) = yaml.safe_load((folder / "dashboards/ml-exporter.yml").read_text())["providers"]
    assert len(list(Path(provider["options"]["path"]).glob("ml-*.json"))) == 8
    assert Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).is_file()
    text = (folder / "datasources/ml-exporter.yml").read_text()
    assert yaml.safe_load(text)["datasources"][0]["jsonData"]["timeInterval"] == "5s"
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= environment.keys()


def test_docker_is_given_everything_as_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin/docker", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    command, environment = viewer.command(tmp_path / "run", 3000, "http://127.0.0.1:1", "http://127.0.0.1:2")
    assert environment == {}
    assert command[-1] == viewer.IMAGE
    assert "--env=ML_PROMETHEUS_URL=http://127.0.0.1:1" in command
    assert f"--volume={ROOT / 'grafana'}:{ROOT / 'grafana'}:ro" in command


def test_docker_without_its_engine_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin/docker", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    assert viewer.find() is None
