"""Numbers, shares, times and reasons as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ml_exporter.pages.markup import Number, unknown
from ml_exporter.signals.signal import REASONS

_SPANS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def plain(value: float) -> str:
    """Return a number in four digits, whole ones in full.

    >>> plain(1234567), plain(0.123456), plain(1e-7), plain(0.0)
    ('1,234,567', '0.1235', '1e-07', '0')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def number(value: float | None, why: str = "") -> Number:
    """Return a number as a cell, or why there is none."""
    return unknown(why) if value is None else Number(plain(value))


def percent(value: float | None, why: str = "") -> Number:
    """Return a share as a cell in percent, or why there is none.

    >>> percent(0.12345), percent(0.0), percent(0.00001), percent(-1.5)
    ('12.3 %', '0 %', '0.001 %', '-150.0 %')
    """
    if value is None:
        return unknown(why)
    return Number(f"{100 * value:.1f} %" if abs(value) >= 0.001 else f"{100 * value:.2g} %")


def span(seconds: float) -> str:
    """Return a length of time, rounded down.

    >>> span(3.2), span(300), span(7300), span(200000), span(0.004)
    ('3 s', '5 min', '2 h', '2 d', '4 ms')
    """
    if 0 < seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    for size, unit in _SPANS:
        if seconds >= size:
            return f"{int(seconds / size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def ago(moment: float | None, now: float, never: str) -> str:
    """Return how long ago something was, ``never`` if it was not."""
    return never if moment is None else f"{span(now - moment)} ago"


def moment(seconds: float | None) -> str:
    """Return a time.

    >>> moment(0.0)
    '1970-01-01 00:00:00 UTC'
    """
    return "never" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count: float) -> str:
    """Return a number of bytes.

    >>> size(500), size(3 << 20)
    ('500 B', '3.0 MiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


_TITLES: Final = {
    "psi": "PSI",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov",
    "kolmogorov_smirnov_pvalue": "Kolmogorov-Smirnov, p-value",
    "jensen_shannon": "Jensen-Shannon distance",
    "wasserstein": "Wasserstein distance",
    "chi_squared": "Chi-squared",
    "chi_squared_pvalue": "Chi-squared, p-value",
    "cramers_v": "Cramer's V",
    "l_infinity": "L-infinity distance",
    "azure_psi": "PSI as Azure ML has it",
    "azure_jensen_shannon": "Jensen-Shannon distance as Azure ML has it",
    "azure_chi_squared_pvalue": "Chi-squared, p-value as Azure ML has it",
    "brier": "Brier score",
    "r2": "R²",
}
_SPELT: Final = ("AUC", "Brier", "CUSUM", "F1", "MAE", "MAPE", "RMSE", "ROC", "SMAPE", "WAPE")
_NAMES: Final = {name.lower(): name for name in _SPELT}


def title(key: str) -> str:
    """Return the name of a measure.

    >>> title("roc_auc"), title("log_loss"), title("constant_brier")
    ('ROC AUC', 'Log loss', 'Constant Brier')
    """
    words = " ".join(_NAMES.get(word, word) for word in key.split("_"))
    return _TITLES.get(key, words[:1].upper() + words[1:])


def reason(key: str) -> str:
    """Return a reason for no data in words."""
    return REASONS.get(key, key)


SHORT: Final = {
    "no_events": "no predictions",
    "no_labels": "no labels",
    "no_feedback": "no feedback",
    "no_features": "no features",
    "no_scores": "no scores",
    "no_pairs": "no pairs",
    "no_baseline": "not in the baseline",
    "too_few_samples": "too few samples",
    "one_class": "one class only",
    "undefined": "undefined",
    "failed": "failed, see the log",
}
"""Reasons in a cell."""


def short(reasons: dict[str, str] | None) -> str:
    """Return the reason of a signal, of :meth:`Snapshot.reasons`, in a few words; "" if none is told."""
    if not reasons:
        return ""
    key = reasons.get("") or next(iter(reasons.values()))
    return SHORT.get(key, key)


def short_of(name: str, reasons: dict[str, str] | None) -> str:
    """Return the reason of one feature or group of a signal in a few words; "" if none is told.

    >>> short_of("distance", {"distance": "no_baseline", "hour": "undefined"}), short_of("day", {"": "failed"})
    ('not in the baseline', 'failed, see the log')
    """
    key = (reasons or {}).get(name) or (reasons or {}).get("", "")
    return SHORT.get(key, key)
