"""From an alert to a run, through real processes: two Alertmanagers, a bridge, a command."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.processes import Process, free_port
from support.retrain import BridgeProcess, write_retrain

MODEL = {"model": "flights", "version": "2013-03"}
RECEIVER = """\
route: {{receiver: retrain, group_by: [model], group_wait: 2s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: retrain
    webhook_configs:
      - url: http://127.0.0.1:{port}/v1/alerts
        send_resolved: false
        http_config:
          authorization: {{credentials_file: token}}
"""


def alertmanager(folder: Path, bridge: int) -> Process:
    tool = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    assert tool is not None, "alertmanager is not on PATH; deploy/bootstrap.sh tools installs it"
    (folder / "alertmanager.yml").write_text(RECEIVER.format(port=bridge))
    port = free_port()
    command = [tool, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / str(port)}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=debug"]
    return Process(command, port, "/-/ready", folder / f"alertmanager-{port}.log")


def test_a_pair_of_alertmanagers_starts_one_run(tmp_path: Path) -> None:
    script = f"cat > {tmp_path}/input; echo $ML_RETRAIN_JOB >> {tmp_path}/runs"
    config = write_retrain(tmp_path, f"{{kind: command, arguments: [sh, -c, '{script}']}}", "cooldown: 1h")
    processes: list[Process] = []
    try:
        bridge = BridgeProcess(config)
        processes.append(bridge)
        processes += [alertmanager(tmp_path, bridge.port) for _ in range(2)]
        # Alertmanager waits for the rest of a group only if its alerts are younger than group_wait.
        began = datetime.now(UTC)
        alerts = [
            {
                "labels": {**MODEL, "alertname": name, "feature": "$(touch oops)"},
                "annotations": {"summary": "{{ .Values }}; rm -rf ."},
                "startsAt": began.isoformat(),
                "endsAt": (began + timedelta(hours=1)).isoformat(),
            }
            for name in ("MLFeatureDrift", "MLPerformanceDrop", "MLExporterDown")
        ]
        for process in processes[1:]:
            status, body = process.request(
                "POST", "/api/v2/alerts", json.dumps(alerts).encode(), Content_Type="application/json"
            )
            assert status == 200, body
        bridge.until('ml_retrain_notifications_total{result="taken"}', 2)
        job = bridge.until_job("started")
        assert sorted(job["alerts"]) == ["MLFeatureDrift", "MLPerformanceDrop"]
        assert (job["model"], job["version"]) == ("flights", "2013-03")
        assert (tmp_path / "runs").read_text().split() == [job["id"]]
        facts = json.loads((tmp_path / "input").read_text())["ml_retrain"]
        assert facts["starts_at"] == began.isoformat().replace("+00:00", "Z")
        assert len(facts["fingerprints"]) == 2
        metrics = bridge.metrics()
        assert metrics['ml_retrain_alerts_total{result="job"}'] == 2
        assert metrics['ml_retrain_alerts_total{result="duplicate"}'] == 2
        assert metrics['ml_retrain_alerts_total{result="unlisted"}'] == 2
        assert not list(tmp_path.rglob("oops"))
    finally:
        for process in processes:
            process.end()
