"""The command ``ml-exporter``: arguments in, exit codes out."""

from ml_exporter.cli.main import main

__all__ = ["main"]
