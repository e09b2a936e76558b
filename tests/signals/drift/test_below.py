"""Counters of numbers below edges, held against the rows themselves."""

import numpy as np
import pytest

from ml_exporter.core.metrics import Block
from ml_exporter.signals.drift.below import QUANTILES, SIGNAL
from ml_exporter.signals.signal import View
from support import workload
from support.models import BASELINE_ROWS, Model

MODEL = Model()
ROWS = workload.table(3_000, seed=5, shift=1.0)


def by_edge(blocks: list[Block], name: str) -> dict[tuple[str, ...], float]:
    (block,) = (block for block in blocks if block.metric.name == name)
    return dict(zip(block.rows.values, map(float, block.values), strict=True))


LIVE = list(SIGNAL.since_start(View(MODEL.context, "1", MODEL.sums(ROWS))))
BASELINE = list(SIGNAL.of_baseline(MODEL.context, "1"))
NUMERIC = sorted({feature for feature, _ in by_edge(LIVE, "ml_feature_below_total")})


def edges_of(feature: str) -> list[str]:
    return [below for name, below in by_edge(LIVE, "ml_feature_below_total") if name == feature]


TIED = {"constant": 2, "tied": 8, "zeros": 5}
"""Edges of the features whose baseline has no nine quantiles apart."""


@pytest.mark.parametrize("feature", NUMERIC)
def test_every_numeric_feature_has_edges_in_order(feature: str) -> None:
    edges = edges_of(feature)
    assert len(edges) == TIED.get(feature, len(QUANTILES) + 1)
    assert [float(edge) for edge in edges] == sorted({float(edge) for edge in edges})
    assert edges[-1] == "+Inf"


@pytest.mark.parametrize("feature", NUMERIC)
def test_counts_are_those_of_the_rows(feature: str) -> None:
    edges = {variable.name: variable.edges for variable in MODEL.context.schema.numeric}[feature]
    values = ROWS[feature]
    for (name, below), count in by_edge(LIVE, "ml_feature_below_total").items():
        if name == feature:
            bound = np.inf if below == "+Inf" else edges[np.argmin(np.abs(edges - float(below)))]
            assert count == np.sum(values < bound), below


@pytest.mark.parametrize("feature", sorted(set(NUMERIC) - set(TIED)))
def test_edges_lie_at_the_quantiles_of_the_baseline(feature: str) -> None:
    shares = [
        share
        for (name, _), share in by_edge(BASELINE, "ml_baseline_feature_below_ratio").items()
        if name == feature
    ]
    assert shares == pytest.approx([*QUANTILES, 1.0], abs=0.5 / 250 + 1 / BASELINE_ROWS)


def test_scores_have_them_too() -> None:
    counts = by_edge(LIVE, "ml_prediction_below_total")
    assert counts["+Inf",] == 3_000
    assert 0 < counts[next(iter(counts))] < 3_000
