"""Attribution: what each feature adds to the predictions, now beside the baseline.

Adding a signal: a file with ``SIGNAL`` beside these, its name in :data:`SIGNALS`.
"""

from ml_exporter.signals.attribution import mean, ndcg, rank, told
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (told.SIGNAL, mean.SIGNAL, rank.SIGNAL, ndcg.SIGNAL)
