"""``ml-exporter retrain``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.options import add_command, add_file_options, add_log_options, set_up_log

if TYPE_CHECKING:
    from ml_exporter.retrain.bridge import BridgeOptions

EXAMPLE: Final = """\
example:
  ml-exporter retrain --config.file retrain.yml --check
  ml-exporter retrain --config.file retrain.yml

Alertmanager's webhook_configs send to http://127.0.0.1:19101/v1/alerts. SIGHUP or POST /-/reload reads the
configuration again; SIGTERM ends, and what is not done goes on at the next start.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "retrain",
        "start retraining runs from alerts",
        "Take notifications of Alertmanager in, and start retraining runs where the configuration says.",
        EXAMPLE,
    )
    add_file_options(parser, "retrain.yml")
    parser.add_argument(
        "--web.listen-address",
        dest="addresses",
        action="append",
        metavar="ADDRESS",
        help="address to listen on, may be given several times (default: 127.0.0.1:19101)",
    )
    parser.add_argument("--check", action="store_true", help="read the configuration, tell every problem, and end")
    add_log_options(parser)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.retrain.bridge import BridgeOptions, serve

    options = BridgeOptions(
        config_file=given.config_file,
        addresses=tuple(given.addresses or ("127.0.0.1:19101",)),
        web_config_file=given.web_config_file,
    )
    if given.check:
        return _check(options)
    set_up_log(given, "ml-exporter-retrain")
    return serve(options)


def _check(options: BridgeOptions) -> int:
    from ml_exporter.core.text import format_duration
    from ml_exporter.retrain.bridge import read

    settings, web = read(options)
    for job in settings.jobs.values():
        bounds = f"at most {job.runs} runs per {format_duration(job.per)}"
        version = f" {job.version}" if job.version else ""
        print(f"{job.model}{version}: {', '.join(job.alerts)} -> {job.kind}, {job.mode}, {bounds}")
    sender = "a token" if settings.token else "a user"
    print(f"web: {'TLS' if web.tls else 'no TLS'}, {len(web.users)} users; the sender shows {sender}")
    print(f"{options.config_file}: OK")
    return 0
