"""What arrives: a real Alertmanager, the shipped routes and templates, receivers that refuse what is malformed."""

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.alertmanager import (
    ROUTING_KEY,
    SHIPPED,
    Alertmanager,
    Receivers,
    alert,
    ended,
    model,
    shipped,
)
from support.receivers import pagerduty, slack, until, webhook


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    opened = Receivers()
    yield opened
    opened.stop()
    assert opened.refused() == []


class Running:
    """An Alertmanager and its receivers."""

    def __init__(self, folder: Path, receivers: Receivers, **options: Any) -> None:
        self.to = receivers
        self.config = shipped(folder, receivers, **options)
        self.alertmanager = Alertmanager(folder, self.config)
        self.send = self.alertmanager.send


@pytest.fixture
def running(tmp_path: Path, receivers: Receivers) -> Iterator[Running]:
    made = Running(tmp_path, receivers)
    yield made
    made.alertmanager.end()


def titles(bodies: list[dict[str, Any]]) -> list[str]:
    return [body["attachments"][0]["title"] for body in bodies]


def test_an_incident_of_one_model_is_one_notification_per_channel_and_ends_as_one(running: Running) -> None:
    to = running.to
    critical = [model("MLPerformanceDrop", "critical"), model("MLFeatureMissing", "critical", feature="wind")]
    warning = [model("MLFeatureDrift", feature=name, version="2") for name in ("temp", "humid", "visib")]
    info = [model("MLVolumeAnomaly", "info")]
    everything = [*critical, *warning, *info]
    running.send(*everything)
    until(lambda: to.pagerduty.taken and len(to.slack.taken) == 2 and to.mail.mails and to.retrain.taken)
    until(lambda: to.webhook.taken)
    # One notification of each, for all alerts of the model, whatever version, name or feature.
    (event,) = to.pagerduty.taken
    assert event["event_action"] == "trigger"
    assert event["routing_key"] == ROUTING_KEY
    assert event["payload"]["severity"] == "critical"
    # Later releases send a number.
    assert int(event["payload"]["custom_details"]["num_firing"]) == 2
    assert {link["text"] for link in event["links"]} == {"Runbook", "Dashboard", "Silence", "Alertmanager"}
    assert sorted(titles(to.slack.taken))[0].startswith("CRITICAL flights 3: ")
    assert sorted(titles(to.slack.taken))[1] == "WARNING flights 2: MLFeatureDrift has fired. (and 2 more)"
    (sent,) = to.retrain.taken
    assert {item["labels"]["alertname"] for item in sent["alerts"]} == {"MLPerformanceDrop", "MLFeatureDrift"}
    assert len(sent["alerts"]) == 4
    assert len(to.webhook.taken[0]["alerts"]) == len(everything)
    (mail,) = to.mail.mails
    assert mail["Subject"] == "INFO flights 3: MLVolumeAnomaly has fired."
    assert mail.get_content_type() == "multipart/alternative"
    # It ends.
    running.send(*ended(*everything))
    until(lambda: to.pagerduty.taken[-1]["event_action"] == "resolve")
    assert to.pagerduty.taken[-1]["dedup_key"] == event["dedup_key"]
    until(lambda: len([title for title in titles(to.slack.taken) if title.startswith("RESOLVED flights")]) == 2)
    resolved = next(body for body in to.slack.taken if body["attachments"][0]["title"].startswith("RESOLVED"))
    assert resolved["attachments"][0]["color"] == "#2eb67d"
    until(lambda: to.webhook.taken[-1]["status"] == "resolved")
    until(lambda: len(to.mail.mails) == 2)
    assert to.mail.mails[1]["Subject"].startswith("RESOLVED flights 3")
    assert {body["status"] for body in to.retrain.taken} == {"firing"}
    assert all(item["status"] == "firing" for body in to.retrain.taken for item in body["alerts"])


