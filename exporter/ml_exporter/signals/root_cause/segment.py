"""What each group of a segment has to do with a loss of accuracy: by being less right, by being more or fewer."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Block, gauge
from ml_exporter.signals.segments.group import WITHIN, groups_of, names_of, rows_of
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_LABELS,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    ModelContext,
    Samples,
    Signal,
    View,
    absences,
)
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums

CERTAIN: Final = 3.0
"""Standard errors that a loss must exceed before it is shared out (chosen, as the rules' default)."""

_LOSS = gauge(
    "ml_root_cause_segment_loss",
    "Loss of accuracy, or growth of MAE, of the whole model because a group is less right than it was.",
    *WITHIN,
)
_MIX = gauge(
    "ml_root_cause_segment_mix_loss",
    "Loss of accuracy, or growth of MAE, of the whole model because a group's share has changed.",
    *WITHIN,
)
_SHARE = gauge(
    "ml_root_cause_segment_share",
    "Share of a group, by being less right, in the loss of the whole model; none while that is within its noise.",
    *WITHIN,
)


def segment_loss(
    rows: IntArray, right: FloatArray, rows_before: IntArray, right_before: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Loss that comes from each group of one segment, in two parts; higher is worse.

    With ``s_g`` the share of a group in the labelled predictions, ``q_g`` how right it is (accuracy, or minus
    MAE), ``'`` for the baseline and ``Q' = sum_g s'_g q'_g``:

    - less right: ``s_g (q'_g - q_g)``,
    - another mix: ``(s'_g - s_g) (q'_g - Q')``.

    Both parts, summed over the groups, give ``Q' - Q`` exactly: nothing is left over. ``rows`` are labelled
    predictions and ``right`` sums of how right they were, all (groups,). Returns both parts, (groups,).

    Range: -1 to 1 for accuracy, in the unit of the labels for MAE; 0 for no change, below 0 for a gain.
    Missing: a group that the baseline did not have is held against ``Q'``: all it lacks counts as less right.
    Minimum samples: the configured minimum of labelled predictions of the segment; a small group weighs little.
    Cost: O(groups).

    Reference: E. Kitagawa, Components of a difference between two rates, J. Am. Stat. Assoc. 50 (1955),
    doi:10.2307/2281213; shares are the window's in the first part, quality is the baseline's in the second.

    >>> less, mix = segment_loss(np.array([50, 50]), np.array([45, 25]), np.array([80, 20]), np.array([72, 14]))
    >>> less.round(3).tolist(), mix.round(3).tolist()
    ([0.0, 0.1], [0.012, 0.048])
    """
    share, before = rows / rows.sum(), rows_before / rows_before.sum()
    total = right_before.sum() / rows_before.sum()
    known = rows_before > 0
    quality_before = np.where(known, right_before / np.maximum(rows_before, 1), total)
    quality = np.where(rows > 0, right / np.maximum(rows, 1), quality_before)
    return share * (quality_before - quality), (before - share) * (quality_before - total)


class _Rightness:
    """Labelled predictions of each group, the sum of how right they were and of its squares, each (groups,)."""

    def __init__(self, sums: Sums) -> None:
        if "segment_confusion" in sums:
            table = sums["segment_confusion"]
            self.rows: IntArray = table.sum(axis=(1, 2))
            self.right: FloatArray = np.trace(table, axis1=1, axis2=2).astype(np.float64)
            self.squares = self.right
        else:
            over, under, squared = WIDE.decode(sums["segment_errors"]).T
            self.rows = sums["segment_estimated"]
            self.right, self.squares = -(over + under), squared

    def variance(self, own: slice) -> float:
        """Return the variance of how right a segment's predictions are."""
        rows = int(self.rows[own].sum())
        return max(float(self.squares[own].sum()) / rows - (float(self.right[own].sum()) / rows) ** 2, 0.0)


def _baseline(context: ModelContext) -> _Rightness:
    return _Rightness(context.reference.sums)


class SegmentCauses(Signal):
    """Both parts of the loss for each group of each segment, and the share of the first part in the whole.

    The share is ``s_g (q'_g - q_g) / (Q' - Q)`` and has no value until ``Q' - Q`` exceeds three standard errors of
    both sides. The shares of a segment's groups lack what the mix took; one below 0 is of a group that became more
    right. Segments cut the same predictions in different ways: shares of two are not to be added.
    """

    key = "root_cause_segment"
    metrics = (_LOSS, _MIX, _SHARE)
    formula = staticmethod(segment_loss)

    def over_window(self, view: View) -> Samples:
        """Yield the parts of the segments that the baseline has, with enough labels."""
        if "segment_confusion" not in view.sums and "segment_errors" not in view.sums:
            return
        context, groups = view.context, view.context.derived(groups_of)
        now, before = _Rightness(view.sums), context.derived(_baseline)
        values = np.full((3, groups.total), np.nan)
        labels, known = np.zeros(groups.total, np.int64), np.zeros(groups.total, np.int64)
        for start, size in zip(groups.starts.tolist(), groups.sizes.tolist(), strict=True):
            own = slice(start, start + size)
            labels[own], known[own] = now.rows[own].sum(), before.rows[own].sum()
            if known[start] and labels[start] >= max(context.minimum_samples, 1):
                values[:, own] = _parts(now, before, own)
        if not np.isnan(values[:2]).all():
            yield Block(_LOSS, view.scope, context.derived(rows_of), values[0])
            yield Block(_MIX, view.scope, context.derived(rows_of), values[1])
        if not np.isnan(values[2]).all():
            yield Block(_SHARE, view.scope, context.derived(rows_of), values[2])
        reasons = [
            (known == 0, NO_BASELINE),
            (labels == 0, NO_LABELS),
            (labels < context.minimum_samples, TOO_FEW_SAMPLES),
            (now.rows == 0, NO_LABELS),
            (np.isnan(values[2]), UNDEFINED),
        ]
        yield from absences(view.scope, self.key, context.derived(names_of), reasons)


def _parts(now: _Rightness, before: _Rightness, own: slice) -> FloatArray:
    """Return both parts and the share of the first, (3, groups of the segment), NaN where a side has no labels."""
    less, mix = segment_loss(now.rows[own], now.right[own], before.rows[own], before.right[own])
    loss = float(less.sum() + mix.sum())
    error = np.sqrt(now.variance(own) * (1.0 / now.rows[own].sum() + 1.0 / before.rows[own].sum()))
    share = less / loss if loss > CERTAIN * error else np.full(len(less), np.nan)
    there, known = now.rows[own] > 0, before.rows[own] > 0
    return np.where(np.stack((there, known, there)), np.stack((less, mix, share)), np.nan)


SIGNAL: Final = SegmentCauses()
