"""``ml-exporter healthcheck``: for Docker, Kubernetes and systemd."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from ml_exporter.cli.options import (
    SIDECAR,
    add_command,
    add_sidecar_options,
    authorization,
    checked_endpoint,
    shown_body,
)

EXAMPLE: Final = """\
example:
  ml-exporter healthcheck
  ml-exporter healthcheck --ready --ca ca.crt https://127.0.0.1:19100

It ends with 0 if the sidecar answers 200, else with 1, and says on one line what it found. Without --ready it asks
whether the process runs, with it whether earlier state has been restored. A sidecar with users asks this command
for one as well.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "healthcheck",
        "ask a sidecar whether it is well",
        "Ask a running sidecar whether it is healthy or ready.",
        EXAMPLE,
    )
    parser.add_argument("url", nargs="?", default=SIDECAR, metavar="URL", help=f"the sidecar (default: {SIDECAR})")
    parser.add_argument("--ready", action="store_true", help="ask /-/ready instead of /-/healthy")
    add_sidecar_options(parser, timeout="5s")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.retrain.outgoing import NotSentError, UnansweredError, send

    endpoint = checked_endpoint(given)
    path = "/-/ready" if given.ready else "/-/healthy"
    try:
        reply = send(endpoint, "GET", path, None, authorization(given))
    except (NotSentError, UnansweredError) as error:
        print(f"{endpoint.url}{path}: {error}", file=sys.stderr)
        return 1
    healthy = reply.status == 200
    told = f"{endpoint.url}{path}: {reply.status} {shown_body(reply.body)}"
    print(told, file=sys.stdout if healthy else sys.stderr)
    return 0 if healthy else 1
