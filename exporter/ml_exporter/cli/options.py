"""What several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


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
