"""Feedback: what people said about the predictions, as ratings and thumbs.

Adding a signal: a file with ``SIGNAL`` beside these, its name in :data:`SIGNALS`.
"""

from ml_exporter.signals.feedback import positive, rating, told
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (told.SIGNAL, rating.SIGNAL, positive.SIGNAL)
