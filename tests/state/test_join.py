"""Labels find their predictions, whatever the order, over restarts, in bounded memory."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_exporter.state.join.early import CAPACITY, WAIT
from ml_exporter.state.join.generation import Generation, row_type
from ml_exporter.state.join.store import Fate, JoinChanges, JoinStore

DTYPE = row_type(0)


def rows(keys: list[int], time: float = 0.0) -> Any:
    table = np.zeros(len(keys), DTYPE)
    table["hash"] = keys
    table["value"] = np.array(keys) / 7
    table["time"] = time
    return table


def add_labels(store: JoinStore, keys: list[int], now: float) -> tuple[list[Fate], list[int]]:
    hashes = np.array(keys, np.uint64)
    fates, joined = store.add_labels(hashes, np.full(len(keys), now), hashes.astype(float), now)
    assert (joined.rows["hash"] == joined.labels).all()
    return [Fate(fate) for fate in fates], sorted(joined.rows["hash"].tolist())


def test_a_row_takes_28_bytes_and_4_for_each_class() -> None:
    assert row_type(0).itemsize == 28
    assert row_type(5).itemsize == 48


@given(
    st.lists(
        st.lists(
            st.integers(0, 2**64 - 1) | st.integers(0, 50) | st.integers(0, 9).map(lambda n: n << 40), max_size=60
        ),
        max_size=8,
    )
)
def test_a_generation_is_a_dictionary(batches: list[list[int]]) -> None:
    """Also for hashes whose low bits are all equal, which all probe the same places."""
    generation = Generation.empty(0, 0.0, DTYPE)
    known: dict[int, int] = {}
    for batch in batches:
        new = [key for key in dict.fromkeys(batch) if key not in known]
        generation.append(rows(new))
        for key in new:
            known[key] = len(known)
        asked = np.array([*known, 2**63 + 12345, 51], np.uint64)
        expected = [*known.values(), known.get(2**63 + 12345, -1), known.get(51, -1)]
        assert generation.find(asked).tolist() == expected


def test_a_large_generation_keeps_finding() -> None:
    rng = np.random.default_rng(1)
    keys = np.unique(rng.integers(0, 2**64 - 1, 200_000, dtype=np.uint64))
    generation = Generation.empty(0, 0.0, DTYPE)
    for part in np.array_split(keys, 37):
        table = np.zeros(len(part), DTYPE)
        table["hash"] = part
        generation.append(table)
    assert (generation.find(keys) == np.arange(len(keys))).all()
    assert (generation.find(keys ^ np.uint64(1 << 50)) >= 0).sum() <= 1


def test_each_fate() -> None:
    store = JoinStore(None, horizon=100.0, capacity=1_000)
    assert store.add_predictions(rows([1, 2, 3, 2]), 0.0).tolist() == [True, True, True, False]
    assert add_labels(store, [1, 1, 9], 1.0) == ([Fate.JOINED, Fate.DUPLICATE, Fate.EARLY], [1])
    assert add_labels(store, [1, 2, 9], 2.0) == ([Fate.DUPLICATE, Fate.JOINED, Fate.DUPLICATE], [2])
    assert add_labels(store, [3], 101.0) == ([Fate.LATE], [])
    assert store.pending == 1
    assert store.early == 1


def test_an_early_label_is_joined_when_its_prediction_comes() -> None:
    store = JoinStore(None, horizon=100.0, capacity=1_000)
    add_labels(store, [5, 6], 1.0)
    batch = rows([4, 5], 2.0)
    store.add_predictions(batch, 2.0)
    joined = store.take_early(batch)
    assert joined is not None
    assert joined.rows["hash"].tolist() == [5]
    assert joined.labels.tolist() == [5.0]
    assert add_labels(store, [5], 3.0) == ([Fate.DUPLICATE], [])
    assert store.expire(1.0 + WAIT) == 1
    assert store.early == 0


def test_an_early_label_waits_from_its_arrival_whatever_its_own_time_says() -> None:
    store = JoinStore(None, horizon=1e6, capacity=1_000)
    hashes = np.array([1, 2], np.uint64)
    store.add_labels(hashes, np.array([4e9, 0.0]), hashes.astype(float), 5_000.0)
    assert store.expire(5_000.0 + WAIT - 1) == 0
    assert store.expire(5_000.0 + WAIT) == 2


def test_a_prediction_with_an_old_time_of_its_own_is_known_from_its_arrival() -> None:
    store = JoinStore(None, horizon=100.0, capacity=1_000)
    store.add_predictions(rows([1], time=10.0), 5_000.0)
    assert add_labels(store, [1], 5_001.0) == ([Fate.JOINED], [1])


def test_early_labels_are_bounded() -> None:
    store = JoinStore(None, horizon=100.0, capacity=1_000)
    add_labels(store, list(range(CAPACITY + 10)), 1.0)
    assert store.expire(2.0) == 10
    assert store.early == CAPACITY


def test_capacity_bounds_the_ids_and_evictions_are_told() -> None:
    store = JoinStore(None, horizon=1e9, capacity=400)
    for first in range(0, 3_000, 50):
        store.add_predictions(rows(list(range(first, first + 50))), 0.0)
        assert store.ids <= 500
    assert store.ids >= 400
    assert store.evicted == 3_000 - store.ids
    newest = list(range(2_600, 3_000))
    assert add_labels(store, newest, 1.0)[1] == newest


def test_ids_are_forgotten_after_the_horizon() -> None:
    store = JoinStore(None, horizon=100.0, capacity=1_000)
    for second in range(0, 1_000, 5):
        store.expire(float(second))
        store.add_predictions(rows([second], float(second)), float(second))
    assert store.ids <= 32
    assert store.evicted == 0
    assert add_labels(store, [0], 1_000.0)[0] == [Fate.EARLY]
    assert not store.add_predictions(rows([905], 1_000.0), 1_000.0).any()


Step = tuple[str, list[int], float]
steps = st.lists(
    st.tuples(
        st.sampled_from(["predict", "predict", "label", "label", "save", "snapshot", "crash"]),
        st.lists(st.integers(0, 30), min_size=1, max_size=12),
        st.floats(0, 15),
    ),
    max_size=40,
)


class Reference:
    """What the store should do, as sets."""

    def __init__(self) -> None:
        self.predictions: set[int] = set()
        self.labelled: set[int] = set()
        self.early: set[int] = set()

    def predict(self, keys: list[int]) -> tuple[list[bool], set[int]]:
        """Return which keys are new, and which of them a waiting label is joined to."""
        fresh = [key not in self.predictions and key not in keys[:place] for place, key in enumerate(keys)]
        self.predictions |= set(keys)
        joined = self.early & set(keys)
        self.early -= joined
        self.labelled |= joined
        return fresh, joined

    def label(self, key: int) -> Fate:
        """Return the fate of a label."""
        if key in self.labelled or key in self.early:
            return Fate.DUPLICATE
        if key in self.predictions:
            self.labelled.add(key)
            return Fate.JOINED
        self.early.add(key)
        return Fate.EARLY


@settings(max_examples=150, deadline=None)
@given(sequence=steps)
def test_any_order_of_events_commits_and_crashes_equals_a_dictionary(
    sequence: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A crash falls back to the last commit, never half of one; within the horizon an id counts once."""
    folder = tmp_path_factory.mktemp("join")
    store = JoinStore(folder, horizon=1e6, capacity=1_000_000)
    expected, committed = Reference(), Reference()
    bits: dict[int, bytes] = {}
    written: list[JoinChanges] = []
    now = 0.0
    for action, keys, gap in sequence:
        now += gap
        if action == "predict":
            batch = rows(keys, now)
            fresh = store.add_predictions(batch, now)
            joined = store.take_early(batch[fresh])
            found = set() if joined is None else set(joined.rows["hash"].tolist())
            assert (fresh.tolist(), found) == expected.predict(keys)
        elif action == "label":
            assert add_labels(store, keys, now)[0] == [expected.label(key) for key in keys]
        elif action == "save":
            store.save()
            written.append(store.changes())
            committed = copy.deepcopy(expected)
        elif action == "snapshot":
            store.save()
            whole, bits, _ = store.dump()
            store.changes()
            written = [whole]
            committed = copy.deepcopy(expected)
        else:
            store = JoinStore(folder, horizon=1e6, capacity=1_000_000)
            store.restore(bits, written)
            expected = copy.deepcopy(committed)
        assert (store.ids, store.early) == (len(expected.predictions), len(expected.early))
        assert store.pending == len(expected.predictions - expected.labelled)


