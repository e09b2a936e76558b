"""``ml-exporter replay``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.backfill import columns_of
from ml_exporter.cli.options import (
    SIDECAR,
    add_command,
    add_config_option,
    add_sidecar_options,
    checked_seconds,
    checked_url,
    credentials,
    tls_context,
)
from ml_exporter.core.errors import UsageError

if TYPE_CHECKING:
    from ml_exporter.replay.run import Replay

EXAMPLE: Final = """\
example:
  ml-exporter replay april.parquet --speed 3600 --column timestamp=departure --column label=late \\
      --column label_timestamp=landing
  ml-exporter replay predictions.jsonl labels.jsonl --speed max --url http://127.0.0.1:19100

EVENTS are the files that backfill takes, each in the order of time, and are read in the same way; JSON lines go
as they stand there and need no configuration. The sidecar places events by their arrival: at --speed 60 an hour of
the recording fills a minute of its windows.

A post is repeated while the sidecar is full or away. Sending events again is harmless, in whole or in part: within
labels.horizon an id counts once; events without an id count each time. It ends with 1 if events were lost: refused
by the sidecar, without a usable time, or not taken within --patience.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "replay",
        "send recorded events to a running sidecar",
        "Send recorded predictions and labels to a running sidecar, in the order of their time.",
        EXAMPLE,
    )
    add = parser.add_argument
    add(
        "events",
        nargs="+",
        type=Path,
        metavar="EVENTS",
        help="files of recorded events, each in the order of time",
    )
    add("--url", default=SIDECAR, metavar="URL", help=f"the sidecar (default: {SIDECAR})")
    add(
        "--speed",
        default="1",
        metavar="NUMBER",
        help="times real time; 0 or max: as fast as it takes (default: 1)",
    )
    add_config_option(parser)
    add("--model", metavar="NAME", help="model of the events that name none, if several are configured")
    add(
        "--column",
        action="append",
        default=[],
        metavar="KEY=COLUMN",
        help="column that holds a key of the events, if it has another name",
    )
    add_sidecar_options(parser, timeout="30s")
    add("--patience", default="2m", metavar="DURATION", help="longest time without an event taken (default: 2m)")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ml_exporter.backfill.table import KEYS
    from ml_exporter.replay.run import Replay, ReplayOptions
    from ml_exporter.replay.sending import Sending, UnreachableError

    url, user, context = checked_url(given.url), credentials(given), tls_context(given.ca)
    timeout = checked_seconds("--timeout", given.timeout)
    patience = checked_seconds("--patience", given.patience)
    options = ReplayOptions(
        events=tuple(given.events),
        config=given.config_file,
        speed=_speed(given.speed),
        model=given.model,
        columns=columns_of(given.column, KEYS),
    )
    replay = Replay(options, lambda model: Sending(url, model, user, context, timeout, patience))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was sent is told
    began = time.monotonic()
    trouble: BaseException | None = None
    with tqdm(unit=" rows", unit_scale=True, disable=None, leave=False) as bar:

        def move(rows: int, total: int, moment: float) -> None:
            bar.total = total
            bar.set_description(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC"), refresh=False)
            bar.update(rows - bar.n)

        try:
            replay.run(move)
        except (UnreachableError, KeyboardInterrupt) as error:
            trouble = error
    lost = _tell(replay, url, time.monotonic() - began)
    if isinstance(trouble, KeyboardInterrupt):
        raise trouble
    if trouble is not None:
        print(f"ml-exporter: {trouble}; the events from there on are not sent", file=sys.stderr)
    return int(lost or trouble is not None)


def _tell(replay: Replay, url: str, seconds: float) -> bool:
    """Say what became of the events; return whether some were lost."""
    account, notes = replay.sending.account, replay.notes.lines()
    for line in notes:
        print(line, file=sys.stderr)
    for reason, count in account.refused.most_common():
        print(f"refused, {reason}: {count:,}, first: {account.details[reason]}", file=sys.stderr)
    refused = account.refused.total()
    more = f", {account.warned:,} warnings" if account.warned else ""
    more += f", {account.repeated:,} posts repeated" if account.repeated else ""
    print(
        f"{url}: {account.accepted:,} events accepted, {refused:,} refused{more},"
        f" in {seconds:.1f} s ({account.done / max(seconds, 1e-3):,.0f}/s)"
    )
    return bool(refused or notes)


def _speed(text: str) -> float:
    try:
        speed = 0.0 if text == "max" else float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < float("inf"):
        raise UsageError(f'--speed: must be a number of at least 0, or max, got "{text}"')
    return speed
