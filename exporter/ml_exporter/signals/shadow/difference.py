"""How far the scores or values of a shadow lie from those of the version at work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import gauge
from ml_exporter.core.schema import Task
from ml_exporter.signals.shadow.pairs import WITHIN, PairSignal, scored
from ml_exporter.signals.signal import Samples, Views
from ml_exporter.sums.fixed import WIDE

_ABSOLUTE = gauge(
    "ml_shadow_difference_absolute",
    "Mean absolute difference between the scores or values of the shadow and those at work within the window.",
    *WITHIN,
)
_MEAN = gauge(
    "ml_shadow_difference_mean",
    "Mean of the shadow's score or value less that of the version at work, within the window.",
    *WITHIN,
)


def shadow_difference(above: FloatArray, below: FloatArray, pairs: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean absolute and mean difference of a shadow from the version at work; farther from 0 is less alike.

    ``(above + below) / pairs`` and ``(above - below) / pairs``, with ``above`` the sum of the positive differences
    ``shadow - working`` and ``below`` that of the negative ones without their sign, all (…,). Returns both, (…,),
    NaN without pairs, in the unit of the prediction; of scores between -1 and 1.

    Range: 0 upwards; any number. Scores are rounded to 2^-30, values of a regression are
    summed exactly, those beyond 6e57 as 6e57.
    Missing: pairs that lack a score or value are left out.
    Minimum samples: the configured minimum of pairs; below it there is no sample.
    Cost: O(1).

    Reference: the mean difference ("bias") of J. Bland, D. Altman, Statistical methods for assessing agreement
    between two methods of clinical measurement, Lancet 327 (1986), doi:10.1016/S0140-6736(86)90837-8.

    >>> [float(part) for part in shadow_difference(np.array(3.0), np.array(1.0), np.array(8))]
    [0.5, 0.25]
    """
    number = np.where(pairs > 0, pairs, np.nan)
    return np.asarray((above + below) / number), np.asarray((above - below) / number)


class Difference(PairSignal):
    """Both differences of each window; models of more than two classes have none."""

    key = "shadow_difference"
    metrics = (_ABSOLUTE, _MEAN)
    formula = staticmethod(shadow_difference)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the differences of each window."""
        schema = views.context.schema
        if not schema.is_shadow or schema.task is Task.MULTICLASS:
            return [()] * len(views)
        pairs = scored(views.sums)
        above, below = np.moveaxis(WIDE.decode(views.sums["shadow_differences"]), -1, 0)
        found = np.stack(shadow_difference(above, below, pairs), axis=-1)
        return self.of_views(views, pairs, found)


SIGNAL: Final = Difference()
