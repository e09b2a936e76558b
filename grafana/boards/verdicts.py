"""Tiles with one word and its colour: is a model up, asked, right, like its baseline, sound, fast.

A click on one opens the dashboard that says more.
"""

from __future__ import annotations

from typing import Final

from boards.links import there
from boards.panels import verdict
from boards.queries import MODEL, VERSION
from boards.queries import verdict as level
from boards.sdk import build

_DRIFT: Final = "model_version_feature:ml_feature_drift"
_MISSING: Final = "model_version_feature:ml_feature_missing"
_INVALID: Final = "model_version_feature:ml_feature_invalid"
_SHORTEST: Final = f"model_version:ml_window:shortest{{{VERSION}}}"
_P: Final = "model_version:ml_performance"
_DRIFTED: Final = f"{_DRIFT}:certain_psi{{{VERSION}}} > {_DRIFT}_psi:threshold{{{VERSION}}}"
_OUTPUT: Final = "model_version:ml_prediction_drift"


def _alert(names: str, severity: str, of: str = MODEL) -> str:
    return f'ALERTS{{{of}, alertname=~"{names}", alertstate="firing", severity="{severity}"}}'


def up(opens: str) -> build.Panel:
    """Return whether servers run."""
    return verdict(
        "Up",
        """Does its server run? Critical: no server does. Warning: some do not. Grey: no sidecar watches one, or it
        is gone.""",
        level(
            f"model:ml_server_up:count{{{MODEL}}}",
            f"model:ml_server_up:count{{{MODEL}}} == 0",
            f"model:ml_server_up:count{{{MODEL}}} < model:ml_server:count{{{MODEL}}}",
        ),
        there(opens),
        "not known",
        ("up", "some down", "down"),
    )


def asked(opens: str) -> build.Panel:
    """Return whether predictions arrive."""
    return verdict(
        "Asked",
        """Do predictions arrive? Warning: the last one is longer ago than the threshold. Critical: and some were
        to be expected at this hour.""",
        level(
            f"model:ml_prediction_silence:seconds{{{MODEL}}}",
            _alert("MLNoPredictions", "critical"),
            f"model:ml_prediction_silence:seconds{{{MODEL}}} > model:ml_silence_seconds:threshold{{{MODEL}}}",
        ),
        there(opens),
        "not known",
        ("asked", "silent", "silent"),
    )


def right(opens: str) -> build.Panel:
    """Return whether the model is as right as on its baseline."""
    return verdict(
        "Right",
        """Is it as right as on its baseline? Critical: it certainly lies beyond the threshold, below its floor, or
        a constant answer does better, over the window in which alerts judge. Grey: too few labels to say.""",
        level(
            f"{_P}:certain_drop{{{VERSION}}}",
            f"""{_P}:certain_drop{{{VERSION}}} > {_P}_drop:threshold{{{VERSION}}}
            or {_P}:certain_level{{{VERSION}}} < {_P}_floor:threshold{{{VERSION}}}
            or {_alert("MLWorseThanConstant", "critical", VERSION)}""",
        ),
        there(opens),
        "too few labels",
        ("right", "worse", "worse"),
    )


def like_baseline(opens: str) -> build.Panel:
    """Return whether inputs and predictions are distributed as in the baseline."""
    return verdict(
        "Like its baseline",
        """Are inputs and predictions distributed as in the baseline? Warning: a feature, the predictions or the
        share of drifted features lies beyond its threshold. Grey: too few predictions, or too little of the window
        seen.""",
        level(
            f"{_DRIFT}:certain_psi{{{VERSION}}}",
            "",
            f"""{_DRIFTED}
            or {_OUTPUT}:certain_psi{{{VERSION}}} > {_OUTPUT}_psi:threshold{{{VERSION}}}
            or {_alert("MLDriftWidespread", "warning", VERSION)}""",
        ),
        there(opens),
        "too little seen",
        ("like it", "drifting", "drifting"),
    )


def sound(opens: str) -> build.Panel:
    """Return whether features have the values that they should."""
    return verdict(
        "Inputs sound",
        """Do features have values, and those that they should? Critical: values of a feature are missing beyond
        the threshold. Warning: some are of another type, not finite, out of range or unseen. Grey: too few
        predictions.""",
        level(
            f"{_MISSING}:certain_excess{{{VERSION}}} and ignoring (feature) {_SHORTEST}",
            f"""{_MISSING}:certain_excess{{{VERSION}}} > {_MISSING}:threshold{{{VERSION}}}
            and ignoring (feature) {_SHORTEST}""",
            f"""{_INVALID}:certain_excess{{{VERSION}}} > {_INVALID}:threshold{{{VERSION}}}
            and ignoring (feature, check) {_SHORTEST}""",
        ),
        there(opens),
        "too few seen",
        ("sound", "invalid", "missing"),
    )


def fast(opens: str) -> build.Panel:
    """Return whether errors and latency stay within their budgets."""
    return verdict(
        "Fast, without errors",
        """Is a budget for errors or slow answers spent too fast? Critical: it would be gone within two days or
        five; warning: within ten, or before its 30 days end. Grey: no prediction within an hour, or none that
        told its latency.""",
        level(
            f'model:ml_prediction_errors_per_prediction:ratio{{{MODEL}, window="1h"}}'
            f' and model:ml_prediction_slow_per_prediction:ratio{{{MODEL}, window="1h"}}'
            f" and ignoring (window) model:ml_prediction_silence:seconds{{{MODEL}}} < 3600",
            _alert("ML(Error|Latency)BudgetBurn", "critical"),
            _alert("ML(Error|Latency)BudgetBurn", "warning"),
        ),
        there(opens),
        "not known",
        ("within budget", "burning", "burning"),
    )
