"""``ml-exporter config-schema``."""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

from ml_exporter.cli.options import add_command

EXAMPLE: Final = """\
example:
  ml-exporter config-schema > ml-exporter.schema.json
  ml-exporter config-schema retrain > retrain.schema.json

An editor with the YAML language server completes and checks a file whose first line is
"# yaml-language-server: $schema=ml-exporter.schema.json".
What depends on other keys or files, and the bounds of durations, only check-config can tell.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "config-schema",
        "print the JSON Schema of the configuration, for editors",
        "Print the JSON Schema (2020-12) of a configuration file.",
        EXAMPLE,
    )
    parser.add_argument(
        "of", nargs="?", choices=("serve", "retrain"), default="serve", help="whose configuration (default: serve)"
    )
    parser.set_defaults(run=_run)


def schema(of: str) -> str:
    """Return the schema of the configuration of ``serve`` or of ``retrain`` as JSON."""
    from ml_exporter.config import json_schema

    if of == "serve":
        from ml_exporter.config.sections import ROOT
    else:
        from ml_exporter.retrain.settings import ROOT
    document = json_schema.document(f"Configuration of ml-exporter {of}", ROOT)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _run(given: argparse.Namespace) -> int:
    print(schema(given.of), end="")
    return 0
