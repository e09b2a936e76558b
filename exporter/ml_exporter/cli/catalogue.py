"""``ml-exporter metrics``: every metric that this version can expose."""

from __future__ import annotations

import argparse
from typing import Any, Final

from ml_exporter.cli.options import add_command

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


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.app.catalogue import as_markdown, catalogue

    if given.format == "markdown":
        print(as_markdown(), end="")
        return 0
    for metric in catalogue():
        labels = f"{{{', '.join(metric.labels)}}}" if metric.labels else ""
        print(f"{metric.name}{labels} ({metric.kind})\n    {metric.help}")
    return 0
