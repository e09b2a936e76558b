"""Traffic: volume, errors, latency, labels, and what is known about each model."""

from ml_exporter.signals.signal import Signal
from ml_exporter.signals.traffic import hours, labels, latency, model, predictions

SIGNALS: tuple[Signal, ...] = (model.SIGNAL, hours.SIGNAL, predictions.SIGNAL, latency.SIGNAL, labels.SIGNAL)
