"""Data quality: each kind of bad value is found where it is, and nowhere else."""

import numpy as np
import pytest

from ml_exporter.core.arrays import ABSENT, NONFINITE, TYPE_ERROR
from ml_exporter.core.metrics import Block
from ml_exporter.signals import quality
from ml_exporter.signals.signal import View
from support import workload
from support.models import Model


def ratios(model: Model, sums: object) -> dict[tuple[str, str], float]:
    view = View(model.context, "1", sums, "1h")  # type: ignore[arg-type]
    return {
        (signal.key, row[0]): float(value)
        for signal in quality.SIGNALS[: len(quality.MEASURES)]
        for block in signal.over_window(view)
        if isinstance(block, Block)
        for row, value in zip(block.rows.values, block.values, strict=True)
    }


@pytest.mark.parametrize(
    ("key", "mark"),
    [
        ("missing", np.nan),
        ("absent", ABSENT),
        ("type_error", TYPE_ERROR),
        ("nonfinite", NONFINITE),
        ("out_of_range", 1e9),
    ],
)
def test_a_bad_number_is_found(key: str, mark: float) -> None:
    model = Model()
    batch = model.predictions(workload.table(400, seed=31))
    place = [variable.name for variable in model.schema.numeric].index("tied")
    clean = model.tallies.zero()
    model.tallies.add_predictions(batch, clean)
    before = ratios(model, clean)
    batch.numeric[place, :40] = mark
    dirty = model.tallies.zero()
    model.tallies.add_predictions(batch, dirty)
    after = ratios(model, dirty)
    changed = {name for name in after if after[name] != before[name] and name[0] != "outlier"}
    assert changed == {(key, "tied")}
    assert after[key, "tied"] == 0.1


def test_an_unseen_category_is_found() -> None:
    model = Model()
    columns = workload.table(400, seed=32)
    columns["few"][:20] = "new"
    found = ratios(model, model.sums(columns))
    assert found["unseen", "few"] == 0.05
    assert found["unseen", "many"] == 0.0


def test_shares_are_of_all_predictions_and_the_baseline_has_its_own() -> None:
    model = Model()
    columns = workload.table(2_000, seed=33)
    found = ratios(model, model.sums(columns))
    assert found["missing", "normal"] == np.isnan(columns["normal"]).mean()
    missing = next(signal for signal in quality.SIGNALS if signal.key == "missing")
    (block,) = missing.of_baseline(model.context, "1")
    assert isinstance(block, Block)
    by_name = {row[0]: value for row, value in zip(block.rows.values, block.values, strict=True)}
    assert by_name["normal"] == pytest.approx(0.05, abs=0.01)
