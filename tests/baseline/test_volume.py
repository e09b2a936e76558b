"""The volume by hour of the week, as a baseline keeps it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_exporter.baseline import document
from ml_exporter.baseline.document import BaselineDocument, VolumeDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.volume import hourly_of
from ml_exporter.cli.main import main
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import Task
from ml_exporter.signals.signal import ModelContext
from ml_exporter.signals.traffic.hours import SIGNAL
from support.fitting import fitted
from support.models import tallies_of

SUNDAY = 1_699_142_400  # 2023-11-05 00:00 UTC
OPTIONS = FitOptions(Task.REGRESSION, prediction="prediction", timestamp="at")


def frame(times: Any) -> pd.DataFrame:
    values = np.arange(len(times)) % 17 + 0.5
    return pd.DataFrame({"amount": values, "prediction": values, "at": times})


def volume(times: Any, folder: Path) -> VolumeDocument:
    found = fitted(frame(times), OPTIONS, folder).document.volume
    assert found is not None
    return found


def drawn(weeks: float, per_hour: float = 60.0) -> np.ndarray:
    """Return times of which each hour of the day has its own number, from Sunday on."""
    rng = np.random.default_rng(3)
    times = SUNDAY + rng.uniform(0, weeks * 168 * 3_600, int(weeks * 168 * per_hour * 2))
    return np.sort(times[rng.random(len(times)) < 0.2 + 0.8 * (times // 3_600 % 24) / 24])


@pytest.mark.parametrize("weeks", [1.0, 2.5, 4.0])
def test_the_mean_of_each_hour_is_that_of_pandas(tmp_path: Path, weeks: float) -> None:
    times = drawn(weeks)
    counts = pd.Series(1, pd.to_datetime(times, unit="s", utc=True)).resample("1h").sum()
    index = pd.DatetimeIndex(counts.index)
    expected = counts.groupby((index.day_of_week + 1) % 7 * 24 + index.hour).mean()
    found = hourly_of(volume(times, tmp_path))
    assert found.tolist() == expected.reindex(range(168)).tolist()


@pytest.mark.parametrize("form", ["numbers", "text", "dates"])
def test_times_come_in_every_form(tmp_path: Path, form: str) -> None:
    times = drawn(1).round(3)
    dates = pd.to_datetime(times, unit="s", utc=True)
    given = {"numbers": times, "text": [date.isoformat() for date in dates], "dates": dates}[form]
    assert volume(given, tmp_path) == volume(times, tmp_path)


def test_hours_that_are_cut_off_do_not_count(tmp_path: Path) -> None:
    times = np.arange(SUNDAY + 1_800, SUNDAY + 5 * 3_600 + 1_800, 60.0)
    found = volume(times, tmp_path)
    assert np.flatnonzero(found.hours).tolist() == [1, 2, 3, 4]
    assert [found.rows[hour] for hour in range(6)] == [0, 60, 60, 60, 60, 0]
    assert np.isnan(hourly_of(found)[0])


@pytest.mark.parametrize("stray", [315_532_800.0, 4_070_908_800.0])
def test_a_wrong_time_tells_nothing(tmp_path: Path, stray: float) -> None:
    times = np.arange(SUNDAY, SUNDAY + 14 * 86_400, 60.0)
    assert volume(np.append(times, stray), tmp_path) == volume(times, tmp_path)
    assert set(volume(times, tmp_path).hours) == {2}


def test_periods_apart_do_not_dilute_each_other(tmp_path: Path) -> None:
    week = np.arange(SUNDAY, SUNDAY + 7 * 86_400, 60.0)
    apart = np.concatenate((week + 21 * 86_400, week))
    assert hourly_of(volume(apart, tmp_path)).tolist() == [60.0] * 168


def test_an_hour_without_rows_between_others_has_none(tmp_path: Path) -> None:
    times = [*np.arange(SUNDAY, SUNDAY + 3_600, 60.0), *np.arange(SUNDAY + 7_200, SUNDAY + 10_800, 60.0)]
    assert hourly_of(volume(times, tmp_path))[:3].tolist() == [60.0, 0.0, 60.0]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (
            np.arange(300.0),
            '--timestamp: column "at" holds no times: seconds since 1970 or ISO 8601, from 1980 on',
        ),
        (["soon"] * 300, '--timestamp: column "at" holds no times'),
        (SUNDAY + 1_200 + np.arange(300.0), "--timestamp: the rows lie within no whole hour"),
    ],
)
def test_what_tells_no_volume_is_refused(tmp_path: Path, times: Any, message: str) -> None:
    with pytest.raises(BaselineError, match=message):
        volume(times, tmp_path)


def test_rows_without_a_time_are_not_counted(tmp_path: Path) -> None:
    times = pd.Series(drawn(1))
    gaps = times.copy()
    gaps[5:9] = np.nan
    assert sum(volume(gaps, tmp_path).rows) == sum(volume(times, tmp_path).rows) - 4


def context(found: BaselineDocument) -> ModelContext:
    schema, _ = schema_of("m", Task.REGRESSION, found, {})
    return ModelContext(reference_of(schema, tallies_of(schema), found), 100)


def test_the_page_has_the_hours_that_are_known(tmp_path: Path) -> None:
    found = fitted(frame(np.arange(SUNDAY, SUNDAY + 3 * 3_600, 60.0)), OPTIONS, tmp_path).document
    (block,) = SIGNAL.of_baseline(context(found), "1")
    assert isinstance(block, Block)
    assert (block.rows.values, block.values.tolist()) == ((("0",), ("1",), ("2",)), [60.0, 60.0, 60.0])
    found.volume = None
    assert list(SIGNAL.of_baseline(context(found), "1")) == []


@pytest.mark.parametrize(
    "volume", [VolumeDocument(rows=[1], hours=[1] * 168), VolumeDocument(rows=[-1] * 168, hours=[1] * 168)]
)
def test_a_file_with_another_week_is_refused(tmp_path: Path, volume: VolumeDocument) -> None:
    found = fitted(frame(drawn(1)), OPTIONS, tmp_path).document
    found.volume = volume
    with pytest.raises(BaselineError, match=r"volume\.rows: needs 168 numbers, none of them negative"):
        document.write(found, tmp_path / "b.json")


def test_the_command_keeps_and_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame(drawn(2)).to_csv(tmp_path / "data.csv", index=False)
    given = [str(tmp_path / "data.csv"), "--output", str(tmp_path / "b.json"), "--task", "regression"]
    assert main(["baseline", "fit", *given, "--prediction", "prediction", "--timestamp", "at"]) == 0
    assert "at          timestamp" in capsys.readouterr().out
    assert main(["baseline", "show", str(tmp_path / "b.json")]) == 0
    assert "volume by hour of the week: 2.0 weeks\n" in capsys.readouterr().out
    assert main(["baseline", "fit", *given, "--prediction", "prediction", "--timestamp", "att"]) == 4
    assert '--timestamp: no column "att"; did you mean "at"?' in capsys.readouterr().err
    assert main(["baseline", "fit", *given, "--prediction", "prediction", "--timestamp", "prediction"]) == 4
    assert '--prediction: column "prediction" is given to --timestamp too' in capsys.readouterr().err