def test_a_snapshot_and_changes_restore_everything(tmp_path: Path) -> None:
    store = JoinStore(tmp_path, horizon=40.0, capacity=1_000)
    for second in range(60):
        now = float(second)
        store.expire(now)
        store.add_predictions(rows(list(range(second * 10, second * 10 + 10)), now), now)
        add_labels(store, list(range(second * 10, second * 10 + 5)), now)
    store.save()
    whole, bits, _ = store.dump()
    store.changes()
    store.add_predictions(rows([9_001, 9_002], 60.0), 60.0)
    add_labels(store, [9_001, 595, 77_777], 60.0)
    store.save()
    later = store.changes()
    again = JoinStore(tmp_path, horizon=40.0, capacity=1_000)
    again.restore(bits, [whole, later])
    assert (again.ids, again.pending, again.early) == (store.ids, store.pending, store.early)
    assert add_labels(again, [9_001, 595, 596, 9_002], 61.0)[0] == [
        *(Fate.DUPLICATE, Fate.DUPLICATE, Fate.JOINED, Fate.JOINED)
    ]


def test_labels_that_cannot_be_joined_are_not_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They join when they are sent again."""
    store = JoinStore(tmp_path, horizon=40.0, capacity=1_000)
    store.add_predictions(rows([1, 2]), 0.0)
    store.expire(11.0)
    store.add_predictions(rows([3, 4], 11.0), 11.0)
    with monkeypatch.context() as broken:
        broken.setattr(Generation, "rows", _failing(of=1, rows=Generation.rows))
        with pytest.raises(OSError, match="no such row"):
            add_labels(store, [1, 3], 12.0)
    assert add_labels(store, [1, 3], 13.0)[0] == [Fate.JOINED, Fate.JOINED]


def _failing(of: int, rows: Any) -> Any:
    def fail(generation: Generation, numbers: Any) -> Any:
        if generation.number == 0 and len(numbers) == of:
            raise OSError("no such row")
        return rows(generation, numbers)

    return fail


def test_rows_written_after_the_last_commit_are_not_believed(tmp_path: Path) -> None:
    store = JoinStore(tmp_path, horizon=1e6, capacity=1_000)
    store.add_predictions(rows([1, 2, 3]), 0.0)
    store.save()
    changes = store.changes()
    store.add_predictions(rows([4, 5]), 1.0)
    store.save()  # and then the process dies before the journal is written
    again = JoinStore(tmp_path, horizon=1e6, capacity=1_000)
    again.restore({}, [changes])
    assert again.ids == 3
    assert again.add_predictions(rows([4, 6]), 2.0).all()
    again.save()
    third = JoinStore(tmp_path, horizon=1e6, capacity=1_000)
    third.restore({}, [changes, again.changes()])
    assert add_labels(third, [4, 6, 5], 3.0)[0] == [Fate.JOINED, Fate.JOINED, Fate.EARLY]


def test_a_missing_row_file_is_told(tmp_path: Path) -> None:
    store = JoinStore(tmp_path, horizon=1e6, capacity=1_000)
    store.add_predictions(rows([1]), 0.0)
    store.save()
    changes = store.changes()
    for path in tmp_path.glob("*.rows"):
        path.write_bytes(b"short")
    with pytest.raises(ValueError, match="holds 0 rows, 1 were written"):
        JoinStore(tmp_path, horizon=1e6, capacity=1_000).restore({}, [changes])


def test_files_of_forgotten_ids_are_deleted(tmp_path: Path) -> None:
    store = JoinStore(tmp_path, horizon=10.0, capacity=1_000)
    for second in range(100):
        store.expire(float(second))
        store.add_predictions(rows([second], float(second)), float(second))
        store.save()
    store.tidy()
    assert len(list(tmp_path.glob("*.rows"))) <= 8
