"""Estimation: how right the model will turn out to be, before labels come, and how far labels then differ from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import SHADOW, Z, number, owned
from definitions.performance import DROP, JUDGED, LABELS, area_of, bins_of, error_of_accuracy, of_confusion
from definitions.rule import Alert, Family, Record
from definitions.windows import SECONDS, SIGNAL_WINDOWS, TILE, constant, increases

_E: Final = "model_version:ml_estimated_performance"
_GAP: Final = "model_version:ml_performance_estimate_gap"
_SCORES: Final = "model_version:ml_estimated_score_bin"
_LIMIT: Final = "model_version:ml_estimated_performance_drop:threshold"
_PROMPT: Final = "model_version:ml_label_delay_seconds:prompt_p50"

_COUNTED: Final = {
    "accuracy": "model_version:ml_estimated_confusion:outcomes",
    "roc_auc": f"({_SCORES}:positive + {_SCORES}:negative)",
}


def _error_of_area() -> Record:
    area, positive, negative = f"{_E}:roc_auc", f"{_SCORES}:positive", f"{_SCORES}:negative"
    return Record(
        f"{area}_standard_error",
        f"""
        sqrt(clamp_min(
          (
            {area} * (1 - {area})
            + ({positive} - 1) * ({area} / (2 - {area}) - {area} ^ 2)
            + ({negative} - 1) * (2 * {area} ^ 2 / (1 + {area}) - {area} ^ 2)
          ) / ({positive} * {negative} > 0), 0
        ))
        """,
    )


def _gaps() -> Iterator[Record]:
    """What labels say of predictions less what their scores had promised."""
    parts = ("outcomes", "correct", "expected_correct", "variance")
    yield from increases("model_version", *(f"ml_estimate_{part}_total" for part in parts))
    outcomes, correct, expected, variance = (f"model_version:ml_estimate_{part}:increase" for part in parts)
    yield Record(f"{_GAP}:accuracy", f"({correct} - {expected}) / ({outcomes} > 0)")
    yield Record(f"{_GAP}:accuracy_standard_error", f"sqrt({variance} > 0) / ({outcomes} > 0)")


def _drops() -> Iterator[Record]:
    """How far each estimate lies below that of the baseline, whose error is that of the labels it was calibrated on."""
    beside = "ignoring (window) group_left ()"
    for measure, counted in _COUNTED.items():
        base = constant("model_version", f"ml_baseline_estimated_performance_{measure}")
        yield base
        yield Record(f"{_E}:drop", f"-({_E}:{measure} - {beside} {base.name})", {"measure": measure})
        yield Record(
            f"{_E}:drop_standard_error",
            f"{_E}:{measure}_standard_error"
            f" * sqrt(1 + {counted} / {beside} model_version:ml_baseline_performance_samples:max)",
            {"measure": measure},
        )
        yield Record(f"{_E}:predictions", counted, {"measure": measure})
    yield Record(
        f"{_E}:certain_drop",
        f"{_E}:drop - {Z} * {_E}:drop_standard_error\nand\n{_E}:predictions >= scalar({LABELS.series}){JUDGED}",
    )
    yield Record(_LIMIT, DROP.records(f"{_E}:certain_drop", "model_version").expr)
    delay = "model_version:ml_label_delay_seconds:p50"
    yield Record(
        _PROMPT,
        "\nor\n".join(
            f'{delay}{{window="{window}"}} < {SECONDS[window] // 2}' for window in (TILE, *SIGNAL_WINDOWS)
        ),
    )


_RECORDS: Final = (
    *of_confusion("ml_estimated_confusion", "ml_estimated_performance"),
    error_of_accuracy("ml_estimated_confusion", "ml_estimated_performance"),
    *bins_of("ml_estimated_score"),
    *area_of("ml_estimated_score", "ml_estimated_performance"),
    _error_of_area(),
    *_gaps(),
    *_drops(),
)

_OF: Final = ("model", "version", "measure")
_TWO_DIGITS: Final = 'printf "%.2f"'

_ALERTS: Final = (
    Alert(
        "MLEstimatedPerformanceDrop",
        "warning",
        owned(
            f"""
            {_E}:drop
            and
            {_E}:certain_drop > {_LIMIT}
            unless
            (
              model_version:ml_performance:labels >= scalar({LABELS.series})
              and ignoring (measure)
              {_PROMPT}
            )
            unless ignoring (window, measure)
            {SHADOW}
            """,
            *("version", "window", "measure"),
        ),
        "The model's own scores say that it is less right than on its baseline, and labels do not tell yet.",
        "The {{ $labels.measure }} of model {{ $labels.model }} {{ $labels.version }} is estimated to be worse than on its"
        ' baseline by {{ $value | printf "%.2f" }}, for the predictions of {{ $labels.window }}; allowed are'
        f" {number(_LIMIT, _TWO_DIGITS, *_OF)} and"
        f" {number(f'{_E}:drop_standard_error', _TWO_DIGITS, *_OF, 'window')} is one standard error. Labels are too few or"
        " too late to judge by.",
        "See which inputs moved or broke: the model gets more cases about which it is unsure.",
        "ml-performance",
        "2m",
        "30m",
    ),
)

FAMILY: Final = Family("estimation", __doc__, _RECORDS, _ALERTS)
