"""``ml-exporter serve``."""

from __future__ import annotations

import argparse
from typing import Any, Final

from ml_exporter.cli.options import (
    add_command,
    add_file_options,
    add_log_options,
    count_with_one_thread,
    set_up_log,
)

EXAMPLE: Final = """\
example:
  ml-exporter serve --config.file ml-exporter.yml
  curl -s http://127.0.0.1:19100/metrics

SIGHUP or POST /-/reload reads the configuration again; SIGTERM ends after what waits is counted.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "serve",
        "run the sidecar",
        "Take events in, count them, and serve the numbers at /metrics.",
        EXAMPLE,
    )
    add_file_options(parser)
    parser.add_argument(
        "--web.listen-address",
        dest="addresses",
        action="append",
        metavar="ADDRESS",
        help="address to listen on, may be given several times (default: 127.0.0.1:19100)",
    )
    parser.add_argument(
        "--web.telemetry-path",
        dest="metrics_path",
        default="/metrics",
        metavar="PATH",
        help="path of the metrics (default: /metrics)",
    )
    parser.add_argument(
        "--web.open-intake",
        dest="open_intake",
        action="store_true",
        help="take events from other machines without authentication",
    )
    add_log_options(parser)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    count_with_one_thread()
    from ml_exporter.app.sidecar import ServeOptions, serve

    set_up_log(given, "ml-exporter")
    path = given.metrics_path if given.metrics_path.startswith("/") else f"/{given.metrics_path}"
    return serve(
        ServeOptions(
            config_file=given.config_file,
            addresses=tuple(given.addresses or ("127.0.0.1:19100",)),
            metrics_path=path,
            web_config_file=given.web_config_file,
            open_intake=given.open_intake,
        )
    )
