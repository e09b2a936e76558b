"""``ml-exporter check-config``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

EXAMPLE: Final = """\
example:
  ml-exporter check-config --config.file ml-exporter.yml && curl -X POST http://127.0.0.1:19100/-/reload
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check-config",
        help="check a configuration and the baselines it names",
        description="Read the configuration as serve would, and tell every problem at once.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path("ml-exporter.yml"),
        metavar="FILE",
        help="configuration (default: ml-exporter.yml)",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="web configuration to check too",
    )
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.config import web_file
    from ml_exporter.config.load import load

    setup = load(given.config_file)
    for model in setup.models:
        schema, settings = model.schema, model.settings
        kinds = f"{len(schema.features)} features" if schema.features else "no features"
        baseline = (
            f"baseline {model.baseline.sha256[:12]} of {model.baseline.rows:,} rows"
            if model.baseline
            else "no baseline"
        )
        print(f"{settings.name} {settings.version}: {settings.task}, {kinds}, {baseline}")
    if given.web_config_file is not None:
        web = web_file.load(given.web_config_file)
        print(f"web: {'TLS' if web.tls else 'no TLS'}, {len(web.users)} users")
    print(f"{given.config_file}: OK")
    return 0