def test_models_and_places_are_told_apart_and_sidecars_are_one_group_a_job(running: Running) -> None:
    to = running.to
    running.send(
        model("MLPerformanceDrop", "critical"),
        model("MLPerformanceDrop", "critical", model="churn"),
        model("MLPerformanceDrop", "critical", namespace="west"),
        alert("MLExporterDown", "critical", instance="a:1"),
        alert("MLExporterStalled", "critical", instance="b:1"),
        alert("MLExporterDown", "critical", instance="c:1", job="other"),
        alert("MLWatchdog", "none"),
    )
    until(lambda: len(to.pagerduty.taken) == 5 and to.deadman.taken)
    groups = sorted(int(body["payload"]["custom_details"]["num_firing"]) for body in to.pagerduty.taken)
    assert groups == [1, 1, 1, 1, 2]
    # Silencing a sidecar's group must not silence the models of its job.
    silences = {link["href"] for body in to.pagerduty.taken for link in body["links"] if link["text"] == "Silence"}
    assert sum("model%3D%22%22" in url for url in silences) == 2
    assert sum("model%3D%22flights%22" in url for url in silences) == 2
    assert to.deadman.names()[0] == {"MLWatchdog"}
    # A dead-man's switch is told again and again.
    until(lambda: len(to.webhook.taken) == 5)
    assert all("MLWatchdog" not in names for names in to.webhook.names())


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "mention": "<!channel> & <@U1> <https://evil.example|click>",
    "markup": "*bold `code _it_ ~x~ ``` {{ .Alerts }}",
    "lines": "first\r\nSubject: injected\n\n.\r\nlast\x00\x1b[31m",
    "quotes": "a\"b'c\\d %0a +plus",
    "long": "é" * 20_000,
    "right-to-left": "\u202eevil\u200b",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_values_break_no_message(kind: str, running: Running) -> None:
    value = HOSTILE[kind]
    to = running.to
    for severity in ("critical", "info"):
        item = model("MLFeatureMissing", severity, model=value, version=value, owner=value, feature=value)
        item["annotations"] |= dict.fromkeys(
            ("summary", "description", "features", "first_step", "rollback"), value
        )
        item["annotations"]["runbook_url"] = "https://example.org/a|b>c\"d'e?x=1&y=2"
        item["annotations"]["dashboard_url"] = (
            "javascript:alert(1)//" if severity == "info" else "https://example.org/"
        )
        item["labels"]["check"] = severity
        running.send(item)
    until(lambda: to.pagerduty.taken and to.slack.taken and to.mail.mails and to.webhook.taken)
    assert to.webhook.taken[0]["commonLabels"]["model"] == value
    attachment = to.slack.taken[0]["attachments"][0]
    assert "\n" not in attachment["title"]
    assert len(attachment["title"]) < 600
    summary = to.pagerduty.taken[0]["payload"]["summary"]
    assert "\n" not in summary
    assert len(summary) < 600
    (mail,) = to.mail.mails
    assert len(mail.get_all("Subject")) == 1
    assert mail["Subject"].startswith("INFO ")
    assert max(len(line) for line in mail.as_bytes().splitlines()) < 998
    page = to.mail.part(0, "html")
    tags = Tags()
    tags.feed(page)
    assert set(tags.seen) <= {"html", "head", "meta", "title", "body", "div", "p", "b", "a"}
    assert all(
        link.startswith(("https://example.org/", "http://alertmanager.example.org/#/", "#")) for link in tags.links
    )
    # The silence's address says the label exactly.
    if kind == "quotes":
        wanted = "model%3D%22a%5C%22b%27c%5C%5Cd%20%250a%20%2Bplus%22%7D"
        assert attachment["actions"][2]["url"].endswith(wanted)
        (silence,) = (link for link in tags.links if "silences" in link)
        assert silence.lower().endswith(wanted.lower())


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attributes if name == "href"]


