"""How right a model is over time: a measure of its task beside its baseline, its error and its threshold."""

from __future__ import annotations

from typing import Final

from boards.graphs import graph
from boards.panels import stat
from boards.queries import VERSION, WINDOW, Query, Role, baseline, current, threshold
from boards.sdk import build

NO_LABELS: Final = "no labels in this window"
_P: Final = "model_version:ml_performance"
_SHOWN: Final = {"accuracy": "accuracy", "mae": "MAE", "roc_auc": "ROC AUC", "r2": "R2"}


def value(*measures: str) -> str:
    """Return the first of these measures that the model's task has, named by a label ``measure``."""
    return "\nor\n".join(
        f'label_replace({_P}:{each}{{{WINDOW}}}, "measure", "{_SHOWN[each]}", "", "")' for each in measures
    )


def base(*measures: str) -> str:
    """Return the baseline's value of the first of these measures that the model's task has."""
    return "\nor\n".join(f"max(ml_baseline_performance_{each}{{{VERSION}}})" for each in measures)


def _end(sign: str, measures: tuple[str, ...]) -> str:
    of = (f"{_P}:{each}{{{WINDOW}}} {sign} 2 * {_P}:{each}_standard_error{{{WINDOW}}}" for each in measures)
    return "\nor\n".join(of)


def _limit(measure: str) -> str:
    allowed = f'max({_P}_drop:threshold{{{VERSION}, measure="{measure}"}})'
    if measure == "mae":
        return f"{base(measure)} * (1 + {allowed})"
    return f"{base(measure)} - {allowed}"


def tile() -> build.Panel:
    """Return the accuracy or mean absolute error of now beside the baseline's."""
    return stat(
        "Performance",
        "Accuracy, or MAE of a regression, over the labels of the window, beside the baseline's.",
        Query(value("accuracy", "mae"), "{{measure}}"),
        Query(base("accuracy", "mae"), "baseline"),
        unit="none",
        decimals=3,
    )


def measure(
    title: str, says: str, measures: tuple[str, ...], judged: tuple[str, ...], size: tuple[int, int]
) -> build.Panel:
    """Return a measure with its band of two standard errors, baseline and threshold."""
    says = f"""{says} Over the labels that arrived within the window. The band is two standard errors to either
    side. An alert wants a fall beyond the dashed red line, or below a floor, by three standard errors."""
    return graph(
        title,
        says,
        Query(_end("-", judged), "two standard errors below", Role.LOWER),
        Query(_end("+", judged), "two standard errors above", Role.UPPER),
        current(value(*measures), "{{measure}}"),
        baseline(base(*measures)),
        threshold("\nor\n".join(_limit(each) for each in judged)),
        threshold(f'max({_P}_floor:threshold{{{VERSION}, measure=~"{"|".join(measures)}"}})', "floor"),
        unit="none",
        none=NO_LABELS,
        size=size,
    )


def accuracy_or_mae(size: tuple[int, int]) -> build.Panel:
    """Return accuracy, or of a regression the mean absolute error."""
    says = "Accuracy, higher is better; of a regression the mean absolute error, lower is better."
    return measure("Accuracy, or MAE of a regression", says, ("accuracy", "mae"), ("accuracy", "mae"), size)


def roc_auc_or_r2(size: tuple[int, int]) -> build.Panel:
    """Return the area under the ROC curve, or of a regression the share of variance that is explained."""
    says = "ROC AUC of two classes, 0.5 is chance; of a regression R2, 0 is the mean label. Higher is better."
    return measure("ROC AUC, or R2 of a regression", says, ("roc_auc", "r2"), ("roc_auc",), size)
