"""``ml-exporter report``: what a sidecar shows now, in one file for the ticket of an incident."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from ml_exporter.cli.options import (
    SIDECAR,
    add_command,
    add_sidecar_options,
    authorization,
    checked_endpoint,
    shown_body,
)
from ml_exporter.core.errors import ExporterError, UsageError

EXAMPLE: Final = """\
example:
  ml-exporter report --model flights --output incident.html http://127.0.0.1:19100

The file holds the pages of a model, or of all without --model: every version and window, of one moment, with the
exporter's own state and the hash of its configuration. It needs no script and nothing beside it. If the sidecar
cannot be reached or does not answer in full, no file is written, and the reason is told with exit code 1.
"""

REPORT_BYTES: Final = 256 << 20
"""Bytes of a report that are read at most (chosen)."""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "report",
        "write what a sidecar shows now into one HTML file",
        "Write the pages of a running sidecar's models into one file that needs nothing else.",
        EXAMPLE,
    )
    parser.add_argument("url", nargs="?", default=SIDECAR, metavar="URL", help=f"the sidecar (default: {SIDECAR})")
    parser.add_argument("--model", metavar="NAME", help="only this model (default: all)")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="HTML file to write")
    add_sidecar_options(parser, timeout="30s")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.retrain.outgoing import NotSentError, UnansweredError, send

    endpoint = checked_endpoint(given, REPORT_BYTES)
    if given.model == "":
        raise UsageError("--model: must be the name of a model, got nothing")
    path = "/report" + (f"?{urlencode({'model': given.model})}" if given.model is not None else "")
    try:
        reply = send(endpoint, "GET", path, None, authorization(given))
    except (NotSentError, UnansweredError) as error:
        raise ExporterError(f"{endpoint.url}{path}: {error}") from error
    if reply.status != 200:
        raise ExporterError(f"{endpoint.url}{path}: {reply.status} {shown_body(reply.body)}")
    if not (reply.body.startswith(b"<!DOCTYPE html>") and reply.body.endswith(b"</html>\n")):
        raise ExporterError(f"{endpoint.url}{path}: the answer is not a whole report of ml-exporter")
    try:
        given.output.write_bytes(reply.body)
    except OSError as error:
        raise ExporterError(f"--output: {given.output} cannot be written: {error.strerror}") from error
    print(f"{given.output}: {len(reply.body):,} bytes")
    return 0
