"""Compares a window of rows with a reference, again for each line on standard input: ``window.py RIVAL FOLDER``.

Runs in the rival's own environment. FOLDER holds columns of the same length in ``reference.npz`` and
``window.npz``: features, ``score`` and ``label``. The first line of the answer names the versions and the parts; a
line of input names a part, and its answer is the seconds that it took. What a rival does once for a reference is
done before.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

Parts = dict[str, Callable[[], object]]


def evidently(reference: pd.DataFrame, window: pd.DataFrame) -> Parts:
    """Its drift preset, which draws figures, too; and the functions of the same scores alone."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.legacy.calculations.stattests import jensenshannon_stat_test, wasserstein_stat_test
    from evidently.legacy.core import ColumnType
    from evidently.presets import DataDriftPreset

    numeric, categorical = _columns(reference)
    of = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
    known = Dataset.from_pandas(reference.drop(columns="label"), data_definition=of)

    def drift() -> object:
        now = Dataset.from_pandas(window.drop(columns="label"), data_definition=of)
        result = Report([DataDriftPreset()]).run(now, known).dict()
        scores = [metric for metric in result["metrics"] if metric["metric_name"].startswith("ValueDrift")]
        assert len(scores) == len(numeric) + len(categorical)
        return result

    def scores() -> object:
        found = []
        for name in (*numeric, *categorical):
            test, kind = wasserstein_stat_test, ColumnType.Numerical
            if name in categorical:
                test, kind = jensenshannon_stat_test, ColumnType.Categorical
            found.append(test(reference[name].dropna(), window[name].dropna(), kind, 0.1).drift_score)
        return found

    return {"drift": drift, "scores": scores}


def nannyml(reference: pd.DataFrame, window: pd.DataFrame) -> Parts:
    """Jensen-Shannon of each feature and of the score; performance without labels by CBPE; one chunk."""
    import nannyml as nml

    numeric, categorical = _columns(reference)
    univariate = nml.UnivariateDriftCalculator(
        column_names=[*numeric, *categorical],
        continuous_methods=["jensen_shannon"],
        categorical_methods=["jensen_shannon"],
        chunk_size=len(window),
    )
    univariate.fit(reference)
    for table in (reference, window):
        table["predicted"] = (table["score"] >= 0.5).astype(int)
    estimated = nml.CBPE(
        problem_type="classification_binary",
        y_true="label",
        y_pred="predicted",
        y_pred_proba="score",
        metrics=["roc_auc", "accuracy"],
        chunk_size=len(window),
    )
    estimated.fit(reference)
    unlabelled = window.drop(columns="label")

    def drift() -> object:
        return univariate.calculate(window).filter(period="analysis").to_df()

    def cbpe() -> object:
        return estimated.estimate(unlabelled).filter(period="analysis").to_df()

    assert len(drift()) == len(cbpe()) == 1  # type: ignore[arg-type]
    return {"drift": drift, "cbpe": cbpe}


def whylogs(reference: pd.DataFrame, window: pd.DataFrame) -> Parts:
    """Its drift scores of two profiles, with and without making the window's profile."""
    import whylogs as why
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    known = why.log(reference.drop(columns="label")).view()
    made = why.log(window.drop(columns="label")).view()

    def scores() -> object:
        result = calculate_drift_scores(made, known, with_thresholds=True)
        assert len(result) == reference.shape[1] - 1
        return result

    def both() -> object:
        now = why.log(window.drop(columns="label")).view()
        return calculate_drift_scores(now, known, with_thresholds=True)

    return {"drift": both, "scores": scores}


def _columns(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    names = [name for name in table.columns if name != "label"]
    categorical = [name for name in names if name.startswith("cat_")]
    return [name for name in names if name not in categorical], categorical


RIVALS = {"evidently": evidently, "nannyml": nannyml, "whylogs": whylogs}


def main(rival: str, folder: Path) -> None:
    """Answer until the input ends."""
    answers, sys.stdout = os.fdopen(os.dup(1), "w", buffering=1), sys.stderr
    warnings.filterwarnings("ignore")
    tables = (pd.DataFrame(dict(np.load(folder / f"{name}.npz"))) for name in ("reference", "window"))
    parts = RIVALS[rival](*tables)
    versions = {"python": platform.python_version()}
    versions |= {name: version(name) for name in (rival, "numpy", "pandas", "scipy")}
    print(json.dumps({"versions": versions, "parts": list(parts)}), file=answers)
    for line in sys.stdin:
        began = time.perf_counter()
        parts[line.strip()]()
        print(time.perf_counter() - began, file=answers)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