def test_the_most_severe_comes_first_and_a_crowd_is_counted(running: Running) -> None:
    to = running.to
    # The route of one model that gets both severities in one notification.
    drift = [model("MLFeatureDrift", feature=f"f{number:02}", model="example-model") for number in range(16)]
    running.send(*drift, model("MLPerformanceDrop", "critical", model="example-model"))
    until(lambda: to.slack.taken and to.pagerduty.taken)
    (attachment,) = to.slack.taken[0]["attachments"]
    assert attachment["title"] == "CRITICAL example-model 3: MLPerformanceDrop has fired. (and 16 more)"
    assert attachment["text"].startswith("*MLPerformanceDrop*")
    assert attachment["text"].count("*MLFeatureDrift*") == 4
    assert "\nand 12 more\n" in attachment["text"]
    assert attachment["actions"][0]["url"].endswith("MLPerformanceDrop.md")
    firing = to.pagerduty.taken[0]["payload"]["custom_details"]["firing"]
    assert firing.startswith("MLPerformanceDrop")
    assert firing.endswith("\nand 7 more\n")


def test_everything_an_alert_says_is_in_every_channel(running: Running) -> None:
    to = running.to
    said = {
        "description": "The ROC AUC is 0.63, 0.12 below its baseline.",
        "features": "temp 0.62, humid 0.41",
        "first_step": "Look at the two features.",
        "rollback": "Version 2 still serves and does better.",
    }
    for severity in ("critical", "info"):
        item = model("MLPerformanceDrop", severity, check=severity)
        item["annotations"] |= said
        running.send(item)
    until(lambda: to.slack.taken and to.pagerduty.taken and to.mail.mails)
    texts = [
        to.slack.taken[0]["attachments"][0]["text"],
        to.pagerduty.taken[0]["payload"]["custom_details"]["firing"],
        to.mail.part(0, "plain"),
        to.mail.part(0, "html"),
    ]
    for text in texts:
        for value in said.values():
            assert value in text
        assert item["startsAt"][:16].replace("T", " ") + " UTC" in text
        assert "/runbooks/MLPerformanceDrop.md" in text
        assert "https://grafana.example.org/d/ml-model" in text
    # An alert of this repository's first rules says less; nothing is left standing empty.
    bare = model("MLPerformanceLow", "critical", model="bare")
    bare["annotations"] = {"summary": "Low."}
    running.send(bare)
    until(lambda: len(to.slack.taken) == 2)
    (attachment,) = to.slack.taken[1]["attachments"]
    assert attachment["text"].endswith("UTC>\nLow.\n")
    assert [action["text"] for action in attachment["actions"]] == ["Alerts", "Alerts", "Silence", "Alertmanager"]


def test_outside_working_hours_warnings_wait_and_nothing_else(tmp_path: Path, receivers: Receivers) -> None:
    night = Running(tmp_path, receivers, working=False)
    try:
        night.send(
            model("MLFeatureDrift", feature="temp"),
            model("MLFeatureDrift", feature="temp", model="churn", owner="example-owner"),
            model("MLPerformanceDrop", "critical"),
            model("MLPerformanceDrop", "critical", model="churn", owner="example-owner"),
            model("MLVolumeAnomaly", "info"),
        )
        until(lambda: len(receivers.pagerduty.taken) == 2 and receivers.mail.mails)
        until(lambda: receivers.slack.taken and receivers.owner_slack.taken)
        # Machines do not sleep.
        until(lambda: any("MLFeatureDrift" in names for names in receivers.retrain.names()))
        # A critical one that is sent and arrives later: the warnings' turn has come and gone.
        night.send(model("MLModelServerDown", "critical", model="late"))
        until(lambda: len(receivers.pagerduty.taken) == 3)
        assert all(
            title.startswith("CRITICAL") for title in titles(receivers.slack.taken + receivers.owner_slack.taken)
        )
        # Morning: what still fires is told.
        for interval in night.config["time_intervals"]:
            interval["time_intervals"] = [{"years": ["1999:2999"]}]
        (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(night.config))
        assert night.alertmanager.request("POST", "/-/reload")[0] == 200
        until(lambda: any(title.startswith("WARNING flights") for title in titles(receivers.slack.taken)))
        until(lambda: any(title.startswith("WARNING churn") for title in titles(receivers.owner_slack.taken)))
    finally:
        night.alertmanager.end()


