"""Data quality: which feature is missing, not what it should be, or always the same."""

from __future__ import annotations

from typing import Final

from boards import variables
from boards.board import Board, Row
from boards.colours import ALLOWED, FIRED, HEALTHY, NONE_IS_BEST, NONE_IS_OK, WARNED
from boards.graphs import graph, states
from boards.links import chosen, there
from boards.panels import stat
from boards.queries import FEATURE, MODEL, VERSION, WINDOW, Query, baseline, current, threshold, worst
from boards.sdk import build
from boards.tables import Column, Label, table

_RATIO: Final = "model_version_feature:ml_feature_quality:ratio"
_BASE: Final = "model_version_feature:ml_baseline_feature_quality:ratio"
_MISSING: Final = "model_version_feature:ml_feature_missing"
_INVALID: Final = "model_version_feature:ml_feature_invalid"
_MODAL: Final = "model_version_feature:ml_feature_modal_bin:ratio"
_BASE_MODAL: Final = "model_version_feature:ml_baseline_feature_modal_bin:ratio"
_FROZEN: Final = "model_version_feature:ml_feature_frozen:threshold"
_SCHEMA: Final = f'model_feature:ml_feature_schema:ratio{{{MODEL}, window="$window"}}'
_REPEATED: Final = "repeated_rows_per_prediction:max"
_ROWS: Final = f"model_version:ml_feature_rows:increase{{{WINDOW}}}"
_NONE: Final = "no predictions in this window"
_CHECKS: Final = {
    "missing": "null or NaN",
    "absent": "not sent",
    "type_error": "of another type",
    "nonfinite": "infinite",
    "out_of_range": "out of range",
    "unseen": "unseen category",
    "outlier": "in the far tails",
}


_JUDGED: Final = f"and ignoring (feature, check) model_version:ml_window:shortest{{{VERSION}}}"
"""Keeps the window in which alerts judge: the shortest with enough predictions."""


def _over(what: str) -> str:
    return f"({what}:certain_excess{{{VERSION}}} > {what}:threshold{{{VERSION}}} {_JUDGED})"


def _state() -> str:
    """Return for each feature the level of its worst check."""
    levels = (
        (FIRED, _over(_MISSING)),
        (WARNED, _over(_INVALID)),
        (HEALTHY, f"({_MISSING}:certain_excess{{{VERSION}}} {_JUDGED})"),
    )
    return "\nor\n".join(f"{level} * max by (feature) ({found} ^ 0)" for level, found in levels)


def _grown(label: str, counter: str) -> str:
    return f"sum by ({label}) (increase({counter}{{{MODEL}}}[$__rate_interval]))"


_USED: Final = f"""
max by (feature) (
  label_replace(
    {_MISSING}:certain_excess{{{VERSION}}} / {_MISSING}:threshold{{{VERSION}}} {_JUDGED},
    "check", "missing", "", ""
  )
  or
  {_INVALID}:certain_excess{{{VERSION}}} / {_INVALID}:threshold{{{VERSION}}} {_JUDGED}
)
""".strip()


def _beyond(what: str) -> str:
    return f"count({_over(what)}) or 0 * count({what}:certain_excess{{{VERSION}}} {_JUDGED})"


