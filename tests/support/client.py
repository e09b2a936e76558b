"""The series of what a client reported."""

from ml_exporter.client import Monitor


def series(monitor: Monitor, name: str, more: str = "") -> str:
    """Return a series of the version under which a monitor reports."""
    return f'{name}{{model="model",version="{monitor._version}"{more}}}'
