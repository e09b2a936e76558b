"""Objects with large arrays on their way to another process: through memory, not through its pipe."""

from __future__ import annotations

import mmap
import os
import pickle
from typing import Any

from ml_exporter.core.errors import ExporterError


class Parcel:
    """Holds an object for one other process; pickles as where to find it, :meth:`close` gives the memory back.

    ExporterError if there is no room. A pipe costs four copies of every byte and a change of process every few of
    them; here each array is copied once, and the reader's arrays, which cannot be written to, are the same memory.
    """

    def __init__(self, content: Any) -> None:
        arrays: list[pickle.PickleBuffer] = []
        self._head = pickle.dumps(content, protocol=5, buffer_callback=arrays.append)
        self._sizes = [array.raw().nbytes for array in arrays]
        self._file = os.memfd_create("ml-exporter-parcel")
        self._path = f"/proc/{os.getpid()}/fd/{self._file}"
        try:
            with open(self._file, "wb", closefd=False) as file:
                for array in arrays:
                    file.write(array.raw())
        except OSError as error:
            self.close()
            size = sum(self._sizes)
            raise ExporterError(f"no room for {size:,} bytes in memory for another process: {error}") from error

    def __getstate__(self) -> tuple[bytes, list[int], str]:
        return self._head, self._sizes, self._path

    def __setstate__(self, state: tuple[bytes, list[int], str]) -> None:
        self._head, self._sizes, self._path = state

    def open(self) -> Any:
        """Return the object; in the other process, while this one has not closed it."""
        if not sum(self._sizes):
            return pickle.loads(self._head, buffers=[b""] * len(self._sizes))
        with open(self._path, "rb") as file:
            memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        arrays: list[memoryview] = []
        for size in self._sizes:
            arrays.append(memory[:size])
            memory = memory[size:]
        return pickle.loads(self._head, buffers=arrays)

    def close(self) -> None:
        """Give the memory back, once the other process has opened it or ended."""
        os.close(self._file)
