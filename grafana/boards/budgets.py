"""The budgets of a model for errors and slow answers, and how fast they are spent."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph, histogram
from boards.queries import MODEL, VERSION, Query, shortest, threshold
from boards.sdk import build

_LATENCIES: Final = "model_version_le:ml_prediction_latency_seconds_bucket:increase"
_BURN_RATES: Final = (("1h", 14.4), ("6h", 6), ("24h", 3), ("3d", 1))


def _burn(what: str, title: str, ratio: str, says: str) -> build.Panel:
    objective = f"model:ml_{what}_objective:threshold"
    rates = (
        Query(
            f'max({ratio}{{{MODEL}, window="{window}"}})'
            f' / (1 - max({objective}{{{MODEL}, window="{window}"}})) / {limit:g}',
            f"{window} (alerts at {limit:g})",
        )
        for window, limit in _BURN_RATES
    )
    return graph(
        title,
        f"""{says} A burn rate of 1 spends a budget in just its 30 days. Drawn is the rate over each window as a
        share of that at which it alerts; beyond the dashed line budget goes too fast. Higher is worse.""",
        *rates,
        threshold("vector(1)", "alerts"),
        unit="percentunit",
        none="no predictions in these windows",
        lowest=0,
    )


def row() -> Row:
    """Return burn rates, what is left, and the latency of every prediction."""
    return Row(
        "Budgets and latency",
        [
            _burn(
                "error",
                "Burn rate, errors",
                "model:ml_prediction_errors_per_prediction:ratio",
                "How fast the budget for predictions that fail is spent.",
            ),
            _burn(
                "latency",
                "Burn rate, slow answers",
                "model:ml_prediction_slow_per_prediction:ratio",
                "How fast the budget for answers that are too slow is spent.",
            ),
            graph(
                "Budget left",
                "Share of the budgets of 30 days that is left; below 0 they are overspent. Lower is worse.",
                Query(f"model:ml_error_budget:remaining_ratio{{{MODEL}}}", "errors"),
                Query(f"model:ml_latency_budget:remaining_ratio{{{MODEL}}}", "slow answers"),
                threshold(f"0 * max(model:ml_error_budget:remaining_ratio{{{MODEL}}})", "spent"),
                unit="percentunit",
                none="less than a day of predictions is known",
            ),
            histogram(
                "Latency of every prediction",
                """Predictions of this version by latency, over five minutes each; the scale below says how many.
                Up is slower.""",
                f"sum by (le) {shortest(_LATENCIES, VERSION)}",
                unit="s",
                none="no predictions",
            ),
        ],
    )