_TILES: Final = (
    stat(
        "Features that lack values",
        """Features that lack values beyond the threshold and by three standard errors, over the shortest window
        with enough predictions, as alerts judge. More is worse.""",
        Query(_beyond(_MISSING), "features"),
        unit="none",
        colours=NONE_IS_OK,
        link=there("ml-model"),
    ),
    stat(
        "Failed checks",
        """Pairs of feature and check beyond the threshold, of those on values that are there, judged as alerts
        do. More is worse.""",
        Query(_beyond(_INVALID), "checks"),
        unit="none",
        colours=NONE_IS_BEST,
        link=there("ml-model"),
    ),
    stat(
        "Last prediction",
        "Time since the last prediction of this version was counted. Longer is worse.",
        Query(f"time() - model_version:ml_prediction_last_timestamp_seconds:max{{{VERSION}}}", "ago"),
        unit="s",
        none="never asked",
    ),
    stat(
        "Unknown features",
        """Features in events of the last 24 hours that neither baseline nor configuration knows: the schema has
        changed.""",
        Query(
            f"count(sum by (feature) (increase(ml_exporter_unknown_features_total{{{MODEL}}}[24h])) > 0)"
            f" or 0 * max({_ROWS})",
            "features",
        ),
        unit="none",
        colours=NONE_IS_BEST,
    ),
    stat(
        "Duplicates",
        """Predictions of the last 24 hours that were not counted because their id had been: a sender that tries
        again.""",
        Query(f"sum(increase(ml_predictions_duplicate_total{{{MODEL}}}[24h]))", "predictions"),
        none="none",
    ),
    stat(
        "Rows in the window",
        "Predictions whose features are judged.",
        Query(_ROWS, "rows"),
    ),
)


def _share(check: str) -> Column:
    ratio = f'max by (feature) ({_RATIO}{{{WINDOW}, check="{check}"}})'
    return Column(_CHECKS[check], f"{ratio}", "percentunit")


def _history(check: str) -> build.Panel:
    chosen = f'{WINDOW}, check="{check}"'
    return graph(
        f"Share {_CHECKS[check]}",
        f"Share of the predictions in which a feature was {_CHECKS[check]}; the ten worst. Higher is worse.",
        Query(worst(f"{_RATIO}{{{chosen}}}", "feature", count=10), "{{feature}}"),
        unit="percentunit",
        none=_NONE,
        lowest=0,
        size=(8, 7),
    )


