"""Drift: how far inputs and predictions of a window are from the baseline's.

Adding a measure: a file with its function and ``MEASURE`` beside these, its name in :data:`MEASURES`,
its test in ``tests/signals/drift``. Its noise floor, its series for features and predictions and its
line in the documentation follow from that.
"""

from ml_exporter.signals.drift import (
    azure_chi_squared_pvalue,
    azure_jensen_shannon,
    azure_psi,
    below,
    bins,
    chi_squared,
    chi_squared_pvalue,
    cramers_v,
    jensen_shannon,
    kind,
    kolmogorov_smirnov,
    kolmogorov_smirnov_pvalue,
    l_infinity,
    noise_scale,
    psi,
    samples,
    share,
    wasserstein,
)
from ml_exporter.signals.drift.measure import DriftMeasure, DriftSignal
from ml_exporter.signals.signal import Signal

MEASURES: tuple[DriftMeasure, ...] = (
    psi.MEASURE,
    jensen_shannon.MEASURE,
    kolmogorov_smirnov.MEASURE,
    kolmogorov_smirnov_pvalue.MEASURE,
    wasserstein.MEASURE,
    chi_squared.MEASURE,
    chi_squared_pvalue.MEASURE,
    cramers_v.MEASURE,
    l_infinity.MEASURE,
    azure_psi.MEASURE,
    azure_jensen_shannon.MEASURE,
    azure_chi_squared_pvalue.MEASURE,
)

SIGNALS: tuple[Signal, ...] = (
    *(DriftSignal(measure) for measure in MEASURES),
    share.SIGNAL,
    samples.SIGNAL,
    noise_scale.SIGNAL,
    bins.SIGNAL,
    kind.SIGNAL,
    below.SIGNAL,
)
