"""The page of other monitors' names leads to series that exist, and its arithmetic is right."""

import math
import re
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
