"""``ml-exporter baseline``: fit and show one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli import baseline_diff
from ml_exporter.cli.options import add_command, class_score, sensitive_key

if TYPE_CHECKING:
    from ml_exporter.baseline.document import BaselineDocument
    from ml_exporter.baseline.plan import Review

FIT_EXAMPLE: Final = """\
example:
  ml-exporter baseline fit validation.parquet --output baseline.json \\
      --task binary_classification --label late --score score

The kinds of the columns are inferred and shown: look at them. --kind NAME=KIND overrides one,
--exclude NAME leaves one out. The data are read twice, some thousand rows at a time; no row of
them is kept in the file. An empty field is missing; NA, NaN, null and None are missing numbers,
but texts among texts.
"""

SHOW_EXAMPLE: Final = """\
example:
  ml-exporter baseline show baseline.json
"""


def add_to(commands: Any) -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser(
        "baseline",
        help="fit a baseline from data, show one, or compare two",
        description="Fit the baseline that a model is compared with, show one, or compare two.",
        allow_abbrev=False,
    )
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_fit(inner)
    show = add_command(
        inner,
        "show",
        "show what a baseline file holds",
        "Show what a baseline file holds.",
        SHOW_EXAMPLE,
    )
    show.add_argument("file", type=Path, metavar="FILE", help="baseline file")
    show.set_defaults(run=_show)
    baseline_diff.add_to(inner)


def _add_fit(inner: Any) -> None:
    fit = add_command(
        inner,
        "fit",
        "fit a baseline from a CSV, Parquet or JSON lines file",
        "Fit a baseline from a CSV, Parquet or JSON lines file of training or validation data.",
        FIT_EXAMPLE,
    )
    add = fit.add_argument
    add("data", type=Path, metavar="DATA", help="CSV, Parquet or JSON lines file, a row a prediction")
    add("--output", type=Path, required=True, metavar="FILE", help="baseline file to write")
    tasks = ("binary_classification", "multiclass_classification", "regression")
    add("--task", choices=tasks, required=True, help="what the model predicts")
    add("--label", metavar="COLUMN", help="column of the true class or value; with it performance is kept")
    add("--score", metavar="COLUMN", help="column of the score of the positive class")
    add(
        "--class-score",
        action="append",
        default=[],
        metavar="CLASS=COLUMN",
        help="column of the score of one class of a multiclass model; one for each; the highest names the class"
        " where --prediction names none",
    )
    add("--prediction", metavar="COLUMN", help="column of the predicted class or value")
    add(
        "--timestamp",
        metavar="COLUMN",
        help="column of the time of the prediction, if the rows are all predictions of their time: keeps how many"
        " come in each hour of the week",
    )
    add("--positive-class", metavar="NAME", help="positive class (default: 1, true or yes)")
    add("--threshold", type=float, default=0.5, metavar="SCORE", help="score that predicts it (default: 0.5)")
    add("--exclude", action="append", default=[], metavar="COLUMN", help="column that is no feature")
    add(
        "--kind",
        action="append",
        default=[],
        metavar="COLUMN=KIND",
        help="numeric, categorical or text (its length), instead of what is inferred",
    )
    add(
        "--sensitive",
        action="append",
        default=[],
        metavar="COLUMN",
        help="feature of which the page shows no value",
    )
    add(
        "--segment",
        action="append",
        default=[],
        metavar="COLUMN[=EDGES]",
        help="part rows by a feature, or by an excluded column; a numeric one needs edges, such as age=18,65",
    )
    add(
        "--attributions",
        type=Path,
        metavar="FILE",
        help="what each feature added to some predictions: CSV, Parquet or JSON lines file, a column a feature",
    )
    add(
        "--multivariate",
        action="store_true",
        help="keep sums over whole rows, too: drift of all features together (default: no)",
    )
    add("--sensitive-key-file", type=Path, metavar="FILE", help="key that masks sensitive categories")
    fit.set_defaults(run=_fit)


def _fit(given: argparse.Namespace) -> int:
    from ml_exporter.baseline import document
    from ml_exporter.baseline.attributions import documents_of
    from ml_exporter.baseline.fit import fit
    from ml_exporter.baseline.options import FitOptions
    from ml_exporter.baseline.source import read_chunks
    from ml_exporter.core.errors import BaselineError
    from ml_exporter.core.schema import FeatureKind, Role, Task
    from ml_exporter.signals.drift import MEASURES
    from ml_exporter.signals.drift.noise import SIZES, noise_floors
    from ml_exporter.sums import OUTCOME_TALLIES, PREDICTION_TALLIES
    from ml_exporter.sums.tally import Tallies

    kinds = {}
    for pair in given.kind:
        name, _, kind = pair.rpartition("=")
        if not name or kind not in list(FeatureKind):
            raise BaselineError(f'--kind: must be COLUMN=numeric, categorical or text, got "{pair}"')
        kinds[name] = FeatureKind(kind)
    segments = dict(map(_segment, given.segment))
    class_scores = dict(map(class_score, given.class_score))
    if not 0 < given.threshold < 1:
        raise BaselineError(f"--threshold: must lie between 0 and 1, got {given.threshold:g}")
    if given.output.is_dir() or not given.output.parent.is_dir():
        raise BaselineError(f"--output: {given.output} must be a file in a folder that exists")
    fitted = fit(
        lambda: read_chunks(given.data),
        FitOptions(
            task=Task(given.task),
            label=given.label,
            score=given.score,
            prediction=given.prediction,
            exclude=frozenset(given.exclude),
            kinds=kinds,
            sensitive=frozenset(given.sensitive),
            key=sensitive_key(given.sensitive_key_file),
            positive_class=given.positive_class,
            threshold=given.threshold,
            segments=segments,
            multivariate=given.multivariate,
            class_scores=class_scores,
            timestamp=given.timestamp,
        ),
        lambda schema: Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES),
        lambda variable, cells, sums, sample: noise_floors(variable, cells, sums, sample, MEASURES),
        SIZES,
        source=given.data.name,
        created=time.time(),
    )
    if given.attributions is not None:
        features = [variable.name for variable in fitted.document.variables if variable.role == Role.FEATURE]
        fitted.document.attributions = documents_of(read_chunks(given.attributions, ()), features)
    try:
        document.write(fitted.document, given.output)
    except OSError as error:
        raise BaselineError(f"{given.output}: cannot be written: {error.strerror}") from error
    _print_reviews(fitted.reviews)
    _print_classes(fitted.document)
    rows, size = fitted.document.rows, given.output.stat().st_size
    print(f"\n{given.output}: {rows:,} rows, {size:,} bytes, sha256 {fitted.document.sha256[:12]}")
    return 0


def _segment(given: str) -> tuple[str, tuple[float, ...]]:
    from ml_exporter.core.errors import BaselineError

    name, is_parted, edges = given.rpartition("=")
    if not is_parted:
        return given, ()
    try:
        numbers = tuple(map(float, edges.split(",")))
    except ValueError:
        numbers = ()
    if not numbers or any(not low < high for low, high in pairwise(numbers)):
        raise BaselineError(
            f'--segment: must be COLUMN or COLUMN=EDGES that ascend, such as age=18,65, got "{given}"'
        )
    return name, numbers


def _print_reviews(reviews: tuple[Review, ...]) -> None:
    table = [("column", "use", "why", "missing", "distinct", "lowest", "highest")]
    table += [
        (item.name, item.use, item.why, f"{item.missing:.1%}", item.distinct, item.lowest, item.highest)
        for item in reviews
    ]
    _print_table(table)
    ignored = [item.name for item in reviews if item.use == "ignored"]
    if ignored:
        print(f"\nignored: {', '.join(ignored)}; make one a feature with --kind NAME=KIND", file=sys.stderr)


def _show(given: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from ml_exporter.baseline import document

    baseline = document.read(given.file)
    created = datetime.fromtimestamp(baseline.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{baseline.task}, {baseline.rows:,} rows of {baseline.source}, fitted {created}")
    print(f"sha256 {baseline.sha256}")
    _print_classes(baseline)
    print(f"labels: {'yes' if baseline.outcomes else 'no'}")
    print(f"calibrated scores: {'yes' if baseline.calibration else 'no'}")
    print(f"segments: {', '.join(segment.name for segment in baseline.segments) or 'none'}")
    print(f"volume by hour of the week: {f'{baseline.weeks_of_volume} weeks' if baseline.volume else 'no'}")
    whole = baseline.multivariate
    held = f"{len(whole.components)} components of {len(whole.features)} features" if whole else "none"
    print(f"multivariate: {held}")
    _print_attributions(baseline)
    table = [("variable", "role", "kind", "bins", "missing", "other", "PSI noise at 1,000 rows")]
    for variable in baseline.variables:
        noise = dict(zip(baseline.noise_samples, variable.noise.get("psi", ()), strict=False)).get(1000)
        table.append(
            (
                variable.name,
                variable.role,
                variable.kind,
                str(len(variable.counts)),
                f"{(variable.missing + variable.absent) / baseline.rows:.1%}",
                f"{(variable.other + variable.type_error) / baseline.rows:.1%}",
                f"{noise:.3f}" if noise is not None else "",
            )
        )
    _print_table(table)
    return 0


def _print_attributions(baseline: BaselineDocument) -> None:
    from ml_exporter.baseline.attributions import shares_of

    shown = [f"{name} {share:.0%}" for name, share in shares_of(baseline.attributions).items()]
    more = ", …" if len(shown) > 10 else ""
    print(f"attributions: {', '.join(shown[:10]) or 'none'}{more}\n")


def _print_classes(baseline: BaselineDocument) -> None:
    if baseline.classes:
        positive = baseline.positive_class
        told = f"; positive is {positive}, from a score of {baseline.threshold:g} on" if positive else ""
        print(f"\nclasses: {', '.join(baseline.classes)}{told}")


def _print_table(table: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
