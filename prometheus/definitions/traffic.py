"""Traffic: is the model asked, does it answer, and fast enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import (
    CHAMPION,
    COVERED,
    MINIMUM,
    OWNERS,
    PERCENT,
    PREDICTIONS,
    SERVED,
    SHADOW,
    SHORTEST,
    STANDARD_ERRORS,
    WINDOW_COVERED,
    Z,
    number,
    owned,
)
from definitions.rule import REPLICA, Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import SECONDS, SIGNAL_WINDOWS, SLO_WINDOWS, TILE, constant, increases, rolled, tiles

_MODEL: Final = "model:ml_predictions:increase"
_ERRORS: Final = "model:ml_prediction_errors:increase"
_WITHIN: Final = "model:ml_prediction_latency_within:increase"
_TIMED: Final = "model:ml_prediction_latency_seconds_count:increase"
_BUCKETS: Final = "model_version_le:ml_prediction_latency_seconds_bucket:increase"
_BASELINE: Final = "model:ml_predictions:baseline_increase"
_USUAL: Final = "model:ml_predictions:usual_increase"
_SECONDS: Final = {window: SECONDS[window] for window in (TILE, *SIGNAL_WINDOWS)}

_LOWEST: Final = 0.94
"""Below, the fastest burn rate would want more failures than there are predictions."""

ERROR_OBJECTIVE: Final = Threshold(
    "error_objective",
    "Share of predictions that must not fail, over 30 days.",
    0.99,
    ("model",),
    lowest=_LOWEST,
    highest=0.99999,
    silent=0.0,
)
LATENCY_OBJECTIVE: Final = Threshold(
    "latency_objective",
    "Share of predictions that must be answered within `le` seconds, over 30 days; `le` is one of the buckets.",
    {"0.5": 0.99},
    ("model",),
    (
        (
            "le",
            (
                "0.001",
                "0.0025",
                "0.005",
                "0.01",
                "0.025",
                "0.05",
                "0.1",
                "0.25",
                "0.5",
                "1.0",
                "2.5",
                "5.0",
                "10.0",
            ),
        ),
    ),
    lowest=_LOWEST,
    highest=0.99999,
    silent=0.0,
)
BUDGET_EVENTS: Final = Threshold(
    "budget_events",
    "Failed or slow predictions in the longer window below which a burn rate is not judged.",
    10.0,
    ("model",),
    highest=1e9,
)
SILENCE: Final = Threshold(
    "silence_seconds",
    "Seconds without a prediction, where some were to be expected.",
    900.0,
    ("model",),
    highest=1e9,
)
VOLUME: Final = Threshold(
    "volume_change",
    "Share by which an hour's predictions may fall below what is usual at that hour of the week; as much above, inverted.",
    0.5,
    ("model",),
    silent=1.0,
)

_THRESHOLDS: Final = (
    STANDARD_ERRORS,
    WINDOW_COVERED,
    ERROR_OBJECTIVE,
    LATENCY_OBJECTIVE,
    BUDGET_EVENTS,
    SILENCE,
    VOLUME,
)


def _windows() -> Iterator[Record]:
    """What is known about each window: how much of it was seen, and which is the first with enough in it."""
    start = f'min without ({REPLICA}) (ml_window_start_timestamp_seconds{{window="{TILE}"}})'
    yield Record(COVERED, f"clamp_max((time() - {start}) / {_SECONDS[TILE]}, 1)")
    for window in SIGNAL_WINDOWS:
        count = _SECONDS[window] // _SECONDS[TILE]
        seen = f'count_over_time({PREDICTIONS}{{window="{TILE}"}}{tiles(window)})'
        yield Record(COVERED, f"clamp_max({seen} / {count}, 1)", {"window": window})
    enough = [
        f'({PREDICTIONS}{{window="{window}"}} >= ignoring (window) group_left () {MINIMUM})' for window in _SECONDS
    ]
    yield Record(SHORTEST, "(\n  " + "\n  or ignoring (window)\n  ".join(enough) + "\n) ^ 0")


def _ratios() -> Iterator[Record]:
    for window, seconds in _SECONDS.items():
        rate = f'{PREDICTIONS}{{window="{window}"}} / {seconds}'
        yield Record("model_version:ml_predictions:rate", rate, {"window": window})
    errors = "model_version:ml_prediction_errors:increase"
    yield Record("model_version:ml_prediction_errors_per_prediction:ratio", f"{errors} / ({PREDICTIONS} > 0)")
    yield Record("model:ml_prediction_errors_per_prediction:ratio", f"{_ERRORS} / ({_MODEL} > 0)")
    yield Record("model:ml_prediction_slow_per_prediction:ratio", f"1 - {_WITHIN} / ({_TIMED} > 0)")
    latency = "model_version:ml_prediction_latency_seconds"
    yield Record(f"{latency}:mean", f"{latency}_sum:increase / ({latency}_count:increase > 0)")
    for quantile, name in ((0.5, "p50"), (0.99, "p99")):
        yield Record(f"{latency}:{name}", f"histogram_quantile({quantile}, {_BUCKETS}) >= 0")


def _budget(what: str, bad: str, all_: str) -> Iterator[Record]:
    """The share of 30 days' budget that is left; below 0 it is overspent."""
    spent = f'sum_over_time({bad}{{window="24h"}}[30d:1d]) / (sum_over_time({all_}{{window="24h"}}[30d:1d]) > 0)'
    allowed = f'(1 - model:ml_{what}_objective:threshold{{window="24h"}})'
    yield Record(f"model:ml_{what}_budget:remaining_ratio", f"1 - {spent} / {allowed}", {"window": "30d"})


