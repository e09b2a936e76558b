"""Drift of each feature, weighted by how much the model rests on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray
from ml_exporter.core.metrics import Block, Rows, gauge
from ml_exporter.signals.attribution.means import names_of, of_context, rows_of
from ml_exporter.signals.drift.comparison import Comparisons
from ml_exporter.signals.drift.measure import FEATURE_LABELS, DriftSignal
from ml_exporter.signals.drift.psi import MEASURE as PSI
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    JointSignal,
    ModelContext,
    Samples,
    Views,
    absences,
)

_SCORE = gauge(
    "ml_root_cause_feature_score",
    "PSI of a feature beyond its noise floor within the window, times the feature's importance.",
    *FEATURE_LABELS,
)
_IMPORTANCE = gauge(
    "ml_baseline_feature_importance_ratio",
    "Share of a feature in the importance of all; source is attributions, or equal where there are none.",
    *("model", "version", "feature", "source"),
)


def root_cause_score(psi: FloatArray, floor: FloatArray, importance: FloatArray) -> FloatArray:
    """Drift times importance of each feature: which drift is most likely to move predictions; higher is worse.

    ``score_j = max(PSI_j - floor_j, 0) * w_j`` with ``w_j = a_j / sum_k a_k`` and ``a_j`` the mean absolute
    attribution of the feature in the baseline. Without attributions in the baseline ``w_j = 1 / number of
    features``: the ranking is then that of drift alone, which the label ``source`` of the importance says. All
    are (features,), as the result.

    Range: 0 (no drift beyond noise, or a feature that the model does not use) upwards, without unit. It is for
    ranking the features of one model; it has no scale of its own, and adds nothing for features that move
    together.
    Missing: a feature without a baseline, a noise floor or, where others have one, an attribution has no score.
    Minimum samples: the configured minimum of rows in the window.
    Cost: O(bins), shared with the drift measures.

    Reference: PSI as in drift; attributions as importance: S. Lundberg, S.-I. Lee, NeurIPS 2017. The product is
    this project's choice: both must be there, and neither has a natural exponent.

    >>> root_cause_score(np.array([0.5, 0.5, 0.01]), np.full(3, 0.02), np.array([0.9, 0.1, 0.0])).round(3).tolist()
    [0.432, 0.048, 0.0]
    """
    score: FloatArray = np.maximum(psi - floor, 0.0) * importance
    return score


class Importance:
    """The share of each feature in the importance of all, (features,), NaN if not known, and where it is from."""

    def __init__(self, context: ModelContext) -> None:
        means = context.derived(of_context)
        names = context.derived(names_of)
        total = 0.0 if means is None else float(np.nansum(means.values))
        self.source = "attributions" if means is not None and total > 0.0 else "equal"
        if means is not None and total > 0.0:
            self.shares: FloatArray = means.values / total
        else:
            self.shares = np.full(len(names), 1.0 / max(len(names), 1))
        self.rows = Rows(tuple((name, self.source) for name in names))


class FeatureCauses(JointSignal):
    """The score of every feature, and the importance that it rests on."""

    key = "root_cause_feature"
    metrics = (_SCORE, _IMPORTANCE)
    formula = staticmethod(root_cause_score)
    _psi = DriftSignal(PSI)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the scores of each window."""
        context = views.context
        places, names = context.derived(self._psi.places), context.derived(names_of)
        if not names:
            return [()] * len(views)
        pairs = views.derived(Comparisons)
        samples = pairs.by_view(pairs.samples)
        floors = self._psi.floors(context, places, samples)[:, places.features]
        scores, rows = pairs.by_view(pairs.derived(PSI.score))[:, places.features], samples[:, places.features]
        importance = context.derived(Importance).shares
        without = places.without_baseline[places.features] | np.isnan(importance)
        return [
            self._of_view(view.scope, context, names, *of)
            for view, *of in zip(
                views,
                root_cause_score(scores, floors, importance),
                rows,
                without | np.isnan(floors),
                strict=True,
            )
        ]

    def _of_view(
        self,
        scope: tuple[str, ...],
        context: ModelContext,
        names: tuple[str, ...],
        scores: FloatArray,
        rows: FloatArray,
        without: BoolArray,
    ) -> Samples:
        few = rows < context.minimum_samples
        silent = few | without
        if not silent.all():
            yield Block(_SCORE, scope, context.derived(rows_of), np.where(silent, np.nan, scores))
        reasons = [(without, NO_BASELINE), (rows == 0, NO_EVENTS), (few, TOO_FEW_SAMPLES)]
        yield from absences(scope, self.key, names, reasons)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the importance of each feature."""
        if context.reference.rows and context.derived(names_of):
            importance = context.derived(Importance)
            yield Block(_IMPORTANCE, (context.schema.name, version), importance.rows, importance.shares)


SIGNAL: Final = FeatureCauses()
