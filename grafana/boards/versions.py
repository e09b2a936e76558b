"""Versions: champion, challenger and shadow side by side."""

from __future__ import annotations

from typing import Final

from boards import feedback, marks, shadow, variables
from boards.board import Board, Row
from boards.colours import CRITICAL, CURRENT, OK, UNKNOWN, words
from boards.graphs import by_version, graph
from boards.links import to
from boards.measures import NO_LABELS
from boards.panels import stat
from boards.queries import MODEL, Query, shortest, threshold
from boards.shares import of_versions
from boards.tables import Column, Label, table

_W: Final = f'{MODEL}, window="$window"'
_P: Final = "model_version:ml_performance"
_NONE: Final = "no predictions in this window"
_PREDICTIONS: Final = f"model_version:ml_predictions:increase{{{_W}}}"
_SHARE: Final = f"sum by (version) ({_PREDICTIONS}) / scalar(sum({_PREDICTIONS}) > 0)"
_MEASURES: Final = {"accuracy": "accuracy", "roc_auc": "ROC AUC", "mae": "MAE"}


def _each(template: str) -> str:
    """Return a series of each measure, named by a label; ``template`` has the measure as ``MEASURE``."""
    return "\nor\n".join(
        f'label_replace(max by (version) ({template.replace("MEASURE", key)}), "measure", "{shown}", "", "")'
        for key, shown in _MEASURES.items()
    )


def _difference(key: str, sign: str) -> str:
    return f"{sign}model_version:ml_performance_difference:{key}{{{_W}}}"


def _errors_apart(key: str, sign: str) -> str:
    """Return by how many standard errors a version is better than the champion."""
    error = f"model_version:ml_performance_difference:{key}_standard_error{{{_W}}}"
    enough = f'{_P}:labels{{{_W}, measure="{key}"}} >= scalar(ml:performance_labels:threshold)'
    return f"{_difference(key, sign)} / ({error} > 0) and on (job, model, version) ({enough})"


_ANY: Final = f"on () (model_version:ml_performance_difference:accuracy{{{_W}}} or {_P}_difference:mae{{{_W}}})"
_SIGNS: Final = {"accuracy": "", "roc_auc": "", "mae": "-"}
_Z: Final = "\nor\n".join(
    f'label_replace(max by (version) ({_errors_apart(key, sign)}), "measure", "{_MEASURES[key]}", "", "")'
    for key, sign in _SIGNS.items()
)
_CHAMPION: Final = "\nor\n".join(
    f"label_replace(max by (version) (label_replace(model_version:ml_performance_champion:{key}{{{_W}}},"
    f' "version", "$1", "champion", "(.*)")), "measure", "{shown}", "", "")'
    for key, shown in _MEASURES.items()
)
_VERDICT: Final = f"""
1 * (({_Z}) >= scalar(ml:standard_errors:threshold)) ^ 0
or
3 * (({_Z}) <= -scalar(ml:standard_errors:threshold)) ^ 0
or
0 * ({_Z})
or
4 * ({_CHAMPION}) ^ 0
""".strip()
_WORDS: Final = words(
    {
        "4": ("champion", CURRENT),
        "1": ("better", OK),
        "3": ("worse", CRITICAL),
        "0": ("no clear difference", UNKNOWN),
    }
)

