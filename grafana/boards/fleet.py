"""Fleet: every model, one row."""

from __future__ import annotations

from typing import Final

from boards import pipelines, retraining, variables
from boards.board import Board, Row
from boards.colours import ALL_UP, FIRED, HEALTHY, LEFT, NO_DATA, NONE_IS_BEST, NONE_IS_OK, OK, UNKNOWN, WARNED
from boards.colours import verdict as levels
from boards.graphs import graph, states
from boards.links import there, to
from boards.panels import stat
from boards.queries import Query, firing, shortest, worst
from boards.tables import Column, Label, alerts, table

_W: Final = 'window="$window"'
_RATE: Final = shortest("model_version:ml_predictions:rate")
_NAMED: Final = 'model!=""'
_KNOWN: Final = "max by (model) (last_over_time(model:ml_model:owner[1d]))"
_OWNERS: Final = """
max by (model, owner) (model:ml_model:owner)
or
max by (model, owner) (last_over_time(model:ml_model:owner[1d]) unless on (model) model:ml_model:owner)
""".strip()
_ASKED: Final = "max by (model) (model:ml_prediction_silence:seconds) < 3600"


def _firing(severity: str) -> str:
    return f'max by (model) (ALERTS{{alertstate="firing", severity=~"{severity}", model!=""}})'


_STATE: Final = f"""
{FIRED} * {_firing("critical")}
or
{WARNED} * {_firing("warning")}
or
{HEALTHY} * ({_ASKED})
or
{NO_DATA} * {_KNOWN}
""".strip()

_PREDICTIONS: Final = f"sum by (model) (model_version:ml_predictions:increase{{{_W}}})"
_LABELLED: Final = f"sum by (model) (model_version:ml_label_delay_seconds_count:increase{{{_W}}})"
_ERRORS: Final = f"max by (model) (model:ml_prediction_errors_per_prediction:ratio{{{_W}}})"
_SHARE: Final = f"max by (model) (model_version:ml_feature_drift_share:ratio{{{_W}}})"
_LEFT: Final = """
min by (model) (
  label_replace(model:ml_error_budget:remaining_ratio, "of", "errors", "", "")
  or
  label_replace(model:ml_latency_budget:remaining_ratio, "of", "latency", "", "")
)
""".strip()


def _champion(measure: str, shown: str) -> str:
    return (
        f"label_replace(max by (model) (model_version:ml_performance_champion:{measure}{{{_W}}}),"
        f' "measure", "{shown}", "", "")'
    )


def _champion_baseline(measure: str) -> str:
    beside = f"model_version:ml_baseline_performance_{measure}:max"
    return (
        f'max by (model) (label_replace({beside}, "champion", "$1", "version", "(.*)")'
        " and on (model, champion) model:ml_champion:info)"
    )


_TABLE: Final = table(
    "Models",
    """One row for each model seen within a day, the worst first; click on one to open it. State is the worst alert
    that fires; green wants predictions within the last hour besides, and what is not known is grey, never green.
    Version is the one with most predictions of a day. Errors, p99, drift share (features with a PSI of at least
    0.1 beyond their noise) and missing (of the worst feature) are better low; so is RMSE, the root of the mean
    squared error. Accuracy, labelled (labels per prediction) and budget (of errors or slow answers over 30 days,
    the smaller) are better high. Of several versions or places the worst is shown, accuracy and RMSE of the
    version with most predictions.""",
    [
        Label("model", link=to("ml-model", model="model")),
        Column("state", _STATE, "none", mapping=levels(), width=85),
        Column("alerts", f"count by (model) ({firing(_NAMED)})", "none", width=65),
        Label("owner"),
        Column("", _OWNERS),
        Label("champion", "version"),
        Column("", "max by (model, champion) (model:ml_champion:info)"),
        Column(
            "versions", f"count by (model) (model_version:ml_predictions:increase{{{_W}}} > 0)", "none", width=75
        ),
        Column("predictions", f"sum by (model) {_RATE}", "reqps"),
        Column("errors", _ERRORS, "percentunit"),
        Column("p99", f"max by (model) (model_version:ml_prediction_latency_seconds:p99{{{_W}}})", "s"),
        Column("drift share", _SHARE, "percentunit"),
        Column(
            "missing", f"max by (model) (model_version_feature:ml_feature_missing:ratio{{{_W}}})", "percentunit"
        ),
        Label("measure"),
        Column("value", f"{_champion('accuracy', 'accuracy')}\nor\n{_champion('rmse', 'RMSE')}", "none", 3),
        Column("baseline", f"{_champion_baseline('accuracy')}\nor\n{_champion_baseline('rmse')}", "none", 3),
        Column("labelled", f"{_LABELLED} / ({_PREDICTIONS} > 0)", "percentunit"),
        Column("budget left", _LEFT, "percentunit", colours=LEFT),
    ],
    sort="state",
    none="no model is known: is a sidecar scraped, and are the rules loaded?",
    size=(24, 10),
)

