"""Attributions, held against pandas and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import attribution
from ml_exporter.signals.attribution.ndcg import attribution_ndcg
from ml_exporter.signals.attribution.rank import attribution_rank
from ml_exporter.signals.signal import View
from support import workload
from support.models import BASELINE_ROWS, Model

ROWS = 2_000
MODEL = Model()
NAMES = [variable.name for variable in MODEL.schema.features]


def found(columns: workload.Table, model: Model = MODEL) -> tuple[dict[str, dict[str, float]], list[NoData]]:
    """Return the samples by metric and feature, and why there are none."""
    view = View(model.context, "1", model.sums(columns), "1h")
    total = View(model.context, "1", view.sums)
    values: dict[str, dict[str, float]] = {}
    absent = []
    for signal in attribution.SIGNALS:
        for block in (
            *signal.since_start(total),
            *signal.over_window(view),
            *signal.of_baseline(model.context, "1"),
        ):
            if isinstance(block, Block):
                own = values.setdefault(block.metric.name, {})
                rows = [row[0] if row else "" for row in block.rows.values]
                own |= {k: float(v) for k, v in zip(rows, block.values, strict=True) if np.isfinite(v)}
            else:
                absent.append(block)
    return values, absent


def test_means_are_those_of_the_rows() -> None:
    columns = workload.table(ROWS, seed=7)
    values, absent = found(columns)
    told = np.abs(workload.attributions(columns, NAMES))
    assert values["ml_feature_attribution_mean"] == pytest.approx(
        dict(zip(NAMES, np.nanmean(told, axis=1), strict=True)), rel=1e-12
    )
    assert values["ml_feature_attribution_total"] == pytest.approx(
        dict(zip(NAMES, np.nansum(told, axis=1), strict=True)), rel=1e-12
    )
    assert values["ml_feature_attributed_predictions_total"] == dict(
        zip(NAMES, (~np.isnan(told)).sum(axis=1), strict=True)
    )
    before = np.abs(workload.attributions(workload.table(BASELINE_ROWS, seed=1), NAMES))
    assert values["ml_baseline_feature_attribution_mean"] == pytest.approx(
        dict(zip(NAMES, np.nanmean(before, axis=1), strict=True)), rel=1e-12
    )
    assert not absent


def test_a_change_of_what_the_model_rests_on_shows() -> None:
    columns = workload.table(ROWS, seed=7)
    values, _ = found(columns)
    assert values["ml_attribution_drift_ndcg"][""] == 1.0
    columns["normal"] /= 1000
    columns["zeros"] *= 50
    values, _ = found(columns)
    ranks, before = values["ml_feature_attribution_rank"], values["ml_baseline_feature_attribution_rank"]
    assert (before["normal"], ranks["zeros"]) == (1.0, 1.0)
    now, base = values["ml_feature_attribution_mean"], values["ml_baseline_feature_attribution_mean"]
    oracle = ndcg_score([[base[name] for name in NAMES]], [[now[name] for name in NAMES]])
    assert values["ml_attribution_drift_ndcg"][""] == pytest.approx(oracle, rel=1e-12)
    assert oracle < 0.9


sizes = st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.5, 0.7, 3.0]), min_size=2, max_size=12)


@given(st.data())
def test_ndcg_is_that_of_scikit_learn_ties_and_all(data: st.DataObject) -> None:
    before = data.draw(sizes)
    now = data.draw(st.lists(st.sampled_from([0.0, 0.2, 0.4, 9.0]), min_size=len(before), max_size=len(before)))
    score = attribution_ndcg(np.array(now), np.array(before))
    if not any(before):
        assert np.isnan(score)
    else:
        assert score == pytest.approx(ndcg_score([before], [now]), rel=1e-12)


def test_a_reversed_ranking_is_what_clarifys_page_shows() -> None:
    """Amazon's example: 0.70, 0.50, 0.05 in training, 0.10, 0.20, 0.70 live."""
    score = attribution_ndcg(np.array([0.10, 0.20, 0.70]), np.array([0.70, 0.50, 0.05]))
    assert round(score, 2) == 0.69


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12))
def test_ranks_are_a_permutation_in_the_order_of_the_means(means: list[float]) -> None:
    ranks = attribution_rank(np.array(means))
    assert sorted(ranks) == list(range(1, len(means) + 1))
    ordered = [mean for _, mean in sorted(zip(ranks, means, strict=True))]
    assert ordered == sorted(means, reverse=True)


def test_one_feature_told_too_rarely_makes_the_score_unknown() -> None:
    columns = workload.table(ROWS, seed=7)
    columns["normal"][60:] = np.nan
    values, absent = found(columns)
    assert "ml_attribution_drift_ndcg" not in values
    assert {(gone.signal, gone.feature, gone.reason) for gone in absent} == {
        ("attribution_mean", "normal", "too_few_samples"),
        ("attribution_rank", "normal", "too_few_samples"),
        ("attribution_drift_ndcg", "", "too_few_samples"),
    }


def test_a_model_without_attributions_has_no_series_of_them() -> None:
    model = Model(Task.REGRESSION)
    assert "attribution_sums" not in model.tallies.layout
    values, absent = found(workload.table(ROWS, seed=7, task=Task.REGRESSION), model)
    assert (values, absent) == ({}, [])


def test_without_a_baseline_there_are_means_and_ranks_but_nothing_to_compare_with() -> None:
    columns = workload.table(ROWS, seed=7)
    context = type(MODEL.context)(type(MODEL.reference)(MODEL.schema, MODEL.tallies.zero()), 100)
    view = View(context, "1", MODEL.sums(columns), "1h")
    blocks = [block for signal in attribution.SIGNALS for block in signal.over_window(view)]
    assert {block.metric.name for block in blocks if isinstance(block, Block)} == {
        "ml_feature_attribution_mean",
        "ml_feature_attribution_rank",
    }
    assert [(gone.signal, gone.reason) for gone in blocks if isinstance(gone, NoData)] == [
        ("attribution_drift_ndcg", "no_baseline")
    ]
