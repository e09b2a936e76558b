"""Performance: is the model right, as right as on its baseline, and which version is more so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import CHAMPION, COVERED, PREDICTIONS, WINDOW_COVERED, Z, number, owned
from definitions.drift import FEATURES
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increase, increases, rolled

WINDOW: Final = "ml:performance:window"
"""1 with the window that performance alerts look at as its label; set in thresholds.yml."""

_DROPS: Final = ("accuracy", "roc_auc", "mae")
_LEVELS: Final = ("accuracy", "roc_auc", "f1_macro", "r2")

DROP: Final = Threshold(
    "performance_drop",
    "How far a `measure` may fall below the baseline's; for mae, which share of it the error may grow.",
    {"accuracy": 0.05, "roc_auc": 0.05, "mae": 0.2},
    ("model", "version"),
    (("measure", _DROPS),),
    highest=10.0,
)
FLOOR: Final = Threshold(
    "performance_floor",
    "Value of a `measure` below which a model must not be used, whatever its baseline. There is no default.",
    None,
    ("model", "version"),
    (("measure", _LEVELS),),
    silent=None,
)
LABELS: Final = Threshold(
    "performance_labels",
    "Labels in the window below which performance is not judged.",
    300.0,
    lowest=30.0,
    highest=1e9,
)
_THRESHOLDS: Final = (DROP, FLOOR, LABELS)

_P: Final = "model_version:ml_performance"
_OUTCOMES: Final = "model_version:ml_confusion:outcomes"
_P_ALL: Final = "model_version:ml_score_bin:positive"
_N_ALL: Final = "model_version:ml_score_bin:negative"
_SCORED: Final = "model_version:ml_outcome_scored:increase"
_CLASSIFIED: Final = "model_version:ml_outcome_log_loss:increase"


def of_confusion(confusion: str, measured: str) -> Iterator[Record]:
    """Yield what follows from the counter ``confusion``, as series of ``measured``: of outcomes, or of expected ones."""
    cells = f"model_version_class_predicted:{confusion}:increase"
    actual, predicted, correct = (
        f"model_version_class:{confusion}:{part}" for part in ("actual", "predicted", "correct")
    )
    outcomes = f"model_version:{confusion}:outcomes"
    of, by_class = f"model_version:{measured}", f"model_version_class:{measured}"
    yield from increases("model_version_class_predicted", f"{confusion}_total")
    yield Record(actual, f"sum without (predicted) ({cells})")
    yield Record(
        predicted,
        f'sum without (predicted) (label_replace(sum without (class) ({cells}), "class", "$1", "predicted", "(.*)"))',
    )
    yield Record(
        correct,
        f'sum without (predicted) ({cells} and label_replace({actual}, "predicted", "$1", "class", "(.*)"))',
    )
    yield Record(outcomes, f"sum without (class) ({actual})")
    yield Record(f"{of}:accuracy", f"sum without (class) ({correct}) / ({outcomes} > 0)")
    yield Record(f"{of}:constant_accuracy", f"max without (class) ({actual}) / ({outcomes} > 0)")
    yield Record(f"{by_class}:precision", f"{correct} / ({predicted} > 0)")
    yield Record(f"{by_class}:recall", f"{correct} / ({actual} > 0)")
    yield Record(f"{by_class}:f1", f"2 * {correct} / ({actual} + {predicted} > 0)")
    for measure in ("precision", "recall", "f1"):
        yield Record(f"{of}:{measure}_macro", f"avg without (class) ({by_class}:{measure})")
    yield Record(f"{of}:accuracy_standard_error", f"sqrt({of}:accuracy * (1 - {of}:accuracy) / ({outcomes} > 0))")


def of_scores(counted: str, measured: str) -> Iterator[Record]:
    """Yield the area under the ROC curve, from how many negatives each bin of positives outranks, and its error."""
    scores, below = increase(f"{counted}_bin_total"), increase(f"{counted}_below_total")
    positive, ranks = f"model_version_bin:{counted}_bin:positive", f"model_version_bin:{counted}_below:negative"
    p_all, n_all = f"model_version:{counted}_bin:positive", f"model_version:{counted}_bin:negative"
    yield from rolled(positive, f"sum without (class) ({scores} unless {below})")
    yield from rolled(ranks, increase(f"{counted}_below_total", ", class"))
    yield from rolled(n_all, f"sum without (class, bin) ({scores} and {below})")
    yield Record(p_all, f"sum without (bin) ({positive})")
    area, pairs = f"model_version:{measured}:roc_auc", f"({p_all} * {n_all} > 0)"
    yield Record(area, f"sum without (bin) ({positive} * {ranks}) / {pairs}")
    yield Record(
        f"{area}_standard_error",
        f"""
        sqrt(clamp_min(
          (
            {area} * (1 - {area})
            + ({p_all} - 1) * ({area} / (2 - {area}) - {area} ^ 2)
            + ({n_all} - 1) * (2 * {area} ^ 2 / (1 + {area}) - {area} ^ 2)
          ) / {pairs}, 0
        ))
        """,
    )


def _calibration() -> Iterator[Record]:
    """Calibration error from tenths of the score."""
    below = increase("ml_score_below_total")
    hits = "model_version_bin:ml_calibration_outcomes:positive"
    negatives = f"group without (bin) ({below})"
    yield from rolled(
        hits,
        f"sum without (class) ({increase('ml_calibration_outcomes_total')} unless ignoring (bin) {negatives})",
    )
    yield from increases("model_version_bin", "ml_calibration_score_total")
    yield Record(
        f"{_P}:expected_calibration_error",
        f"""
        sum without (bin) (abs({hits} - model_version_bin:ml_calibration_score:increase)) / ({_P_ALL} + {_N_ALL} > 0)
        """,
    )


def _losses() -> Iterator[Record]:
    outcome = "model_version:ml_outcome"
    parts = ("log_loss", "squared_error", "scored", "overestimate", "underestimate", "error_share", "nonzero")
    spread = ("label_above", "label_below", "label_squared")
    yield from increases("model_version", *(f"ml_outcome_{part}_total" for part in (*parts, *spread)))

    def sum_of(part: str) -> str:
        return f"{outcome}_{part}:increase"

    mean = f"/ ({_SCORED} > 0)"
    yield Record(f"{_P}:log_loss", f"{_CLASSIFIED} {mean}")
    yield Record(f"{_P}:brier", f"{sum_of('squared_error')} {mean} and {_CLASSIFIED}")
    yield Record(f"{_P}:mse", f"{sum_of('squared_error')} {mean} unless {_CLASSIFIED}")
    yield Record(f"{_P}:rmse", f"sqrt({_P}:mse)")
    yield Record(f"{_P}:mae", f"({sum_of('overestimate')} + {sum_of('underestimate')}) {mean}")
    yield Record(f"{_P}:bias", f"({sum_of('overestimate')} - {sum_of('underestimate')}) {mean}")
    yield Record(f"{_P}:mape", f"{sum_of('error_share')} / ({sum_of('nonzero')} > 0)")
    shift = f"({sum_of('label_above')} - {sum_of('label_below')}) ^ 2 / ({_SCORED} > 0)"
    yield Record(f"{_P}:r2", f"1 - {_P}:mse * {_SCORED} / ({sum_of('label_squared')} - {shift} > 0)")
    yield Record(f"{_P}:mae_standard_error", f"sqrt(clamp_min({_P}:mse - {_P}:mae ^ 2, 0) {mean})")


def _baseline(measure: str) -> str:
    return f"model_version:ml_baseline_performance_{measure}:max"


def _drops() -> Iterator[Record]:
    """How far each measure lies below the baseline's, and the standard error of that, of both together."""
    for measure in ("accuracy", "constant_accuracy", "roc_auc", "mae", "rmse", "samples"):
        yield constant("model_version", f"ml_baseline_performance_{measure}")
    beside, samples = "ignoring (window) group_left ()", _baseline("samples")
    counted = {
        "accuracy": _OUTCOMES,
        "roc_auc": f"({_P_ALL} + {_N_ALL})",
        "mae": f"({_SCORED} unless {_CLASSIFIED})",
    }
    for measure in _DROPS:
        value, base, error = f"{_P}:{measure}", _baseline(measure), f"{_P}:{measure}_standard_error"
        drop = f"-({value} - {beside} {base})"
        both = f"{error} * sqrt(1 + {counted[measure]} / {beside} {samples})"
        if measure == "mae":
            drop, both = f"{value} / {beside} ({base} > 0) - 1", f"{both} / {beside} ({base} > 0)"
        yield Record(f"{_P}:drop", drop, {"measure": measure})
        yield Record(f"{_P}:drop_standard_error", both, {"measure": measure})
        yield Record(f"{_P}:labels", counted[measure], {"measure": measure})


