"""Performance and labels: how right, for which class, at which score, and on how many labels."""

from __future__ import annotations

from typing import Final

from boards import change, estimation, every, marks, outcomes, segments, variables, verdicts
from boards.board import Board, Row
from boards.graphs import graph, histogram
from boards.links import there
from boards.measures import NO_LABELS, accuracy_or_mae, roc_auc_or_r2, tile
from boards.panels import stat, verdict
from boards.queries import MODEL, VERSION, WINDOW, Query, current, shortest, threshold
from boards.queries import verdict as level

_P: Final = "model_version:ml_performance"
_COVERAGE: Final = "model_version:ml_label_coverage:ratio"
_DELAY: Final = "model_version:ml_label_delay_seconds"

_DELAY_BUCKETS: Final = "model_version_le:ml_label_delay_seconds_bucket:increase"

_TILES: Final = (
    verdicts.right("ml-model"),
    verdict(
        "Labels come",
        """Do labels still arrive, and for enough predictions? Warning: the last one is longer ago than the
        threshold, or too few predictions of a day have one. Grey: none ever came.""",
        level(
            f"model_version:ml_label_silence:seconds{{{VERSION}}}",
            "",
            f"""model_version:ml_label_silence:seconds{{{VERSION}}}
            > model_version:ml_label_silence_seconds:threshold{{{VERSION}}}
            or {_COVERAGE}{{{VERSION}}} < model_version:ml_label_coverage:threshold{{{VERSION}}}""",
        ),
        there("ml-exporter"),
        "none ever came",
        ("they come", "too few", "too few"),
    ),
    tile(),
    stat(
        "Labels in the window",
        "Labelled predictions on which the measures rest; alerts want a number of them, 300 unless changed.",
        Query(f"max({_P}:labels{{{WINDOW}}})", "labels"),
    ),
    stat(
        "Labelled",
        "Labels that arrived within the window per prediction within the window. Lower is worse.",
        Query(f"{_COVERAGE}{{{WINDOW}}}", "labelled"),
        unit="percentunit",
    ),
    stat(
        "Delay of labels",
        "Time from a prediction to its label: half come sooner, and nine of ten. Until then nobody knows.",
        Query(f"{_DELAY}:p50{{{WINDOW}}}", "median"),
        Query(f"{_DELAY}:p90{{{WINDOW}}}", "90 %"),
        unit="s",
    ),
)


BOARD: Final = Board(
    "ml-performance",
    "ML performance and labels",
    "How right a model is, for which class and at which score, on how many labels, and how late they come.",
    [
        *(variables.datasource(), variables.models(), variables.versions(), variables.windows()),
        variables.segments(),
    ],
    [
        *_TILES,
        accuracy_or_mae((12, 8)),
        roc_auc_or_r2((12, 8)),
        graph(
            "Labelled predictions",
            """Labels that arrived within the window per prediction within the window. Lower is worse; red: what is
            wanted.""",
            current(f"{_COVERAGE}{{{WINDOW}}}", "labelled"),
            threshold(f"max(model_version:ml_label_coverage:threshold{{{VERSION}}})", "wanted"),
            unit="percentunit",
            none="no predictions in this window",
            lowest=0,
            size=(8, 8),
        ),
        graph(
            "Delay of labels",
            "Time from a prediction to its label: half come sooner, and nine of ten. Longer is worse.",
            current(f"{_DELAY}:p50{{{WINDOW}}}", "median"),
            Query(f"{_DELAY}:p90{{{WINDOW}}}", "90 %"),
            unit="s",
            none=NO_LABELS,
            lowest=0,
            size=(8, 8),
        ),
        graph(
            "Labels by result",
            """What became of labels, each second. Joined found their prediction; unmatched, late and duplicate
            ones did not count, early ones wait.""",
            Query(f"sum by (result) (rate(ml_labels_total{{{MODEL}}}[$__rate_interval]))", "{{result}}"),
            unit="cps",
            none="no labels",
            lowest=0,
            size=(8, 8),
        ),
    ],
    [
        estimation.row(),
        *segments.rows(),
        Row("Every measure", [every.TABLE]),
        *outcomes.rows(),
        change.ROW,
        Row(
            "Delay of every label",
            [
                histogram(
                    "Delay of labels",
                    """Labels by the time they took, over five minutes each; the scale below says how many. Up is
                    later.""",
                    f"sum by (le) {shortest(_DELAY_BUCKETS, VERSION)}",
                    unit="s",
                    none="no labels",
                    size=(24, 8),
                ),
            ],
        ),
    ],
    marks.of_model(),
)