BOARD: Final = Board(
    "ml-versions",
    "ML versions",
    "The versions of a model side by side: who gets which share, and which is faster, sounder and more right.",
    [variables.datasource(), variables.models(), variables.windows()],
    [
        stat(
            "Champion",
            "The version with most predictions of a day; the others are compared with it.",
            Query(f"max by (champion) (model:ml_champion:info{{{MODEL}}})", "{{champion}}"),
            none=_NONE,
            shown="name",
            size=(4, 7),
        ),
        table(
            "Versions",
            """One row for each version with predictions within the window, the busiest first; click on one to open
            it. Errors, p50, p99, prediction PSI, drift share and missing are better low, labelled is better
            high.""",
            [
                Label("version", link=to("ml-model", model="model", version="version")),
                Label("model"),
                Column(
                    "share",
                    f"sum by (model, version) ({_PREDICTIONS}) / scalar(sum({_PREDICTIONS}) > 0)",
                    "percentunit",
                ),
                Column(
                    "predictions",
                    of_versions(shortest("model_version:ml_predictions:rate", MODEL)),
                    "reqps",
                ),
                Column(
                    "errors",
                    of_versions(f"model_version:ml_prediction_errors_per_prediction:ratio{{{_W}}}"),
                    "percentunit",
                ),
                Column("p50", of_versions(f"model_version:ml_prediction_latency_seconds:p50{{{_W}}}"), "s"),
                Column("p99", of_versions(f"model_version:ml_prediction_latency_seconds:p99{{{_W}}}"), "s"),
                Column("prediction PSI", of_versions(f"model_version:ml_prediction_drift:psi{{{_W}}}"), "none", 3),
                Column(
                    "drift share",
                    of_versions(f"model_version:ml_feature_drift_share:ratio{{{_W}}}"),
                    "percentunit",
                ),
                Column(
                    "missing",
                    of_versions(f"model_version_feature:ml_feature_missing:ratio{{{_W}}}"),
                    "percentunit",
                ),
                Column("labelled", of_versions(f"model_version:ml_label_coverage:ratio{{{_W}}}"), "percentunit"),
            ],
            sort="share",
            none=_NONE,
            size=(20, 7),
        ),
        table(
            "Which is more right",
            """Each version's measures beside the champion's over the labels of the window. Difference is the
            version's value less the champion's; errors apart is how many standard errors of both it is better, or
            worse if negative. Beyond three, unless that threshold was changed, the verdict is clear; in between
            more labels are wanted.""",
            [
                Label("version"),
                Label("measure"),
                Column("value", _each(f"{_P}:MEASURE{{{_W}}}"), "none", 3),
                Column("standard error", _each(f"{_P}:MEASURE_standard_error{{{_W}}}"), "none", 4),
                Column("difference", _each(f"model_version:ml_performance_difference:MEASURE{{{_W}}}"), "none", 3),
                Column("errors apart", _Z, "none", 1),
                Column("verdict", _VERDICT, "none", mapping=_WORDS),
                Column("labels", _each(f'{_P}:labels{{{_W}, measure="MEASURE"}}')),
            ],
            sort="measure",
            descending=False,
            none=NO_LABELS,
            size=(24, 8),
        ),
        graph(
            "Share of predictions",
            "Share of the model's predictions that each version got within the window.",
            Query(_SHARE, "{{version}}"),
            unit="percentunit",
            none=_NONE,
            stacked="normal",
            lowest=0,
            highest=1,
            size=(8, 8),
        ),
        graph(
            "Accuracy, or MAE of a regression",
            "Accuracy, higher is better; of a regression the mean absolute error, lower is better.",
            Query(f"{_P}:accuracy{{{_W}}} or {_P}:mae{{{_W}}}", "{{version}}"),
            unit="none",
            none=NO_LABELS,
            size=(8, 8),
        ),
        graph(
            "Ahead of the champion",
            """By how many standard errors each version is better than the champion in accuracy, or MAE of a
            regression; below 0 it is worse. Only beyond the dashed lines the difference is clear.""",
            Query(f"{_errors_apart('accuracy', '')} or {_errors_apart('mae', '-')}", "{{version}}"),
            threshold(f"-max(ml:standard_errors:threshold) and {_ANY}", "clearly worse"),
            threshold(f"max(ml:standard_errors:threshold) and {_ANY}", "clearly better"),
            unit="none",
            none="only one version has labels in this window",
            size=(8, 8),
        ),
    ],
    [
        Row(
            "Errors, latency and drift by version",
            [
                by_version(
                    "Errors",
                    "Share of a version's predictions that failed. Higher is worse.",
                    f"model_version:ml_prediction_errors_per_prediction:ratio{{{_W}}}",
                    "percentunit",
                    _NONE,
                ),
                by_version(
                    "Latency, p99",
                    "99 % quantile of a version's latency. Higher is worse.",
                    f"model_version:ml_prediction_latency_seconds:p99{{{_W}}}",
                    "s",
                    _NONE,
                ),
                by_version(
                    "Prediction PSI",
                    "Drift of a version's predictions from its own baseline. Higher is worse.",
                    f"model_version:ml_prediction_drift:psi{{{_W}}}",
                    "none",
                    _NONE,
                ),
            ],
        ),
        shadow.row(),
        feedback.row(),
    ],
    marks.of_model(),
)