def _latency_objective() -> Record:
    """Its label ``le`` names the bucket, so the most specific one is found for all its labels but that."""
    basis, series = f'({_TIMED}{{window="{TILE}"}} ^ 0)', LATENCY_OBJECTIVE.series
    return Record(
        "model:ml_latency_objective:bucket",
        f'{basis} * on (model) group_left (le) {series}{{model!=""}}\n'
        f'or ignoring (le)\n{basis} * on () group_left (le) {series}{{model=""}}',
    )


def _baseline_volume() -> Record:
    """The baseline's predictions of the hour that ends now: of the two hours of the week that it has parts of."""
    parts = []
    for time, part in (("", "minute() / 60"), ("vector(time() - 3600)", "1 - minute() / 60")):
        hour = f'count_values("hour_of_week", day_of_week({time}) * 24 + hour({time}))'
        parts.append(f"{hour} * scalar({part})")
    known = f"max without ({REPLICA}) (ml_baseline_hour_predictions)"
    hourly = f"max without (version) ({known} unless ignoring (hour_of_week) {SHADOW})"
    both = f"{hourly}\n  * on (hour_of_week) group_left ()\n  ({parts[0]}\n  or\n  {parts[1]})"
    return Record(
        _BASELINE,
        f"sum without (hour_of_week) (\n  {both}\n)\nand\ncount without (hour_of_week) (\n  {both}\n) == 2",
        {"window": "1h"},
    )


def _usual_volume() -> Iterator[Record]:
    hour = f'{_MODEL}{{window="1h"}}'
    weeks = " or ".join(f'label_replace({hour} offset {n}w, "week", "{n}", "", "")' for n in (1, 2, 3))
    yield _baseline_volume()
    yield Record(
        _USUAL,
        f"(quantile without (week) (0.5, {weeks})\nand count without (week) ({weeks}) >= 2)"
        f"\nor\n({_BASELINE} and {hour} offset 1h)",
    )
    yield Record("model:ml_predictions:usual_ratio", f"{hour} / ({_USUAL} > 0)")


def _shadow() -> Record:
    """What was a shadow within the tile; or within a day, as windows hold its answers, if it is nothing any more."""
    of = f"group without ({REPLICA}) (max_over_time(ml_model_shadow_info"
    there = f"group without ({REPLICA}, owner, task, baseline) (ml_model_info)"
    return Record(SHADOW, f"{of}[{TILE}]))\nor\n({of}[1d:{TILE}])) unless {there})")


def _serving(series: str, also: str = "") -> str:
    """Return what versions added within a tile, less those that were shadows in it: nobody gets their answers."""
    return f'{series}{{window="{TILE}"}} unless ignoring (window{also and f", {also}"}) {SHADOW}'


_RECORDS: Final = (
    Record(
        OWNERS, f"bottomk without (owner) (1, group without ({REPLICA}, version, task, baseline) (ml_model_info))"
    ),
    *increases("model_version", "ml_predictions_total", "ml_prediction_errors_total", windows=SLO_WINDOWS),
    *increases("model_version", "ml_prediction_latency_seconds_count", windows=SLO_WINDOWS),
    *increases("model_version", "ml_prediction_latency_seconds_sum"),
    *increases("model_version_le", "ml_prediction_latency_seconds_bucket"),
    _shadow(),
    *rolled(SERVED, _serving(PREDICTIONS)),
    *rolled(_MODEL, f"sum without (version) ({_serving(PREDICTIONS)})", SLO_WINDOWS),
    *rolled(
        _ERRORS, f"sum without (version) ({_serving('model_version:ml_prediction_errors:increase')})", SLO_WINDOWS
    ),
    *rolled(
        _TIMED,
        f"sum without (version) ({_serving('model_version:ml_prediction_latency_seconds_count:increase')})",
        SLO_WINDOWS,
    ),
    _latency_objective(),
    *rolled(
        _WITHIN,
        f"sum without (version, le) ({_serving(_BUCKETS, 'le')} and ignoring (version) model:ml_latency_objective:bucket)",
        SLO_WINDOWS,
    ),
    constant("model_version", "ml_minimum_samples"),
    constant("model_version", "ml_baseline_rows"),
    *_windows(),
    *_ratios(),
    ERROR_OBJECTIVE.records(_MODEL, "model"),
    Record(
        "model:ml_latency_objective:threshold",
        f"({_TIMED} ^ 0) * ignoring (window) group_left () sum without (window, le) (model:ml_latency_objective:bucket)",
    ),
    BUDGET_EVENTS.records(_MODEL, "model"),
    *_budget("error", _ERRORS, _MODEL),
    Record("model:ml_prediction_slow:increase", f"{_TIMED} - {_WITHIN}"),
    *_budget("latency", "model:ml_prediction_slow:increase", _TIMED),
    constant("model_version", "ml_prediction_last_timestamp_seconds"),
    Record(
        "model:ml_prediction_silence:seconds",
        f"time() - max without (version) (model_version:ml_prediction_last_timestamp_seconds:max unless {SHADOW})",
    ),
    SILENCE.records("model:ml_prediction_silence:seconds", "model"),
    *_usual_volume(),
    VOLUME.records("model:ml_predictions:usual_ratio", "model"),
    Record(
        CHAMPION,
        "sum without (version, window) (label_replace(topk without (version) (1,"
        f' {SERVED}{{window="24h"}} > 0), "champion", "$1", "version", "(.*)") ^ 0)',
    ),
)

