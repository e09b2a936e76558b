"""The reconstruction error, held against scikit-learn's PCA and against the numbers of NannyML."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from support.multivariate import Together
from support.workload import Table

ERROR = "ml_multivariate_drift_reconstruction_error"
RHOS = (0.8, 0.4, 0.0)

CLOSE = 1e-4
"""Two features without correlation have nearly the same variance, so that rounding turns a component."""

NANNYML = (1.079342, 1.373890, 1.618952)
"""DataReconstructionDriftCalculator of NannyML 0.13.1 on :func:`tables`, in chunks of 1,000 rows."""


def made(rng: np.random.Generator, rows: int, rho: float) -> Table:
    z = rng.normal(size=(rows, 5))
    table: Table = {f"x{number}": z[:, number] * (number + 1) + number for number in range(5)}
    table["x1"] = (rho * z[:, 0] + np.sqrt(1 - rho * rho) * z[:, 1]) * 2 + 1
    table["x3"] = (rho * z[:, 2] + np.sqrt(1 - rho * rho) * z[:, 3]) * 4 + 3
    table["c"] = rng.choice(np.array(["a", "b", "d"], object), rows, p=[0.6, 0.3, 0.1])
    return table


def tables() -> tuple[Table, list[Table]]:
    rng = np.random.default_rng(3)
    return made(rng, 6_000, 0.8), [made(rng, 1_000, rho) for rho in RHOS]


BASELINE, WINDOWS = tables()
MODEL = Together(BASELINE)


def reconstructed(table: Table) -> float:
    """Return the mean error as scikit-learn has it; categories by how often the baseline has them."""
    counts = pd.Series(BASELINE["c"]).value_counts()

    def frame(columns: Table) -> pd.DataFrame:
        numbers = pd.DataFrame(columns)
        return numbers.assign(c=numbers["c"].map(counts)).astype(float)

    scaler = StandardScaler().fit(frame(BASELINE))
    pca = PCA(n_components=0.65).fit(scaler.transform(frame(BASELINE)))
    points = scaler.transform(frame(table))
    back = pca.inverse_transform(pca.transform(points))
    return float(np.linalg.norm(points - back, axis=1).mean())


@pytest.mark.parametrize("number", range(len(RHOS)), ids=[str(rho) for rho in RHOS])
def test_the_error_is_that_of_scikit_learn_and_of_nannyml(number: int) -> None:
    found = MODEL.window(MODEL.rows(WINDOWS[number]))[ERROR]
    assert found == pytest.approx(reconstructed(WINDOWS[number]), rel=CLOSE)
    assert found == pytest.approx(NANNYML[number], rel=CLOSE)


def test_rows_that_lack_a_feature_are_left_out() -> None:
    table = {name: column.copy() for name, column in WINDOWS[1].items()}
    table["x0"][::3] = np.nan
    table["c"][::5] = None
    whole = (np.arange(1_000) % 3 != 0) & (np.arange(1_000) % 5 != 0)
    now = MODEL.window(MODEL.rows(table))
    assert now[f"{ERROR}_samples"] == np.count_nonzero(whole)
    left = {name: column[whole] for name, column in table.items()}
    assert now[ERROR] == pytest.approx(reconstructed(left), rel=CLOSE)


def test_the_standard_error_is_that_of_the_difference() -> None:
    now = MODEL.window(MODEL.rows(WINDOWS[2]))
    errors = [
        MODEL.window(MODEL.rows({n: c[[k] * 100] for n, c in WINDOWS[2].items()}))[ERROR] for k in range(200)
    ]
    # Of one row a hundred times over the mean is its own error.
    assert np.std(errors) / np.sqrt(1_000) == pytest.approx(now[f"{ERROR}_standard_error"], rel=0.15)
