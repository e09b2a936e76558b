"""How the values of each feature are compared: nothing else tells that the bins of a text are of its length."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Rows, info
from ml_exporter.signals.signal import ModelContext, Samples, Signal

_FEATURE = info(
    "ml_feature_info",
    "1 for the kind of a feature: numeric, categorical, or text, of which the number of characters is compared.",
    *("model", "version", "feature", "kind"),
)


class FeatureKinds(Signal):
    """The kind of every feature, from the configuration or the baseline."""

    key = "feature_kinds"
    metrics = (_FEATURE,)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the kinds; they do not depend on a baseline."""
        found = tuple((variable.name, variable.kind.value) for variable in context.schema.features)
        if found:
            yield Block(_FEATURE, (context.schema.name, version), Rows(found), np.ones(len(found)))


SIGNAL: Final = FeatureKinds()
