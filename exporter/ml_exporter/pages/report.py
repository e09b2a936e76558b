"""The report: all versions and windows of models in one document of one moment, for the ticket of an incident."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ml_exporter.pages.exporter import exporter
from ml_exporter.pages.frame import framed, section
from ml_exporter.pages.landing import Standing
from ml_exporter.pages.markup import Html, facts, paragraph
from ml_exporter.pages.model import about, select
from ml_exporter.pages.sections import SECTIONS
from ml_exporter.pages.sections.section import Of, Selection
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import moment


def report_parts(standing: Standing, snapshot: Snapshot, models: Sequence[str]) -> Iterator[str]:
    """Yield the content of the report in parts, each as much work as a page or less."""
    pairs = [("Written", moment(snapshot.at)), ("Exporter version", standing.version), ("State", standing.state)]
    yield facts(pairs) + section("exporter", "Exporter", exporter(standing.facts, snapshot))
    for number, model in enumerate(models):
        yield from _model(snapshot, model, f"m{number}")


def report_page(parts: Sequence[str], models: Sequence[str]) -> bytes:
    """Return the document made of the parts."""
    return framed(f"Report: {', '.join(models) or 'no models'}", "Written by ml-exporter", "".join(parts))


def _model(snapshot: Snapshot, model: str, key: str) -> Iterator[str]:
    first = select(snapshot, model, None, None)
    if first is None:
        yield section(key, f"Model {model}", paragraph("No numbers: earlier state is being restored."))
        return
    yield section(key, f"Model {model}", _inner(first, Of.MODEL, key, 3) or about(first))
    for number, version in enumerate(snapshot.versions(model)):
        chosen = Selection(snapshot, model, version, first.window)
        own = f"{key}v{number}"
        title = f"Model {model}, version {version}"
        yield section(own, title, about(chosen) + _inner(chosen, Of.VERSION, own, 3))
        for place, window in enumerate(snapshot.windows(model, version)):
            inner = f"{own}w{place}"
            content = _inner(Selection(snapshot, model, version, window, detailed=False), Of.WINDOW, inner, 3)
            yield section(inner, f"{title}, window {window}", content)


def _inner(chosen: Selection, of: Of, key: str, level: int) -> Html:
    parts = [
        section(f"{key}-{each.key}", each.title, content, level, key)
        for each in SECTIONS
        if each.of is of and (content := each.content(chosen))
    ]
    return Html("".join(parts))
