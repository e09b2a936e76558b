"""Rows of a CSV, Parquet or JSON lines file, a bounded number at a time, as columns.

The only module that imports pandas and pyarrow, and only when a file is read: they come with the extra
``ml-exporter[fit]`` and are never loaded by the sidecar.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.core.arrays import (
    MISSING,
    NONFINITE,
    TYPE_ERROR,
    BoolArray,
    CodeArray,
    FloatArray,
    IntArray,
    length_of,
)
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.loose_json import loads
from ml_exporter.core.text import category_name

CHUNK_ROWS: Final = 20_000
"""Rows in memory at a time (chosen: some tens of megabytes for a hundred columns of text)."""

SUFFIXES: Final = (".csv", ".parquet", ".jsonl", ".ndjson")

_BOOLEANS: Final = {"True": "true", "False": "false", "TRUE": "true", "FALSE": "false"}
_OTHERWISE_SPELLED: Final = tuple(f"{end}\n" for end in (".0", *_BOOLEANS))
"""Ends of the lines of a column of text, of which one must be there if a name differs from its text."""

_DISTINCT: Final = frozenset((str, int, float, bool))
"""Types of which equal values have one name; beside each other they do not: True equals 1."""

MISSING_WORDS: Final = frozenset(("NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None"))
"""Words that stand for a missing number in a CSV file; among texts each is a text like any other."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chunk: its values as they were read, and where there is none, (rows,).

    ``is_text`` tells that the file knows text from numbers: what is text there is no number, whatever it spells.
    ``is_beside`` tells that it is of events, and no feature of theirs.
    """

    values: npt.NDArray[Any]
    missing: BoolArray
    is_text: bool = False
    is_beside: bool = False

    def words(self) -> BoolArray:
        """Return where a word stands for a missing number."""
        if self.values.dtype != object or self.is_text:
            return np.zeros(len(self.values), bool)
        return np.fromiter((_is_missing_word(value) for value in self.values), bool, len(self.values))

    def numbers(self, is_text: bool = False) -> FloatArray:
        """Return the values as float64, a marked NaN where a value is missing, infinite or no number.

        With ``is_text`` the length of each text, a marked NaN where a value is missing, empty or no text.
        """
        if is_text:
            lengths = (length_of(value) if isinstance(value, str) else TYPE_ERROR for value in self.values)
            return np.where(self.missing, MISSING, np.fromiter(lengths, np.float64, len(self.values)))
        if self.values.dtype == object:
            import pandas as pd

            foreign = (bool, str, list, dict) if self.is_text else (bool, list, dict)
            wrong = np.fromiter((isinstance(value, foreign) for value in self.values), bool, len(self.values))
            usable = self.values.copy()
            usable[wrong] = None
            numbers = np.array(pd.to_numeric(usable, errors="coerce"), np.float64)
            numbers[np.isnan(numbers)] = TYPE_ERROR
        else:
            numbers = self.values.astype(np.float64)
        numbers[np.isinf(numbers)] = NONFINITE
        numbers[self.missing | self.words()] = MISSING
        return numbers

    def seconds(self) -> FloatArray:
        """Return seconds since the Unix epoch, NaN where there is no time.

        Text is ISO 8601, in UTC if it names no zone.
        """
        if self.values.dtype != object:
            return np.where(self.missing, np.nan, self.values.astype(np.float64))
        import pandas as pd

        numbers = np.array(pd.to_numeric(self.values, errors="coerce"), np.float64)
        dates = pd.to_datetime(pd.Series(self.values), utc=True, errors="coerce", format="ISO8601")
        seconds = dates.astype("datetime64[us, UTC]").astype("int64").to_numpy() / 1e6
        return np.where(np.isnan(numbers), np.where(dates.isna(), np.nan, seconds), numbers)

    def codes(self, code_of: Callable[[str | None], int]) -> CodeArray:
        """Return the code of each value's name, and of None where there is none, (rows,)."""
        codes = np.full(len(self.values), code_of(None), np.int32)
        places, names = self._named()
        codes[~self.missing] = np.fromiter(map(code_of, names), np.int32, len(names))[places]
        return codes

    def names(self) -> npt.NDArray[np.object_]:
        """Return the values as names of categories, None where there is none.

        Text keeps its spelling, but for ``True`` and ``False`` and for whole numbers written with ``.0``, both
        marks of a table written by pandas; a live event would spell them ``true`` and ``1``.
        """
        all_names = np.full(len(self.values), None, object)
        places, names = self._named()
        all_names[~self.missing] = np.array(names, object)[places]
        return all_names

    def _named(self) -> tuple[IntArray, list[str | None]]:
        """Return the names of the values that are there, and which of them each value has."""
        import pandas as pd

        present = self.values[~self.missing]
        values = present.tolist()
        kinds = set(map(type, values))
        if len(kinds) == 1 and kinds <= _DISTINCT:
            places, distinct = pd.factorize(present)
            values = distinct.tolist()
        else:
            places = np.arange(len(values))
        whole = "\n".join((*values, "")) if kinds == {str} else None
        is_spelled_so = whole is not None and not any(end in whole for end in _OTHERWISE_SPELLED)
        return places, values if is_spelled_so else list(map(_name, values))


Chunk = dict[str, Column]


def _name(value: object) -> str | None:
    if isinstance(value, str):
        return _BOOLEANS.get(value) or (value[:-2] if value.endswith(".0") and _is_whole(value) else value)
    return category_name(value.item() if isinstance(value, np.generic) else value)


