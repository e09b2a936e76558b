"""Fairness: does a binary classifier treat the groups of a protected segment alike.

A segment is protected if it has a reference group. Adding a measure: a file with its function and ``MEASURE``
beside these, its name in :data:`MEASURES`, its test in ``tests/signals/fairness``.
"""

from ml_exporter.signals.fairness import (
    average_odds_difference,
    disparate_impact_ratio,
    equal_opportunity_difference,
    reference,
    statistical_parity_difference,
)
from ml_exporter.signals.fairness.measure import FairnessMeasure, FairnessSignal
from ml_exporter.signals.signal import Signal

MEASURES: tuple[FairnessMeasure, ...] = (
    statistical_parity_difference.MEASURE,
    disparate_impact_ratio.MEASURE,
    equal_opportunity_difference.MEASURE,
    average_odds_difference.MEASURE,
)

SIGNALS: tuple[Signal, ...] = (*(FairnessSignal(measure) for measure in MEASURES), reference.SIGNAL)
