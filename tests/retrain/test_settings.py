"""The configuration of the bridge: what it gives, every mistake with its message, examples."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_exporter.cli.main import main
from ml_exporter.core.errors import ConfigError
from ml_exporter.retrain.settings import load
from ml_exporter.retrain.targets import TARGETS
from support.retrain import write_retrain, write_users

ROOT = Path(__file__).parents[2]


def problems(config: Path, *, has_users: bool = False) -> list[str]:
    """Return every problem, without its line."""
    with pytest.raises(ConfigError) as told:
        load(config, has_users=has_users)
    return [f"{problem.where}: {problem.what}" for problem in told.value.problems]


def test_the_example_is_good_and_its_defaults_are(tmp_path: Path) -> None:
    (tmp_path / "retrain.yml").write_text((ROOT / "docs/retrain.example.yml").read_text())
    (tmp_path / "alertmanager.token").write_text("token")
    settings = load(tmp_path / "retrain.yml", has_users=False)
    (job,) = settings.jobs.values()
    assert (job.model, job.kind, job.cooldown, job.runs, job.per) == ("flights", "command", 21600, 3, 604800)
    (tmp_path / "short.yml").write_text(
        "state: {file: retrain.sqlite}\nauthorization: {credentials_file: alertmanager.token}\n"
        "jobs: [{model: flights, target: {kind: command, arguments: [python3, train.py, --days, '90'],"
        " timeout: 2h}, parameters: {trigger: drift}}]\n"
    )
    assert load(tmp_path / "short.yml", has_users=False) == settings
    assert settings.audit == tmp_path / "retrain.audit.jsonl"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.key)
def test_the_example_of_every_target_is_good(target: Any, tmp_path: Path) -> None:
    for name in re.findall(r"\w+_file: ([\w.]+)", target.example):
        (tmp_path / name).write_text("secret")
    job = load(write_retrain(tmp_path, target=target.example), has_users=False).jobs["flights"]
    assert job.kind == target.key
    assert isinstance(job.target.idempotent, bool)
    assert "secret" not in repr(job.target).replace("SecretFile", "")


KINDS = ", ".join(target.key for target in TARGETS)
MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yml").read_text())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["with"])
def test_each_mistake_has_its_message(mistake: dict[str, Any], tmp_path: Path) -> None:
    old, new = mistake["replace"], mistake["with"]
    config = write_retrain(tmp_path, target=new if old == "TARGET" else "", job=new if old == "JOB" else "")
    if old not in ("JOB", "TARGET"):
        assert old in config.read_text()
        config.write_text(config.read_text().replace(old, new))
    (tmp_path / "empty").write_text("\n")
    told = [line.replace("KINDS", KINDS) for line in mistake["told"]]
    assert [line.replace(str(tmp_path), "FOLDER") for line in problems(config)] == told


def test_a_model_has_one_job_and_all_problems_are_told(tmp_path: Path) -> None:
    config = write_retrain(tmp_path)
    text = config.read_text()
    config.write_text(text + text.partition("jobs:\n")[2] + "    mode: x\nstatus: y\n")
    assert problems(config) == [
        'jobs[1].model: "flights" stands twice',
        'jobs[1].mode: must be one of automatic, approval, dry_run, got "x"',
        'status: unknown key; did you mean "state"?',
    ]


def test_users_may_stand_in_for_the_token(tmp_path: Path) -> None:
    config = write_retrain(tmp_path, job="mode: approval")
    config.write_text(config.read_text().replace("authorization: {credentials_file: token}\n", ""))
    assert load(config, has_users=True).token is None


def test_check_tells_what_would_be_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_retrain(tmp_path, job="mode: approval")
    web = write_users(tmp_path)
    assert main(["retrain", "--config.file", str(config), "--web.config.file", str(web), "--check"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "flights: MLPerformanceDrop, MLFeatureDrift -> command, approval, at most 3 runs per 7d",
        "web: no TLS, 1 users; the sender shows a token",
        f"{config}: OK",
    ]
    assert not (tmp_path / "jobs.sqlite").exists()
    config.write_text("jobs: []\n")
    assert main(["retrain", "--config.file", str(config), "--check"]) == 3
    assert main(["retrain", "--config.file", str(config)]) == 3
    assert "jobs: must have at least 1 item" in capsys.readouterr().err


def test_the_bridge_loads_no_numbers(tmp_path: Path) -> None:
    """What the sidecar counts with is not needed here."""
    code = (
        "import sys; import ml_exporter.retrain.bridge;"
        "heavy = {'pandas', 'pyarrow', 'sklearn', 'scipy', 'requests'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
