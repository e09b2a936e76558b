"""Attributions of a model's predictions, for the code that trains or serves it.

::

    from ml_exporter.baseline.attribute import attribute

    attribute(model.predict, validation[features]).to_parquet("attributions.parquet")

is what ``ml-exporter baseline fit --attributions attributions.parquet`` reads. The model stays in its own
process: no pickle is opened. pandas must be there (``ml-exporter[fit]``), SHAP may be (``ml-exporter[explain]``).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.errors import BaselineError

if TYPE_CHECKING:
    import pandas as pd

METHODS: Final = ("auto", "shap", "permutation")

ROWS: Final = 1_000
"""Rows that are explained (chosen: means need no more, and SHAP calls the model many times for each)."""

BACKGROUND: Final = 100
"""Rows from which SHAP takes the value of a feature that it leaves out (chosen)."""

PERMUTATIONS: Final = 2
"""Orders of the features, each there and back, that SHAP tries for a row (chosen: the mean is over many rows)."""

_SEED: Final = 20130101


def attribute(predict: Callable[[Any], Any], frame: pd.DataFrame, method: str = "auto") -> pd.DataFrame:
    """Return what each feature added to each of at most 1,000 predictions: a row a prediction, a column a feature.

    ``predict`` takes a frame with the columns of ``frame`` and returns one number a row: a value, or the score of
    one class. ``frame`` holds the features alone. ``.abs().mean()`` of the result is the importance of each
    feature.

    - ``shap``: Shapley values by SHAP's permutation explainer, for numbers alone; it asks for some 400
      predictions for each row and feature.
    - ``permutation``: by how much the prediction moves when the feature's value is taken from another row,
      ``f(x) - f(x with x_j of a row drawn at random)``. One call of ``predict`` for each feature.
    - ``auto``: SHAP where it is installed and all columns are numbers, else permutation.

    The two are different numbers: baseline and live attributions must come from the same method. Both tell what
    the model uses, not what causes what. Features that say the same share their part in one way or another.
    Seeded: the same frame gives the same rows.

    Reference: S. Lundberg, S.-I. Lee, A unified approach to interpreting model predictions, NeurIPS 2017; L.
    Breiman, Random forests, Machine Learning 45 (2001), doi:10.1023/A:1010933404324, for the permutation of a
    feature.
    """
    if method not in METHODS:
        raise BaselineError(f'method must be one of {", ".join(METHODS)}, got "{method}"')
    if not len(frame) or not len(frame.columns):
        raise BaselineError("frame has no rows or no columns")
    numeric = all(kind.kind in "iufb" for kind in map(np.dtype, _kinds(frame)))
    if method == "auto":
        method = "shap" if numeric and find_spec("shap") is not None else "permutation"
    rng = np.random.default_rng(_SEED)
    rows = frame.iloc[np.sort(rng.permutation(len(frame))[:ROWS])]
    values = _shap(predict, rows, frame, rng) if method == "shap" else _permutation(predict, rows, frame, rng)
    return type(frame)(values, columns=frame.columns, index=rows.index)


def _kinds(frame: pd.DataFrame) -> list[Any]:
    return [kind if isinstance(kind, np.dtype) else object for kind in frame.dtypes]


def _permutation(
    predict: Callable[[Any], Any], rows: pd.DataFrame, frame: pd.DataFrame, rng: np.random.Generator
) -> FloatArray:
    before = _numbers(predict, rows)
    values = np.empty(rows.shape)
    for place, name in enumerate(frame.columns):
        moved = rows.copy()
        moved[name] = frame[name].iloc[rng.integers(len(frame), size=len(rows))].to_numpy()
        values[:, place] = before - _numbers(predict, moved)
    return values


def _shap(
    predict: Callable[[Any], Any], rows: pd.DataFrame, frame: pd.DataFrame, rng: np.random.Generator
) -> FloatArray:
    try:
        import shap
    except ImportError as error:
        raise BaselineError("shap is not installed; it comes with: pip install 'ml-exporter[explain]'") from error
    background = frame.iloc[rng.permutation(len(frame))[:BACKGROUND]]
    _numbers(predict, background)

    def of_array(values: Any) -> FloatArray:
        return _numbers(predict, type(frame)(values, columns=frame.columns).astype(frame.dtypes.to_dict()))

    masker = shap.maskers.Independent(background.to_numpy(np.float64), max_samples=BACKGROUND)
    explainer = shap.explainers.Permutation(of_array, masker, seed=_SEED)
    evaluations = PERMUTATIONS * (2 * len(frame.columns) + 1)
    found = explainer(rows.to_numpy(np.float64), max_evals=evaluations, silent=True)
    return np.asarray(found.values, np.float64)


def _numbers(predict: Callable[[Any], Any], frame: pd.DataFrame) -> FloatArray:
    values = np.asarray(predict(frame), np.float64)
    if values.shape not in ((len(frame),), (len(frame), 1)):
        raise BaselineError(
            f"predict must return one number a row, such as the score of one class; got the shape {values.shape}"
            f" for {len(frame)} rows"
        )
    return values.reshape(-1)
