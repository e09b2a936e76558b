"""Grafana for the demo, where it is found: on PATH, in GRAFANA_HOME, or by Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from past import INTERVAL

ROOT = Path(__file__).parents[2]
IMAGE = "grafana/grafana:12.1.0"
HOW = (
    "Grafana was not found, so its dashboards are not shown: unpack https://grafana.com/grafana/download and set"
    " GRAFANA_HOME to the folder, or start Docker; everything else runs."
)


@cache
def find() -> tuple[str, ...] | None:
    """Return how Grafana is started, without its settings; None where it cannot be had."""
    home = os.environ.get("GRAFANA_HOME")
    folders = [home] if home else []
    for name in ("grafana", "grafana-server"):
        if path := shutil.which(name, path=os.pathsep.join([*(f"{folder}/bin" for folder in folders), *_path()])):
            return path, *(["server"] if name == "grafana" else []), "--homepath", _home(Path(path))
    if docker := shutil.which("docker"):
        try:
            known = subprocess.run([docker, "info"], capture_output=True, check=False, timeout=10)
        except subprocess.TimeoutExpired:
            return None
        if known.returncode == 0:
            return (docker, "run", "--rm", "--network=host", "--user", f"{os.getuid()}")
    return None


def command(folder: Path, port: int, prometheus: str, alertmanager: str) -> tuple[list[str], Mapping[str, str]]:
    """Return the command that serves the dashboards, its data in ``folder``, and its environment."""
    found = find()
    assert found is not None
    provision(folder / "provisioning")
    settings = {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "log"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(ROOT / "grafana/dashboards/ml-fleet.json"),
        "ML_PROMETHEUS_URL": prometheus,
        "ML_ALERTMANAGER_URL": alertmanager,
    }
    if "docker" not in Path(found[0]).name:
        return list(found), settings
    given = [f"--env={name}={value}" for name, value in settings.items()]
    mounts = [f"--volume={ROOT / 'grafana'}:{ROOT / 'grafana'}:ro", f"--volume={folder}:{folder}"]
    return [*found, *given, *mounts, IMAGE], {}


def provision(folder: Path) -> None:
    """Write the shipped provisioning with the dashboards where they are here, and the demo's scrape interval."""
    shutil.copytree(ROOT / "grafana/provisioning", folder)
    for name, shipped, here in (
        ("dashboards", "/etc/grafana/dashboards", str(ROOT / "grafana/dashboards")),
        ("datasources", "timeInterval: 15s", f"timeInterval: {INTERVAL}s"),
    ):
        path = folder / name / "ml-exporter.yml"
        text = path.read_text()
        assert shipped in text, f"{path}: {shipped}"
        path.write_text(text.replace(shipped, here))


def _path() -> list[str]:
    return os.environ.get("PATH", "").split(os.pathsep)


def _home(path: Path) -> str:
    """Return the folder of Grafana's own files: beside its program, or where Linux packages put them."""
    beside = path.resolve().parent.parent
    return str(beside if (beside / "conf/defaults.ini").exists() else "/usr/share/grafana")
