"""Root cause: with which features and with which groups a change came. It ranks suspects; it proves nothing.

Adding a signal: a file with ``SIGNAL`` beside these, its name in :data:`SIGNALS`.
"""

from ml_exporter.signals.root_cause import feature, segment
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (feature.SIGNAL, segment.SIGNAL)
