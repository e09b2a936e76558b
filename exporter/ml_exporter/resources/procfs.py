"""Files under /proc of processes that may end while they are read, or belong to somebody else."""

from __future__ import annotations

from pathlib import Path

from ml_exporter.core.errors import ResourceError


def text(path: Path) -> str | None:
    """Return what a file says; None if its process has ended. ResourceError if it may not be read."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        raise refused(path, error) from error


def fields(path: Path) -> dict[str, str] | None:
    """Return the lines of a file such as ``status`` as names and values; otherwise as :func:`text`."""
    read = text(path)
    if read is None:
        return None
    pairs = (line.partition(":") for line in read.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def kibibytes(value: str) -> int:
    """Return the bytes of a value such as ``1024 kB``.

    >>> kibibytes("12 kB")
    12288
    """
    return int(value.split()[0]) << 10


def refused(path: Path, error: OSError) -> ResourceError:
    """Return the error for a file that cannot be read, with the way out."""
    hint = "; run the exporter as the server's user, or with CAP_SYS_PTRACE" if _is_denied(error) else ""
    return ResourceError(f"{path}: {error.strerror}{hint}")


def _is_denied(error: OSError) -> bool:
    return isinstance(error, PermissionError)