def _versions() -> Iterator[Record]:
    """Each version beside the one that gets most predictions."""
    for what in ("rmse", *(f"{measure}{end}" for measure in _DROPS for end in ("", "_standard_error"))):
        yield Record(
            f"model_version:ml_performance_champion:{what}",
            f'label_replace({_P}:{what}, "champion", "$1", "version", "(.*)")\n'
            f"* ignoring (version, window) group_left () {CHAMPION}",
        )
    for measure in _DROPS:
        of_champion = f"model_version:ml_performance_champion:{measure}"
        others = f"({_P}:{measure} unless ignoring (champion) {of_champion})"
        beside = "ignoring (version, champion) group_left (champion)"
        yield Record(f"model_version:ml_performance_difference:{measure}", f"{others} - {beside} {of_champion}")
        yield Record(
            f"model_version:ml_performance_difference:{measure}_standard_error",
            f"sqrt(({_P}:{measure}_standard_error ^ 2 unless ignoring (champion) {of_champion})"
            f" + {beside} {of_champion}_standard_error ^ 2)",
        )


JUDGED: Final = f"""
and ignoring (measure)
{COVERED} >= scalar({WINDOW_COVERED.series})
and on (window)
{WINDOW}
"""


_ERRORS: Final = {
    **{measure: f"{_P}:{measure}_standard_error" for measure in ("accuracy", "roc_auc")},
    "f1_macro": f"2 * {_P}:accuracy_standard_error",
    "r2": f"(1 / sqrt({_SCORED} > 0))",
}
"""Standard errors of levels; of the macro F1 twice that of the accuracy, of R2 that of a share of variance (chosen)."""


