"""The numbers of a window from its sums, beside scipy and scikit-learn on its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import sklearn.metrics as sk
from scipy.stats import ks_2samp, wasserstein_distance

from harness import Row, compare, seconds
from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.rows import outcomes_of, predictions_of
from ml_exporter.baseline.source import _typed
from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import Task
from ml_exporter.signals import SIGNALS, estimation, performance
from ml_exporter.signals.drift import MEASURES
from ml_exporter.signals.drift.comparison import Comparisons
from ml_exporter.signals.estimation.measure import GapSignal
from ml_exporter.signals.signal import ModelContext, View, Views
from ml_exporter.sums.layout import Sums
from workload import NUMERIC, engine, table, wide_folder, wide_table

OURS = [measure for measure in MEASURES if measure.variant is None]
"""The drift measures that a model has unless it asks for more."""

WITHOUT_LABELS = [signal for signal in estimation.SIGNALS if not isinstance(signal, GapSignal)]
"""What is estimated without labels; a gap is between an estimate and labels."""


def run() -> list[Row]:
    """Return the lines of drift and of classification."""
    model = next(iter(engine().models.values()))
    context = model.context
    frames = {rows: table(rows, 7) for rows in (1_000, 10_000, 100_000)}
    sums = {rows: counted(model, frame) for rows, frame in frames.items()}
    return [
        *_drift(context, frames[10_000], sums),
        *_classification(context, frames[10_000], sums[10_000]),
        *_every(context, sums[10_000]),
    ]


def counted(model: ModelRuntime, frame: pd.DataFrame, *, labels: bool = True) -> Sums:
    """Return the sums of rows, with or without those of their labels."""
    chunk = {str(name): _typed(frame[name], pd) for name in frame.columns}
    predictions = predictions_of(
        chunk, model.context.schema, FitOptions(Task.BINARY, label="label", score="score")
    )
    sums = model.own.tallies.zero()
    model.own.tallies.add_predictions(predictions, sums)
    if labels:
        model.own.tallies.add_outcomes(outcomes_of(predictions, chunk["label"], model.context.schema), sums)
    return sums


def estimates(context: ModelContext, sums: Sums) -> None:
    """Compute everything that is estimated without labels of one window from its sums."""
    views = Views([View(context, "1", sums, "1h")])
    for signal in WITHOUT_LABELS:
        for samples in signal.over_windows(views):
            for sample in samples:
                assert isinstance(sample, Block)


def drift_scores(context: ModelContext, sums: Sums) -> None:
    """Compute every drift score of a window that a model has unless it asks for more."""
    comparison = Comparisons(Views([View(context, "1", sums, "1h")]))
    for measure in OURS:
        measure.score(comparison)


def _every(context: ModelContext, sums: Sums) -> list[Row]:
    wide = next(iter(engine(home=wide_folder()).models.values()))
    wide_sums = counted(wide, wide_table(10_000, 7))

    def all_of(context: ModelContext, sums: Sums) -> None:
        views = Views([View(context, "1", sums, "1h")])
        for signal in SIGNALS:
            for found in signal.over_windows(views):
                for _ in found:
                    pass

    pair = compare(
        lambda: all_of(wide.context, wide_sums), lambda: all_of(context, sums), runs=15, repeat=(20, 100)
    )
    return [
        Row(
            f"all {len(SIGNALS)} signals of a window of 10,000 rows, 300 features",
            seconds(pair.ours),
            f"30 features: {seconds(pair.rival)}",
            f"{pair.share:.1f}x its time",
            "-",
            None,
        )
    ]


def _drift(context: ModelContext, frame: pd.DataFrame, sums: dict[int, Sums]) -> list[Row]:
    reference = table(50_000, 1)
    windows = [(frame[name].dropna().to_numpy(), reference[name].dropna().to_numpy()) for name in NUMERIC]

    def ours(rows: int = 10_000) -> None:
        drift_scores(context, sums[rows])

    def rival() -> None:
        for window, base in windows:
            ks_2samp(window, base)
            wasserstein_distance(window, base)

    pair = compare(ours, rival, runs=9, repeat=(200, 1))
    sizes = compare(lambda: ours(100_000), lambda: ours(1_000), runs=15, repeat=(100, 100))
    return [
        Row(
            f"all {len(OURS)} drift scores of 30 features and the score, window of 10,000 rows",
            seconds(pair.ours),
            f"scipy ks_2samp + wasserstein_distance of 24 features: {seconds(pair.rival)}",
            f"{pair.times_less:,.0f}x less",
            "1,000x less",
            pair.times_less >= 1_000,
        ),
        Row(
            "all drift scores of a window of 100,000 rows",
            seconds(sizes.ours),
            f"all drift scores of a window of 1,000 rows: {seconds(sizes.rival)}",
            f"{sizes.share:.2f}x its time",
            "1.2x its time",
            sizes.share <= 1.2,
        ),
    ]


def _classification(context: ModelContext, frame: pd.DataFrame, sums: Sums) -> list[Row]:
    score, label = frame["score"].to_numpy(), frame["label"].to_numpy()

    def ours() -> None:
        views = Views([View(context, "1", sums, "1h")])
        for signal in performance.SIGNALS:
            for samples in signal.over_windows(views):
                for _ in samples:
                    pass

    def rival() -> None:
        predicted = (score >= 0.5).astype(int)
        sk.accuracy_score(label, predicted)
        sk.balanced_accuracy_score(label, predicted)
        sk.matthews_corrcoef(label, predicted)
        sk.recall_score(label, predicted, average=None)
        for average in (None, "macro", "weighted"):
            sk.precision_score(label, predicted, average=average)
            sk.f1_score(label, predicted, average=average)
        sk.roc_auc_score(label, score)
        sk.average_precision_score(label, score)
        sk.log_loss(label, score)
        sk.brier_score_loss(label, score)
        sk.confusion_matrix(label, predicted)

    np.seterr(all="ignore")
    pair = compare(ours, rival, runs=15, repeat=(200, 2))
    return [
        Row(
            "all classification numbers of a window of 10,000 labels",
            seconds(pair.ours),
            f"the fifteen of them that scikit-learn has, on the rows: {seconds(pair.rival)}",
            f"{pair.times_less:,.0f}x less",
            "80x less",
            pair.times_less >= 80,
        )
    ]
