"""The parts of a history as blocks of Prometheus, and what recording rules make of them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
import yaml

from ml_exporter.backfill.parts import write_whole
from ml_exporter.core.errors import EventsError
from ml_exporter.exposition.render import pairs_of

BLOCKS: Final = "blocks"
_DONE: Final = "blocks.json"
_QUERIES: Final = 2
"""Rules evaluated at a time (chosen: one is computed while another's answer is written)."""

_MAKING: Final = "making-"
_OF_PROMETHEUS: Final = ("wal", "chunks_head", "lock", "queries.active")
_START_SECONDS: Final = 120.0

_TILE_SECONDS: Final = 300
_JUST_AFTER: Final = 0.001
"""Where moments are closer than the rules' tiles of five minutes, rules are evaluated so much after each: at a
multiple of a tile itself, ``[1h:5m]`` has one step more than an hour has tiles."""


@dataclass(frozen=True)
class Rule:
    """A recording rule: the series it makes, its expression, and the labels it adds."""

    record: str
    expr: str
    labels: tuple[tuple[str, str], ...]


class Blocks:
    """Makes blocks in a folder of the history, and knows which it has made already.

    ``promtool`` and, for rules, ``prometheus`` must be on PATH. ``seconds`` is the length of a part.
    """

    def __init__(self, folder: Path, interval: int, seconds: int) -> None:
        self._folder = folder
        self._interval = interval
        self._seconds = seconds
        self._later = _JUST_AFTER if interval < _TILE_SECONDS else 0.0
        self.path = folder / BLOCKS
        self.path.mkdir(exist_ok=True)
        self._done_path = folder / _DONE
        self._done: dict[str, list[str]] = {}
        if self._done_path.exists():
            self._done = json.loads(self._done_path.read_text())
        # What a run left that was killed.
        for left in (*folder.glob(f"{_MAKING}*"), *(self.path / name for name in _OF_PROMETHEUS)):
            _remove(left)

    @staticmethod
    def check(files: Sequence[Path]) -> list[Rule]:
        """Return the recording rules of some files; EventsError if one of them or a program is wanting."""
        for name in ("promtool", "prometheus") if files else ("promtool",):
            _tool(name)
        rules = [rule for file in files for rule in read_rules(file)]
        levels(rules)
        return rules

    def of_parts(self, parts: Sequence[Path]) -> list[Callable[[], None]]:
        """Return the steps that make a block of each part that has none."""
        return [partial(self._make, f"{part.parent.name}/{part.name}", "", part) for part in parts]

    def of_rules(self, rules: Sequence[Rule], first: int, last: int) -> list[Callable[[], None]]:
        """Return the steps that make blocks of what recording rules yield, from moment ``first`` to ``last``.

        A rule may read what another one records, which must be in blocks before: a Prometheus of its own
        serves the folder for each level of them. ``promtool tsdb create-blocks-from rules`` does not do: it
        evaluates at moments of its own, between those of the history.
        """
        found = levels(rules)
        return [partial(self._record, number, level, first, last) for number, level in enumerate(found)]

    def _record(self, number: int, level: Sequence[Rule], first: int, last: int) -> None:
        parts = sorted(key for key in self._done if not key.startswith("rules "))
        of = hashlib.sha256(repr((level, parts, first, last)).encode()).hexdigest()
        spans = {
            f"rules {number} {span}": span for span in range(first // self._seconds, last // self._seconds + 1)
        }
        if all(self._has(key, of) for key in spans):
            return
        with TemporaryDirectory() as temporary, self._prometheus(Path(temporary)) as url:
            for key, span in spans.items():
                start = -(-max(first, span * self._seconds) // self._interval) * self._interval
                end = min(last, (span + 1) * self._seconds - 1)
                text = Path(temporary) / "recorded.om"
                if start <= end and not self._has(key, of):
                    found = record(url, level, (start + self._later, end + self._later, self._interval), text)
                    self._make(key, of, text if found else None)

    def _has(self, key: str, of: str) -> bool:
        found = self._done.get(key)
        return found is not None and found[0] == of and all((self.path / name).exists() for name in found[1:])

    def _make(self, key: str, of: str, text: Path | None) -> None:
        """Make the blocks of a text in place of those that the key had; ``of`` tells what they follow from."""
        if self._has(key, of):
            return
        for old in self._done.pop(key, [of])[1:]:
            shutil.rmtree(self.path / old, ignore_errors=True)
        made: list[str] = []
        if text is not None:
            with TemporaryDirectory(prefix=_MAKING, dir=self._folder) as folder:
                duration = f"--max-block-duration={self._seconds}s"
                _run([_tool("promtool"), "tsdb", "create-blocks-from", duration, "openmetrics", str(text), folder])
                for block in sorted(path.parent for path in Path(folder).rglob("meta.json")):
                    shutil.move(block, self.path / block.name)
                    made.append(block.name)
        self._done[key] = [of, *made]
        write_whole(self._done_path, [json.dumps(self._done).encode()])

    @contextmanager
    def _prometheus(self, folder: Path) -> Iterator[str]:
        """Serve the blocks, scraping nothing; yield the address."""
        (folder / "prometheus.yml").write_text("{}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            *(_tool("prometheus"), f"--config.file={folder / 'prometheus.yml'}"),
            *(f"--storage.tsdb.path={self.path}", "--storage.tsdb.retention.time=100y"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
        ]
        log = folder / "log"
        with open(log, "wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
        try:
            _await(f"http://127.0.0.1:{port}/-/ready", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            for name in _OF_PROMETHEUS:
                _remove(self.path / name)


def read_rules(file: Path) -> list[Rule]:
    """Return the recording rules of a rule file of Prometheus."""
    try:
        document = yaml.safe_load(file.read_text())
        groups = document["groups"]
        return [
            Rule(rule["record"], str(rule["expr"]), tuple(sorted((rule.get("labels") or {}).items())))
            for group in groups
            for rule in group["rules"]
            if "record" in rule
        ]
    except OSError as error:
        raise EventsError(f"{file}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise EventsError(f"{file}: is no rule file of Prometheus: {error}") from error


def levels(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Return the rules in steps, each of which reads only what earlier ones record.

    A rule that reads its own name reads what the rules before it record under it. A selector with a label that a
    rule sets to another value does not read that rule. EventsError if rules read each other in a circle.
    """
    reads = [_read_by(number, rules) for number in range(len(rules))]
    left = dict(enumerate(rules))
    steps: list[list[Rule]] = []
    while left:
        ready = [number for number in left if not reads[number] & left.keys()]
        if not ready:
            names = ", ".join(sorted({rule.record for rule in left.values()}))
            raise EventsError(f"these rules read each other in a circle: {names}")
        steps.append([left.pop(number) for number in ready])
    return steps


_SELECTOR: Final = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})?')
_EQUAL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"')


def _read_by(number: int, rules: Sequence[Rule]) -> set[int]:
    names: dict[str, list[int]] = {}
    for place, rule in enumerate(rules):
        names.setdefault(rule.record, []).append(place)
    read: set[int] = set()
    for match in _SELECTOR.finditer(rules[number].expr):
        wanted = dict(_EQUAL.findall(match[2] or ""))
        for place in names.get(match[1], ()):
            labels = dict(rules[place].labels)
            other = any(wanted.get(name, value) != value for name, value in labels.items())
            own = rules[place].record == rules[number].record and place >= number
            if not other and not own:
                read.add(place)
    return read


def record(url: str, rules: Sequence[Rule], span: tuple[float, float, int], path: Path) -> bool:
    """Write what rules yield in a span, (start, end, step), as OpenMetrics; return False if it is nothing."""
    ordered = sorted(rules, key=lambda rule: rule.record)  # OpenMetrics wants a family in one piece
    samples = 0
    with open(path, "w") as file, ThreadPoolExecutor(_QUERIES) as pool:
        answers = pool.map(lambda rule: _query(url, rule.expr, span), ordered)
        for rule, answer in zip(ordered, answers, strict=True):
            for series in answer:
                labels = {**series["metric"], **dict(rule.labels)}
                labels.pop("__name__", None)
                start = f"{rule.record}{{{','.join(pairs_of(*_known(labels)))}}} "
                file.writelines(f"{start}{value} {time}\n" for time, value in series["values"])
                samples += len(series["values"])
        file.write("# EOF\n")
    return samples > 0


def _known(labels: dict[str, str]) -> tuple[list[str], list[str]]:
    known = {name: value for name, value in labels.items() if value}
    return list(known), list(known.values())


def _query(url: str, expr: str, span: tuple[float, float, int]) -> list[dict[str, Any]]:
    start, end, step = span
    given = urllib.parse.urlencode({"query": expr, "start": start, "end": end, "step": step}).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query_range", given, timeout=600) as answer:
            found: list[dict[str, Any]] = orjson.loads(answer.read())["data"]["result"]
            return found
    except urllib.error.HTTPError as error:
        raise EventsError(f"prometheus cannot evaluate {expr}: {error.read().decode(errors='replace')}") from error


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise EventsError(f"{name} is not on PATH; it comes with Prometheus")
    return path


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EventsError(f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise EventsError(f"prometheus did not start: {log.read_text(errors='replace').strip()[-2000:]}")
