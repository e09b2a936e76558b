"""What several commands have in common."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ml_exporter.core.errors import BaselineError, ExporterError, UsageError
from ml_exporter.core.text import parse_duration, parse_size, printable

if TYPE_CHECKING:
    import ssl

    from ml_exporter.retrain.outgoing import Endpoint

SIDECAR: Final = "http://127.0.0.1:19100"
"""Where a sidecar listens unless told otherwise."""


def add_command(commands: Any, name: str, help: str, description: str, example: str) -> argparse.ArgumentParser:
    """Add a command and return its parser; ``example`` stands below its help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def count_with_one_thread() -> None:
    """Let numpy start no threads for its sums, if nobody asked for some: the cores are the model server's.

    It reads this once, when it is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def add_config_option(parser: argparse.ArgumentParser, default: str = "ml-exporter.yml") -> None:
    """Add the option that names the configuration file."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help=f"configuration (default: {default})",
    )


def add_file_options(parser: argparse.ArgumentParser, default: str = "ml-exporter.yml") -> None:
    """Add the options that name the two configuration files."""
    add_config_option(parser, default)
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS and users, in the format of Prometheus' exporter-toolkit",
    )


def add_sidecar_options(parser: argparse.ArgumentParser, timeout: str) -> None:
    """Add the options that say how a sidecar is reached, but for its URL."""
    add = parser.add_argument
    add("--user", metavar="NAME", help="user of the sidecar's web configuration")
    add("--password-file", type=Path, metavar="FILE", help="file with the user's password")
    add("--ca", type=Path, metavar="FILE", help="certificate authorities that sign the sidecar's certificate")
    add("--timeout", default=timeout, metavar="DURATION", help=f"longest wait for an answer (default: {timeout})")


def checked_url(text: str) -> str:
    """Return a URL without a slash at its end; UsageError if it is none that a sidecar could have."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f'URL: must be like {SIDECAR}, without user, query and fragment, got "{text}"')
    return text.rstrip("/")


def tls_context(authorities: Path | None) -> ssl.SSLContext | None:
    """Return what trusts the certificate authorities of ``--ca``; UsageError if the file holds none."""
    if authorities is None:
        return None
    import ssl

    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"--ca: {authorities} cannot be used: {error.strerror or error}") from error


def checked_endpoint(given: argparse.Namespace, longest: int | None = None) -> Endpoint:
    """Return where the sidecar is; UsageError if an option that says so is wrong.

    ``longest`` is the number of bytes of an answer that are read at most.
    """
    from ml_exporter.retrain.outgoing import Endpoint

    place = (checked_url(given.url), given.ca, checked_seconds("--timeout", given.timeout))
    tls_context(given.ca)
    return Endpoint(*place) if longest is None else Endpoint(*place, longest)


def shown_body(body: bytes) -> str:
    """Return what a sidecar's answer says, in one line of at most 200 characters."""
    import json

    try:
        document = json.loads(body)
        text = str(document["detail"])
    except (ValueError, TypeError, KeyError):
        text = body.decode("utf-8", "replace")
    return printable(" ".join(text.split()), 200)


def checked_seconds(flag: str, text: str) -> float:
    """Return the seconds of a duration; UsageError if it is none, or nothing."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from error
    if not seconds:
        raise UsageError(f"{flag}: must be longer than {text}")
    return seconds


def credentials(given: argparse.Namespace) -> tuple[str, str] | None:
    """Return user and password, None if none were given; UsageError if that is half of them."""
    if (given.user is None) != (given.password_file is None):
        raise UsageError("--user: needs --password-file, and the other way round")
    if given.user is None:
        return None
    try:
        return given.user, given.password_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"--password-file: {given.password_file} cannot be read: {why}") from error


def authorization(given: argparse.Namespace) -> dict[str, str]:
    """Return the header that carries user and password, none if none were given."""
    pair = credentials(given)
    return {"Authorization": f"Basic {b64encode(':'.join(pair).encode()).decode()}"} if pair else {}


def answering(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Return a command that ends with 1 only if that is its answer, and with 2 if it found none, as diff does."""

    def answer(given: argparse.Namespace) -> int:
        try:
            code = run(given)
            sys.stdout.flush()
            return code
        except BaselineError as error:
            raise UsageError(str(error)) from error
        except (ExporterError, BrokenPipeError):
            raise
        except OSError as error:
            if error.filename is not None:
                raise
            raise UsageError(output_lost(error)) from error
        except Exception:
            traceback.print_exc()
            return 2

    return answer


def output_lost(error: OSError) -> str:
    """Return what to say if it is standard output that cannot be written; raise the error if it is not.

    What is left of the output goes nowhere.
    """
    try:
        os.write(1, b"\n")
    except OSError:
        pass
    else:
        raise error
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # it would fail again at the end
    return f"standard output cannot be written: {error.strerror}"


def class_score(given: str) -> tuple[str, str]:
    """Return class and column of a ``--class-score``; BaselineError if it is none."""
    name, _, column = given.partition("=")
    if not name or not column:
        raise BaselineError(f'--class-score: must be CLASS=COLUMN, got "{given}"')
    return name, column


def sensitive_key(path: Path | None) -> bytes | None:
    """Return the key that masks sensitive categories; BaselineError if the file holds none."""
    if path is None:
        return None
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise BaselineError(f"--sensitive-key-file: {path} cannot be read: {error.strerror}") from error
    if not key:
        raise BaselineError(f"--sensitive-key-file: {path} is empty")
    return key


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the log."""
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=("debug", "info", "warn", "error"),
        default="info",
        help="least severe lines to log (default: info)",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=("logfmt", "json"),
        default="logfmt",
        help="logfmt, or JSON in the Elastic Common Schema (default: logfmt)",
    )
    parser.add_argument(
        "--log.file",
        dest="log_file",
        type=Path,
        metavar="FILE",
        help="file for the log, which may be moved away at any time (default: standard error)",
    )
    parser.add_argument(
        "--log.file.max-size",
        dest="log_max_bytes",
        type=_size,
        default="100MiB",
        metavar="SIZE",
        help="size at which the file becomes FILE.1; 0 leaves that to logrotate (default: 100MiB)",
    )
    parser.add_argument(
        "--log.file.keep",
        dest="log_keep",
        type=_count,
        default=5,
        metavar="COUNT",
        help="such earlier files to keep (default: 5)",
    )


def set_up_log(given: argparse.Namespace, service: str) -> None:
    """Log as the options of :func:`add_log_options` say."""
    from ml_exporter.app.logs import LogOptions, set_up

    options = LogOptions(given.log_level, given.log_format, given.log_file, given.log_max_bytes, given.log_keep)
    set_up(options, service)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f'must be a whole number from 1 to 1,000, got "{text}"')
    return int(text)