def _is_missing_word(value: object) -> bool:
    return isinstance(value, str) and value in MISSING_WORDS


def _is_whole(text: str) -> bool:
    return text[:-2].removeprefix("-").isdigit()


def read_chunks(path: Path, text: Container[str] | None = None) -> Iterator[Chunk]:
    """Yield the rows of ``path`` in chunks of at most 20,000; BaselineError if it cannot be read.

    ``text`` names the columns of a CSV file that are to keep their spelling; None stands for all of them. The
    others become numbers where all of a chunk's values are some, which is faster.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BaselineError(f"{path}: must end in one of {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise BaselineError(f"{path}: no such file")
    try:
        import pandas as pd
        import pyarrow
        import scipy  # noqa: F401 - what the end of a fit needs is told of at its beginning
    except ImportError as error:
        raise BaselineError(
            f"{error.name} is not installed; it comes with: pip install 'ml-exporter[fit]'"
        ) from error
    try:
        if suffix == ".csv":
            yield from _csv(path, text)
        else:
            yield from _parquet(path) if suffix == ".parquet" else _lines(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, pyarrow.ArrowInvalid) as error:
        raise BaselineError(f"{path}: cannot be read: {error}") from error


def count_lines(path: Path) -> int:
    """Return the number of line breaks in a file."""
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def count_rows(path: Path) -> int:
    """Return the rows of a Parquet file, or the lines of a CSV file but the first.

    BaselineError if it cannot be read.
    """
    try:
        if path.suffix.lower() == ".parquet":
            from pyarrow.parquet import read_metadata

            rows: int = read_metadata(path).num_rows
            return rows
        return max(count_lines(path) - 1, 0)
    except (OSError, ValueError) as error:  # of pyarrow, one that is no Parquet file is a ValueError
        raise BaselineError(f"{path}: cannot be read: {error}") from error


def _csv(path: Path, text: Container[str] | None) -> Iterator[Chunk]:
    import pandas as pd

    empty = {"keep_default_na": False, "na_values": [""]}
    names = pd.read_csv(path, nrows=0).columns
    spelled = {name: object for name in names if text is None or name in text}
    with pd.read_csv(path, dtype=spelled, chunksize=CHUNK_ROWS, low_memory=False, **empty) as reader:
        for frame in reader:
            yield {str(name): _csv_column(frame[name], pd) for name in frame.columns}


def _csv_column(series: Any, pd: Any) -> Column:
    if series.dtype.kind in "iuf":
        return _typed(series, pd)
    return _text(series.to_numpy(object), pd)


def _text(values: npt.NDArray[Any], pd: Any) -> Column:
    return Column(values, np.asarray(pd.isna(values), bool))


def _parquet(path: Path) -> Iterator[Chunk]:
    import pandas as pd
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=CHUNK_ROWS):
            frame = batch.to_pandas(integer_object_nulls=True)
            yield {str(name): _typed(frame[name], pd) for name in frame.columns}


def _typed(series: Any, pd: Any) -> Column:
    missing = np.asarray(series.isna(), bool)
    if series.dtype.kind in "iu" and not missing.any():
        return Column(series.to_numpy(), missing)
    if series.dtype.kind in "iuf":
        return Column(series.to_numpy(np.float64, na_value=np.nan), missing)
    if series.dtype.kind in "mM":
        return Column(series.astype(str).to_numpy(object), missing)
    return Column(series.to_numpy(object), missing, pd.api.types.infer_dtype(series, skipna=True) == "string")


def _lines(path: Path) -> Iterator[Chunk]:
    """Yield JSON objects, one a line; the features of an event of the intake stand in its ``features``.

    A key that a line does not have is missing there. The groups of an event are columns: ``scores.CLASS``,
    ``attributions.FEATURE``, and each segment under its name.
    """
    names: dict[str, None] = {}
    of_features: set[str] = set()
    of_events: set[str] = set()
    for features, beside in _rows(path):
        names |= dict.fromkeys((*features, *beside))
        of_features |= features.keys()
        if features:
            of_events |= beside.keys()
    rows = (features | beside for features, beside in _rows(path))
    while some := list(islice(rows, CHUNK_ROWS)):
        yield {
            name: _mixed([row.get(name) for row in some], name in of_events and name not in of_features)
            for name in names
        }


def _mixed(given: list[Any], is_beside: bool) -> Column:
    values = np.empty(len(given), object)
    values[:] = given
    missing = np.fromiter((value is None or value != value for value in given), bool, len(given))
    return Column(values, missing, is_text=True, is_beside=is_beside)


_GROUPS: Final = {"scores": "scores.", "attributions": "attributions.", "segments": ""}
"""Objects in an event, with what stands before the names in them."""


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the features of each event, and what stands beside them; a row that is no event has no features."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = loads(line)
            except ValueError as error:
                raise BaselineError(f"{path}: line {number} is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise BaselineError(f"{path}: line {number} must be an object")
            for group, prefix in _GROUPS.items():
                if isinstance(row.get(group), dict):
                    row |= {f"{prefix}{name}": value for name, value in row.pop(group).items()}
            features = row.pop("features", {})
            if not isinstance(features, dict):
                raise BaselineError(f"{path}: line {number}: features must be an object")
            if twice := features.keys() & row.keys():
                raise BaselineError(f'{path}: line {number}: "{min(twice)}" stands in features and beside them')
            yield features, row
