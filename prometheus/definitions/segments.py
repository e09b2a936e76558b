"""Segments: which group of predictions is less right, or treated otherwise, than it was or than another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import COVERED, SHADOW, WINDOW_COVERED, Z, indent, number, owned
from definitions.performance import LABELS, WINDOW
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increases

_MEASURES: Final = ("accuracy", "mae")

DROP: Final = Threshold(
    "segment_performance_drop",
    "How far a `measure` of a group may fall below that group's baseline; for mae, which share of it the error may grow.",
    {"accuracy": 0.1, "mae": 0.4},
    ("model", "version"),
    (("measure", _MEASURES),),
    highest=10.0,
)
IMPACT: Final = Threshold(
    "disparate_impact",
    "How far the disparate impact ratio of a group may lie from 1: 0.2 is from 0.8 to 1.25, the four-fifths rule.",
    0.2,
    ("model", "version"),
    silent=1.0,
)
_THRESHOLDS: Final = (DROP, IMPACT)

_LEVEL: Final = "model_version_segment_group"
_P: Final = f"{_LEVEL}:ml_segment_performance"
_CELLS: Final = f"{_LEVEL}_class_predicted:ml_segment_confusion:increase"
_LABELLED: Final = f"{_LEVEL}:ml_segment_performance:labels"
_ROWS: Final = f"{_LEVEL}:ml_segment_predictions:increase"
_BESIDE: Final = "ignoring (window) group_left ()"


def _traffic() -> Iterator[Record]:
    parts = ("predictions", "prediction_errors", "feature_gaps", "classified_predictions", "positive_predictions")
    yield from increases(_LEVEL, *(f"ml_segment_{part}_total" for part in parts))
    yield Record(
        f"{_LEVEL}:ml_segment_prediction_errors_per_prediction:ratio",
        f"{_LEVEL}:ml_segment_prediction_errors:increase / ({_ROWS} > 0)",
    )
    yield Record(
        f"{_LEVEL}:ml_segment_feature_gaps_per_prediction:ratio",
        f"{_LEVEL}:ml_segment_feature_gaps:increase / ({_ROWS} > 0)",
    )
    yield Record(
        f"{_LEVEL}:ml_segment_share:ratio",
        f"{_ROWS} / ignoring (group) group_left () (sum without (group) ({_ROWS}) > 0)",
    )


def _drift() -> Iterator[Record]:
    level, floor = f"{_LEVEL}_bin", "1e-4"
    counts = f"{level}:ml_segment_prediction_bin:increase"
    shares, baseline = (
        f"{level}:ml_segment_prediction_bin:ratio",
        f"{level}:ml_baseline_segment_prediction_bin:ratio",
    )
    yield from increases(level, "ml_segment_prediction_bin_total")
    yield Record(shares, f"{counts} / ignoring (bin) group_left () (sum without (bin) ({counts}) > 0)")
    yield Record(baseline, constant(level, "ml_baseline_segment_prediction_bin_ratio").expr)
    yield constant(_LEVEL, "ml_baseline_segment_rows")
    yield Record(
        f"{_LEVEL}:ml_segment_prediction_drift:psi",
        f"""
        sum without (bin) (
          (clamp_min({shares}, {floor}) - {_BESIDE} clamp_min({baseline}, {floor}))
          * (ln(clamp_min({shares}, {floor})) - {_BESIDE} ln(clamp_min({baseline}, {floor})))
        )
        """,
    )
    yield Record(
        f"{_LEVEL}:ml_segment_prediction_drift:psi_noise_floor",
        f"""
        (1 / ({_ROWS} > 0) + {_BESIDE} (1 / {_LEVEL}:ml_baseline_segment_rows:max))
        * ignoring (segment, group, window) group_left () model_version:ml_baseline_prediction_drift_psi_noise_scale:max
        """,
    )


def _performance() -> Iterator[Record]:
    yield from increases(f"{_LEVEL}_class_predicted", "ml_segment_confusion_total")
    errors = ("outcome_scored", "outcome_overestimate", "outcome_underestimate", "outcome_squared_error")
    yield from increases(_LEVEL, *(f"ml_segment_{error}_total" for error in errors))
    of = f"{_LEVEL}:ml_segment_outcome"
    actual = f"sum without (predicted) ({_CELLS})"
    right = f'{_CELLS} and label_replace({actual}, "predicted", "$1", "class", "(.*)")'
    recall = f"sum without (predicted) ({right}) / ({actual} > 0)"
    outcomes, scored = f"sum without (class, predicted) ({_CELLS})", f"{of}_scored:increase"
    yield Record(_LABELLED, outcomes, {"measure": "accuracy"})
    yield Record(_LABELLED, scored, {"measure": "mae"})
    yield Record(f"{_P}:accuracy", f"sum without (class, predicted) ({right}) / ({outcomes} > 0)")
    yield Record(f"{_P}:balanced_accuracy", f"avg without (class) ({recall})")
    yield Record(f"{_P}:mae", f"({of}_overestimate:increase + {of}_underestimate:increase) / ({scored} > 0)")
    yield Record(f"{_P}:rmse", f"sqrt({of}_squared_error:increase / ({scored} > 0))")
    yield Record(f"{_P}:accuracy_standard_error", f"sqrt({_P}:accuracy * (1 - {_P}:accuracy) / ({outcomes} > 0))")
    yield Record(f"{_P}:mae_standard_error", f"sqrt(clamp_min({_P}:rmse ^ 2 - {_P}:mae ^ 2, 0) / ({scored} > 0))")
    samples = constant(_LEVEL, "ml_baseline_segment_performance_samples")
    yield samples
    for measure in (*_MEASURES, "rmse"):
        yield constant(_LEVEL, f"ml_baseline_segment_performance_{measure}")
    for measure, counted in (("accuracy", outcomes), ("mae", scored)):
        value, error = f"{_P}:{measure}", f"{_P}:{measure}_standard_error"
        base = f"{_LEVEL}:ml_baseline_segment_performance_{measure}:max"
        drop = f"-({value} - {_BESIDE} {base})"
        both = f"{error} * sqrt(1 + {counted} / {_BESIDE} {samples.name})"
        if measure == "mae":
            drop, both = f"{value} / {_BESIDE} ({base} > 0) - 1", f"{both} / {_BESIDE} ({base} > 0)"
        yield Record(f"{_P}:drop", drop, {"measure": measure})
        yield Record(f"{_P}:drop_standard_error", both, {"measure": measure})
    yield Record(
        f"{_P}:certain_drop",
        f"""
        {_P}:drop - {Z} * {_P}:drop_standard_error
        and
        {_LABELLED} >= scalar({LABELS.series})
        and ignoring (segment, group, measure)
        {COVERED} >= scalar({WINDOW_COVERED.series})
        and on (window)
        {WINDOW}
        """,
    )
    yield DROP.records(f"{_P}:certain_drop", _LEVEL)


_F: Final = f"{_LEVEL}:ml_fairness"
_REFERENCE: Final = "model_version_segment_group:ml_fairness_reference_info:max"
_POSITIVE: Final = "model_version_class:ml_model_positive_class_info:max"


def _fairness() -> Iterator[Record]:
    """Rates of the groups of protected segments, and their differences to the reference group."""
    yield constant(_LEVEL, "ml_fairness_reference_info")
    yield constant("model_version_class", "ml_model_positive_class_info")
    protected = f"and ignoring (window, group) {_REFERENCE}"
    named = 'group!~"other|missing"'
    counted = {
        "selection": (
            f"{_LEVEL}:ml_segment_positive_predictions:increase{{{named}}}",
            f"{_LEVEL}:ml_segment_classified_predictions:increase{{{named}}}",
        )
    }
    positives = f"({_CELLS}{{{named}}} and ignoring (segment, group, predicted, window) {_POSITIVE})"
    negatives = f"({_CELLS}{{{named}}} unless ignoring (segment, group, predicted, window) {_POSITIVE})"
    found = f'and ignoring (segment, group, class, window) label_replace({_POSITIVE}, "predicted", "$1", "class", "(.*)")'
    for rate, labelled in (("true_positive", positives), ("false_positive", negatives)):
        counted[rate] = (
            f"sum without (class, predicted) ({labelled} {found})",
            f"sum without (class, predicted) {labelled}",
        )
    for rate, (hits, of) in counted.items():
        share, samples = f"{_F}_{rate}:ratio", f"{_F}_{rate}:samples"
        yield Record(samples, f"{of}\n{protected}")
        yield Record(share, f"{hits} / ({samples} > 0)")
        yield Record(
            f"{_F}_{rate}:variance",
            f"({share} * {samples} + 1) * ((1 - {share}) * {samples} + 1) / ({samples} + 2) ^ 3",
        )

    def reference(series: str) -> str:
        return f"sum without (group) ({series} and ignoring (window) {_REFERENCE})"

    beside = "ignoring (group) group_left ()"

    def both(series: str, sign: str) -> str:
        return f"({series} unless ignoring (window) {_REFERENCE})\n{sign} {beside} {reference(series)}"

    selection, variance = f"{_F}_selection:ratio", f"{_F}_selection:variance"
    chosen = f"({selection} unless ignoring (window) {_REFERENCE})"
    yield Record(f"{_F}:disparate_impact_ratio", f"{chosen} / {beside} ({reference(selection)} > 0)")
    yield Record(
        f"{_F}:disparate_impact_ratio_standard_error",
        f"""
        sqrt({variance} + {_F}:disparate_impact_ratio ^ 2 * {beside} {reference(variance)})
        / {beside} ({reference(selection)} > 0)
        """,
    )
    for key, rate in (("statistical_parity", "selection"), ("equal_opportunity", "true_positive")):
        yield Record(f"{_F}:{key}_difference", both(f"{_F}_{rate}:ratio", "-"))
        error = f"sqrt(\n{indent(both(f'{_F}_{rate}:variance', '+'))}\n)"
        yield Record(f"{_F}:{key}_difference_standard_error", error)
    odds, equal, false = (
        f"{_F}:average_odds_difference",
        f"{_F}:equal_opportunity_difference",
        f"{_F}_false_positive",
    )
    yield Record(odds, f"(\n  {equal}\n  +\n{indent(both(f'{false}:ratio', '-'))}\n) / 2")
    yield Record(
        f"{odds}_standard_error",
        f"sqrt(\n  {equal}_standard_error ^ 2\n  +\n{indent(both(f'{false}:variance', '+'))}\n) / 2",
    )
    yield Record(
        f"{_F}:certain_disparity",
        f"""
        (
          1 - ({_F}:disparate_impact_ratio + {Z} * {_F}:disparate_impact_ratio_standard_error)
          > 0
          or
          1 - 1 / (({_F}:disparate_impact_ratio - {Z} * {_F}:disparate_impact_ratio_standard_error) > 1)
        )
        and
        {_F}_selection:samples >= scalar({LABELS.series})
        and ignoring (group)
        {reference(f"{_F}_selection:samples")} >= scalar({LABELS.series})
        and ignoring (segment, group)
        {COVERED} >= scalar({WINDOW_COVERED.series})
        and on (window)
        {WINDOW}
        """,
    )
    yield IMPACT.records(f"{_F}:certain_disparity", _LEVEL)


_RECORDS: Final = (*_traffic(), *_drift(), *_performance(), *_fairness())

_OF: Final = ("model", "version", "segment", "group", "measure")
_LIMIT: Final = f"{_LEVEL}:ml_segment_performance_drop:threshold"
_FAIR: Final = f"{_LEVEL}:ml_disparate_impact:threshold"
_TWO_DIGITS: Final = 'printf "%.2f"'

_ALERTS: Final = (
    Alert(
        "MLSegmentPerformanceDrop",
        "warning",
        owned(
            f"{_P}:drop\nand\n{_P}:certain_drop > {_LIMIT}\nunless ignoring (window, segment, group, measure)\n{SHADOW}",
            *("version", "window", "segment", "group", "measure"),
        ),
        "The model is less right on one group of predictions than it was on its baseline.",
        "The {{ $labels.measure }} of model {{ $labels.model }} {{ $labels.version }} where {{ $labels.segment }} is"
        ' {{ $labels.group }} is worse than on that group of the baseline by {{ $value | printf "%.2f" }}, over the labels'
        f" of {{{{ $labels.window }}}}; allowed are {number(_LIMIT, _TWO_DIGITS, *_OF)} and"
        f" {number(f'{_P}:drop_standard_error', _TWO_DIGITS, *_OF, 'window')} is one standard error.",
        "See whether this group's inputs broke or drifted; if not, the world has changed for this group alone.",
        "ml-performance",
        "2m",
        "30m",
    ),
    Alert(
        "MLDisparateImpact",
        "warning",
        owned(
            f"{_F}:disparate_impact_ratio\nand\n{_F}:certain_disparity > {_FAIR}\nunless ignoring (window, segment, group)\n{SHADOW}",
            *("version", "window", "segment", "group"),
        ),
        "A group is predicted positive far less, or far more, often than the reference group.",
        "Where {{ $labels.segment }} is {{ $labels.group }}, model {{ $labels.model }} {{ $labels.version }} predicts the"
        ' positive class {{ $value | printf "%.2f" }} times as often as for the reference group, over'
        f" {{{{ $labels.window }}}}; a distance of {number(_FAIR, _TWO_DIGITS, *_OF[:4])} from 1 is allowed.",
        "Compare the true positive rates of the groups: if they differ too, hold back automatic decisions for the group.",
        "ml-performance",
        "2m",
        "30m",
    ),
)

FAMILY: Final = Family("segments", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
