"""What silences what: a real Alertmanager with the shipped rules, by its API's inhibitedBy."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.alertmanager import Alertmanager, Receivers, alert, model, shipped
from support.newer import newer
from support.receivers import until

DOWN = model("MLModelServerDown", "critical")
EXPORTER_DOWN = alert("MLExporterDown", "critical", instance="a:1")
BURN = {"long": "1h", "short": "5m"}

# Each case: alerts, then which is inhibited by which. Cases do not touch: each gets a namespace of its own.
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, set[str]]]] = {
    "a server that is down silences the rest of its model": (
        [
            DOWN,
            model("MLModelAbsent", "critical"),
            model("MLModelReplicaDown", instance="a:1"),
            model("MLPerformanceDrop", "critical"),
            model("MLFeatureDrift", feature="temp", version="2"),
            model("MLRetrainFailed"),
        ],
        {
            "MLModelAbsent": {"MLModelServerDown"},
            "MLModelReplicaDown": {"MLModelServerDown"},
            "MLPerformanceDrop": {"MLModelServerDown"},
            "MLFeatureDrift": {"MLModelServerDown"},
        },
    ),
    "but no other model, no sidecar, and not the same model elsewhere": (
        [
            DOWN,
            model("MLPerformanceDrop", "critical", model="churn"),
            model("MLPerformanceLow", "critical", job="other"),
            model("MLVolumeAnomaly", cluster="west"),
            alert("MLExporterQueueFull", instance="a:1"),
        ],
        {},
    ),
    "a replica that is down silences nothing": (
        [model("MLModelReplicaDown", instance="a:1"), model("MLPerformanceDrop", "critical")],
        {},
    ),
    "an absent model silences all its versions": (
        [
            model("MLModelAbsent", "critical", version=""),
            model("MLNoPredictions", version="2"),
            model("MLLabelsStopped"),
        ],
        {"MLNoPredictions": {"MLModelAbsent"}, "MLLabelsStopped": {"MLModelAbsent"}},
    ),
    "an alert without a model is silenced by no model's": (
        [
            {**model("MLModelAbsent", "critical"), "labels": alert("MLModelAbsent", "critical")["labels"]},
            alert("MLExporterStalled", instance="a:1"),
            alert("MLExporterPageSlow"),
        ],
        {},
    ),
    "missing values silence the drift of their feature and what follows from it, but no fall": (
        [
            model("MLFeatureMissing", "critical", feature="temp"),
            model("MLFeatureDrift", feature="temp"),
            model("MLPredictionDrift"),
            model("MLDriftWidespread"),
            model("MLPerformanceDrop", "critical"),
        ],
        {
            "MLFeatureDrift": {"MLFeatureMissing"},
            "MLPredictionDrift": {"MLFeatureMissing"},
            "MLDriftWidespread": {"MLFeatureMissing"},
        },
    ),
    "and not that of another feature or version": (
        [
            model("MLFeatureMissing", "critical", feature="humid"),
            model("MLFeatureDrift", feature="temp"),
            model("MLFeatureDrift", feature="humid", version="2"),
            model("MLPredictionDrift", version="2"),
            # Without a feature on either side nothing may match.
            model("MLFeatureInvalid"),
            model("MLFeatureDrift"),
        ],
        {},
    ),
    "a feature that is gone silences the change of schema, of the same feature": (
        [
            model("MLFeatureMissing", "critical", feature="temp"),
            model("MLSchemaChanged", feature="temp", check="absent", version=""),
            model("MLSchemaChanged", feature="wind", check="absent", version=""),
        ],
        {"MLSchemaChanged": {"MLFeatureMissing"}},
    ),
    "a frozen feature silences drift": (
        [model("MLFeatureFrozen", feature="temp"), model("MLFeatureDrift", feature="temp")],
        {"MLFeatureDrift": {"MLFeatureFrozen"}},
    ),
    "invalid values silence drift": (
        [model("MLFeatureInvalid", feature="temp"), model("MLFeatureDrift", feature="temp")],
        {"MLFeatureDrift": {"MLFeatureInvalid"}},
    ),
    "a critical burn silences the warning of the same version, whatever the windows": (
        [
            model("MLErrorBudgetBurn", "critical", **BURN),
            model("MLErrorBudgetBurn", "warning", long="3d", short="6h"),
        ],
        {"MLErrorBudgetBurn": {"MLErrorBudgetBurn"}},
    ),
    "but neither another version's nor another budget's, nor a critical one": (
        [
            model("MLErrorBudgetBurn", "critical", **BURN),
            model("MLErrorBudgetBurn", "critical", long="6h", short="30m"),
            model("MLErrorBudgetBurn", "warning", version="2", **BURN),
            model("MLLatencyBudgetBurn", "warning", **BURN),
        ],
        {},
    ),
    "a critical measure does not silence another measure": (
        [
            model("MLPerformanceLow", "critical", measure="roc_auc"),
            model("MLPerformanceLow", "warning", measure="f1"),
            alert("MLExporterStalled", "critical", instance="a:1"),
            alert("MLExporterStalled", "warning", instance="b:1"),
        ],
        {},
    ),
    "warning silences info": (
        [model("MLServerCPUHigh"), model("MLServerCPUHigh", "info")],
        {"MLServerCPUHigh": {"MLServerCPUHigh"}},
    ),
    "a fall silences the level, and still calls for retraining": (
        [model("MLPerformanceDrop", "critical"), model("MLPerformanceLow", "critical")],
        {"MLPerformanceLow": {"MLPerformanceDrop"}},
    ),
    "a fall that labels tell silences the estimate of it, and not of another measure": (
        [
            model("MLPerformanceDrop", "critical", measure="roc_auc"),
            model("MLEstimatedPerformanceDrop", measure="roc_auc"),
            model("MLEstimatedPerformanceDrop", measure="accuracy"),
        ],
        {"MLEstimatedPerformanceDrop": {"MLPerformanceDrop"}},
    ),
    "worse than a constant does not hide the fall": (
        [model("MLWorseThanConstant", "critical"), model("MLPerformanceDrop", "critical")],
        {},
    ),
    "worse than a constant is low enough": (
        [
            model("MLWorseThanConstant", "critical"),
            model("MLPerformanceLow", "critical", measure="roc_auc"),
        ],
        {"MLPerformanceLow": {"MLWorseThanConstant"}},
    ),
    "silence is told once": (
        [
            model("MLNoPredictions", "critical"),
            model("MLVolumeAnomaly"),
            model("MLLabelsStopped"),
            model("MLLabelCoverageLow"),
        ],
        {"MLVolumeAnomaly": {"MLNoPredictions"}, "MLLabelCoverageLow": {"MLLabelsStopped"}},
    ),
    "a sidecar that is down silences its own alerts": (
        [EXPORTER_DOWN, alert("MLExporterPageSlow", instance="a:1"), model("MLNoPredictions", "critical")],
        {"MLExporterPageSlow": {"MLExporterDown"}},
    ),
    "but neither another sidecar nor what is known of a fleet": (
        [
            EXPORTER_DOWN,
            alert("MLExporterDown", "critical", instance="b:1"),
            alert("MLExporterPageSlow", instance="c:1"),
            model("MLModelAbsent", "critical"),
            model("MLPerformanceDrop", "critical", model="churn", instance="a:1"),
        ],
        {},
    ),
    "the dead-man's switch is silenced by nothing": (
        [DOWN, EXPORTER_DOWN, alert("MLWatchdog", "none"), alert("MLWatchdog", "none", model="flights")],
        {},
    ),
}


@pytest.fixture(scope="module", params=["on PATH", "current"])
def decided(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[dict[str, Any]]]:
    """Every alert of every case as Alertmanager has decided on it."""
    tool = newer("alertmanager") if request.param == "current" else None
    folder = tmp_path_factory.mktemp("inhibition")
    receivers = Receivers()
    alertmanager = Alertmanager(folder, shipped(folder, receivers), tool)
    try:
        sent = [
            {**item, "labels": {**item["labels"], "namespace": f"case-{number}"}}
            for number, (alerts, _) in enumerate(CASES.values())
            for item in alerts
        ]
        alertmanager.send(*sent)
        alertmanager.until_processed(len(sent))
        expected = sum(len(inhibited) for _, inhibited in CASES.values())
        # Whether an alert is inhibited is decided when its group is first sent on.
        until(lambda: len(inhibited_of(alertmanager.alerts())) >= expected, "as many are inhibited as should be")
        yield alertmanager.alerts()
    finally:
        alertmanager.end()
        receivers.stop()


def inhibited_of(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in alerts if item["status"]["inhibitedBy"]]


@pytest.mark.parametrize("case", CASES)
def test_inhibition(case: str, decided: list[dict[str, Any]]) -> None:
    namespace = f"case-{list(CASES).index(case)}"
    own = [item for item in decided if item["labels"].get("namespace") == namespace]
    names = {item["fingerprint"]: item["labels"]["alertname"] for item in own}
    found = {
        item["labels"]["alertname"]: {names.get(by, "one of another case") for by in item["status"]["inhibitedBy"]}
        for item in inhibited_of(own)
    }
    assert found == CASES[case][1]
