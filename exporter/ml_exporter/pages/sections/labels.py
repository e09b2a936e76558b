"""What became of the model's labels and events: joined, lost, left out."""

from __future__ import annotations

from typing import Final

from ml_exporter.ingest.reasons import WARNINGS
from ml_exporter.pages.markup import Html, Number, facts, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, plain


def _content(chosen: Selection) -> Html:
    snapshot, model = chosen.snapshot, chosen.model
    feedback = _results(chosen, "ml_feedback_results_total")
    pairs: list[tuple[str, str]] = [
        ("Labels", _results(chosen, "ml_labels_total") or "none"),
        *([("Ratings and thumbs", feedback)] if feedback else []),
        ("Predictions that wait for a label", number(snapshot.value("ml_exporter_join_pending_ids", model))),
        ("Labels that wait for a prediction", number(snapshot.value("ml_exporter_join_early_labels", model))),
        ("Ids known", _of(chosen, "ml_exporter_join_ids", "ml_exporter_join_capacity_ids")),
        ("Predictions sent again, not counted", number(snapshot.value("ml_predictions_duplicate_total", model))),
        ("Forgotten for want of capacity", number(snapshot.value("ml_predictions_evicted_total", model))),
    ]
    return Html(paragraph("Of all versions of the model together.") + facts(pairs) + _left_out(chosen))


def _results(chosen: Selection, name: str) -> str:
    results = chosen.snapshot.by_first(name, chosen.model)
    return ", ".join(f"{plain(count)} {result}" for result, count in results.items())


def _of(chosen: Selection, name: str, capacity: str) -> Html:
    value, most = (chosen.snapshot.value(each, chosen.model) for each in (name, capacity))
    return Html(f"{number(value)} of {number(most)}")


def _left_out(chosen: Selection) -> Html:
    reasons = chosen.snapshot.by_first("ml_exporter_event_warnings_total", chosen.model)
    features = chosen.snapshot.by_first("ml_exporter_unknown_features_total", chosen.model)
    rows = [(reason, WARNINGS.get(reason, ""), Number(plain(count))) for reason, count in reasons.items() if count]
    rows += [(f"unknown: {name}", "sent, but not known", Number(plain(count))) for name, count in features.items()]
    if not rows:
        return Html("")
    return table("Parts of events that were left out since the start.", ("What", "Why", "Times"), rows)


SECTION: Final = Section("labels", "Labels, joins and losses", Of.MODEL, _content)
