"""The rules under a current promtool and under pint, where deploy/bootstrap.sh newer has built them."""

import subprocess
from pathlib import Path

import pytest

from support.alert_cases import CASES
from support.newer import newer
from support.rules import RULES, Case, play

PATHS = sorted(map(str, RULES.glob("*.yml")))


def test_a_current_promtool_accepts_the_rules() -> None:
    command = [newer("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *PATHS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_alerts_fire_and_end_under_a_current_promtool_too(case: Case, tmp_path: Path) -> None:
    play(case, tmp_path, newer("promtool"), slack=5)


def test_pint_finds_nothing() -> None:
    command = [newer("pint"), "--no-color", "--offline", "--config", str(Path(__file__).with_name("pint.hcl"))]
    done = subprocess.run([*command, "lint", "--min-severity=warning", *PATHS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
