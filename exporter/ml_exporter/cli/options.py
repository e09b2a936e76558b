"""What several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ml_exporter.core.text import parse_size


def add_command(commands: Any, name: str, help: str, description: str, example: str) -> argparse.ArgumentParser:
    """Add a command and return its parser; ``example`` stands below its help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def add_config_option(parser: argparse.ArgumentParser, default: str = "ml-exporter.yml") -> None:
    """Add the option that names the configuration file."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help=f"configuration (default: {default})",
    )


def add_file_options(parser: argparse.ArgumentParser, default: str = "ml-exporter.yml") -> None:
    """Add the options that name the two configuration files."""
    add_config_option(parser, default)
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS and users, in the format of Prometheus' exporter-toolkit",
    )


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the log."""
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=("debug", "info", "warn", "error"),
        default="info",
        help="least severe lines to log (default: info)",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=("logfmt", "json"),
        default="logfmt",
        help="logfmt, or JSON in the Elastic Common Schema (default: logfmt)",
    )
    parser.add_argument(
        "--log.file",
        dest="log_file",
        type=Path,
        metavar="FILE",
        help="file for the log, which may be moved away at any time (default: standard error)",
    )
    parser.add_argument(
        "--log.file.max-size",
        dest="log_max_bytes",
        type=_size,
        default="100MiB",
        metavar="SIZE",
        help="size at which the file becomes FILE.1; 0 leaves that to logrotate (default: 100MiB)",
    )
    parser.add_argument(
        "--log.file.keep",
        dest="log_keep",
        type=_count,
        default=5,
        metavar="COUNT",
        help="such earlier files to keep (default: 5)",
    )


def set_up_log(given: argparse.Namespace, service: str) -> None:
    """Log as the options of :func:`add_log_options` say."""
    from ml_exporter.app.logs import LogOptions, set_up

    options = LogOptions(given.log_level, given.log_format, given.log_file, given.log_max_bytes, given.log_keep)
    set_up(options, service)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f'must be a whole number from 1 to 1,000, got "{text}"')
    return int(text)
