"""``ml-exporter metrics``: every metric that this version can expose."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.options import add_command

if TYPE_CHECKING:
    from ml_exporter.app.catalogue import Section

EXAMPLE: Final = """\
example:
  ml-exporter metrics | grep drift
  ml-exporter metrics --format markdown > metrics.md
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "metrics",
        "list every metric with its type, labels and meaning",
        "List every metric that this version can expose.",
        EXAMPLE,
    )
    parser.add_argument(
        "--format", choices=("text", "markdown"), default="text", help="text or a Markdown page (default: text)"
    )
    parser.set_defaults(run=_run)


def as_markdown() -> str:
    """Return the page of all metrics, those of the bridge too, as Markdown."""
    from ml_exporter.app import catalogue

    return catalogue.as_markdown(_bridge())


def _bridge() -> list[Section]:
    from ml_exporter.retrain.metrics import Metrics

    meaning = "What `ml-exporter retrain` tells about itself and its jobs; see [retraining](retraining.md)."
    return [("The retraining bridge", meaning, Metrics.metrics)]


def _run(given: argparse.Namespace) -> int:
    if given.format == "markdown":
        print(as_markdown(), end="")
        return 0
    from ml_exporter.app.catalogue import catalogue

    for metric in [*catalogue(), *(metric for _, _, metrics in _bridge() for metric in metrics)]:
        labels = f"{{{', '.join(metric.labels)}}}" if metric.labels else ""
        print(f"{metric.name}{labels} ({metric.kind})\n    {metric.help}")
    return 0
