"""Attribution: does the model still rest on the features on which it rested in the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import COVERED, MINIMUM, WINDOW_COVERED, number, owned
from definitions.drift import FEATURES, WINDOW
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increases

NDCG: Final = Threshold(
    "attribution_ndcg",
    "NDCG of the features' ranking by attribution against the baseline's, below which it has drifted.",
    0.9,
    ("model", "version"),
    silent=0.0,
)
_THRESHOLDS: Final = (NDCG,)

RANKS: Final = 20
"""Places that are told apart: PromQL has no rank, but the features among the first k, for each k."""

_LEVEL: Final = "model_version_feature"
_A: Final = f"{_LEVEL}:ml_feature_attribution"
_TOLD: Final = f"{_LEVEL}:ml_feature_attributed_predictions:increase"
_BASE: Final = f"{_LEVEL}:ml_baseline_feature_attribution_mean:max"
_BASE_RANK: Final = f"{_LEVEL}:ml_baseline_feature_attribution_rank:max"
_D: Final = "model_version:ml_attribution_drift"


def _ranked() -> str:
    """Return the rank of each feature by its mean: how many of the first k it is among tells its place."""
    among = [
        f'label_replace(topk without (feature) ({k}, {_A}:mean) ^ 0, "first", "{k}", "", "")'
        for k in range(1, RANKS + 1)
    ]
    return f"{RANKS + 1} - sum without (first) (\n  " + "\n  or\n  ".join(among) + "\n)"


def _records() -> Iterator[Record]:
    yield from increases(_LEVEL, "ml_feature_attribution_total", "ml_feature_attributed_predictions_total")
    yield constant(_LEVEL, "ml_baseline_feature_attribution_mean")
    yield constant(_LEVEL, "ml_baseline_feature_attribution_rank")
    yield Record(f"{_A}:mean", f"{_A}:increase / ({_TOLD} > 0)")
    yield Record(f"{_A}:rank", _ranked())
    yield Record(f"{_D}:samples", f"min without (feature) ({_TOLD} and ignoring (window) {_BASE})")
    yield Record(
        f"{_D}:ndcg",
        f"""
        sum without (feature) (1 / log2({_A}:rank + 1) * ignoring (window) group_left () {_BASE})
        / ignoring (window) group_left ()
        (sum without (feature) ({_BASE} / log2(({_BASE_RANK} <= {RANKS}) + 1)) > 0)
        """,
    )
    yield Record(
        f"{_D}:certain_ndcg",
        f"""
        {_D}:ndcg
        and
        {_D}:samples >= ignoring (window) group_left () {MINIMUM}
        and
        {COVERED} >= scalar({WINDOW_COVERED.series})
        and on (window)
        {WINDOW}
        """,
    )
    yield NDCG.records(f"{_D}:certain_ndcg", "model_version")


_RECORDS: Final = tuple(_records())
_LIMIT: Final = "model_version:ml_attribution_ndcg:threshold"
_TWO_DIGITS: Final = 'printf "%.2f"'

_ALERTS: Final = (
    Alert(
        "MLAttributionDrift",
        "warning",
        owned(f"{_D}:certain_ndcg < {_LIMIT}", "version", "window"),
        "The model rests on other features than in the baseline.",
        "The order of the features of model {{ $labels.model }} {{ $labels.version }} by attribution has an NDCG of"
        ' {{ $value | printf "%.2f" }} against the baseline\'s, over {{ $labels.window }}; 1 is the same order, and'
        f" {number(_LIMIT, _TWO_DIGITS, 'model', 'version', 'window')} is allowed.",
        "See which features rose and fell: if those drifted too, begin with them; if not, ask what changed in the model.",
        "ml-drift",
        "5m",
        "30m",
        more={"features": FEATURES},
    ),
)

FAMILY: Final = Family("attribution", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
