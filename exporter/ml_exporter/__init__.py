"""Prometheus exporter for deployed machine-learning models.

A model server needs :mod:`ml_exporter.client` alone; the sidecar is the command ``ml-exporter``.
"""

__version__ = "0.1.0"
