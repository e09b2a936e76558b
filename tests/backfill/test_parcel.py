"""Arrays reach another process whole, as memory that it cannot write to and that outlives the sender's hold."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

from ml_exporter.backfill.parcel import Parcel
from ml_exporter.core.errors import ExporterError


def look(parcel: Parcel) -> tuple[Any, list[bool]]:
    content = parcel.open()
    arrays = [value for value in content.values() if isinstance(value, np.ndarray)]
    return {key: np.array(value) for key, value in content.items()}, [array.flags.writeable for array in arrays]


@pytest.mark.parametrize(
    "content",
    [
        {"many": np.arange(100_000), "few": np.array([0.5, np.nan]), "name": "a"},
        {"none": np.zeros((0, 3)), "one": np.ones(1, np.int32)},
        {"none": np.zeros(0)},
        {"name": "a"},
    ],
)
def test_another_process_reads_what_was_sent(content: dict[str, Any]) -> None:
    parcel = Parcel(content)
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
        found, writeable = pool.submit(look, parcel).result()
    parcel.close()
    assert found.keys() == content.keys()
    for key, value in content.items():
        np.testing.assert_array_equal(found[key], value)
    assert not any(flag for flag, value in zip(writeable, content.values(), strict=False) if np.size(value))


def test_what_was_opened_stays_once_the_sender_lets_go() -> None:
    before = len(os.listdir("/proc/self/fd"))
    parcel = Parcel({"numbers": np.arange(10_000)})
    content = parcel.open()
    parcel.close()
    with pytest.raises(OSError, match="No such file"):
        parcel.open()
    assert content["numbers"].sum() == 49_995_000
    del content
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_lack_of_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "memfd_create", lambda name: os.open("/dev/full", os.O_RDWR))
    with pytest.raises(ExporterError, match=r"no room for 80,000 bytes .*: \[Errno 28\] No space left on device"):
        Parcel({"numbers": np.arange(10_000)})
    assert len(os.listdir("/proc/self/fd")) == before
