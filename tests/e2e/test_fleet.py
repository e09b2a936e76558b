"""Three replicas and one that saw everything: the same sums, and the same numbers from PromQL."""

from pathlib import Path

import numpy as np
import pytest

from ml_exporter.core.schema import Task
from support import workload
from support.engine import write_config
from support.processes import Process, Prometheus, sidecar

PSI = """
sum without (bin) (
  (clamp_min({p}, 1e-4) - clamp_min({q}, 1e-4)) * ln(clamp_min({p}, 1e-4) / clamp_min({q}, 1e-4))
)
"""
COUNTS = 'sum without (instance) (ml_feature_bin_total{job="fleet"})'
SHARES = f"({COUNTS} / ignoring (bin) group_left () sum without (bin) ({COUNTS}))"
BASELINE = 'max without (instance) (ml_baseline_feature_bin_ratio{job="fleet"})'
CONFUSION = 'sum without (instance) (ml_confusion_total{job="fleet"})'
# PromQL cannot compare two labels of a series, so the diagonal is named class by class.
CELL = 'sum(ml_confusion_total{{job="fleet", class="{0}", predicted="{0}"}})'
ACCURACY = f"({CELL.format(0)} + {CELL.format(1)}) / sum({CONFUSION})"


def by_feature(found: dict[tuple[tuple[str, str], ...], float]) -> dict[str, float]:
    return {dict(labels)["feature"]: value for labels, value in found.items()}


def test_a_fleet_is_the_sum_of_its_replicas(tmp_path: Path) -> None:
    columns = workload.table(3_000, seed=95, shift=0.3)
    events, labels = workload.events(columns), workload.labels(columns)
    rng = np.random.default_rng(1)
    owner = rng.integers(0, 3, 3_000)
    folders = [tmp_path / name for name in ("a", "b", "c", "joint")]
    processes: list[Process] = []
    try:
        for folder in folders:
            folder.mkdir()
            processes.append(sidecar(write_config(folder, Task.BINARY)))
        *replicas, joint = processes
        for number, replica in enumerate(replicas):
            rows = rng.permutation(np.flatnonzero(owner == number))
            for part in np.array_split(rows, 7):
                assert replica.post("/v1/predictions?ack=durable", [events[row] for row in part])[0] == 200
            assert replica.post("/v1/labels?ack=durable", [labels[row] for row in rng.permutation(rows)])[0] == 200
        assert joint.post("/v1/predictions?ack=durable", events)[0] == 200
        assert joint.post("/v1/labels?ack=durable", labels)[0] == 200
        joint.until('ml_labels_total{model="model",result="joined"}', 3_000)
        prometheus = Prometheus(tmp_path, {"fleet": [replica.port for replica in replicas], "joint": [joint.port]})
        processes.append(prometheus)
        prometheus.until_query('sum(ml_labels_total{job="fleet", result="joined"})', 3_000)
        prometheus.until_query('sum(ml_labels_total{job="joint", result="joined"})', 3_000)

        # Every counter and histogram of the fleet sums up to that of the one that saw everything.
        names = "ml_(feature|prediction|confusion|score|calibration|outcome|label_delay).*_(total|count)"
        counters = f'{{__name__=~"{names}", job="%s"}}'
        fleet = prometheus.query(f"sum by (__name__, feature, class, predicted, bin) ({counters % 'fleet'})")
        alone = prometheus.query(f"sum by (__name__, feature, class, predicted, bin) ({counters % 'joint'})")
        assert len(fleet) > 150
        assert fleet.keys() == alone.keys()
        for series, value in fleet.items():
            assert value == pytest.approx(alone[series], rel=1e-12), series

        # PSI and accuracy of the fleet, in PromQL, are the sidecar's own numbers over the same events.
        found = by_feature(prometheus.query(PSI.format(p=SHARES, q=BASELINE)))
        own = by_feature(prometheus.query('ml_feature_drift_psi{job="joint", window="1h"}'))
        assert found.keys() == own.keys() >= set(workload.CATEGORICAL)
        for feature, value in found.items():
            assert value == pytest.approx(own[feature], rel=1e-9), feature

        accuracy = prometheus.query(ACCURACY)[()]
        own_accuracy = prometheus.query('ml_performance_accuracy{job="joint", window="1h"}')
        assert list(own_accuracy.values()) == [pytest.approx(accuracy, abs=1e-12)]
        expected = np.mean((columns["score"] >= 0.5) == columns["label"])
        assert accuracy == pytest.approx(expected, abs=1e-12)

        # Prometheus itself finds nothing wrong with the page.
        assert set(prometheus.query("up").values()) == {1.0}
    finally:
        for process in processes:
            process.end()
