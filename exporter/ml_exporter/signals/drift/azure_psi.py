"""Population stability index as Azure Machine Learning computes it."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.variants import Variant
from ml_exporter.signals.drift.azure_bins import AzureBins
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Over


def azure_psi(window: FloatArray, baseline: FloatArray, n: FloatArray, m: FloatArray) -> FloatArray:
    """Terms of Azure's population stability index, to be added up for each variable; higher is worse.

    ``PSI = sum_b (p_b - q_b) ln(p_b / q_b)``, ``p_b = (c_b + 1) / n``, ``q_b = (d_b + 1) / m``, with ``c``
    (``window``) and ``d`` (``baseline``) the counts in each bin and ``n`` and ``m`` the rows behind them, all
    (bins,). Returns (bins,).

    Range: 0 upwards, without unit. Biased where rows are few: the 1 that is added to each count weighs more on
    the smaller side, also in bins that are empty on both.
    Bins: of numbers as many of equal width between the extremes as Sturges' rule says of the smaller side,
    ``ceil(log2 min(n, m) + 1)``; categories, with all that the baseline does not know as one.
    Bound: exact where each fine bin holds one distinct value. Else edges are moved to the next edge of a fine bin,
    past at most 1/250 of the baseline's numbers; and the numbers of the two outermost fine bins, which reach to
    the extremes, are taken to be spread as powers of uniform ones with their mean. The extremes are the baseline's
    alone, what lies beyond is in the outermost bins; Azure widens its bins for it, so that one far outlier in the
    window hides a shift. For predictions and sensitive features the extremes are the baseline's means of the
    outermost fine bins.
    Missing values are left out; Azure leaves out the whole row.
    Minimum samples: the configured minimum of values in the window; below it there is no sample.
    Cost: O(fine bins) time and memory, whatever the number of events.

    Reference: ``_psi_numerical`` and ``_psi_categorical`` of azureml-assets,
    assets/model_monitoring/components/src/data_drift_compute_metrics.

    >>> two = np.array([9.0, 9.0]), np.array([4.0, 14.0])
    >>> float(azure_psi(*two, np.full(2, 18.0), np.full(2, 18.0)).sum().round(6))
    0.30517
    """
    p, q = (window + 1.0) / n, (baseline + 1.0) / m
    terms: FloatArray = (p - q) * np.log(p / q)
    return terms


def _score(pair: Comparison) -> FloatArray:
    bins = pair.derived(AzureBins)
    terms = azure_psi(bins.window, bins.baseline, bins.window_rows, bins.baseline_rows)
    scores: FloatArray = np.add.reduceat(np.where(bins.occurring, terms, 0.0), bins.starts)
    return scores


MEASURE: Final = DriftMeasure(
    key="azure_psi",
    help="Population stability index as Azure ML defines it (0 same), if configured",
    over=Over.VALUES,
    score=_score,
    noise=None,
    variant=Variant.AZURE,
)
