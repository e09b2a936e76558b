"""Share of predictions in which a shadow and the version at work agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import gauge
from ml_exporter.signals.performance.uncertainty import wilson
from ml_exporter.signals.shadow.pairs import WITHIN, PairSignal, named
from ml_exporter.signals.signal import Samples, Views

_RATIO = gauge(
    "ml_shadow_agreement_ratio",
    "Share of the shadow's predictions within the window that name the class of the version at work.",
    *WITHIN,
)
_ENDS = tuple(
    gauge(
        f"ml_shadow_agreement_ratio_{end}",
        f"{end.capitalize()} end of the 95 % interval of the share of predictions in which a shadow agrees.",
        *WITHIN,
    )
    for end in ("lower", "upper")
)


def shadow_agreement_ratio(classes: IntArray) -> FloatArray:
    """Share of predictions in which a shadow names the class of the version at work; lower is less alike.

    ``share = trace(c) / sum(c)`` of ``c = classes``, (…, classes, classes), pairs by the class of the version at
    work and by the shadow's. Returns (…,), NaN without pairs.

    Range: 0 to 1. Exact. Two versions that are equally right may still disagree: where each is right with
    probability ``p`` the share is at least ``2 p - 1``. It says how much changes for those who use the
    predictions, not which version is better: their performance says that.
    Missing: predictions without a class, and those of which only one version made one, are left out.
    Minimum samples: the configured minimum of pairs; below it there is no sample.
    Interval: Wilson's, of 95 %.
    Cost: O(classes^2).

    Reference: the observed proportion of agreement in J. Cohen, A coefficient of agreement for nominal scales,
    Educ. Psychol. Meas. 20 (1960), doi:10.1177/001316446002000104.

    >>> shadow_agreement_ratio(np.array([[6, 1], [1, 2]])).tolist()
    0.8
    """
    pairs = classes.sum(axis=(-2, -1))
    agreed = classes.diagonal(axis1=-2, axis2=-1).sum(axis=-1)
    return np.asarray(agreed / np.where(pairs > 0, pairs, np.nan))


class Agreement(PairSignal):
    """The agreement within each window, and the ends of its interval."""

    key = "shadow_agreement"
    metrics = (_RATIO, *_ENDS)
    formula = staticmethod(shadow_agreement_ratio)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the share of each window."""
        schema = views.context.schema
        if not (schema.is_shadow and schema.is_classifier):
            return [()] * len(views)
        classes, pairs = views.sums["shadow_classes"], named(views.sums)
        agreed = classes.diagonal(axis1=-2, axis2=-1).sum(axis=-1)
        found = np.stack((shadow_agreement_ratio(classes), *wilson(agreed, pairs)), axis=-1)
        return self.of_views(views, pairs, found)


SIGNAL: Final = Agreement()
