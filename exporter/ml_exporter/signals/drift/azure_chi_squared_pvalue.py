"""p-value of the chi-squared test as Azure Machine Learning computes it."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.variants import Variant
from ml_exporter.signals.drift.azure_bins import AzureBins
from ml_exporter.signals.drift.chi_squared_pvalue import chi_squared_pvalue
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Over


def azure_chi_squared_pvalue(window: FloatArray, expected: FloatArray, starts: IntArray) -> FloatArray:
    """p-value of Azure's chi-squared test, which takes the baseline's shares as known; lower is worse.

    ``p = P(X >= X2)``, ``X2 = sum_b (c_b - e_b)^2 / e_b`` over the categories that occur on either side, with
    ``c`` (``window``) the counts and ``e`` (``expected``) the baseline's shares times the window's rows, (bins,)
    flat over the categorical variables, and ``starts`` (categorical variables,) the first bin of each; ``X`` is
    chi-squared distributed with as many degrees of freedom as there are such categories, less one. Returns
    (categorical variables,).

    Range: 0 to 1; 0 where a category occurs that the baseline does not have. The baseline's own
    chance is left out of account: p is too small where the baseline has not many more rows than the window.
    Bins: categories, with all that the baseline does not know as one.
    Missing values are left out; Azure leaves out the whole row.
    Minimum samples: the configured minimum of values in the window; below it there is no sample.
    Cost: O(categories).

    Reference: ``_chisquaretest`` of azureml-assets,
    assets/model_monitoring/components/src/data_drift_compute_metrics, on scipy.stats.chisquare.

    >>> azure_chi_squared_pvalue(np.array([10.0, 20.0, 30.0]), np.full(3, 20.0), np.array([0])).round(4).tolist()
    [0.0067]
    """
    occurring = window + expected > 0
    with np.errstate(divide="ignore"):
        terms = np.where(expected > 0, (window - expected) ** 2 / np.maximum(expected, 1e-300), np.inf)
    statistic = np.add.reduceat(np.where(occurring, terms, 0.0), starts)
    return chi_squared_pvalue(statistic, np.add.reduceat(occurring.astype(np.float64), starts) - 1.0)


def _score(pair: Comparison) -> FloatArray:
    bins, geometry = pair.derived(AzureBins), pair.geometry
    starts = bins.starts[geometry.categorical]
    here = slice(int(starts[0]), None)
    expected = bins.baseline[here] / bins.baseline_rows[here] * bins.window_rows[here]
    return azure_chi_squared_pvalue(bins.window[here], expected, starts - starts[0])


MEASURE: Final = DriftMeasure(
    key="azure_chi_squared_pvalue",
    help="p-value of the chi-squared test as Azure ML defines it (1 same, near 0 different), if configured",
    over=Over.CATEGORY_VALUES,
    score=_score,
    noise=None,
    variant=Variant.AZURE,
)
