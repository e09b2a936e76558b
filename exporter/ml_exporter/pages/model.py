"""The page of a model: one version and one window of it, chosen by links."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from ml_exporter.pages.frame import choice, framed, section
from ml_exporter.pages.markup import Html, facts, html, link, paragraph
from ml_exporter.pages.sections import SECTIONS
from ml_exporter.pages.sections.section import Selection
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import moment, number

MODELS: Final = "/models/"
REPORT: Final = "/report"


def path_of(model: str, version: str = "", window: str = "") -> str:
    """Return where the page of a model is."""
    query = urlencode({key: value for key, value in (("version", version), ("window", window)) if value})
    return MODELS + quote(model, safe="", errors="replace") + (f"?{query}" if query else "")


def report_of(model: str) -> str:
    """Return where the report of a model is."""
    return f"{REPORT}?{urlencode({'model': model}, errors='replace')}"


def select(snapshot: Snapshot, model: str, version: str | None, window: str | None) -> Selection | None:
    """Return what is shown, None if there is no such model, version or window.

    Where none is asked for, it is the version that predicted last and is no shadow, and the shortest window that
    holds the minimum of predictions.
    """
    versions = snapshot.versions(model)
    if not versions or (version is not None and version not in versions):
        return None
    version = version if version is not None else _latest(snapshot, model, versions)
    windows = snapshot.windows(model, version)
    if window is not None and window not in windows:
        return None
    return Selection(snapshot, model, version, window if window is not None else _filled(snapshot, model, version))


def model_page(chosen: Selection) -> bytes:
    """Return the page."""
    snapshot, model = chosen.snapshot, chosen.model
    versions = [
        link(path_of(model, version, chosen.window), version, current=version == chosen.version)
        for version in snapshot.versions(model)
    ]
    windows = [
        link(path_of(model, chosen.version, window), window, current=window == chosen.window)
        for window in snapshot.windows(*chosen.total)
    ]
    ways = [link("/", "All models"), link(report_of(model), "Report of all versions and windows, to save")]
    parts = [(each, inner) for each in SECTIONS if (inner := each.content(chosen))]
    places = [link(f"#{each.key}", each.title) for each, _ in parts]
    nav = (
        choice("Pages", ways)
        + choice("Version", versions)
        + choice("Window", windows)
        + choice("On this page", places)
    )
    lead = f"Version {chosen.version}, window {chosen.window}: the numbers of {_published(snapshot)}"
    content = about(chosen) + "".join(section(each.key, each.title, inner) for each, inner in parts)
    return framed(model, lead, content, nav)


def about(chosen: Selection) -> Html:
    """Return what a version is: owner, task, baseline."""
    snapshot = chosen.snapshot
    infos = list(snapshot.rows("ml_model_info", *chosen.total))
    owner, task, digest = infos[0] if infos else ("", "", "")
    rows = snapshot.value("ml_baseline_rows", *chosen.total)
    created = snapshot.value("ml_baseline_created_timestamp_seconds", *chosen.total)
    baseline = f"{html(digest)}: {number(rows)} rows, fitted {moment(created)}" if rows else "none"
    shadow = ", a shadow" if snapshot.is_shadow(*chosen.total) else ""
    return facts(
        [
            ("Owner", owner or "not named"),
            ("Task", task.replace("_", " ")),
            ("Baseline", Html(baseline)),
            ("Version", chosen.version + shadow),
        ]
    )


def missing_page(model: str, version: str | None, window: str | None, snapshot: Snapshot) -> bytes:
    """Return the page that says what there is instead."""
    versions = snapshot.versions(model)
    if not versions:
        known = [link(path_of(name), name) for name in snapshot.models()]
        words = "There is no model of this name, or earlier state is still being restored."
        return _nothing(words, "Models", known)
    if version is not None and version not in versions:
        return _nothing(
            "The model has no such version now.", "Versions", [link(path_of(model, v), v) for v in versions]
        )
    chosen = version if version is not None else versions[0]
    windows = [link(path_of(model, chosen, name), name) for name in snapshot.windows(model, chosen)]
    return _nothing(f'There is no window "{window}".', "Windows", windows)


def _nothing(words: str, name: str, links: list[Html]) -> bytes:
    nav = choice("Pages", [link("/", "All models")])
    return framed("Not found", "ml-exporter", paragraph(words) + choice(name, links), nav)


def _latest(snapshot: Snapshot, model: str, versions: list[str]) -> str:
    last = snapshot.by_first("ml_prediction_last_timestamp_seconds", model)
    configured = snapshot.by_first("ml_model_configured_info", model)
    return max(
        versions,
        key=lambda version: (
            not snapshot.is_shadow(model, version),
            last.get(version, 0.0),
            version in configured,
        ),
    )


def _filled(snapshot: Snapshot, model: str, version: str) -> str:
    windows = snapshot.windows(model, version)
    least = snapshot.value("ml_minimum_samples", model, version) or 0
    enough = (
        window
        for window in windows
        if (snapshot.value("ml_window_predictions", model, version, window) or 0) >= least
    )
    return next(enough, windows[-1] if windows else "")


def _published(snapshot: Snapshot) -> str:
    return moment(snapshot.value("ml_exporter_snapshot_timestamp_seconds"))