def _verdicts() -> Iterator[Record]:
    enough = f"{_P}:labels >= scalar({LABELS.series})"
    yield Record(f"{_P}:certain_drop", f"{_P}:drop - {Z} * {_P}:drop_standard_error\nand\n{enough}{JUDGED}")
    yield DROP.records(f"{_P}:certain_drop", "model_version")
    for measure in _LEVELS:
        labels = {"accuracy": _OUTCOMES, "f1_macro": _OUTCOMES, "roc_auc": f"{_P_ALL} + {_N_ALL}", "r2": _SCORED}
        yield Record(
            f"{_P}:certain_level",
            f"{_P}:{measure} + {Z} * {_ERRORS[measure]}\nand\n{labels[measure]} >= scalar({LABELS.series}){JUDGED}",
            {"measure": measure},
        )
    yield FLOOR.records(f"{_P}:certain_level", "model_version")


_RECORDS: Final = (
    *of_confusion("ml_confusion", "ml_performance"),
    *of_scores("ml_score", "ml_performance"),
    *_calibration(),
    *_losses(),
    *_drops(),
    *_versions(),
    *_verdicts(),
)

_DROP_LIMIT: Final = "model_version:ml_performance_drop:threshold"
_FLOOR_LIMIT: Final = "model_version:ml_performance_floor:threshold"
_OF: Final = ("model", "version", "measure")
_BETTER: Final = (
    '{{ range printf "topk(1, -(model_version:ml_performance:drop{model=%[1]q, window=%[3]q, measure=%[4]q,'
    " version!=%[2]q} - ignoring (version) group_left () model_version:ml_performance:drop{model=%[1]q, window=%[3]q,"
    f' measure=%[4]q, version=%[2]q}}) > 0 and ignoring (window, measure) {PREDICTIONS}{{window=\\"1h\\"}} > 0)"'
    " $labels.model $labels.version $labels.window $labels.measure | query }}Version {{ .Labels.version }} is still"
    ' serving and does better by {{ .Value | printf "%.2f" }} in {{ $labels.measure }}: rolling back to it is an option.'
    "{{ end }}"
)
_TWO_DIGITS: Final = 'printf "%.2f"'

