"""The versions of a model side by side, in one window."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from ml_exporter.pages.markup import Html, Number, html, muted, table, unknown
from ml_exporter.pages.sections.feedback import MEAN, SAMPLES, SHARE, interval
from ml_exporter.pages.sections.performance import BASELINE, OBSERVED, beside, measures
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import ago, number, percent, plain, short, title

_SHARE: Final = "Share of features with PSI from 0.1 and above noise"
_LAST: Final = "ml_prediction_last_timestamp_seconds"


def _content(chosen: Selection) -> Html:
    snapshot, window = chosen.snapshot, chosen.window
    versions = snapshot.versions(chosen.model)
    if len(versions) < 2:
        return Html("")
    each = [replace(chosen, version=version) for version in versions]
    shadows = [snapshot.is_shadow(*of.total) for of in each]

    def line(title: str, name: str, signal: str = "", *, share: bool = False) -> list[str]:
        shown = percent if share else number
        return [title, *(shown(snapshot.value(name, *of.scope), short(of.reasons.get(signal))) for of in each)]

    def of_shadows(title: str, key: str, *, share: bool = False) -> list[str]:
        shown = percent if share else number
        signal = f"shadow_{key.partition('_')[0]}"
        values = [snapshot.value(f"ml_shadow_{key}", *of.scope) for of in each]
        return [title, *(shown(value, _pairs(signal, of)) for value, of in zip(values, each, strict=True))]

    rows = [
        [
            "Last prediction",
            *(Number(ago(snapshot.value(_LAST, *of.total), snapshot.at, "none yet")) for of in each),
        ],
        ["Baseline", *(_baseline(of) for of in each)],
        line("Predictions", "ml_window_predictions"),
        line("Labels", "ml_performance_samples"),
        line("PSI of the predictions", "ml_prediction_drift_psi", "prediction_drift_psi"),
        line(_SHARE, "ml_feature_drift_share_ratio", "feature_drift_psi", share=True),
    ]
    if any(snapshot.value(SAMPLES, *of.scope) is not None for of in each):
        rows.append(line("Ratings and thumbs", SAMPLES))
        rows.append(line("Mean rating", MEAN, "feedback_rating_mean"))
        rows.append(["Share of positive feedback", *map(_positive, each)])
    if any(shadows):
        rows.append(of_shadows("Agreement with the version at work", "agreement_ratio", share=True))
        rows.append(of_shadows("Mean absolute difference from it", "difference_absolute"))
    for key in dict.fromkeys(key for of in each for key in measures(of)):
        found = [snapshot.rows(OBSERVED + key, *of.scope) for of in each]
        if all(labels == () for values in found for labels in values):
            rows.append([title(key), *map(partial(_measure, key), each, found)])
    heads = (f"{name} (a shadow)" if is_one else name for name, is_one in zip(versions, shadows, strict=True))
    words = (
        f"All versions within {window}. Below a measure stand its 95 % interval, or after ± its standard error,"
        " and its value in the version's baseline."
    )
    return table(words, ("Number", *heads), rows)


def _baseline(of: Selection) -> Number:
    """Return by which name, the first digits of its hash, a version's baseline is known."""
    names = [digest for _, _, digest in of.snapshot.rows("ml_model_info", *of.total)]
    rows = of.snapshot.value("ml_baseline_rows", *of.total)
    return Number(html(names[0])) if rows and names else unknown("none")


def _pairs(key: str, of: Selection) -> str:
    """Return why a version has no number of its agreement with the one at work."""
    is_one = of.snapshot.is_shadow(*of.total)
    return short(of.reasons.get(key)) if is_one else "not a shadow"


def _positive(of: Selection) -> Number:
    value, why = of.snapshot.value(SHARE, *of.scope), short(of.reasons.get("feedback_positive_ratio"))
    within = interval(of)
    return Number(percent(value, why) + (f"<br>{muted(within)}" if within else ""))


def _measure(key: str, of: Selection, found: dict[tuple[str, ...], float]) -> Number:
    before = of.snapshot.value(BASELINE + key, *of.total)
    then = "" if before is None else f"<br>{muted(f'baseline {plain(before)}')}"
    return Number(number(found.get(()), short(of.reasons.get(key))) + beside(of, OBSERVED + key, ()) + then)


SECTION: Final = Section("versions", "Versions side by side", Of.MODEL, _content)
