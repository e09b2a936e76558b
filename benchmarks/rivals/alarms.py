"""Prints the days on which a rival with its defaults would have told somebody: ``alarms.py RIVAL FOLDER``.

Runs in the rival's own environment. FOLDER holds columns of the same length, among them ``day``, counted from 0:
``training.npz``, ``month.npz`` (as served in a month before) and ``days.npz``.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NUMERIC = ["hour", "age", "score"]


def evidently(reference: pd.DataFrame, days: pd.DataFrame) -> Iterator[int]:
    """Its drift preset once a day: more than half of the columns have drifted."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    of = DataDefinition(numerical_columns=NUMERIC, categorical_columns=["country", "label"])
    known = Dataset.from_pandas(reference.drop(columns="day"), data_definition=of)
    for day, table in days.groupby("day"):
        now = Dataset.from_pandas(table.drop(columns="day").reset_index(drop=True), data_definition=of)
        try:
            result = Report([DataDriftPreset()]).run(now, known).dict()["metrics"][0]
        except ValueError:  # it refuses an empty column, which tells somebody as well
            yield int(day)
            continue
        assert result["config"]["drift_share"] == 0.5
        if result["value"]["share"] >= 0.5:
            yield int(day)


def nannyml(reference: pd.DataFrame, days: pd.DataFrame) -> Iterator[int]:
    """Drift of each column and realized performance by day: beyond three standard deviations of its month."""
    import nannyml as nml

    reference, days = _dated(reference, "2023-01-01"), _dated(days, "2024-01-01")
    by_day: dict[str, Any] = {"timestamp_column_name": "time", "chunk_period": "D"}
    inputs = nml.UnivariateDriftCalculator(column_names=[*NUMERIC, "country"], **by_day)
    outcome = nml.PerformanceCalculator(
        problem_type="classification_binary",
        y_true="label",
        y_pred="predicted",
        y_pred_proba="score",
        metrics=["accuracy", "roc_auc"],
        **by_day,
    )
    alarmed: set[int] = set()
    for calculator in (inputs, outcome):
        calculator.fit(reference)
        chunks = calculator.calculate(days).filter(period="analysis").to_df()
        alerts = chunks.xs("alert", axis=1, level=-1).any(axis=1)
        alarmed |= set(np.flatnonzero(alerts.to_numpy()).tolist())
    yield from sorted(alarmed)


def drift_watchdog(reference: pd.DataFrame, days: pd.DataFrame) -> Iterator[int]:
    """Its overall score, the mean PSI, once a day: 0.2 or more. It knows numbers only: categories are numbered."""
    from drift_watchdog import DriftDetector
    from drift_watchdog.models import Baseline
    from drift_watchdog.statistics import calculate_feature_statistics

    names = {name: float(number) for number, name in enumerate(sorted(reference["country"].unique()))}
    columns = [*NUMERIC, "country"]

    def numbers(table: pd.DataFrame) -> pd.DataFrame:
        codes = table["country"].map(names).fillna(float(len(names)))
        return table.assign(country=codes)[columns]

    known = numbers(reference)
    statistics = {name: calculate_feature_statistics(known[name]) for name in columns}
    detector = DriftDetector(Baseline("stream", statistics, columns))
    for day, table in days.groupby("day"):
        if detector.check(numbers(table)).overall_drift:
            yield int(day)


def _dated(table: pd.DataFrame, first: str) -> pd.DataFrame:
    when = pd.Timestamp(first) + pd.to_timedelta(table["day"] * 24 + table["hour"], unit="h")
    return table.assign(time=when, predicted=(table["score"] >= 0.5).astype(int)).drop(columns="day")


RIVALS: dict[str, tuple[Callable[[pd.DataFrame, pd.DataFrame], Iterator[int]], str]] = {
    "evidently": (evidently, "training"),
    "nannyml": (nannyml, "month"),
    "drift-watchdog": (drift_watchdog, "training"),
}


def main(rival: str, folder: Path) -> None:
    """Print the days as JSON."""
    warnings.filterwarnings("ignore")
    np.random.seed(0)  # drift-watchdog draws from it
    alarms, reference = RIVALS[rival]
    known, days = (pd.DataFrame(dict(np.load(folder / f"{name}.npz"))) for name in (reference, "days"))
    print(json.dumps(list(alarms(known, days))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
