"""Which group of a protected segment the others are compared with, and which class is the positive one."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Rows, info
from ml_exporter.core.schema import Task
from ml_exporter.core.text import label_value
from ml_exporter.signals.segments.group import OF
from ml_exporter.signals.signal import ModelContext, Samples, Signal

_REFERENCE = info(
    "ml_fairness_reference_info", "1 for the group with which fairness compares the others of a segment.", *OF
)
_POSITIVE = info(
    "ml_model_positive_class_info", "1 for the positive class of a binary classifier.", *OF[:2], "class"
)


class FairnessReference(Signal):
    """Facts that a rule needs to compute fairness from counters."""

    key = "fairness_reference"
    metrics = (_REFERENCE, _POSITIVE)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the facts; they do not depend on a baseline."""
        schema, scope = context.schema, (context.schema.name, version)
        if schema.task is not Task.BINARY:
            return
        chosen = tuple((segment.name, segment.reference) for segment in schema.segments if segment.reference)
        if chosen:
            yield Block(_REFERENCE, scope, Rows(chosen), np.ones(len(chosen)))
        yield Block(_POSITIVE, scope, Rows.of([label_value(schema.classes[schema.positive])]), np.ones(1))


SIGNAL: Final = FairnessReference()
