"""The versions of a model side by side, in one window."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ml_exporter.pages.markup import Html, Number, table
from ml_exporter.pages.sections.performance import OBSERVED, measures
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import ago, number, percent, short, title

_LAST: Final = "ml_prediction_last_timestamp_seconds"


def _content(chosen: Selection) -> Html:
    snapshot, window = chosen.snapshot, chosen.window
    versions = snapshot.versions(chosen.model)
    if len(versions) < 2:
        return Html("")
    each = [replace(chosen, version=version) for version in versions]
    own = {
        labels[0]
        for labels in snapshot.rows("ml_model_configured_info", chosen.model)
        if snapshot.value("ml_baseline_rows", chosen.model, labels[0])
    }

    def line(title: str, name: str, *, share: bool = False) -> list[str]:
        shown = percent if share else number
        return [title, *(shown(snapshot.value(name, *of.scope)) for of in each)]

    rows = [
        [
            "Last prediction",
            *(Number(ago(snapshot.value(_LAST, *of.total), snapshot.at, "none yet")) for of in each),
        ],
        line("Predictions", "ml_window_predictions"),
        line("Labels", "ml_performance_samples"),
        line("PSI of the predictions", "ml_prediction_drift_psi"),
        line("Share of features with PSI from 0.1 and above noise", "ml_feature_drift_share_ratio", share=True),
    ]
    if any(snapshot.value("ml_model_shadow_info", *of.total) for of in each):
        rows.append(line("Agreement of a shadow", "ml_shadow_agreement_ratio", share=True))
        rows.append(line("Mean absolute difference of a shadow", "ml_shadow_difference_absolute"))
    for key in dict.fromkeys(key for of in each for key in measures(of)):
        found = [snapshot.rows(OBSERVED + key, *of.scope) for of in each]
        if all(labels == () for values in found for labels in values):
            cells = [
                number(values.get(()), short(of.reasons.get(key))) for of, values in zip(each, found, strict=True)
            ]
            rows.append([title(key), *cells])
    heads = ("", *(f"{version} (own baseline)" if version in own else version for version in versions))
    return table(f"All versions within {window}.", ("Number", *heads[1:]), rows)


SECTION: Final = Section("versions", "Versions side by side", Of.MODEL, _content)
