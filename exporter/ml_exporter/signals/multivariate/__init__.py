"""Multivariate drift: features together, of models whose baseline was fitted with ``--multivariate``.

Adding a measure: a file with ``SIGNAL`` beside these, its name in :data:`SIGNALS`, its sums in
``sums/multivariate.py`` where they are not kept yet.
"""

from ml_exporter.signals.multivariate import mmd, projections, reconstruction_error
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (mmd.SIGNAL, reconstruction_error.SIGNAL, projections.SIGNAL)
