"""The sums of one group, under the names that measures know; and the groups of a model as rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.metrics import Rows
from ml_exporter.core.schema import ModelSchema
from ml_exporter.signals.performance.outcomes import Outcomes
from ml_exporter.signals.signal import ModelContext
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


def names_of(context: ModelContext) -> tuple[str, ...]:
    """Return each group as one name, under which a reason for no data is told."""
    return tuple(f"{segment}={group}" for segment, group in context.derived(groups_of).rows)


def outcomes_by_group(sums: Sums, schema: ModelSchema) -> Outcomes | None:
    """Return the sums that performance measures read, with the groups as leading axis; None if there are none.

    Only what is kept by group is there, under the names and in the shapes of a whole model.
    """
    parts: dict[str, IntArray] = {}
    if "segment_confusion" in sums:
        parts["confusion"] = sums["segment_confusion"]
    if "segment_score_bins" in sums:
        parts["score_bins"] = sums["segment_score_bins"]
    if "segment_errors" in sums:
        errors, count = sums["segment_errors"], sums["segment_estimated"]
        share = np.zeros((len(errors), len(ERROR_SUMS) - errors.shape[1], WIDE.limbs), np.int64)
        parts["error_sums"] = np.concatenate((errors, share), axis=1)
        parts["estimated"] = np.stack((count, np.zeros_like(count)), axis=1)
    if not parts:
        return None
    layout = Layout(BlockSpec(name, part.shape[1:]) for name, part in parts.items())
    vectors = np.hstack([part.reshape(len(part), -1) for part in parts.values()])
    return Outcomes(Sums(layout, vectors), schema)


def output_labels(context: ModelContext) -> tuple[str, ...]:
    """Return the label of each bin of the output, ``other`` and ``missing`` last."""
    output = context.schema.output
    return () if output is None else (*output.bin_labels(), "other", "missing")
