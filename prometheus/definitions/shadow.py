"""Shadows: how alike a version is that answers beside the one at work, over any number of replicas."""

from __future__ import annotations

from typing import Final

from definitions.rule import Family, Record
from definitions.windows import increases

_S: Final = "model_version:ml_shadow"
_CLASSES: Final = "model_version_working_predicted:ml_shadow_agreement:increase"
_SCORED: Final = f"{_S}_scored:increase"

_RECORDS: Final = (
    *increases("model_version_working_predicted", "ml_shadow_agreement_total"),
    *increases("model_version", "ml_shadow_scored_total", "ml_shadow_above_total", "ml_shadow_below_total"),
    Record(f"{_S}_classes:increase", f"sum without (working, predicted) ({_CLASSES})"),
    Record(
        f"{_S}_agreement:ratio",
        f"sum without (working, predicted) ({_CLASSES} and label_replace(sum without (predicted) ({_CLASSES}),"
        f' "predicted", "$1", "working", "(.*)")) / ({_S}_classes:increase > 0)',
    ),
    Record(f"{_S}_difference:absolute", f"({_S}_above:increase + {_S}_below:increase) / ({_SCORED} > 0)"),
    Record(f"{_S}_difference:mean", f"({_S}_above:increase - {_S}_below:increase) / ({_SCORED} > 0)"),
)

FAMILY: Final = Family("shadow", __doc__, _RECORDS, ())
