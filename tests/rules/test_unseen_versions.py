"""A version that is configured and never comes is shown, and is no reason to tell anybody anything."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ml_exporter.core.schema import Task
from support import workload
from support.engine import Bench
from support.rules import ALERTS, healthy, run
from support.versions import configured

MINUTES = 5 * 60


@pytest.mark.parametrize("shadow", ["false", "true"])
def test_no_alert_fires_for_it(tmp_path: Path, shadow: str) -> None:
    config = configured(tmp_path, Task.BINARY)
    config.write_text(config.read_text().replace("next.json}", f"next.json, shadow: {shadow}}}"))
    bench = Bench(config, state=False)
    bench.send(workload.events(workload.table(300, seed=5)))
    bench.tick()
    fleet = healthy(MINUTES, ("model",))
    found = 0
    for family in text_string_to_metric_families(bench.page()):
        for sample in family.samples:
            if sample.labels.get("version") == "next" and sample.value == sample.value:
                fleet.gauge(sample.name, sample.value, job="ml", instance="model-a", **sample.labels)
                found += 1
    assert found > 100
    told = sorted({name for name, _ in ALERTS} - {"MLWatchdog"})
    silent = [
        {"eval_time": f"{minute}m", "expr": 'ALERTS{alertname!="MLWatchdog"}', "exp_samples": []}
        for minute in range(60, MINUTES, 20)
    ]
    run(tmp_path, told, fleet.as_yaml(), {"promql_expr_test": silent}, interval="1m", evaluation="4m")
