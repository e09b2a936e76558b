"""A real sidecar for the tests of the client, and a monitor that reports to it under the name of its test."""

from collections.abc import Iterator

import pytest

from ml_exporter.client import Monitor
from support.engine import write_config
from support.http import Running, running


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(write_config(tmp_path_factory.mktemp("client"), more="limits: {versions: 50}")) as server:
        server.until("ml_exporter_ready", 1)
        yield server


@pytest.fixture
def monitor(sidecar: Running, request: pytest.FixtureRequest) -> Iterator[Monitor]:
    version = request.node.name[:60]
    made = Monitor(f"http://127.0.0.1:{sidecar.port}", model="model", version=version, interval=0.05)
    yield made
    made.close()