_BURN_RATES: Final = (
    ("1h", "5m", 14.4, "critical", "2m"),
    ("6h", "30m", 6, "critical", "15m"),
    ("24h", "2h", 3, "warning", "1h"),
    ("3d", "6h", 1, "warning", "3h"),
)
"""Longer and shorter window, rate, severity and time, for an objective over 30 days (SRE workbook, chapter 5)."""


def _burn(name: str, what: str, ratio: str, bad: str, says: str, first_step: str) -> Iterator[Alert]:
    objective = f"model:ml_{what}_objective:threshold"
    for long, short, rate, severity, hold in _BURN_RATES:

        def over(window: str, rate: float = rate) -> str:
            return f'{ratio}{{window="{window}"}} > {rate:g} * (1 - {objective}{{window="{window}"}})'

        events = f'{bad}{{window="{long}"}} >= model:ml_budget_events:threshold{{window="{long}"}}'
        goal = number(objective, PERCENT, "model", "window")
        yield Alert(
            name,
            severity,
            owned(f"{over(long)}\nand ignoring (window)\n{over(short)}\nand\n{events}", "window"),
            f"The budget for predictions that {says} is being spent too fast.",
            f"{{{{ $value | humanizePercentage }}}} of the predictions of model {{{{ $labels.model }}}} over {long}"
            f" {says}, more than {rate:g} times what the objective of {goal} allows.",
            first_step,
            "ml-model",
            hold,
            labels={"long": long, "short": short},
        )


_EXPECTED: Final = f'({_MODEL}{{window="1h"}} offset 1w or {_MODEL}{{window="1h"}} offset 1d)'

_ALERTS: Final = (
    Alert(
        "MLNoPredictions",
        "critical",
        owned(
            f"""
            model:ml_prediction_silence:seconds > model:ml_silence_seconds:threshold
            and ignoring (window)
            max_over_time({_MODEL}{{window="24h"}}[7d:1h]) * ignoring (window) model:ml_silence_seconds:threshold / 86400 >= 20
            unless ignoring (window)
            {_EXPECTED} * ignoring (window) model:ml_silence_seconds:threshold / 3600 < 20
            """
        ),
        "A model that is usually asked gets no predictions.",
        "Model {{ $labels.model }} has had no prediction for {{ $value | humanizeDuration }}, though it usually has at"
        f" this hour; allowed are {number('model:ml_silence_seconds:threshold', 'humanizeDuration', 'model')}.",
        "See whether callers reach the model server, and whether the server still sends its events to the sidecar.",
        "ml-model",
        "5m",
    ),
    Alert(
        "MLVolumeAnomaly",
        "warning",
        owned(
            f"""
            (
              model:ml_predictions:usual_ratio < 1 - model:ml_volume_change:threshold
              or
              model:ml_predictions:usual_ratio > 1 / (1 - model:ml_volume_change:threshold)
            )
            and
            abs({_MODEL}{{window="1h"}} - {_USUAL}) > {Z} * sqrt({_MODEL}{{window="1h"}} + {_USUAL})
            """,
            "window",
        ),
        "A model gets far more or far fewer predictions than is usual at this hour of the week.",
        "Model {{ $labels.model }} got {{ $value | humanizePercentage }} of the predictions that are usual at this hour of"
        f" the week; a change of {number('model:ml_volume_change:threshold', PERCENT, 'model')} is allowed.",
        "Ask the callers whether a launch, a holiday or an outage explains it; then compare with the load balancer.",
        "ml-model",
        "30m",
        "30m",
    ),
    *_burn(
        "MLErrorBudgetBurn",
        "error",
        "model:ml_prediction_errors_per_prediction:ratio",
        _ERRORS,
        "fail",
        "Read the model server's log for the first error, and see whether it began with a new version.",
    ),
    *_burn(
        "MLLatencyBudgetBurn",
        "latency",
        "model:ml_prediction_slow_per_prediction:ratio",
        "model:ml_prediction_slow:increase",
        "are too slow",
        "Compare latency with volume and with the server's CPU: more load, a slower model, or a slow neighbour.",
    ),
)

FAMILY: Final = Family("traffic", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
