"""Log lines: logfmt for people, JSON in the Elastic Common Schema for machines."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ml_exporter.core import ecs
from ml_exporter.core.appended import AppendedFile
from ml_exporter.core.errors import ExporterError

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
FORMATS: Final = ("logfmt", "json")
DATASET: Final = "ml_exporter.log"

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the command line says about the log."""

    level: str = "info"
    format: str = "logfmt"
    file: Path | None = None
    max_bytes: int = 0
    keep: int = 1


def set_up(options: LogOptions, service: str) -> None:
    """Send log lines of the level and above to the file, or else to standard error."""
    handler = logging.StreamHandler(sys.stderr) if options.file is None else _to_file(options.file, options)
    handler.setFormatter(_Json(service) if options.format == "json" else _Logfmt())
    logging.basicConfig(level=LEVELS[options.level], handlers=[handler], force=True)


def _to_file(path: Path, options: LogOptions) -> logging.Handler:
    file = AppendedFile(path, options.max_bytes, options.keep)
    try:
        file.make()
    except OSError as error:
        raise ExporterError(f"--log.file: {path} cannot be written: {error.strerror}") from error
    return _FileHandler(file)


class _FileHandler(logging.Handler):
    """Appends to a file; a line that does not get there goes to standard error."""

    def __init__(self, file: AppendedFile) -> None:
        super().__init__()
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode("utf-8", "replace") + b"\n"
            try:
                self._file.write(line)
            except OSError:
                sys.stderr.write(line.decode())
        except Exception:
            self.handleError(record)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = "warn" if record.levelno == logging.WARNING else record.levelname.lower()
        fields = {"ts": ecs.moment(record.created), "level": level, "msg": record.getMessage(), **_extra(record)}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def _quoted(value: Any) -> str:
    text = str(value)
    plain = text and all(character.isprintable() and character not in ' "=' for character in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


class _Json(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        fields = ecs.line(record.created, level, record.getMessage(), DATASET, self._service)
        fields["log.logger"] = record.name
        fields["process.thread.name"] = record.threadName
        labels = {name: _scalar(value) for name, value in _extra(record).items()}
        if "error" in labels:
            fields["error.message"] = labels.pop("error")
        if record.exc_info and record.exc_info[0] is not None:
            fields["error.type"] = record.exc_info[0].__name__
            fields["error.message"] = str(record.exc_info[1])
            fields["error.stack_trace"] = self.formatException(record.exc_info)
        if labels:
            fields["labels"] = labels
        return ecs.encoded(fields).decode().rstrip("\n")


def _scalar(value: Any) -> Any:
    """Return a value that a label may have: the schema allows no object."""
    return value if isinstance(value, str | bool | int | float) else str(value)