BOARD: Final = Board(
    "ml-quality",
    "ML data quality",
    "Which features are missing, invalid or unknown, beside the baseline, and since when.",
    [variables.datasource(), variables.models(), variables.versions(), variables.windows(), variables.features()],
    [
        *_TILES,
        table(
            "Features",
            """Share of the predictions within the window that fail each check, the feature closest to a threshold
            first; click on one to choose it. Used is its worst excess over the baseline, three standard errors
            taken off, as a share of what the threshold allows, over the shortest window with enough predictions:
            at 100 % it alerts. Higher is worse.""",
            [
                Label("feature", link=chosen("ml-quality", "feature")),
                Column("used", f"clamp_min({_USED}, 0)", "percentunit", 0, colours=ALLOWED, width=80),
                *(_share(check) for check in _CHECKS),
                Column("in the fullest bin", f"max by (feature) ({_MODAL}{{{WINDOW}}})", "percentunit"),
                Column(
                    "missing in the baseline",
                    f"max by (feature) (model_version_feature:ml_baseline_feature_missing:ratio{{{VERSION}}})",
                    "percentunit",
                ),
            ],
            sort="used",
            none=_NONE,
            size=(24, 10),
        ),
        states(
            "State of the features",
            """The 15 worst features over time, judged as alerts do: red is missing beyond its threshold, yellow a
            failed check of values, green neither, grey too few predictions.""",
            Query(worst(_state(), "feature", count=15), "{{feature}}"),
            none=_NONE,
            size=(24, 9),
        ),
        graph(
            "$feature: missing",
            """Share of the predictions in which the chosen feature was null, NaN or not sent. Higher is worse;
            beyond the dashed red line, by three standard errors, it alerts.""",
            current(f"{_MISSING}:ratio{{{FEATURE}}}", "missing"),
            baseline(
                f'max(model_version_feature:ml_baseline_feature_missing:ratio{{{VERSION}, feature="$feature"}})'
            ),
            threshold(
                f'max(model_version_feature:ml_baseline_feature_missing:ratio{{{VERSION}, feature="$feature"}})'
                f" + max({_MISSING}:threshold{{{FEATURE}}})"
            ),
            unit="percentunit",
            none=_NONE,
            lowest=0,
        ),
        graph(
            "$feature: failed checks",
            """Share of the predictions in which the chosen feature failed each check. Higher is worse; the dashed
            red line is the lowest threshold, above the baseline's own share.""",
            Query(f'{_RATIO}{{{FEATURE}, check!~"missing|absent|outlier"}}', "{{check}}"),
            threshold(f"min({_INVALID}:threshold{{{FEATURE}}})", "lowest threshold"),
            unit="percentunit",
            none=_NONE,
            lowest=0,
        ),
    ],
    [
        Row("Each check", [_history(check) for check in _CHECKS]),
        Row(
            "Tails, standing still, repeating",
            [
                graph(
                    "$feature: in the far tails",
                    """Share of the predictions in which the chosen feature was in the far tails of the baseline,
                    half a percent on either side. More is heavier tails or a shift, none at all values cut off
                    upstream.""",
                    current(f'max({_RATIO}{{{FEATURE}, check="outlier"}})', "in the far tails"),
                    baseline(f'max({_BASE}{{{VERSION}, feature="$feature", check="outlier"}})'),
                    unit="percentunit",
                    none="no tails, or no predictions in this window",
                    lowest=0,
                    size=(8, 8),
                ),
                graph(
                    "$feature: in the fullest bin",
                    """Share of the values of the chosen feature in its fullest bin: at 100 % it does not vary.
                    Judged over an hour; what stood still a day and a week ago, too, does not alert.""",
                    current(f"max({_MODAL}{{{FEATURE}}})", "in the fullest bin"),
                    baseline(f'max({_BASE_MODAL}{{{VERSION}, feature="$feature"}})'),
                    threshold(f'max({_FROZEN}{{{VERSION}, feature="$feature"}})'),
                    unit="percentunit",
                    none=_NONE,
                    lowest=0,
                    size=(8, 8),
                ),
                graph(
                    "Repeated rows",
                    """Other predictions in the window with exactly the same features, mean over its predictions,
                    of the worst replica; estimated, to about 4 % of one more than it. The baseline is what as many
                    of its rows would have. More is worse: a sender that tries again, or one request over and
                    over.""",
                    current(f"max(model_version:ml_{_REPEATED}{{{WINDOW}}})", "repeated"),
                    baseline(f"max(model_version:ml_baseline_{_REPEATED}{{{WINDOW}}})"),
                    unit="short",
                    none=_NONE,
                    lowest=0,
                    size=(8, 8),
                ),
            ],
        ),
        Row(
            "Events and schema",
            [
                graph(
                    "Schema",
                    """Share of the predictions, all versions together, that came with a feature that neither
                    baseline nor configuration knows, or without one that the model has. Any at all means a changed
                    schema; beyond the threshold, by three standard errors, it alerts.""",
                    Query(f"{_SCHEMA} > 0", "{{feature}} {{check}}"),
                    unit="percentunit",
                    none="none",
                    lowest=0,
                    size=(8, 8),
                ),
                graph(
                    "Event warnings",
                    "Parts of events left out, by reason; the rest of the event is counted. More is worse.",
                    Query(
                        _grown("reason", "ml_exporter_event_warnings_total"),
                        "{{reason}}",
                    ),
                    none="none",
                    lowest=0,
                    size=(8, 8),
                ),
                graph(
                    "Duplicates and evicted ids",
                    """Predictions not counted because their id had been, and ids forgotten before their time
                    because too many wait for labels. More is worse.""",
                    Query(
                        f"sum(increase(ml_predictions_duplicate_total{{{MODEL}}}[$__rate_interval]))", "duplicates"
                    ),
                    Query(f"sum(increase(ml_predictions_evicted_total{{{MODEL}}}[$__rate_interval]))", "evicted"),
                    none="none",
                    lowest=0,
                    size=(8, 8),
                ),
            ],
        ),
    ],
)
