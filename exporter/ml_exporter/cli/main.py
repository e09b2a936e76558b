"""The commands and the exit codes of ``ml-exporter``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from ml_exporter import __version__
from ml_exporter.cli import (
    backfill,
    baseline,
    catalogue,
    check,
    check_config,
    config_schema,
    healthcheck,
    replay,
    report,
    retrain,
    run,
    serve,
)
from ml_exporter.cli.options import output_lost
from ml_exporter.core.errors import BaselineError, ConfigError, EventsError, ExporterError, UsageError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
CONFIG: Final = 3
DATA: Final = 4

COMMANDS: Final = (
    *(serve, check_config, config_schema, healthcheck),
    *(baseline, check, backfill, replay, report, run, catalogue, retrain),
)

EXIT_CODES: Final = f"""\
exit codes:
  {OK}  done
  {FAILED}  failed: a port or the state directory is in use, an internal error; or the answer is no
  {USAGE}  the command line is wrong; of check and baseline diff: or a file is, or there is no answer
  {CONFIG}  a configuration file, or a baseline that it names, is wrong; every problem is listed
  {DATA}  the data or a file given to baseline, backfill or replay is wrong
"""


class Parser(argparse.ArgumentParser):
    """Shows the example after a usage error as well."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="ml-exporter",
        description="Prometheus exporter for deployed machine-learning models.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ml-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    try:
        given = make_parser().parse_args(arguments)
        code: int = given.run(given)
        sys.stdout.flush()
        return code
    except UsageError as error:
        return _tell(error, USAGE)
    except ConfigError as error:
        return _tell(error, CONFIG)
    except (BaselineError, EventsError) as error:
        return _tell(error, DATA)
    except ExporterError as error:
        return _tell(error, FAILED)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except OSError as error:
        if error.filename is not None:
            raise
        return _tell(ExporterError(output_lost(error)), FAILED)


def _tell(error: ExporterError, code: int) -> int:
    print(f"ml-exporter: {error}", file=sys.stderr)
    return code
