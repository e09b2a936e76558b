"""What the performance signals show of some sums."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.metrics import Block
from ml_exporter.signals import performance
from ml_exporter.signals.signal import View
from ml_exporter.sums.layout import Sums
from support.models import Model


def found(model: Model, sums: Sums) -> dict[str, np.ndarray]:
    """Return the values over a window of these sums, by the metric's name without ``ml_performance_``."""
    view = View(model.context, "1", sums, "1h")
    return {
        block.metric.name.removeprefix("ml_performance_"): block.values
        for signal in performance.SIGNALS
        for block in signal.over_window(view)
        if isinstance(block, Block)
    }
