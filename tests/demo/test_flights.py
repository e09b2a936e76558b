"""Which flights the models of the demo learn from, and which they are given."""

import asyncio
import importlib
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy/demo"))

import flights  # noqa: E402
import story  # noqa: E402

SEPTEMBER = pd.Timestamp("2013-09-01", tz="America/New_York").timestamp()


class Spy:
    """A model that learns nothing and remembers which flights it has seen and was asked about."""

    def __init__(self, *_: Any) -> None:
        self.seen: set[str] = set()
        self.asked: list[str] = []

    def fit(self, table: pd.DataFrame) -> "Spy":
        self.seen = set(table["id"])
        return self

    def answers(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        self.asked = table["id"].tolist()
        return np.full(len(table), 0.5)


class Constant:
    """A model that says the same of every flight."""

    def __init__(self, value: float) -> None:
        self.value = value

    def answer(self, _: dict[str, Any]) -> float:
        return self.value


class Asked:
    """A request for one flight."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier

    async def json(self) -> dict[str, Any]:
        return {"id": self.identifier, "features": {"hour": 8}}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return flights.flights()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame) -> Path:
    """The folder of the demo, prepared with models that only remember."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(flights, "flights", lambda: table)
        monkeypatch.setattr(flights, "Model", Spy)
        flights.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def versions(table: pd.DataFrame) -> pd.Series:
    return table["id"].map(flights.version_of)


def test_no_flight_before_september_is_given_to_the_model_of_the_summer(
    table: pd.DataFrame, versions: pd.Series
) -> None:
    before = versions[table["month"] <= 8]
    assert set(before) == {flights.CHAMPION, flights.CHALLENGER}
    assert (before == flights.CHALLENGER).mean() == pytest.approx(0.2, abs=0.005)


def test_from_september_on_every_fifth_is_and_none_to_the_challenger(
    table: pd.DataFrame, versions: pd.Series
) -> None:
    after = versions[table["month"] >= 9]
    assert set(after) == {flights.CHAMPION, flights.SUMMER}
    assert (after == flights.SUMMER).mean() == pytest.approx(0.2, abs=0.005)
    assert (after[table["id"].str.startswith("20130901")] == flights.SUMMER).any(), "from its first day on"


def test_the_model_of_the_summer_has_not_seen_its_validation_flights(prepared: Path) -> None:
    with open(prepared / "models.pickle", "rb") as file:
        model = pickle.load(file)[flights.SUMMER]
    validation = pd.read_parquet(prepared / f"flights-{flights.SUMMER}-validation.parquet")
    assert len(validation) == len(model.asked) > 25_000
    assert len(model.seen) > 50_000
    assert not model.seen & set(model.asked)


def test_it_knows_no_flight_that_had_not_landed_when_it_went_to_work(table: pd.DataFrame) -> None:
    learned, validation = flights.summer(table)
    for part in (learned, validation):
        assert part["landing"].max() < SEPTEMBER
        assert set(part["late"]) == {0, 1}
    assert len(learned) == pytest.approx(2 * len(validation), rel=0.05)
    known = set(learned["id"]) | set(validation["id"])
    given = table["id"][table["id"].map(flights.version_of) == flights.SUMMER]
    assert not known & set(given)


def test_the_sidecar_compares_it_with_a_baseline_fitted_like_the_other() -> None:
    model = yaml.safe_load(story.CONFIG.format(server=""))["models"][0]
    name = f"flights-{flights.SUMMER}"
    assert model["version"] == flights.CHAMPION
    assert model["versions"] == {flights.SUMMER: {"baseline": f"../{name}.json"}}
    assert story.FIT[name] == story.FIT["flights"]


def test_the_server_answers_with_the_model_of_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {flights.CHAMPION: 0.1, flights.CHALLENGER: 0.2, flights.SUMMER: 0.3, "delay": 5.0}
    (tmp_path / "models.pickle").write_bytes(pickle.dumps({name: Constant(of) for name, of in scores.items()}))
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.setenv("ML_EXPORTER_URL", "http://127.0.0.1:9")
    server = importlib.import_module("server")
    monitors = [*server.versions.values(), server.delays]
    reported = []
    for version, monitor in zip([*server.versions, None], monitors, strict=True):
        monkeypatch.setattr(monitor, "_put", lambda _, event, of=version: reported.append((of, event["id"])))
    for identifier in (f"{day}-UA{number}-EWR" for day in ("20130831", "20130901") for number in range(20)):
        reported.clear()
        response = asyncio.run(server.predict(Asked(identifier)))
        version = flights.version_of(identifier)
        assert yaml.safe_load(response.body)["score"] == scores[version]
        assert reported == [(version, identifier), (None, identifier)]
