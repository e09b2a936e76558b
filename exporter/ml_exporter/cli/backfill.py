"""``ml-exporter backfill``."""

from __future__ import annotations

import argparse
import multiprocessing
import re
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.options import add_command, add_config_option, count_with_one_thread
from ml_exporter.core.errors import ExporterError, UsageError, nearest
from ml_exporter.core.text import parse_duration

if TYPE_CHECKING:
    from ml_exporter.backfill.run import Backfilled

EXAMPLE: Final = """\
example:
  ml-exporter backfill 2013.parquet --config.file ml-exporter.yml --output history \\
      --column timestamp=departure --column label=late --column label_timestamp=landing \\
      --label job=ml-exporter --label instance=127.0.0.1:19100 --blocks

EVENTS are .csv or .parquet files, a row a prediction with its features, and its label if there is one;
files with ids and labels alone; or .jsonl and .ndjson files of events as the intake takes them. All must
be in the order of time. Columns have the names that events have in the intake: id, timestamp, version,
score, prediction, latency_seconds, error, label; label_timestamp is when a label arrived. Times are seconds
since the Unix epoch, or ISO 8601.

A run that was interrupted goes on where it was. To use what --blocks makes, move the folders in
OUTPUT/blocks into the data directory of a Prometheus whose retention reaches back so far.
"""

_LABEL_NAME: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "backfill",
        "turn recorded events into a history for Prometheus",
        "Count recorded predictions and labels in event time, and write what the sidecar would have shown at"
        " each moment as OpenMetrics with timestamps.",
        EXAMPLE,
    )
    add = parser.add_argument
    add("events", nargs="+", type=Path, metavar="EVENTS", help="files of recorded events, in the order of time")
    add_config_option(parser)
    add("--output", type=Path, required=True, metavar="FOLDER", help="folder to write to")
    add("--interval", default="1h", metavar="DURATION", help="time between two moments (default: 1h)")
    add("--model", metavar="NAME", help="model of the events, if several are configured")
    add(
        "--column",
        action="append",
        default=[],
        metavar="KEY=COLUMN",
        help="column that holds a key of the events, if it has another name",
    )
    add(
        "--label",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="label that a scrape would add (default: job=ml-exporter and instance=127.0.0.1:19100)",
    )
    add("--blocks", action="store_true", help="make blocks of Prometheus too; needs promtool")
    add(
        "--rules",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="rule files to record over the blocks; needs prometheus as well",
    )
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    count_with_one_thread()  # there is a process for each core
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ml_exporter.backfill.run"])
    # It imports while this process does, and is ended by it, not by Ctrl-C.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
    forkserver.ensure_running()
    signal.signal(signal.SIGINT, interrupted)

    from concurrent.futures.process import BrokenProcessPool

    from tqdm import tqdm

    from ml_exporter.backfill.blocks import Blocks
    from ml_exporter.backfill.run import BackfillOptions, backfill, collect_rarely
    from ml_exporter.backfill.table import KEYS

    options = BackfillOptions(
        events=tuple(given.events),
        config=given.config_file,
        output=given.output,
        interval=_interval(given.interval),
        model=given.model,
        columns=columns_of(given.column, KEYS),
        labels=_labels(given.label),
    )
    rules = Blocks.check(given.rules) if given.blocks or given.rules else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends as well
    with tqdm(unit=" rows", unit_scale=True, disable=None, leave=False) as bar:

        def move(rows: int, total: int, time: int) -> None:
            bar.total = total
            bar.set_description(_moment(time), refresh=False)
            bar.update(rows - bar.n)

        collect_rarely()
        try:
            result = backfill(options, move)
        except KeyboardInterrupt:
            print("ml-exporter: interrupted; the same command goes on where this one was", file=sys.stderr)
            raise
        except BrokenProcessPool as error:
            raise ExporterError(
                "one of the processes of the backfill was killed, most likely for want of memory; the same command"
                " goes on where this one was"
            ) from error
    _tell(result, given.output)
    if given.blocks or given.rules:
        blocks = Blocks(given.output, options.interval, result.seconds)
        steps = blocks.of_parts(result.folder.all_files())
        if rules:
            steps += blocks.of_rules(rules, *result.folder.span())
        for step in tqdm(steps, unit=" steps", disable=None, leave=False):
            step()
        print(f"{blocks.path}: blocks of Prometheus; move them into its data directory")
    return 0


def _tell(result: Backfilled, output: Path) -> None:
    for line in result.notes.lines():
        print(line, file=sys.stderr)
    parts = len(result.folder.files())
    kept = f", {result.kept} of them from an earlier run" if result.kept else ""
    print(
        f"{output}: {result.events:,} predictions and labels, {_moment(result.first)} to {_moment(result.last)},"
        f" in {parts} part{'s' if parts != 1 else ''}{kept}; {result.samples:,} samples written"
    )


def _interval(text: str) -> int:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--interval: {error}") from error
    if seconds < 1 or seconds != int(seconds) or 86_400 % seconds:
        raise UsageError(f"--interval: must be whole seconds that a day is a multiple of, got {text}")
    return int(seconds)


def columns_of(given: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
    """Return the columns that ``--column`` names, by key; UsageError if one is none of ``keys``."""
    found = {}
    for pair in given:
        key, equals, column = pair.partition("=")
        if not equals or not column:
            raise UsageError(f'--column: must be KEY=COLUMN, got "{pair}"')
        if key not in keys:
            raise UsageError(f'--column: "{key}" is none of {", ".join(keys)}{nearest(key, keys)}')
        if key in found:
            raise UsageError(f'--column: "{key}" is given twice')
        found[key] = column
    return found


def _labels(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    from ml_exporter.app.catalogue import catalogue

    taken = {label for metric in catalogue() for label in metric.labels} | {"le"}
    found = {"job": "ml-exporter", "instance": "127.0.0.1:19100"}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not _LABEL_NAME.fullmatch(name) or name in taken:
            raise UsageError(
                f'--label: must be NAME=VALUE with the name of a label that no series has, got "{pair}"'
            )
        found[name] = value
    return tuple(found.items())


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
