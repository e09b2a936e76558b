"""Jensen-Shannon distance as Azure Machine Learning computes it."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.variants import Variant
from ml_exporter.signals.drift.azure_bins import AzureBins
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.jensen_shannon import jensen_shannon
from ml_exporter.signals.drift.measure import DriftMeasure, Over


def azure_jensen_shannon(window: FloatArray, baseline: FloatArray, starts: IntArray) -> FloatArray:
    """Azure's Jensen-Shannon distance: to base 2, in bins of its own; higher is worse.

    ``JS = sqrt(1/2 sum_b p_b log2(p_b / m_b) + 1/2 sum_b q_b log2(q_b / m_b))``, ``m = (p + q) / 2``, with
    ``p`` (``window``) and ``q`` (``baseline``) the shares of the values in each bin, (bins,) flat over the
    variables, and ``starts`` (variables,) the first bin of each. Returns (variables,).

    Range: 0 (same shares) to 1 (no bin in common), without unit.
    Bins, bound: as for Azure's population stability index; nothing is added to the counts.
    Missing values are left out; Azure leaves out the whole row.
    Minimum samples: the configured minimum of values in the window; below it there is no sample.
    Cost: O(fine bins) time and memory, whatever the number of events.

    Reference: ``_jensen_shannon_numerical`` and ``_jensen_shannon_categorical`` of azureml-assets,
    assets/model_monitoring/components/src/data_drift_compute_metrics.

    >>> import numpy as np
    >>> float(azure_jensen_shannon(np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([0])).round(6)[0])
    0.557923
    """
    return jensen_shannon(window, baseline, starts)


def _score(pair: Comparison) -> FloatArray:
    bins = pair.derived(AzureBins)
    return azure_jensen_shannon(bins.window / bins.window_rows, bins.baseline / bins.baseline_rows, bins.starts)


MEASURE: Final = DriftMeasure(
    key="azure_jensen_shannon",
    help="Jensen-Shannon distance as Azure ML defines it (0 same, 1 disjoint), if configured",
    over=Over.VALUES,
    score=_score,
    noise=None,
    variant=Variant.AZURE,
)
