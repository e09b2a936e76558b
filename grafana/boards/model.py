"""Model: is it up, right, drifting, sound, fast."""

from __future__ import annotations

from typing import Final

from boards import attributions, budgets, marks, variables, verdicts
from boards.board import Board, Row
from boards.colours import ALLOWED
from boards.graphs import graph
from boards.links import there
from boards.measures import NO_LABELS, accuracy_or_mae, roc_auc_or_r2, tile
from boards.panels import bars, stat
from boards.queries import MODEL, VERSION, WINDOW, Query, baseline, bound, current, shortest, threshold, worst
from boards.tables import alerts

_RATE: Final = "model_version:ml_predictions:rate"
_DRIFT: Final = "model_version_feature:ml_feature_drift"
_MISSING: Final = "model_version_feature:ml_feature_missing"
_P: Final = "model_version:ml_performance"
_P99: Final = f"model_version:ml_prediction_latency_seconds:p99{{{WINDOW}}}"
_ERRORS: Final = f'model:ml_prediction_errors_per_prediction:ratio{{{MODEL}, window="$window"}}'
_OBJECTIVE: Final = bound(f"model:ml_latency_objective:bucket{{{MODEL}}}")


_VERDICTS: Final = (
    verdicts.up("ml-resources"),
    verdicts.asked("ml-versions"),
    verdicts.right("ml-performance"),
    verdicts.like_baseline("ml-drift"),
    verdicts.sound("ml-quality"),
    verdicts.fast("ml-resources"),
)

_NUMBERS: Final = (
    stat(
        "Servers",
        "Servers of the model that run, of those that sidecars watch. Fewer is worse.",
        Query(f"sum(model:ml_server_up:count{{{MODEL}}})", "run"),
        Query(f"sum(model:ml_server:count{{{MODEL}}})", "watched"),
        none="not known",
    ),
    stat(
        "Predictions",
        "Predictions of this version each second, over the last five minutes.",
        Query(f"sum{shortest(_RATE, VERSION)}", "predictions"),
        unit="reqps",
        none="never asked",
    ),
    tile(),
    stat(
        "Highest PSI",
        "Population stability index of the feature that moved most. Higher is worse; 0.25 is the customary mark.",
        Query(f"topk(1, {_DRIFT}:psi{{{WINDOW}}})", "{{feature}}"),
        unit="none",
        decimals=2,
    ),
    stat(
        "Most missing",
        "Share of the predictions without a value of the feature that lacks most. Higher is worse.",
        Query(f"topk(1, {_MISSING}:ratio{{{WINDOW}}})", "{{feature}}"),
        unit="percentunit",
    ),
    stat(
        "Slowest 1 %",
        "99 % quantile of the latency of this version within the window. Higher is worse.",
        Query(_P99, "p99"),
        unit="s",
    ),
)

BOARD: Final = Board(
    "ml-model",
    "ML model",
    "One model: is it up, right, like its baseline, sound and fast; and since when.",
    [variables.datasource(), variables.models(), variables.versions(), variables.windows()],
    [
        *_VERDICTS,
        *_NUMBERS,
        accuracy_or_mae((12, 8)),
        roc_auc_or_r2((12, 8)),
        bars(
            "Drift by feature",
            """PSI beyond noise of the ten features that moved most, as a share of what their threshold allows; at
            100 % it alerts. Over the window in which alerts judge. Click on a bar to see its distribution.""",
            Query(
                f"sort_desc(topk(10, clamp_min(max by (feature) ({_DRIFT}:certain_psi{{{VERSION}}}"
                f" / {_DRIFT}_psi:threshold{{{VERSION}}}), 0)))",
                "{{feature}}",
            ),
            unit="percentunit",
            colours=ALLOWED,
            none="not judged",
            highest=2,
            link=there("ml-drift", feature="feature"),
            size=(8, 9),
        ),
        alerts(
            (MODEL,),
            ("version", "feature", "measure", "check", "window"),
            "Alerts of this model, critical ones first; what to do is in the notification and the runbook.",
            (16, 9),
        ),
        graph(
            "Predictions by version",
            "Predictions of the model each second over five minutes, by version. A fall to nothing is worst.",
            current(f"sum{shortest(_RATE, VERSION)}", "$version"),
            Query(
                "sum by (version) " + shortest(_RATE, f'{MODEL}, version!="$version"'),
                "{{version}}",
            ),
            unit="reqps",
            stacked="normal",
            lowest=0,
            size=(8, 8),
        ),
        graph(
            "Errors",
            """Share of the model's predictions that failed within the window, and what the objective allows.
            Higher is worse.""",
            current(_ERRORS, "failed"),
            threshold(f"1 - max(model:ml_error_objective:threshold{{{MODEL}}})", "allowed"),
            unit="percentunit",
            lowest=0,
            none="no predictions in this window",
            size=(8, 8),
        ),
        graph(
            "Latency",
            """Median and 99 % quantile of the latency of this version. Higher is worse. Red: the time within which
            the objective wants answers.""",
            current(_P99, "p99"),
            Query(f"model_version:ml_prediction_latency_seconds:p50{{{WINDOW}}}", "p50"),
            threshold(_OBJECTIVE, "objective"),
            unit="s",
            logarithmic=True,
            none="no predictions in this window",
            size=(8, 8),
        ),
    ],
    [
        attributions.causes(),
        budgets.row(),
        Row(
            "Loss, drift and missing values over time",
            [
                graph(
                    "Loss against the baseline",
                    """How far each measure lies below the baseline's; of MAE which share it has grown by. Higher
                    is worse; the alert subtracts three standard errors first.""",
                    Query(f"{_P}:drop{{{WINDOW}}}", "{{measure}}"),
                    threshold(f"{_P}_drop:threshold{{{WINDOW}}}", "threshold of {{measure}}"),
                    none=NO_LABELS,
                ),
                graph(
                    "PSI by feature",
                    "Population stability index of the ten features that moved most. Higher is worse.",
                    Query(worst(f"{_DRIFT}:psi{{{WINDOW}}}", "feature", count=10), "{{feature}}"),
                    unit="none",
                    lowest=0,
                    none="no predictions in this window",
                ),
                graph(
                    "Missing by feature",
                    """Share of the predictions without a value of the ten features that lack most. Higher is
                    worse.""",
                    Query(worst(f"{_MISSING}:ratio{{{WINDOW}}}", "feature", count=10), "{{feature}}"),
                    unit="percentunit",
                    lowest=0,
                    none="no predictions in this window",
                ),
                graph(
                    "Volume against the usual",
                    """Predictions of an hour as a share of what is usual at this hour: in earlier weeks, or, of a
                    young model, in its baseline. Far from 100 % is worse; red: the share that is allowed.""",
                    current(f'model:ml_predictions:usual_ratio{{{MODEL}, window="1h"}}', "share of usual"),
                    baseline(f'model:ml_predictions:usual_ratio{{{MODEL}, window="1h"}} ^ 0', "usual"),
                    threshold(f"1 - model:ml_volume_change:threshold{{{MODEL}}}", "lower threshold"),
                    threshold(f"1 / ((1 - model:ml_volume_change:threshold{{{MODEL}}}) > 0)", "upper threshold"),
                    unit="percentunit",
                    lowest=0,
                    none="less than two weeks are known, and the baseline has no times",
                ),
            ],
        ),
    ],
    marks.of_model(),
)
