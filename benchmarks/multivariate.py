"""What looking at all features together adds to counting an event: projections and reconstruction error."""

from __future__ import annotations

import statistics
import time

from sklearn.decomposition import PCA
from sklearn.kernel_approximation import RBFSampler

from harness import Row, compare, seconds
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.rows import predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import read_chunks
from ml_exporter.core.schema import Task
from ml_exporter.sums import OUTCOME_TALLIES, PREDICTION_TALLIES
from ml_exporter.sums.multivariate import MultivariateTally
from ml_exporter.sums.tally import Tallies
from workload import folder

EVENTS, RUNS, REPEAT = 1_000, 15, 20


def run() -> list[Row]:
    """Return the line of the table: CPU time of an event, beside scikit-learn's transforms of the rows."""
    path = folder() / "data.parquet"
    options = FitOptions(Task.BINARY, label="label", score="score", multivariate=True)
    document = fit(
        lambda: read_chunks(path),
        options,
        lambda schema: Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES),
        lambda *known: {},
        (),
        source="data.parquet",
        created=0.0,
    ).document
    schema, _ = schema_of("m", Task.BINARY, document, {})
    assert schema.multivariate is not None
    tallies = Tallies(schema, (MultivariateTally.of,), ())
    batch = predictions_of(next(read_chunks(path)), schema, options).take(slice(0, EVENTS))
    sums = tallies.zero()
    tally = MultivariateTally(schema, schema.multivariate)
    points = tally._points.complete(tally._points.coordinates(batch.numeric), batch.categorical).T.copy()
    waves = RBFSampler(gamma=0.01, n_components=128, random_state=1).fit(points)
    pca = PCA(len(schema.multivariate.components)).fit(points)

    def ours() -> None:
        tally.add(batch, sums)

    def rival() -> None:
        waves.transform(points).sum(axis=0)
        back = pca.inverse_transform(pca.transform(points))
        ((points - back) ** 2).sum(axis=1)

    pair = compare(ours, rival, runs=RUNS, clock=time.process_time, repeat=(REPEAT, REPEAT))
    rivals = statistics.median(pair.rival) * EVENTS / len(points)
    return [
        Row(
            "look at 30 features of an event together (CPU), only where asked for",
            seconds(pair.ours, EVENTS),
            f"scikit-learn's RBFSampler and PCA on rows that are encoded already: {rivals / EVENTS * 1e6:.3g} us",
            f"{statistics.median(pair.ours) / rivals:.2f}x its time",
            "-",
            None,
        )
    ]
