"""Prints the seconds of Evidently's drift preset for some days of the flights: ``preset.py FOLDER EVERY``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

CATEGORICAL = ["weekday", "carrier", "origin", "dest"]


def main() -> None:
    """Compare every EVERY-th day with the validation data; the day's rows are in memory already."""
    folder, every = Path(sys.argv[1]), int(sys.argv[2])
    reference = pd.read_parquet(folder / "flights-validation.parquet").drop(columns="late")
    numeric = [name for name in reference.columns if name not in CATEGORICAL]
    of = DataDefinition(numerical_columns=numeric, categorical_columns=CATEGORICAL)
    known = Dataset.from_pandas(reference, data_definition=of)
    flights = pd.read_csv(folder / "year.csv")
    days = [table for _, table in flights.groupby(flights["departure"] // 86_400)]
    taken = []
    for table in days[::every]:
        began = time.perf_counter()
        now = Dataset.from_pandas(table[reference.columns].reset_index(drop=True), data_definition=of)
        Report([DataDriftPreset()]).run(now, known).dict()
        taken.append(time.perf_counter() - began)
    print(json.dumps(taken[1:]))


if __name__ == "__main__":
    main()
