"""What is known about a model and its baseline, for joining onto other series."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import gauge, info, one
from ml_exporter.core.text import label_value
from ml_exporter.signals.signal import ModelContext, Samples, Signal

_INFO = info(
    "ml_model_info",
    "A model's version with its owner, task and the first digits of its baseline's hash.",
    *("model", "version", "owner", "task", "baseline"),
)
_CONFIGURED = info(
    "ml_model_configured_info",
    "A version that a model is configured for: that of events which name none, or one with a baseline of its own.",
    *("model", "version"),
)
_CREATED = gauge(
    "ml_baseline_created_timestamp_seconds", "Time at which the baseline was fitted.", "model", "version"
)
_ROWS = gauge("ml_baseline_rows", "Rows from which the baseline was fitted.", "model", "version")


class Model(Signal):
    """Facts about the model: owner, task, baseline."""

    key = "model"
    metrics = (_INFO, _CONFIGURED, _CREATED, _ROWS)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the facts."""
        reference, schema = context.reference, context.schema
        facts = (label_value(context.owner), schema.task.value, reference.digest)
        yield one(_INFO, 1, schema.name, version, *facts)
        if version == context.version:
            yield one(_CONFIGURED, 1, schema.name, version)
        if reference.rows:
            yield one(_CREATED, reference.created, schema.name, version)
            yield one(_ROWS, reference.rows, schema.name, version)


SIGNAL: Final = Model()
