"""Rows of a CSV or Parquet file, a bounded number at a time, as columns.

The only module that imports pandas and pyarrow, and only when a file is read: they come with the extra
``ml-exporter[fit]`` and are never loaded by the sidecar.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.core.arrays import MISSING, NONFINITE, TYPE_ERROR, BoolArray, FloatArray
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.text import category_name

CHUNK_ROWS: Final = 20_000
"""Rows in memory at a time (chosen: some tens of megabytes for a hundred columns of text)."""

_BOOLEANS: Final = {"True": "true", "False": "false", "TRUE": "true", "FALSE": "false"}


MISSING_WORDS: Final = frozenset(("NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None"))
"""Words that stand for a missing number in a CSV file; among texts each is a text like any other."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chunk: its values as they were read, and where there is none, (rows,).

    ``is_text`` tells that the file declares the column as text: its values are no numbers, whatever they spell.
    """

    values: npt.NDArray[Any]
    missing: BoolArray
    is_text: bool = False

    def words(self) -> BoolArray:
        """Return where a word stands for a missing number."""
        if self.values.dtype != object or self.is_text:
            return np.zeros(len(self.values), bool)
        return np.fromiter((_is_missing_word(value) for value in self.values), bool, len(self.values))

    def numbers(self) -> FloatArray:
        """Return the values as float64, a marked NaN where a value is missing, infinite or no number."""
        if self.is_text:
            numbers = np.full(len(self.values), TYPE_ERROR)
        elif self.values.dtype == object:
            import pandas as pd

            booleans = np.fromiter((isinstance(value, bool) for value in self.values), bool, len(self.values))
            numbers = np.array(pd.to_numeric(self.values, errors="coerce"), np.float64)
            numbers[np.isnan(numbers) | booleans] = TYPE_ERROR
        else:
            numbers = self.values.astype(np.float64)
        numbers[np.isinf(numbers)] = NONFINITE
        numbers[self.missing | self.words()] = MISSING
        return numbers

    def names(self) -> npt.NDArray[np.object_]:
        """Return the values as names of categories, None where there is none.

        Text keeps its spelling, but for ``True`` and ``False`` and for whole numbers written with ``.0``, both
        marks of a table written by pandas; a live event would spell them ``true`` and ``1``.
        """
        names = np.empty(len(self.values), object)
        for row, value in enumerate(self.values):
            if self.missing[row]:
                names[row] = None
            elif isinstance(value, str):
                names[row] = _BOOLEANS.get(value) or (value[:-2] if _is_whole(value) else value)
            else:
                names[row] = category_name(value.item() if isinstance(value, np.generic) else value)
        return names


Chunk = dict[str, Column]


def _is_missing_word(value: object) -> bool:
    return isinstance(value, str) and value in MISSING_WORDS


def _is_whole(text: str) -> bool:
    return text.endswith(".0") and text[:-2].removeprefix("-").isdigit()


def read_chunks(path: Path) -> Iterator[Chunk]:
    """Yield the rows of ``path`` in chunks of at most 20,000; BaselineError if it cannot be read."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise BaselineError(f"{path}: must end in .csv or .parquet")
    if not path.is_file():
        raise BaselineError(f"{path}: no such file")
    try:
        import pandas as pd
        import pyarrow
    except ImportError as error:
        raise BaselineError(
            f"{error.name} is not installed; it comes with: pip install 'ml-exporter[fit]'"
        ) from error
    try:
        yield from _parquet(path) if suffix == ".parquet" else _csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, pyarrow.ArrowInvalid) as error:
        raise BaselineError(f"{path}: cannot be read: {error}") from error


def _csv(path: Path) -> Iterator[Chunk]:
    import pandas as pd

    empty = {"keep_default_na": False, "na_values": [""]}
    with pd.read_csv(path, dtype=object, chunksize=CHUNK_ROWS, **empty) as reader:
        for frame in reader:
            yield {str(name): _text(frame[name].to_numpy(object), pd) for name in frame.columns}


def _text(values: npt.NDArray[Any], pd: Any) -> Column:
    return Column(values, np.asarray(pd.isna(values), bool))


def _parquet(path: Path) -> Iterator[Chunk]:
    import pandas as pd
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=CHUNK_ROWS):
            frame = batch.to_pandas()
            yield {str(name): _typed(frame[name], pd) for name in frame.columns}


def _typed(series: Any, pd: Any) -> Column:
    missing = np.asarray(series.isna(), bool)
    if series.dtype.kind in "iuf":
        return Column(series.to_numpy(np.float64, na_value=np.nan), missing)
    if series.dtype.kind in "mM":
        return Column(series.astype(str).to_numpy(object), missing)
    return Column(series.to_numpy(object), missing, pd.api.types.infer_dtype(series, skipna=True) == "string")
