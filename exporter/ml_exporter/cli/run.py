"""``ml-exporter run``."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.options import (
    SIDECAR,
    add_command,
    add_sidecar_options,
    checked_endpoint,
    checked_seconds,
    credentials,
    shown_body,
)
from ml_exporter.core.errors import UsageError

if TYPE_CHECKING:
    from ml_exporter.retrain.outgoing import Endpoint

EXAMPLE: Final = """\
example:
  ml-exporter run --pipeline nightly-features --every 24h -- python build_features.py
  ml-exporter run --pipeline training --schedule "0 3 * * 1" --data-version 2024-05-01 -- ./train.sh --all

The command has the streams, the environment and the signals of this one, and this one ends with its exit code:
128 and the number of the signal if one ended it, 127 if it is not found, 126 if it cannot be started. Its start
and its end are reported to the sidecar, which never stops it: one that is away is told once on standard error.

In its environment the command finds ML_PIPELINE, and ML_PIPELINE_RUN, the id under which it may report what it
knows: POST /v1/pipelines/$ML_PIPELINE/runs {"id": "$ML_PIPELINE_RUN", "state": "started", "rows": 1000}
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "run",
        "run a command as a pipeline, and report its start and end",
        "Run a command and report its start, its end and how it ended to a sidecar.",
        EXAMPLE,
    )
    add = parser.add_argument
    add("--pipeline", required=True, metavar="NAME", help="name of the pipeline")
    plan = parser.add_mutually_exclusive_group()
    plan.add_argument("--every", metavar="DURATION", help="longest time between two runs as planned, such as 24h")
    plan.add_argument(
        "--schedule", metavar="CRON", help='plan in local time, as in crontab, such as "0 3 * * *" or @daily'
    )
    add("--data-version", metavar="VERSION", help="version of the data that the run reads or makes")
    add("--url", default=SIDECAR, metavar="URL", help=f"the sidecar (default: {SIDECAR})")
    add_sidecar_options(parser, timeout="5s")
    add("command", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")
    parser.set_defaults(run=_run)


class _Reports:
    """Sends reports; the first that does not arrive is told, and no more."""

    def __init__(self, endpoint: Endpoint, path: str, headers: dict[str, str], facts: dict[str, Any]) -> None:
        self._endpoint, self._path, self._headers, self._facts = endpoint, path, headers, facts
        self._told = False

    def send(self, **more: Any) -> None:
        """Send what is known of the run."""
        import json

        from ml_exporter.retrain.outgoing import NotSentError, UnansweredError, send

        body = json.dumps({name: value for name, value in {**self._facts, **more}.items() if value is not None})
        try:
            reply = send(self._endpoint, "POST", self._path, body.encode(), self._headers)
        except (NotSentError, UnansweredError) as error:
            self._tell(str(error))
            return
        if reply.status != 200:
            self._tell(f"{reply.status} {shown_body(reply.body)}")

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            url = f"{self._endpoint.url}{self._path}"
            print(f"ml-exporter: the run is not reported to {url}: {why}; the command goes on", file=sys.stderr)


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.cli.run_child import Child, NotStartedError

    reports, run = _prepared(given)
    began = time.time()
    try:
        child = Child(given.command, {"ML_PIPELINE": given.pipeline, "ML_PIPELINE_RUN": run})
    except NotStartedError as error:
        print(f"ml-exporter: {given.command[0]}: {error}", file=sys.stderr)
        reports.send(state="failed", start=began, end=began, error="not_started")
        return error.code
    first = threading.Thread(target=reports.send, kwargs={"state": "started", "start": began}, daemon=True)
    first.start()
    ended = child.wait()
    end = max(time.time(), began)
    child.release()
    first.join()
    reports.send(state="failed" if ended.error else "succeeded", start=began, end=end, error=ended.error or None)
    return ended.code


def _prepared(given: argparse.Namespace) -> tuple[_Reports, str]:
    """Return what sends reports, and the id of the run; UsageError if an option is wrong."""
    import re
    from base64 import b64encode
    from uuid import uuid4

    from ml_exporter.core.pipelines import NAME

    if not re.fullmatch(NAME, given.pipeline):
        told = f'must be 1 to 64 letters, digits and . _ -, got "{given.pipeline}"'
        raise UsageError(f"--pipeline: {told}")
    if given.data_version is not None and not 1 <= len(given.data_version) <= 250:
        raise UsageError("--data-version: must have 1 to 250 characters")
    interval, scheduled = _plan(given)
    endpoint = checked_endpoint(given)
    headers = {"Content-Type": "application/json"}
    if pair := credentials(given):
        headers["Authorization"] = f"Basic {b64encode(':'.join(pair).encode()).decode()}"
    run = uuid4().hex
    facts = {"id": run, "interval": interval, "scheduled": scheduled, "data_version": given.data_version}
    return _Reports(endpoint, f"/v1/pipelines/{given.pipeline}/runs", headers, facts), run


def _plan(given: argparse.Namespace) -> tuple[float | None, float | None]:
    """Return the time between two runs and when this one was to start, as far as they are known."""
    if given.every is not None:
        return checked_seconds("--every", given.every), None
    if given.schedule is None:
        return None, None
    from datetime import datetime

    from ml_exporter.core.cron import parse

    try:
        plan = parse(given.schedule)
    except ValueError as error:
        raise UsageError(f"--schedule: {error}") from error
    now = datetime.now()
    scheduled = plan.before(now)
    return plan.longest(now.date()), scheduled.timestamp() if scheduled else None
