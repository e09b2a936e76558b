"""Shadows: how a version that only answers beside the one at work agrees with it.

Adding a signal: a file with ``SIGNAL`` beside these, its name in :data:`SIGNALS`.
"""

from ml_exporter.signals.shadow import agreement, difference, pairs
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (pairs.SIGNAL, agreement.SIGNAL, difference.SIGNAL)
