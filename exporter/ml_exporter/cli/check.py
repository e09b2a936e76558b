"""``ml-exporter check``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.options import add_command, answering, class_score, sensitive_key
from ml_exporter.core.errors import UsageError
from ml_exporter.core.variants import Variant

if TYPE_CHECKING:
    from ml_exporter.compare.data import Counted

EXAMPLE: Final = """\
example:
  ml-exporter check flights.baseline.json today.parquet
  ml-exporter check flights.baseline.json today.csv --label late --format json > drift.json

DATA is a CSV or Parquet file, or JSON lines of rows or of events as the intake takes them. No sidecar is needed:
the numbers are those that one would show over these rows. Columns that are no feature of the baseline are passed
over.

It ends with 0 without drift, with 1 if a feature or the predictions have drifted or many features a little, and
with 2 if that cannot be told, among others if the rows are fewer than --minimum-samples, or if nothing else has
drifted and the rows have predictions that cannot be judged.
"""

_UNTOLD: Final = 2


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    from ml_exporter.compare.criteria import Criteria

    usual = Criteria()
    parser = add_command(
        commands,
        "check",
        "compare a file of rows with a baseline, for CI and cron",
        "Compare the rows of a file with a baseline: drift, data quality and, if it has labels, performance.",
        EXAMPLE,
    )
    add = parser.add_argument
    add("baseline", type=Path, metavar="BASELINE", help="baseline file")
    add("data", type=Path, metavar="DATA", help="CSV, Parquet or JSON lines file, a row a prediction")
    add("--label", metavar="COLUMN", help="column of the true class or value (default: label, if there is one)")
    add("--score", metavar="COLUMN", help="column of the score of the positive class (default: score)")
    add(
        "--class-score",
        action="append",
        default=[],
        metavar="CLASS=COLUMN",
        help="column of the score of one class of a multiclass model (default: scores.CLASS)",
    )
    add("--prediction", metavar="COLUMN", help="column of the predicted class or value (default: prediction)")
    for name, what in (
        ("feature-psi", "PSI of a feature, beyond its noise floor, above which it has drifted"),
        ("prediction-psi", "PSI of the predictions, beyond its noise floor, above which they have drifted"),
        ("share", "share of features with a PSI of 0.1 above the noise floor, at least three, that is drift"),
    ):
        default = getattr(usual, name.replace("-", "_"))
        add(f"--{name}", type=float, default=default, metavar="NUMBER", help=f"{what} (default: {default})")
    add(
        "--minimum-samples",
        type=int,
        default=100,
        metavar="ROWS",
        help="rows or labels below which there is no number (default: 100)",
    )
    add(
        "--variant",
        action="append",
        default=[],
        choices=[variant.value for variant in Variant],
        help="whose definitions of drift are computed beside ours: azure (default: none)",
    )
    add("--sensitive-key-file", type=Path, metavar="FILE", help="key that masks sensitive categories")
    add("--format", choices=("text", "json"), default="text", help="table or JSON document (default: text)")
    parser.set_defaults(run=answering(_run))


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.baseline import document
    from ml_exporter.baseline.source import read_chunks
    from ml_exporter.cli import check_text
    from ml_exporter.compare.criteria import Criteria
    from ml_exporter.compare.data import KEYS, Reading, count
    from ml_exporter.compare.report import report

    for flag in ("feature_psi", "prediction_psi"):
        if not getattr(given, flag) >= 0:
            raise UsageError(f"--{flag.replace('_', '-')}: must be at least 0, got {getattr(given, flag):g}")
    if not 0 <= given.share <= 1:
        raise UsageError(f"--share: must lie between 0 and 1, got {given.share:g}")
    if given.minimum_samples < 1:
        raise UsageError(f"--minimum-samples: must be at least 1, got {given.minimum_samples}")
    baseline = document.read(given.baseline)
    reading = Reading(
        columns={key: column for key in KEYS if (column := getattr(given, key)) is not None},
        class_scores=dict(map(class_score, given.class_score)),
        key=sensitive_key(given.sensitive_key_file),
        minimum_samples=given.minimum_samples,
        variants=tuple(map(Variant, given.variant)),
    )
    counted = count(baseline, read_chunks(given.data), str(given.data), reading)
    found = report(counted, baseline, Criteria(given.feature_psi, given.prediction_psi, given.share))
    _tell(counted, given.data)
    if given.format == "json":
        print(json.dumps(found.document(), indent=2, allow_nan=False))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        for line in check_text.lines(found, colour=colour):
            print(line)
    return _UNTOLD if found.drift is None else int(found.drift)


def _tell(counted: Counted, data: Path) -> None:
    """Say what of the file could not be compared."""
    if counted.absent:
        print(f"{data}: no column for {', '.join(counted.absent)}: absent in all rows", file=sys.stderr)
    if counted.unpredicted:
        columns = " or ".join(counted.unpredicted)
        print(f"{data}: no column {columns}: the predictions cannot be compared", file=sys.stderr)
    if counted.strange_labels:
        known = ", ".join(counted.context.schema.classes)
        wanted = f"none of the classes {known}" if known else "no numbers"
        print(f"{data}: {counted.strange_labels:,} labels are {wanted}", file=sys.stderr)
