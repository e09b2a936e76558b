"""A file beside its baseline: every number, what has drifted by the criteria of the rules, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.compare.criteria import Criteria
from ml_exporter.compare.data import Counted
from ml_exporter.compare.numbers import Numbers
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import Role, Variable
from ml_exporter.signals import drift, performance, quality


@dataclass(frozen=True)
class Score:
    """What a drift measure says, and what it says at most without drift; None where there is no such number."""

    value: float | None
    noise_floor: float | None


@dataclass(frozen=True)
class VariableReport:
    """A feature, or the predictions: drift scores and shares of bad values by measure, now and in the baseline.

    ``drifted`` is None, with the ``reason``, where that cannot be told.
    """

    name: str
    kind: str
    drifted: bool | None
    reason: str
    drift: Mapping[str, Score]
    quality: Mapping[str, tuple[float, float]]

    @property
    def excess(self) -> float:
        """The PSI beyond its noise floor; the lowest where there is none."""
        psi = self.drift["psi"]
        return -1.0 if psi.value is None else psi.value - (psi.noise_floor or 0.0)


@dataclass(frozen=True)
class Performance:
    """A performance measure over the file's labels and the baseline's; ``reason`` says why it has no value."""

    measure: str
    of_class: str
    value: float | None
    baseline: float | None
    reason: str


@dataclass(frozen=True)
class Report:
    """All of it; the features worst first."""

    rows: int
    labels: int
    criteria: Criteria
    baseline: Mapping[str, Any]
    features: tuple[VariableReport, ...]
    predictions: VariableReport | None
    share: float | None
    widespread: bool
    performance: tuple[Performance, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The names of the features that have drifted."""
        return tuple(feature.name for feature in self.features if feature.drifted)

    @property
    def drift(self) -> bool | None:
        """Whether there is drift by any of the criteria; None if there is none but in predictions not judged."""
        predictions = self.predictions.drifted if self.predictions is not None else False
        return bool(self.drifted) or self.widespread or predictions

    def document(self) -> dict[str, Any]:
        """Return the report for JSON; a number that there is not is null."""
        return {"drift": self.drift, "drifted": list(self.drifted), **asdict(self)}


def report(counted: Counted, document: BaselineDocument, criteria: Criteria) -> Report:
    """Return the report of a file; BaselineError if nothing in it can be judged."""
    numbers = Numbers(counted.context, counted.sums)
    schema = counted.context.schema
    features = [_variable(v, numbers, criteria.feature_psi) for v in schema.features]
    judged = [feature for feature in features if feature.drifted is not None]
    if not judged:
        raise BaselineError(f"no feature can be judged: {features[0].reason}")
    share = numbers.value("ml_feature_drift_share_ratio")
    scored = sum(feature.drift["psi"].value is not None for feature in features)
    widespread = share is not None and share > criteria.share and round(share * scored) >= criteria.fewest
    output = schema.output
    return Report(
        rows=counted.rows,
        labels=counted.labels,
        criteria=criteria,
        baseline={
            "source": document.source,
            "rows": document.rows,
            "created": document.created,
            "sha256": document.sha256,
        },
        features=tuple(sorted(features, key=lambda feature: (not feature.drifted, -feature.excess))),
        predictions=None if output is None else _variable(output, numbers, criteria.prediction_psi),
        share=share,
        widespread=widespread,
        performance=tuple(_performance(numbers)) if counted.labels else (),
    )


def _variable(variable: Variable, numbers: Numbers, most: float) -> VariableReport:
    return variable_report(variable.name, variable.kind, variable.role, numbers, most)


def variable_report(name: str, kind: str, role: Role, numbers: Numbers, most: float) -> VariableReport:
    """Return what the signals say of a variable, which has drifted if its PSI exceeds its floor by ``most``."""
    is_feature = role is Role.FEATURE
    of = "feature" if is_feature else "prediction"
    row = (name,) if is_feature else ()
    scores = {}
    for measure in drift.MEASURES:
        metric = f"ml_{of}_drift_{measure.key}"
        value = numbers.value(metric, *row)
        if value is not None:
            floor = None if measure.noise is None else numbers.value(f"{metric}_noise_floor", *row)
            scores[measure.key] = Score(value, floor)
    shares = {}
    for bad in quality.MEASURES if is_feature else ():
        value = numbers.value(f"ml_feature_{bad.key}_ratio", *row)
        if value is not None:
            shares[bad.key] = (value, numbers.value(f"ml_baseline_feature_{bad.key}_ratio", *row) or 0.0)
    psi = scores.setdefault("psi", Score(None, None))
    drifted, reason = None, numbers.reason(f"{of}_drift_psi", name if is_feature else "")
    if psi.value is not None and psi.noise_floor is None:
        reason = "the baseline has no noise floor: fit it anew"
    elif psi.value is not None and psi.noise_floor is not None:
        drifted = psi.value - psi.noise_floor > most
    return VariableReport(name, kind, drifted, reason, scores, shares)


def _performance(numbers: Numbers) -> list[Performance]:
    found = []
    for measure in performance.MEASURES:
        metric, before = f"ml_performance_{measure.key}", f"ml_baseline_performance_{measure.key}"
        rows = dict.fromkeys([*numbers.rows(metric), *numbers.rows(before)])
        reason = numbers.reason(measure.key)
        for row in rows or ([()] if reason else []):
            value = numbers.value(metric, *row)
            told = reason if value is None else ""
            found.append(Performance(measure.key, "".join(row), value, numbers.value(before, *row), told))
    return found


def performance_of(a: Numbers, b: Numbers) -> list[Performance]:
    """Return each measure over the baseline of ``b`` as its value, beside that over the baseline of ``a``."""
    found = []
    for measure in performance.MEASURES:
        metric = f"ml_baseline_performance_{measure.key}"
        for row in dict.fromkeys([*a.rows(metric), *b.rows(metric)]):
            found.append(Performance(measure.key, "".join(row), b.value(metric, *row), a.value(metric, *row), ""))
    return found