_ALERTS: Final = (
    Alert(
        "MLPerformanceDrop",
        "critical",
        owned(
            f"{_P}:drop\nand\n{_P}:certain_drop > {_DROP_LIMIT}",
            *("version", "window", "measure"),
        ),
        "The model is less right than on its baseline.",
        "The {{ $labels.measure }} of model {{ $labels.model }} {{ $labels.version }} is worse than on its baseline by"
        ' {{ $value | printf "%.2f" }}, over the labels of {{ $labels.window }}; allowed are'
        f" {number(_DROP_LIMIT, _TWO_DIGITS, *_OF)} and"
        f" {number(f'{_P}:drop_standard_error', _TWO_DIGITS, *_OF, 'window')} is one standard error.",
        "See whether inputs drifted or broke at the same time; if not, the world has changed and the model must learn it.",
        "ml-performance",
        "2m",
        "30m",
        more={"rollback": _BETTER, "features": FEATURES},
    ),
    Alert(
        "MLPerformanceLow",
        "critical",
        owned(
            f"{_P}:certain_level < {_FLOOR_LIMIT}",
            *("version", "window", "measure"),
        ),
        "The model is less right than it must be to be used.",
        "The {{ $labels.measure }} of model {{ $labels.model }} {{ $labels.version }} is at best"
        ' {{ $value | printf "%.2f" }}, over the labels of {{ $labels.window }}; the floor set for it is'
        f" {number(_FLOOR_LIMIT, _TWO_DIGITS, *_OF)}.",
        "Decide whether decisions may still rest on the model; fall back to its predecessor or a rule until it is repaired.",
        "ml-performance",
        "2m",
        "30m",
        more={"rollback": _BETTER},
    ),
    Alert(
        "MLWorseThanConstant",
        "critical",
        owned(
            f"""
            (
              {_P}:accuracy
              and
              {_P}:accuracy + {Z} * {_P}:accuracy_standard_error < {_P}:constant_accuracy
              and
              {_OUTCOMES} >= scalar({LABELS.series})
              unless ignoring (window)
              {_baseline("accuracy")} < {_baseline("constant_accuracy")}
              or
              {_P}:r2
              and
              {_P}:r2 + {Z} * {_ERRORS["r2"]} < 0
              and
              {_SCORED} >= scalar({LABELS.series})
            )
            and
            {COVERED} >= scalar({WINDOW_COVERED.series})
            and on (window)
            {WINDOW}
            """,
            *("version", "window"),
        ),
        "Always giving the same answer would be more right than the model.",
        "Over the labels of {{ $labels.window }} model {{ $labels.model }} {{ $labels.version }} reaches"
        ' {{ $value | printf "%.2f" }} (accuracy, or R2 of a regression), less than the best constant answer.',
        "Take the model out of use: check first that labels and predictions are not mixed up or shifted.",
        "ml-performance",
        "15m",
        "30m",
    ),
)

FAMILY: Final = Family("performance", __doc__, _RECORDS, _ALERTS, _THRESHOLDS)
