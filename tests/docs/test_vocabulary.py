"""The page of other monitors' names leads to series that exist, and its arithmetic is right."""

import json
import math
import re
import subprocess
from pathlib import Path

from scipy.spatial.distance import jensenshannon

from ml_exporter.app.catalogue import catalogue
from ml_exporter.core.metrics import Kind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/vocabulary.md").read_text()


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_each_of_our_names_is_in_the_catalogue() -> None:
    known = {metric.name for metric in catalogue()}
    found = set(re.findall(r"`(ml_\w+)`", PAGE))
    assert len(found) > 30
    assert found <= known


def test_each_of_our_rules_is_recorded() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "prometheus/rules").glob("*.yml"))
    found = set(re.findall(r"`(\w+(?::\w+)+)`", PAGE))
    assert found
    assert all(f"record: {name}\n" in rules for name in found)


def test_every_drift_measure_and_check_has_its_name_elsewhere() -> None:
    kept = {
        metric.name
        for metric in catalogue()
        if metric.kind is Kind.GAUGE and re.fullmatch(r"ml_feature_(drift_\w+|\w+_ratio)", metric.name)
    }
    ours_alone = {
        *("ml_feature_drift_samples", "ml_feature_nonfinite_ratio"),
        *("ml_feature_outlier_ratio", "ml_feature_modal_ratio"),
    }
    noise = {name for name in kept if name.endswith("_noise_floor")}
    assert kept - noise - ours_alone <= set(re.findall(r"`(ml_\w+)`", PAGE))


def test_every_signal_has_its_name_elsewhere() -> None:
    named = " ".join(re.findall(r"`(ml_\w+)`", PAGE))
    families = ("performance", "estimated_performance", "multivariate_drift", "attribution_drift", "fairness")
    assert all(f"ml_{family}_" in named for family in families)


def test_every_row_is_whole_and_every_source_is_https() -> None:
    width = 0
    for row in rows():
        if row[0] in ("signal", "metric", "method"):
            width = len(row)
        assert len(row) == width, row
    assert set(re.findall(r"\]\((\w+)://", PAGE)) == {"https"}
    assert PAGE.count("Source: ") == PAGE.count("\n## ")


def test_factors_between_definitions_are_those_of_the_numbers() -> None:
    p, q = [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]
    assert round(jensenshannon(p, q) / jensenshannon(p, q, base=2), 2) == 0.83
    assert round(math.sqrt(0.3), 2) == 0.55
    assert "0.83 times as large" in PAGE
    assert "0.3 there is 0.55 here" in PAGE


def test_the_rule_with_azures_thresholds_does_what_is_said(tmp_path: Path) -> None:
    """Numbers by their Wasserstein distance, categories by the Jensen-Shannon distance."""
    _, rules = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "rules.yml").write_text(rules)
    labels = 'model="flights", version="1", window="24h"'
    values = {
        f'ml_feature_drift_wasserstein{{{labels}, feature="calm"}}': 0.09,
        f'ml_feature_drift_azure_jensen_shannon{{{labels}, feature="calm"}}': 0.2,
        f'ml_feature_drift_wasserstein{{{labels}, feature="moved"}}': 0.11,
        f'ml_feature_drift_azure_jensen_shannon{{{labels}, feature="carrier"}}': 0.11,
        f'ml_feature_drift_azure_jensen_shannon{{{labels}, feature="airport"}}': 0.09,
    }
    fired = [
        {
            "exp_labels": {**dict(re.findall(r'(\w+)="(\w+)"', labels)), "feature": feature, "severity": "info"},
            "exp_annotations": {"summary": f"{feature} of flights is beyond Azure's proposed threshold"},
        }
        for feature in ("moved", "carrier")
    ]
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": f"{value}x120"} for name, value in values.items()],
        "alert_rule_test": [
            {"eval_time": "59m", "alertname": "AzureDriftThreshold", "exp_alerts": []},
            {"eval_time": "61m", "alertname": "AzureDriftThreshold", "exp_alerts": fired},
        ],
    }
    (tmp_path / "test.json").write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    done = subprocess.run(
        ["promtool", "test", "rules", "test.json"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
