"""The sums of one group, under the names that measures know; and the groups of a model as rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.metrics import Rows
from ml_exporter.signals.signal import ModelContext, View
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import BlockSpec, Layout, Sums
from ml_exporter.sums.regression import ERROR_SUMS
from ml_exporter.sums.segments import Groups

GROUP: Final = ("segment", "group")
OF: Final = ("model", "version", *GROUP)
WITHIN: Final = ("model", "version", "window", *GROUP)


def groups_of(context: ModelContext) -> Groups:
    """Return where the groups of a model lie."""
    return Groups(context.schema)


def rows_of(context: ModelContext) -> Rows:
    """Return a row for each group of a model."""
    return Rows(tuple(context.derived(groups_of).rows))


def outcomes_by_group(view: View) -> list[Sums]:
    """Return, for each group, the sums that performance measures read, as far as they are kept by group."""
    return _outcomes(view.sums)


def baseline_outcomes_by_group(context: ModelContext) -> list[Sums]:
    """Return the same of a model's baseline."""
    return _outcomes(context.reference.sums)


def _outcomes(sums: Sums) -> list[Sums]:
    parts: dict[str, IntArray] = {}
    if "segment_confusion" in sums:
        parts["confusion"] = sums["segment_confusion"]
    if "segment_score_bins" in sums:
        parts["score_bins"] = sums["segment_score_bins"]
    if "segment_errors" in sums:
        errors = sums["segment_errors"]
        share = np.zeros((len(errors), len(ERROR_SUMS) - errors.shape[1], WIDE.limbs), np.int64)
        parts["error_sums"] = np.concatenate((errors, share), axis=1)
        count = sums["segment_estimated"]
        parts["estimated"] = np.stack((count, np.zeros_like(count)), axis=1)
    layout = Layout(BlockSpec(name, part.shape[1:]) for name, part in parts.items())
    flat = (
        np.hstack([part.reshape(len(part), -1) for part in parts.values()])
        if parts
        else np.zeros((0, 0), np.int64)
    )
    return [Sums(layout, vector) for vector in flat]


def output_labels(context: ModelContext) -> tuple[str, ...]:
    """Return the label of each bin of the output, ``other`` and ``missing`` last."""
    output = context.schema.output
    return () if output is None else (*output.bin_labels(), "other", "missing")