_UP: Final = "up and on (job, instance) instance:ml_exporter:known"

_TILES: Final = (
    stat(
        "Models",
        "Models seen within a day.",
        Query(f"count({_KNOWN})", "models"),
        none="none known",
    ),
    stat(
        "Critical",
        "Models with a critical alert that fires. More is worse.",
        Query(f"count({_firing('critical')}) or 0 * count({_KNOWN})", "critical"),
        colours=NONE_IS_OK,
    ),
    stat(
        "Warning",
        "Models whose worst alert that fires is a warning. More is worse.",
        Query(f"count({_firing('warning')} unless {_firing('critical')}) or 0 * count({_KNOWN})", "warning"),
        colours=NONE_IS_BEST,
    ),
    stat(
        "No data",
        """Models without a prediction within the last hour, or whose sidecar is gone, and without an alert that
        fires: whether they are right is not known.""",
        Query(
            f"count({_KNOWN} unless on (model) {_ASKED} unless {_firing('critical|warning')})"
            f" or 0 * count({_KNOWN})",
            "no data",
        ),
        colours=((None, OK), (1.0, UNKNOWN)),
    ),
    stat(
        "Sidecars up",
        """Share of the known sidecars that Prometheus can scrape. Less is worse: nothing is known about the models
        of one that is down.""",
        Query(f"sum({_UP}) / count({_UP})", "up"),
        unit="percentunit",
        colours=ALL_UP,
        link=there("ml-exporter"),
        none="no sidecar known",
    ),
    stat(
        "Predictions",
        "Predictions of all models each second, over the last five minutes.",
        Query(f"sum{_RATE}", "predictions"),
        unit="reqps",
    ),
)

_BY_MODEL: Final = "{{model}}"

BOARD: Final = Board(
    "ml-fleet",
    "ML fleet",
    "Every model in one row: which are in trouble, who owns them, and what is wrong.",
    [variables.datasource(), variables.windows()],
    [
        *_TILES,
        _TABLE,
        alerts(
            (),
            ("model", "version", "feature", "measure", "check", "pipeline", "instance", "owner"),
            "Every alert that fires, critical ones first; what to do is in its notification and its runbook.",
            (24, 8),
        ),
    ],
    [
        Row(
            "History",
            [
                states(
                    "State",
                    """State of the 15 models that were worst: green is healthy, yellow a warning, red critical,
                    grey no data.""",
                    Query(worst(_STATE, "model", count=15), _BY_MODEL),
                    "no model is known",
                ),
                graph(
                    "Predictions",
                    "Predictions each second of the 20 busiest models. A fall to nothing is worse than it looks.",
                    Query(
                        worst(f"sum by (model) {_RATE}", "model"),
                        _BY_MODEL,
                    ),
                    unit="reqps",
                    lowest=0,
                ),
                graph(
                    "Errors",
                    "Share of predictions that failed, of the 20 worst models. Higher is worse.",
                    Query(worst(_ERRORS, "model"), _BY_MODEL),
                    unit="percentunit",
                    lowest=0,
                ),
                graph(
                    "Drift share",
                    """Share of the features whose PSI is at least 0.1 beyond noise, of the 20 worst models. Higher
                    is worse.""",
                    Query(worst(_SHARE, "model"), _BY_MODEL),
                    unit="percentunit",
                    lowest=0,
                ),
                graph(
                    "Loss against the baseline",
                    """How far accuracy or ROC AUC lies below the baseline's, or which share MAE has grown by; of
                    the 20 worst models. Higher is worse.""",
                    Query(
                        worst(
                            f"max by (model, measure) (model_version:ml_performance:drop{{{_W}}})",
                            "model",
                            "measure",
                        ),
                        "{{model}} {{measure}}",
                    ),
                    none="no labels in this window",
                ),
            ],
        ),
        retraining.row(),
        pipelines.ROW,
    ],
)
