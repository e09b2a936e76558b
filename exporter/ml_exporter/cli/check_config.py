"""``ml-exporter check-config``."""

from __future__ import annotations

import argparse
from typing import Any, Final

from ml_exporter.cli.options import add_command, add_file_options

EXAMPLE: Final = """\
example:
  ml-exporter check-config --config.file ml-exporter.yml && curl -X POST http://127.0.0.1:19100/-/reload
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "check-config",
        "check a configuration and the baselines it names",
        "Read the configuration as serve would, and tell every problem at once.",
        EXAMPLE,
    )
    add_file_options(parser)
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
        for name, version in model.versions.items():
            own = version.baseline if version.is_own else None
            kind = "a shadow" if version.schema.is_shadow else "a version"
            beside = f"baseline {own.sha256[:12]} of {own.rows:,} rows" if own else "the baseline of the model"
            print(f"{settings.name} {name}: {kind}, {beside}")
    if given.web_config_file is not None:
        web = web_file.load(given.web_config_file)
        print(f"web: {'TLS' if web.tls else 'no TLS'}, {len(web.users)} users")
    print(f"{given.config_file}: OK")
    return 0
