"""What a notification leads to: screening, duplicates, cool-down, budget; labels are data and nothing else."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_exporter.core.clock import ManualClock
from ml_exporter.core.errors import PayloadError, StateError
from ml_exporter.retrain.audit import Audit
from ml_exporter.retrain.desk import Desk, Receipt
from ml_exporter.retrain.jobs import Job, State
from ml_exporter.retrain.notification import FATES, Fate, read
from ml_exporter.retrain.settings import Settings, load
from ml_exporter.retrain.store import FORGET_ALERTS, FORGET_JOBS, Store
from support.retrain import alert, at, audit, notification, write_retrain

HOSTILE = [
    "$(touch x)",
    "`touch x`",
    "; rm -rf /",
    "{{ .Values }}",
    "{{workflow.name}}",
    "../../etc/passwd",
    "a\nb",
    "a\r\nX-Header: b",
    "a\0b",
    "'; DROP TABLE jobs; --",
    "<script>alert(1)</script>",
    "-rf",
    ".",
    "\u202e",
    "\ud800",
    "x" * (1 << 20),
    "1 2",
]


class Office:
    """A desk with its store, clock and configuration; what is posted is decided at once."""

    def __init__(self, folder: Path, job: str = "", target: str = "", model: str = "flights") -> None:
        self.folder = folder
        self.clock = ManualClock(1_800_000_000.0)
        self.settings: Settings = load(write_retrain(folder, target, job, model=model), has_users=True)
        self.store = Store(self.settings.state)
        self.desk = Desk(self.store, Audit(self.settings.audit, self.clock.wall), self.clock)

    def take(self, *alerts: dict[str, Any], group: str = "g") -> Receipt:
        body = json.dumps(notification(*alerts, group=group)).encode()
        return self.desk.take(read(body, self.settings.jobs), self.settings.jobs)

    def end(self, state: State = State.STARTED) -> Job:
        """Bring the newest job to its end."""
        (job, *_) = self.store.latest(1)
        for step in (State.SENDING, state):
            changed = self.store.change(job, step, self.clock.wall())
            assert changed is not None
            job = changed
        return job


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


SCREENED = [
    (alert(), Fate.JOB),
    (alert(version=""), Fate.JOB),
    ({**alert(), "status": "resolved"}, Fate.RESOLVED),
    (alert(model=""), Fate.NO_MODEL),
    (alert(model="others"), Fate.UNKNOWN_MODEL),
    (alert(model="Flights"), Fate.UNKNOWN_MODEL),
    (alert(alertname="MLExporterDown"), Fate.UNLISTED),
    (alert(version="a b"), Fate.INVALID),
    ({**alert(), "fingerprint": "../x"}, Fate.INVALID),
    ({**alert(), "fingerprint": ""}, Fate.INVALID),
    ({**alert(), "startsAt": "today"}, Fate.INVALID),
    ({**alert(), "startsAt": "2026-11-21T09:00:00"}, Fate.INVALID),
    ({**alert(), "startsAt": "0001-01-01T00:00:00+14:00"}, Fate.INVALID),
]


@pytest.mark.parametrize(("given", "fate"), SCREENED, ids=lambda value: value if isinstance(value, str) else "")
def test_which_alerts_count(given: dict[str, Any], fate: Fate, office: Office) -> None:
    receipt = office.take(given)
    assert receipt.fates == {fate: 1}
    assert len(receipt.jobs) == (fate is Fate.JOB)
    (line,) = audit(office.folder)
    assert line["decision"] == ("accepted" if fate is Fate.JOB else "ignored")
    assert line["reason"] == ("" if fate is Fate.JOB else fate.value)


def test_a_job_for_one_version(tmp_path: Path) -> None:
    office = Office(tmp_path, job='version: "2"')
    assert office.take(alert()).fates == {Fate.OTHER_VERSION: 1}
    assert office.take(alert(version="2")).fates == {Fate.JOB: 1}
    office.store.close()


def test_every_fate_has_its_words() -> None:
    assert set(FATES) == set(Fate)


NONE = "not a notification of Alertmanager: "
LABEL = b'{"version":"4","groupKey":"g","alerts":[{"status":"firing","labels":{"a":1}}]}'


@pytest.mark.parametrize(
    ("body", "reason", "what"),
    [
        (b"", "malformed", f"{NONE}Input data was truncated"),
        (b"{", "malformed", f"{NONE}Input data was truncated"),
        (b"[]", "malformed", f"{NONE}Expected `object`, got `array`"),
        (b"{}", "malformed", f"{NONE}Object missing required field `version`"),
        (b'{"version":"3"}', "version", 'version must be "4", got "3"'),
        (b'{"version":4}', "malformed", f"{NONE}Expected `str`, got `int` - at `$.version`"),
        (b'{"version":"4","groupKey":"g"}', "malformed", f"{NONE}Object missing required field `alerts`"),
        (LABEL, "malformed", f"{NONE}Expected `str`, got `int` - at `$.alerts[0].labels[...]`"),
        (b'{"version":"4","x":' + b"[" * 100_000, "malformed", None),
        (b'{"version":"4","groupKey":"\xff"}', "malformed", None),
    ],
)
def test_what_is_no_notification(body: bytes, reason: str, what: str | None, office: Office) -> None:
    with pytest.raises(PayloadError) as told:
        read(body, office.settings.jobs)
    assert told.value.reason == reason
    assert what is None or told.value.what == what
    assert told.value.what.isprintable()


def test_several_alerts_of_a_model_are_one_job(office: Office) -> None:
    first = {**alert(alertname="MLPerformanceDrop"), "fingerprint": "01"}
    receipt = office.take(first, alert(), {**at(30), "fingerprint": "02"}, alert(model="others"))
    assert receipt.fates == {Fate.JOB: 3, Fate.UNKNOWN_MODEL: 1}
    (job,) = office.store.latest(9)
    assert receipt.jobs == (job.id,)
    assert job.alerts == ("MLPerformanceDrop", "MLFeatureDrift")
    assert job.fingerprints == ("01", "abcdef0123456789", "02")
    assert job.starts_at == "2026-11-21T09:00:00.123456Z"


def test_an_alert_leads_to_a_job_once(office: Office) -> None:
    """The other Alertmanager of a pair and repetitions change nothing, whatever became of the job."""
    assert office.take(alert()).fates == {Fate.JOB: 1}
    assert office.take(alert()).fates == {Fate.DUPLICATE: 1}
    office.end(State.FAILED)
    office.clock.advance(4 * 3600)
    assert office.take(alert()).fates == {Fate.DUPLICATE: 1}
    assert office.take(alert(), {**alert(), "fingerprint": "99"}).fates == {Fate.JOB: 2}
    office.end(State.FAILED)
    assert office.take(alert(), group="other").fates == {Fate.JOB: 1}


def test_one_job_of_a_model_at_a_time_then_the_cooldown(office: Office) -> None:
    office.take(at(0))
    assert office.take(at(1)).fates == {Fate.UNDER_WAY: 1}
    office.end()
    office.clock.advance(6 * 3600 - 1)
    assert office.take(at(1)).fates == {Fate.COOLDOWN: 1}
    office.clock.advance(1)
    assert office.take(at(1)).fates == {Fate.JOB: 1}, "a repetition after the cool-down"


@pytest.mark.parametrize("state", [State.FAILED, State.REJECTED, State.EXPIRED])
def test_what_started_nothing_cools_nothing_down(state: State, office: Office) -> None:
    office.take(at(0))
    office.end(state)
    assert office.take(at(1)).fates == {Fate.JOB: 1}


def test_a_job_of_which_nobody_knows_counts_as_a_run(office: Office) -> None:
    office.take(at(0))
    office.end(State.UNKNOWN)
    assert office.take(at(1)).fates == {Fate.COOLDOWN: 1}


def test_the_budget(tmp_path: Path) -> None:
    office = Office(tmp_path, job="cooldown: 0s\nbudget: {runs: 2, per: 1d}")
    for minute in range(2):
        assert office.take(at(minute)).fates == {Fate.JOB: 1}
        office.end()
        office.clock.advance(3600)
    assert office.take(at(2)).fates == {Fate.BUDGET: 1}
    office.clock.advance(86400 - 2 * 3600)
    assert office.take(at(2)).fates == {Fate.JOB: 1}, "the first run is a day ago"
    office.store.close()


def test_a_dry_run_cools_down_as_a_run_would(tmp_path: Path) -> None:
    office = Office(tmp_path, job="mode: dry_run")
    assert office.take(at(0)).fates == {Fate.JOB: 1}
    assert office.store.latest(1)[0].state is State.DRY_RUN
    assert office.take(at(1)).fates == {Fate.COOLDOWN: 1}
    assert [line["decision"] for line in audit(tmp_path)] == ["dry_run", "ignored"]
    office.store.close()
    real = Office(tmp_path)
    assert real.take(at(1)).fates == {Fate.JOB: 1}, "but it was none"
    real.store.close()


def test_what_is_old_is_forgotten_and_totals_are_not(office: Office) -> None:
    office.take(alert())
    office.end()
    office.clock.advance(FORGET_ALERTS - 1)
    office.store.forget(office.clock.wall())
    assert office.take(alert()).fates == {Fate.DUPLICATE: 1}
    office.clock.advance(FORGET_ALERTS + 1)
    office.store.forget(office.clock.wall())
    assert office.take(alert()).fates == {Fate.JOB: 1}
    office.clock.advance(FORGET_JOBS)
    office.store.forget(office.clock.wall())
    assert [job.state for job in office.store.latest(9)] == [State.PENDING]
    assert office.store.summary.totals["flights", "pending"] == 2


def test_what_is_committed_has_reached_the_disk(office: Office) -> None:
    names = ("journal_mode", "synchronous", "locking_mode")
    found = [office.store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert found == ["wal", 2, "exclusive"]


def test_only_one_process_may_use_a_state(office: Office) -> None:
    with pytest.raises(StateError, match=r"state.file: .*jobs.sqlite is in use by another process"):
        Store(office.settings.state)


def test_a_state_of_the_future_or_of_something_else_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "newer.sqlite")
    other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(StateError, match="is of version 7; this ml-exporter reads 1"):
        Store(tmp_path / "newer.sqlite")
    (tmp_path / "text.sqlite").write_text("no database " * 100)
    with pytest.raises(StateError, match="cannot be used: file is not a database"):
        Store(tmp_path / "text.sqlite")


def test_state_and_audit_belong_to_their_owner(office: Office) -> None:
    office.take(alert())
    for name in ("jobs.sqlite", "jobs.sqlite-wal", "jobs.audit.jsonl"):
        assert (office.folder / name).stat().st_mode & 0o777 == 0o600, name


def test_a_lost_line_of_the_audit_log_is_counted(tmp_path: Path) -> None:
    log = Audit(tmp_path / "nowhere/audit.jsonl", lambda: 0.0)
    log.ignored("flights", [], "cooldown", 1)
    assert log.failures == 1
    with pytest.raises(StateError, match=r"audit.file: .* cannot be written: No such file or directory"):
        log.open()


def facts_of(office: Office) -> list[str]:
    """Return every text that a run would be told."""
    job = office.store.latest(1)[0]
    return [job.model, job.version, job.starts_at, *job.alerts, *job.fingerprints]


PLACES = ["model", "version", "alertname", "fingerprint", "startsAt", "label", "groupKey"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_labels_start_nothing_or_stay_outside(place: str, value: str, office: Office) -> None:
    """A run is told nothing of them: they are refused, or they are not among the facts."""
    given = alert(**({place: value} if place in ("model", "version", "alertname") else {"label": value}))
    given.update({place: value} if place in ("fingerprint", "startsAt") else {})
    body = json.dumps(notification(given, group=value if place == "groupKey" else "g")).encode()
    if value == "\ud800":
        with pytest.raises(PayloadError):
            read(body, office.settings.jobs)
        return
    receipt = office.desk.take(read(body, office.settings.jobs), office.settings.jobs)
    if place in ("label", "groupKey"):
        assert receipt.fates == {Fate.JOB: 1}
        assert value not in facts_of(office)
    else:
        assert not receipt.jobs
        assert not office.store.latest(1)
    raw = (office.folder / "jobs.audit.jsonl").read_text()
    assert len(raw) < 2000
    assert raw.isascii()
    assert raw.count("\n") == 1
    names = {path.name for path in office.folder.iterdir()}
    assert names == {"token", "retrain.yml", "jobs.sqlite", "jobs.sqlite-wal", "jobs.audit.jsonl"}


@settings(max_examples=150, deadline=None)
@given(
    labels=st.dictionaries(st.sampled_from(["alertname", "model", "version", "x"]), st.text(max_size=80)),
    fingerprint=st.text(max_size=70),
    starts_at=st.text(max_size=45) | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
)
def test_whatever_passes_is_harmless(
    tmp_path_factory: pytest.TempPathFactory, labels: dict[str, str], fingerprint: str, starts_at: str
) -> None:
    jobs = JOBS.setdefault("jobs", load(write_retrain(tmp_path_factory.mktemp("any")), has_users=False).jobs)
    given = {**alert(), "fingerprint": fingerprint or "ab", "startsAt": starts_at}
    given["labels"] = {**alert()["labels"], **labels}
    reading = read(json.dumps(notification(given)).encode(), jobs)
    for model, alerts in reading.candidates.items():
        assert model == "flights"
        for item in alerts:
            harmless = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+:@-")
            assert set(item.version + item.fingerprint + item.starts_at) <= harmless
            assert not item.version.startswith(("-", "."))
            assert item.name in jobs[model].alerts
            assert len(item.version) <= 64


JOBS: dict[str, Any] = {}


def test_a_flood_is_a_few_lines_in_the_audit_log(office: Office) -> None:
    office.take(*(alert(model=f"m{number}") for number in range(5000)))
    lines = audit(office.folder)
    assert len(lines) == 51
    assert sum(line["count"] for line in lines) == 5000
