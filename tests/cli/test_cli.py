"""The command line: help with examples, exit codes, and what each command prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ml_exporter.baseline import document
from ml_exporter.cli.main import EXIT_CODES, main, make_parser
from support import workload
from support.engine import write_config
from support.models import baseline

COMMANDS = [
    ["serve"],
    ["check-config"],
    ["config-schema"],
    ["healthcheck"],
    ["baseline", "fit"],
    ["baseline", "show"],
    ["baseline", "diff"],
    ["check"],
    ["replay"],
    ["metrics"],
    ["retrain"],
    ["backfill"],
]


def run(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as exit:
        return int(exit.code or 0)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command, "--help") == 0
    text = capsys.readouterr().out
    assert "example:\n  ml-exporter " in text
    assert "-h, --help" in text


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert EXIT_CODES.strip() in capsys.readouterr().out
    assert make_parser().prog == "ml-exporter"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["serve", "--web.listen"], ["baseline", "fit"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "--help" in capsys.readouterr().err


def test_check_config_tells_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    (tmp_path / "web.yml").write_text("basic_auth_users: {}\n")
    assert run("check-config", "--config.file", str(config), "--web.config.file", str(tmp_path / "web.yml")) == 0
    out = capsys.readouterr().out
    assert "model 1: binary_classification, 9 features, baseline " in out
    assert "web: no TLS, 0 users" in out
    assert out.endswith(f"{config}: OK\n")


def test_a_bad_configuration_exits_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, more="window: 5m")
    for command in ("check-config", "serve"):
        assert run(command, "--config.file", str(config)) == 3
        assert (
            f'{config}: 1 problem\n  line 11: window: unknown key; did you mean "windows"?'
            in capsys.readouterr().err
        )


def test_an_open_door_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    assert run("serve", "--config.file", str(config), "--web.listen-address", ":19999") == 1
    assert "can be reached from other machines" in capsys.readouterr().err


def test_fit_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "data.parquet", tmp_path / "baseline.json"
    pd.DataFrame({**workload.table(2_000, seed=1), "user": [f"u{n}" for n in range(2_000)]}).to_parquet(data)
    code = run(
        "baseline",
        "fit",
        str(data),
        "--output",
        str(out),
        "--task",
        "binary_classification",
        "--label",
        "label",
        "--score",
        "score",
    )
    shown = capsys.readouterr()
    assert code == 0
    lines = {line.split("  ")[0]: line for line in shown.out.splitlines()}
    assert "numeric" in lines["normal"]
    assert "categorical" in lines["few"]
    assert "ignored" in lines["user"]
    assert "ignored: user; make one a feature with --kind NAME=KIND" in shown.err
    assert "2,000 rows" in shown.out
    noise = json.loads(out.read_text())["variables"][0]["noise"]
    assert set(noise) == {"psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein"}
    assert run("baseline", "show", str(out)) == 0
    shown = capsys.readouterr()
    assert "binary_classification, 2,000 rows of data.parquet, fitted " in shown.out
    assert "classes: 0, 1; positive is 1, from a score of 0.5 on" in shown.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--kind", "normal=words"], '--kind: must be COLUMN=numeric, categorical or text, got "normal=words"'),
        (["--threshold", "2"], "--threshold: must lie between 0 and 1, got 2"),
        (["--sensitive-key-file", "/nowhere"], "--sensitive-key-file: /nowhere cannot be read"),
        (["--output", "/nowhere/b.json"], "--output: /nowhere/b.json must be a file in a folder that exists"),
        (["--output", "/"], "--output: / must be a file in a folder that exists"),
        (["--label", "lable"], '--label: no column "lable"; did you mean "label"?'),
    ],
)
def test_a_fit_that_cannot_be_done_exits_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    data = tmp_path / "data.parquet"
    pd.DataFrame(workload.table(100, seed=1)).to_parquet(data)
    code = run(
        "baseline",
        "fit",
        str(data),
        "--output",
        str(tmp_path / "b.json"),
        "--task",
        "binary_classification",
        *more,
    )
    assert code == 4
    assert message in capsys.readouterr().err
    assert not (tmp_path / "b.json").exists()


def test_a_bad_baseline_exits_with_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("baseline", "show", str(tmp_path / "nowhere.json")) == 4
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_the_catalogue_lists_every_metric(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("metrics") == 0
    text = capsys.readouterr().out
    assert "ml_feature_drift_psi{model, version, window, feature} (gauge)\n" in text
    assert "ml_exporter_build_info{version, pythonversion} (info)\n" in text


def test_the_sidecar_loads_no_heavy_library(tmp_path: Path) -> None:
    """pandas, scikit-learn and scipy would cost a second and a hundred megabytes."""
    code = (
        "import sys; from ml_exporter.app.sidecar import Sidecar, ServeOptions; from pathlib import Path;"
        f"Sidecar(ServeOptions(Path({str(write_config(tmp_path))!r}), ('127.0.0.1:0',)))._release();"
        "heavy = {'pandas', 'pyarrow', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_client_loads_only_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import ml_exporter.client;"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "foreign = loaded - set(sys.stdlib_module_names) - {'ml_exporter'};"
        "sys.exit(str(foreign) if foreign else 0)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd="exporter")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("command", "code"), [(["metrics"], 1), (["baseline", "diff", "a.json", "a.json"], 2)])
def test_a_full_disk_behind_standard_output_is_told(tmp_path: Path, command: list[str], code: int) -> None:
    document.write(baseline(), tmp_path / "a.json")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ml_exporter", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
    told = "ml-exporter: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (code, told)


def test_a_baseline_goes_where_it_is_sent(tmp_path: Path) -> None:
    """Through a link to its file; to a device, which stays one."""
    (tmp_path / "link.json").symlink_to("real.json")
    document.write(baseline(), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert document.read(tmp_path / "real.json").rows == baseline().rows
    (tmp_path / "null").symlink_to(os.devnull)
    document.write(baseline(), tmp_path / "null")
    assert Path(os.devnull).is_char_device()
