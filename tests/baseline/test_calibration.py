"""Calibration of scores, fitted with the baseline: of one score, and of those of several classes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_exporter.baseline import calibration
from ml_exporter.baseline.fit import Fitted
from ml_exporter.baseline.options import FitOptions
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import Role, Task
from support import workload
from support.fitting import fitted, frame
from support.models import chunk_of


def test_the_calibration_rests_on_an_even_sample_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The meaning of scores changes half-way: an even sample holds both halves, a part of the rows does not."""
    monkeypatch.setattr(calibration, "SAMPLE", 2_000)
    kept = calibration.LabelledScores(
        FitOptions(Task.BINARY, label="label", score="score"), np.random.default_rng(1)
    )
    rng = np.random.default_rng(2)
    for part in range(40):
        scores = rng.random(1_000)
        labels = (rng.random(1_000) < (scores if part < 20 else 0.0)).astype(int)
        scores[:10] = np.nan
        kept.add(chunk_of({"score": scores, "label": labels}))
    assert kept.scores.shape == (1, 2_000)
    assert (kept.labels == "1").mean() == pytest.approx(0.25, abs=0.03)
    pairs = np.corrcoef(kept.scores[0], kept.labels == "1")[0, 1]
    assert pairs == pytest.approx(np.sqrt(1 / 9), abs=0.06)


def scored_classes(folder: Path, **given: object) -> Fitted:
    table = workload.table(600, seed=5, task=Task.MULTICLASS)
    options = {
        "label": "label",
        "prediction": "prediction",
        "class_scores": {name: f"score:{name}" for name in workload.CLASSES},
    }
    return fitted(pd.DataFrame(table), FitOptions(Task.MULTICLASS, **(options | given)), folder)  # type: ignore[arg-type]


def test_scores_of_classes_are_calibrated_each_and_are_no_features(tmp_path: Path) -> None:
    made = scored_classes(tmp_path)
    assert made.document.calibration is not None
    assert len(made.document.calibration.maps) == 3
    assert {review.use for review in made.reviews if review.name.startswith("score:")} == {"score"}
    assert sum(made.document.outcomes["class_score_bins"]) == 3 * 600
    without = scored_classes(tmp_path, class_scores={}, exclude=frozenset(f"score:{n}" for n in workload.CLASSES))
    assert without.document.calibration is None


def test_scores_of_classes_make_predictions_where_none_are_named(tmp_path: Path) -> None:
    named = scored_classes(tmp_path).document
    exclude = frozenset({"prediction"})
    assert scored_classes(tmp_path, prediction=None, exclude=exclude).document.variables == named.variables
    (output,) = (variable for variable in named.variables if variable.role == Role.OUTPUT)
    assert (sum(output.counts), output.missing) == (600, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"class_scores": {"high": "score:high"}},
            "needs one for each of high, low, middle, got high",
        ),
        (
            {"class_scores": {"high": "nothing", "low": "score:low", "middle": "score:middle"}},
            '--class-score: no column "nothing"',
        ),
        (
            {"class_scores": {"high": "score:low", "low": "score:low", "middle": "score:middle"}},
            '--class-score: column "score:low" is given twice',
        ),
        (
            {"class_scores": {"high": "normal", "low": "score:low", "middle": "score:middle"}},
            '--class-score: column "normal" must hold numbers between 0 and 1',
        ),
    ],
)
def test_scores_of_classes_that_cannot_be_are_refused(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    with pytest.raises(BaselineError) as caught:
        scored_classes(tmp_path, **given)
    assert message in str(caught.value)


def test_scores_of_classes_are_for_several_classes(tmp_path: Path) -> None:
    options = FitOptions(Task.BINARY, label="label", score="score", class_scores={"1": "score"})
    with pytest.raises(BaselineError, match="--class-score: is for multiclass_classification"):
        fitted(frame(), options, tmp_path)
