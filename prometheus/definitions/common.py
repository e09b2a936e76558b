"""Expressions that several families share."""

from __future__ import annotations

from typing import Final

from definitions.thresholds import Threshold

_MODELS: Final = "group without (version, owner, task, baseline) (ml_model_info)"

OWNERS: Final = "model:ml_model:owner"
"""1 for each model, with its owner; recorded by the traffic family."""

CHAMPION: Final = "model:ml_champion:info"
"""1 for each model, with the version that gets most of its predictions as ``champion``."""

SHADOW: Final = "model_version:ml_model:shadow"
"""1 for each version that only answers beside the one at work."""

PREDICTIONS: Final = "model_version:ml_predictions:increase"
SERVED: Final = "model_version:ml_predictions_served:increase"
"""Predictions less those that a version made while it was a shadow."""

SHORTEST: Final = "model_version:ml_window:shortest"
COVERED: Final = "model_version:ml_window:covered_ratio"
MINIMUM: Final = "model_version:ml_minimum_samples:max"

STANDARD_ERRORS: Final = Threshold(
    "standard_errors",
    "How many standard errors a ratio or a performance must lie beyond its threshold.",
    3.0,
    lowest=1.0,
    highest=20.0,
)
WINDOW_COVERED: Final = Threshold(
    "window_covered",
    "Share of a window's length that must have been seen before drift or performance is judged.",
    0.8,
)

Z: Final = f"scalar({STANDARD_ERRORS.series})"


def owned(expr: str, *labels: str) -> str:
    """Return an alert's expression with the label ``owner``; ``labels`` are what it has beside the model's own."""
    return f"(\n{indent(expr)}\n)\n* ignoring ({', '.join([*labels, 'owner'])}) group_left (owner) {OWNERS}"


def of_servers(expr: str) -> str:
    """Return series about a model server, one for each sidecar, with the label of each of its models."""
    return f"{_MODELS} * ignoring (model) group_left () {expr}"


def indent(text: str) -> str:
    """Return the lines of a text two blanks further right."""
    from textwrap import dedent
    from textwrap import indent as shift

    return shift(dedent(text).strip("\n"), "  ")


def number(series: str, shown: str, *labels: str) -> str:
    """Return a template that shows the value of a series for an alert's ``labels``, such as its threshold."""
    matchers = ", ".join(f"{label}=%q" for label in labels)
    values = " ".join(f"$labels.{label}" for label in labels)
    query = f'printf "{series}{{{matchers}}}" {values} | query'
    return f"{{{{ with {query} }}}}{{{{ . | first | value | {shown} }}}}{{{{ end }}}}"


PERCENT: Final = "humanizePercentage"
