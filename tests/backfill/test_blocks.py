"""Prometheus takes a history, records the rules over it, and answers with what the events say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml_exporter.backfill import blocks
from ml_exporter.backfill.blocks import Rule, levels, read_rules
from ml_exporter.cli.main import main
from ml_exporter.core.errors import EventsError
from support import workload
from support.engine import write_config
from support.processes import Prometheus

ROOT = Path(__file__).parents[2]
BEGIN = 1_384_992_000
HOURS = 60
ROWS = 6_000


def test_levels_put_each_rule_after_what_it_reads() -> None:
    base = Rule("a:increase", "increase(x_total[5m])", (("window", "5m"),))
    hour = Rule("a:increase", 'sum_over_time(a:increase{window="5m"}[1h:5m])', (("window", "1h"),))
    other = Rule("b", 'a:increase{window="1h"} / 2', ())
    both = Rule("c", "a:increase / ignoring (window) group_left () b", ())
    assert levels([base, hour, other, both]) == [[base], [hour], [other], [both]]
    with pytest.raises(EventsError, match="read each other in a circle: d, e"):
        levels([Rule("d", "e", ()), Rule("e", "d", ())])


def test_every_shipped_rule_finds_its_level() -> None:
    rules = [rule for file in sorted((ROOT / "prometheus/rules").glob("*.yml")) for rule in read_rules(file)]
    found = levels(rules)
    assert sum(map(len, found)) == len(rules) > 300
    assert len(found) < 12


def test_labels_of_recorded_series_keep_their_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = {"metric": {"__name__": "x", "bin": 'Zürich "1"\\'}, "values": [[1, "2"]]}
    monkeypatch.setattr(blocks, "_query", lambda *_: [series])
    assert blocks.record("", [Rule("a:b", "x", (("window", "5m"),))], (0, 1, 1), tmp_path / "part.om")
    wanted = 'a:b{bin="Zürich \\"1\\"\\\\",window="5m"} 2 1\n# EOF\n'
    assert (tmp_path / "part.om").read_text() == wanted


def test_prometheus_answers_for_the_past(tmp_path: Path) -> None:
    write_config(tmp_path, more="windows: [1h, 24h]", noise=True)
    columns = workload.table(ROWS, seed=44, shift=0.5)
    frame = pd.DataFrame({name: values for name, values in columns.items() if not name.startswith("score:")})
    frame.insert(0, "id", range(ROWS))
    frame["timestamp"] = BEGIN + np.sort(np.random.default_rng(3).uniform(0, HOURS * 3_600, ROWS))
    frame["latency_seconds"] = 0.02
    frame.to_parquet(tmp_path / "events.parquet")
    generate = [sys.executable, str(ROOT / "prometheus/generate.py"), "--history", "1h", str(tmp_path / "rules")]
    subprocess.run(generate, check=True, capture_output=True)
    command = ["backfill", str(tmp_path / "events.parquet"), "--config.file", str(tmp_path / "ml-exporter.yml")]
    command += ["--output", str(tmp_path / "history")]
    rules = sorted(map(str, (tmp_path / "rules").glob("*.yml")))
    assert main([*command, "--rules", *rules]) == 0
    made = sorted(path.name for path in (tmp_path / "history/blocks").iterdir())
    assert main([*command, "--rules", *rules]) == 0
    assert sorted(path.name for path in (tmp_path / "history/blocks").iterdir()) == made
    (tmp_path / "history/blocks").rename(tmp_path / "tsdb")

    prometheus = Prometheus(tmp_path, {})
    try:
        end = BEGIN + 48 * 3_600
        day = frame[(frame["timestamp"] >= end - 86_400) & (frame["timestamp"] < end)]

        def at(expression: str) -> float:
            (value,) = prometheus.query(f"{expression} @ {end}").values()
            return value

        assert at('model_version:ml_predictions:increase{window="24h"}') == len(day)
        correct = (day["score"] >= 0.5).astype(int) == day["label"]
        assert at('model_version:ml_performance:accuracy{window="24h"}') == pytest.approx(correct.mean())
        area = at('model_version:ml_performance:roc_auc{window="24h"}')
        assert area == pytest.approx(roc_auc_score(day["label"], day["score"]), abs=0.002)
        assert at('model_version:ml_window:covered_ratio{window="24h"}') == 1.0
        assert at('model_version:ml_feature_drift_share:ratio{window="24h"}') > 0.2
        assert at('model_version:ml_performance:drop{window="24h", measure="accuracy"}') == pytest.approx(
            at("ml_baseline_performance_accuracy") - correct.mean()
        )
        # The sidecar's window reaches back to the beginning of its oldest slice.
        own = frame[(frame["timestamp"] >= end - 23 * 3_600) & (frame["timestamp"] < end)]
        assert at('ml_window_predictions{window="24h"}') == len(own)
        psi = prometheus.query(
            f'model_version_feature:ml_feature_drift:psi{{window="24h", feature="normal"}} @ {end}'
        )
        assert next(iter(psi.values())) == pytest.approx(
            at('ml_feature_drift_psi{window="24h", feature="normal"}'), abs=0.05
        )
    finally:
        prometheus.end()
