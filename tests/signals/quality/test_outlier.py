"""Outliers: values beyond the tails of the baseline's raw rows, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.signals.quality import outlier
from ml_exporter.signals.quality.measure import QualitySignal
from ml_exporter.signals.signal import NO_BASELINE, View
from support import workload
from support.models import BASELINE_ROWS, Model

SIGNAL = QualitySignal(outlier.MEASURE)


def by_feature(samples: object) -> dict[str, float]:
    blocks = [sample for sample in samples if isinstance(sample, Block)]  # type: ignore[attr-defined]
    return {
        row[0]: float(value)
        for block in blocks
        for row, value in zip(block.rows.values, block.values, strict=True)
    }


@pytest.mark.parametrize("shift", [0.0, 1.5])
@pytest.mark.parametrize("feature", ["normal", "lognormal", "tailed"])
def test_it_is_the_share_beyond_the_raw_tails_of_the_baseline(feature: str, shift: float) -> None:
    model = Model()
    raw = pd.Series(workload.table(BASELINE_ROWS, seed=1)[feature]).dropna()
    (variable,) = (variable for variable in model.schema.numeric if variable.name == feature)
    below = variable.edges[[(raw < edge).mean() <= outlier.TAIL for edge in variable.edges]].max()
    above = variable.edges[[(raw >= edge).mean() <= outlier.TAIL for edge in variable.edges]].min()
    columns = workload.table(3_000, seed=41, shift=shift)
    values = pd.Series(columns[feature])
    expected = ((values < below) | (values >= above)).sum() / len(values)
    found = by_feature(SIGNAL.over_window(View(model.context, "1", model.sums(columns), "1h")))
    assert found[feature] == expected > 0
    mine = by_feature(SIGNAL.of_baseline(model.context, "1"))[feature]
    assert mine == ((raw < below) | (raw >= above)).sum() / BASELINE_ROWS
    assert 0 < mine <= 2 * outlier.TAIL


def test_a_value_beyond_the_extremes_is_one_even_of_a_constant() -> None:
    model = Model()
    columns = workload.table(400, seed=42)
    columns["constant"][:8] = [1e9, -1e9] * 4
    found = by_feature(SIGNAL.over_window(View(model.context, "1", model.sums(columns), "1h")))
    assert found["constant"] == 0.02


def test_a_feature_without_tails_has_no_sample_and_the_reason() -> None:
    model = Model()
    samples = list(SIGNAL.over_window(View(model.context, "1", model.sums(workload.table(400, seed=43)), "1h")))
    assert "tied" not in by_feature(samples)
    assert NoData(("model", "1", "1h"), "feature_outlier", NO_BASELINE, "tied") in samples


def test_a_shift_brings_more_of_them() -> None:
    model = Model()
    shares = []
    for shift in (0.0, 1.0, 2.0, 3.0):
        columns = workload.table(4_000, seed=44, shift=shift)
        sums = model.sums(columns)
        shares.append(by_feature(SIGNAL.over_window(View(model.context, "1", sums, "1h")))["normal"])
    assert np.all(np.diff(shares) > 0)