def test_a_channel_without_its_secret_fails_alone(tmp_path: Path, receivers: Receivers) -> None:
    config = shipped(tmp_path, receivers)
    (tmp_path / "secrets/pagerduty-routing-key").unlink()
    alertmanager = Alertmanager(tmp_path, config)
    try:
        alertmanager.send(model("MLPerformanceDrop", "critical"))
        until(lambda: receivers.slack.taken)
        until(lambda: "failed to read routing key" in (tmp_path / "alertmanager.log").read_text())
        counter = 'alertmanager_notifications_failed_total{integration="pagerduty"'
        until(lambda: any(value for line, value in alertmanager.metrics().items() if line.startswith(counter)))
        # It needs no restart once the secret is there.
        (tmp_path / "secrets/pagerduty-routing-key").write_text(ROUTING_KEY)
        until(lambda: receivers.pagerduty.taken)
    finally:
        alertmanager.end()


@pytest.mark.parametrize("channel", ["slack", "pagerduty", "email"])
def test_one_channel_alone_carries_everything(channel: str, tmp_path: Path, receivers: Receivers) -> None:
    config = shipped(tmp_path, receivers)
    # The edit of the README: the three receivers name this channel, and examples of other channels go.
    lines = re.findall(rf"`({channel}_configs: \*{channel})`", (SHIPPED / "README.md").read_text())
    assert len(lines) == 2
    by_name = {receiver["name"]: receiver for receiver in config["receivers"]}
    for name in ("critical", "warning", "info"):
        by_name[name].clear()
        by_name[name] |= {"name": name, f"{channel}_configs": by_name["channels"][f"{channel}_configs"]}
    config["route"]["routes"] = [
        route for route in config["route"]["routes"] if route["receiver"] != "example-owner"
    ]
    config["receivers"] = [item for item in config["receivers"] if not item["name"].startswith("example-owner")]
    alertmanager = Alertmanager(tmp_path, config)
    try:
        alertmanager.send(
            *(
                model("MLVolumeAnomaly", severity, version=severity[:1])
                for severity in ("critical", "warning", "info")
            )
        )
        arrived = {
            "slack": receivers.slack.taken,
            "pagerduty": receivers.pagerduty.taken,
            "email": receivers.mail.mails,
        }
        until(lambda: len(arrived[channel]) == 3)
        assert [name for name, bodies in arrived.items() if bodies] == [channel]
        if channel == "pagerduty":
            assert {body["payload"]["severity"] for body in arrived[channel]} == {"critical", "warning", "info"}
    finally:
        alertmanager.end()


def test_the_readme_s_trial_arrives(running: Running) -> None:
    command = re.findall(r"^amtool alert add .*", (SHIPPED / "README.md").read_text(), re.MULTILINE)[0]
    command = command.replace("127.0.0.1:9093", f"127.0.0.1:{running.alertmanager.port}")
    subprocess.run(["bash", "-ec", command], check=True, capture_output=True)
    until(lambda: running.to.pagerduty.taken and running.to.slack.taken)
    assert titles(running.to.slack.taken) == ["CRITICAL test: A test."]


def test_the_receivers_refuse_what_the_real_ones_refuse() -> None:
    good = {"routing_key": ROUTING_KEY, "event_action": "trigger", "dedup_key": "k"}
    good["payload"] = {"summary": "s", "source": "h", "severity": "critical"}
    assert pagerduty(good) == []
    assert pagerduty({**good, "event_action": "fire"})
    assert pagerduty({**good, "routing_key": "short"})
    assert pagerduty({**good, "payload": {**good["payload"], "severity": "page"}})
    assert pagerduty({**good, "payload": {**good["payload"], "summary": "s" * 1_025}})
    assert pagerduty({**good, "payload": {**good["payload"], "summary": ""}})
    fine = {"attachments": [{"text": "a", "fallback": "a", "color": "#d00000"}]}
    assert slack(fine) == []
    assert slack({})
    for wrong in ({"text": "<!channel>"}, {"text": "a & b"}, {"text": "`open"}, {"color": "red"}, {"text": ""}):
        assert slack({"attachments": [{**fine["attachments"][0], **wrong}]}), wrong
    action = {"type": "button", "text": "t", "url": ""}
    assert slack({"attachments": [{**fine["attachments"][0], "actions": [action]}]})
    assert webhook({"version": "3", "status": "firing", "alerts": []})
