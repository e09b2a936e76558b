"""Performance: is the model right, as right as on its baseline, and which version is more so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.common import CHAMPION, COVERED, SERVED, SHADOW, WINDOW_COVERED, Z, number, owned
from definitions.drift import FEATURES
from definitions.rule import Alert, Family, Record
from definitions.thresholds import Threshold
from definitions.windows import constant, increase, increases, rolled

WINDOW: Final = "ml:performance:window"
"""1 with the window that performance alerts look at as its label; set in thresholds.yml."""

_COMPARED: Final = ("accuracy", "roc_auc", "mae")
"""Measures with a default threshold, in which versions are compared."""

_GROWING: Final = ("mae", "rmse", "log_loss", "brier")
"""Losses and errors, whose unit nobody knows: they grow by a share of the baseline's."""

_DROPS: Final = (*_COMPARED, *(each for each in _GROWING if each not in _COMPARED))
_LEVELS: Final = ("accuracy", "roc_auc", "f1_macro", "r2")

DROP: Final = Threshold(
    "performance_drop",
    "How far a `measure` may fall below the baseline's; for mae, which share of it the error may grow.",
    {"accuracy": 0.05, "roc_auc": 0.05, "mae": 0.2},
    ("model", "version"),
    (("measure", _COMPARED),),
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
_CLASS: Final = "model_version_class:ml_performance"
_ACTUAL: Final = "model_version_class:ml_confusion:actual"
_PREDICTED: Final = "model_version_class:ml_confusion:predicted"
_CORRECT: Final = "model_version_class:ml_confusion:correct"
_OUTCOMES: Final = "model_version:ml_confusion:outcomes"
_RANKS: Final = "model_version_bin:ml_score_below:negative"
_POSITIVE: Final = "model_version_bin:ml_score_bin:positive"
_P_ALL: Final = "model_version:ml_score_bin:positive"
_N_ALL: Final = "model_version:ml_score_bin:negative"
_NEGATIVE: Final = "model_version_bin:ml_score_bin:negative"
_ABOVE: Final = "model_version_bin:ml_score_above:positive"
_SCORED: Final = "model_version:ml_outcome_scored:increase"
_CLASSIFIED: Final = "model_version:ml_outcome_log_loss:increase"
_TOP: Final = "model_version_k:ml_outcome_top_k:increase"
_QUANTILE: Final = 1.959963984540054
"""Of the normal distribution: an interval of so many standard errors to either side holds 95 %."""


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


def _error_of_f1() -> Record:
    f1 = f"{_CLASS}:f1"
    counted = f"({_ACTUAL} + model_version_class:ml_confusion:predicted > 0)"
    return Record(f"{f1}_standard_error", f"sqrt({f1} * (1 - {f1}) * (2 - {f1}) / {counted} > 0)")


def error_of_accuracy(confusion: str, measured: str) -> Record:
    """Return the standard error of the accuracy of :func:`of_confusion`."""
    accuracy = f"model_version:{measured}:accuracy"
    return Record(
        f"{accuracy}_standard_error",
        f"sqrt({accuracy} * (1 - {accuracy}) / (model_version:{confusion}:outcomes > 0))",
    )


def bins_of(counted: str) -> Iterator[Record]:
    """Yield the positives and negatives of each bin of the counters ``counted``, and the negatives it outranks."""
    scores, below = increase(f"{counted}_bin_total"), increase(f"{counted}_below_total")
    for sign, how in (("positive", "unless"), ("negative", "and")):
        yield from rolled(
            f"model_version_bin:{counted}_bin:{sign}", f"sum without (class) ({scores} {how} {below})"
        )
    yield from rolled(f"model_version_bin:{counted}_below:negative", increase(f"{counted}_below_total", ", class"))


def area_of(counted: str, measured: str) -> Iterator[Record]:
    """Yield the area under the ROC curve from :func:`bins_of`, and the totals of both classes."""
    positive, negative = (f"{counted}_bin:{sign}" for sign in ("positive", "negative"))
    for part in (positive, negative):
        yield Record(f"model_version:{part}", f"sum without (bin) (model_version_bin:{part})")
    yield Record(
        f"model_version:{measured}:roc_auc",
        f"sum without (bin) (model_version_bin:{positive} * model_version_bin:{counted}_below:negative)"
        f" / (model_version:{positive} * model_version:{negative} > 0)",
    )


def _averages() -> Iterator[Record]:
    recall = f"{_CLASS}:recall"
    yield Record(f"{_P}:balanced_accuracy", f"avg without (class) ({recall})")
    yield Record(
        f"{_P}:balanced_accuracy_standard_error",
        f"sqrt(sum without (class) ({recall} * (1 - {recall}) / ({_ACTUAL} > 0)) > 0) / count without (class) ({recall})",
    )
    for measure in ("precision", "f1"):
        named = f"{_CLASS}:{measure}"
        yield Record(f"{_P}:{measure}_macro", f"avg without (class) ({named})")
        yield Record(
            f"{_P}:{measure}_weighted",
            f"sum without (class) ({named} * {_ACTUAL}) / (sum without (class) ({_ACTUAL} and {named}) > 0)",
        )
    most, named = f"{_P}:constant_accuracy", f"count without (class) ({_ACTUAL} > 0)"
    yield Record(f"{_P}:constant_f1_macro", f"2 * {most} / (1 + {most}) / ({named})")
    yield Record(f"{_P}:constant_f1_weighted", f"2 * {most} ^ 2 / (1 + {most})")
    right, squares = f"sum without (class) ({_CORRECT})", f"{_OUTCOMES} ^ 2 - sum without (class)"
    yield Record(
        f"{_P}:matthews_correlation",
        f"""
        ({right} * {_OUTCOMES} - sum without (class) ({_ACTUAL} * {_PREDICTED}))
        / sqrt(({squares} ({_ACTUAL} ^ 2)) * ({squares} ({_PREDICTED} ^ 2)) > 1e-12 * {_OUTCOMES} ^ 4)
        """,
    )


def _chance_of_accuracy() -> Iterator[Record]:
    accuracy, extra = f"{_P}:accuracy", f"{_QUANTILE**2:.9g} / ({_OUTCOMES} > 0)"
    spread = f"{accuracy} * (1 - {accuracy}) / ({_OUTCOMES} > 0)"
    yield error_of_accuracy("ml_confusion", "ml_performance")
    half = f"{_QUANTILE:.9g} * sqrt({spread} + {extra} / (4 * {_OUTCOMES}))"
    for end, sign in (("lower", "-"), ("upper", "+")):
        yield Record(f"{accuracy}_{end}", f"({accuracy} + {extra} / 2 {sign} {half}) / (1 + {extra})")


def _scores() -> Iterator[Record]:
    """Areas under curves from what each bin of scores outranks; calibration from tenths of the score."""
    yield from bins_of("ml_score")
    yield from rolled(_ABOVE, increase("ml_score_above_total", ", class"))
    yield from area_of("ml_score", "ml_performance")
    area = f"{_P}:roc_auc"
    parts = (
        (_P_ALL, f"sum without (bin) ({_POSITIVE} * {_RANKS} ^ 2) / {_N_ALL} ^ 2"),
        (_N_ALL, f"sum without (bin) ({_NEGATIVE} * ({_ABOVE} - {_POSITIVE} / 2) ^ 2) / {_P_ALL} ^ 2"),
    )
    variances = (
        f"clamp_min({square} - {rows} * {area} ^ 2, 0) / ({rows} * ({rows} - 1) > 0)" for rows, square in parts
    )
    yield Record(f"{area}_standard_error", "sqrt(\n  " + "\n  + ".join(variances) + "\n)")
    beside = "ignoring (bin) group_left ()"
    named = f"({_ABOVE} + ({_NEGATIVE} / 2 - {_RANKS}) + {beside} {_N_ALL} > 0)"
    yield Record(
        f"{_P}:average_precision",
        f"sum without (bin) ({_POSITIVE} * {_ABOVE} / {named}) / ({_P_ALL} > 0 and {_N_ALL} > 0)",
    )
    yield from _best_constants()
    yield from _calibration()


def _best_constants() -> Iterator[Record]:
    """What always giving the share of the positive class as score would have reached."""
    share, other = (f"{rows} / ({_P_ALL} + {_N_ALL} > 0)" for rows in (_P_ALL, _N_ALL))
    entropy = f"{_P_ALL} * ln({share} > 0) or {_P_ALL}", f"{_N_ALL} * ln({other} > 0) or {_N_ALL}"
    yield Record(
        f"{_P}:constant_log_loss",
        f"-(({entropy[0]}) + ({entropy[1]})) / ({_P_ALL} + {_N_ALL} > 0)",
    )
    yield Record(f"{_P}:constant_average_precision", f"{share} and {_P_ALL} > 0 and {_N_ALL} > 0")
    yield Record(f"{_P}:constant_brier", f"{_P_ALL} * {_N_ALL} / ({_P_ALL} + {_N_ALL} > 0) ^ 2")


def _calibration() -> Iterator[Record]:
    below = increase("ml_score_below_total")
    hits = "model_version_bin:ml_calibration_outcomes:positive"
    negatives = f"group without (bin) ({below})"
    yield from rolled(
        hits,
        f"sum without (class) ({increase('ml_calibration_outcomes_total')} unless ignoring (bin) {negatives})",
    )
    yield from increases("model_version_bin", "ml_calibration_score_total")
    gaps, outcomes = f"model_version_bin:ml_calibration_score:increase - {hits}", f"({_P_ALL} + {_N_ALL} > 0)"
    yield Record(f"{_P}:expected_calibration_error", f"sum without (bin) (abs({gaps})) / {outcomes}")
    yield Record(f"{_P}:calibration_bias", f"sum without (bin) ({gaps}) / {outcomes}")


def _losses() -> Iterator[Record]:
    outcome = "model_version:ml_outcome"
    parts = ("log_loss", "squared_error", "scored", "overestimate", "underestimate", "error_share", "nonzero")
    spread = ("label_above", "label_below", "label_squared", "label_size", "symmetric_error")
    squares = ("log_loss_squared", "squared_error_squared")
    yield from increases("model_version", *(f"ml_outcome_{part}_total" for part in (*parts, *spread, *squares)))
    yield from increases("model_version_k", "ml_outcome_top_k_total")

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
    yield Record(f"{_P}:constant_rmse", f"sqrt(clamp_min({sum_of('label_squared')} - {shift}, 0) {mean})")
    yield Record(f"{_P}:r2", f"1 - {_P}:mse * {_SCORED} / ({sum_of('label_squared')} - {shift} > 0)")
    yield Record(f"{_P}:wape", f"{_P}:mae * {_SCORED} / ({sum_of('label_size')} > 0)")
    yield Record(f"{_P}:smape", f"{sum_of('symmetric_error')} {mean}")
    beside = "ignoring (k) group_left ()"
    yield Record("model_version_k:ml_performance:top_k_accuracy", f"{_TOP} / {beside} ({_SCORED} > 0)")
    second = f"({sum_of('squared_error_squared')} {mean})"
    for measure, square in (
        ("mae", f"{_P}:mse"),
        ("bias", f"{_P}:mse"),
        ("log_loss", f"{sum_of('log_loss_squared')} {mean}"),
        ("brier", second),
        ("calibration_bias", f"{_P}:brier"),
    ):
        yield Record(f"{_P}:{measure}_standard_error", f"sqrt(clamp_min({square} - {_P}:{measure} ^ 2, 0) {mean})")
    yield Record(
        f"{_P}:rmse_standard_error",
        f"sqrt(clamp_min({second} - {_P}:mse ^ 2, 0) {mean}) / (2 * {_P}:rmse > 0)"
        f"\nand {sum_of('squared_error')} < 2 ^ 94",
    )


def _baseline(measure: str) -> str:
    return f"model_version:ml_baseline_performance_{measure}:max"


def _drops() -> Iterator[Record]:
    """How far each measure lies below the baseline's, and the standard error of that, of both together."""
    for measure in (*_DROPS, "constant_accuracy", "samples"):
        yield constant("model_version", f"ml_baseline_performance_{measure}")
    beside, samples = "ignoring (window) group_left ()", _baseline("samples")
    counted = {
        "accuracy": _OUTCOMES,
        "roc_auc": f"({_P_ALL} + {_N_ALL})",
        **dict.fromkeys(("mae", "rmse"), f"({_SCORED} unless {_CLASSIFIED})"),
        **dict.fromkeys(("log_loss", "brier"), f"({_SCORED} and {_CLASSIFIED})"),
    }
    for measure in _DROPS:
        value, base, error = f"{_P}:{measure}", _baseline(measure), f"{_P}:{measure}_standard_error"
        drop = f"-({value} - {beside} {base})"
        both = f"{error} * sqrt(1 + {counted[measure]} / {beside} {samples})"
        if measure in _GROWING:
            drop, both = f"{value} / {beside} ({base} > 0) - 1", f"{both} / {beside} ({base} > 0)"
        yield Record(f"{_P}:drop", drop, {"measure": measure})
        yield Record(f"{_P}:drop_standard_error", both, {"measure": measure})
        yield Record(f"{_P}:labels", counted[measure], {"measure": measure})
    yield Record(f"{_P}:drop_standard_errors", f"{_P}:drop / ({_P}:drop_standard_error > 0)")


def _versions() -> Iterator[Record]:
    """Each version beside the one that gets most predictions."""
    errors = (f"{measure}{end}" for measure in _COMPARED for end in ("", "_standard_error"))
    for what in ("rmse", *errors):
        yield Record(
            f"model_version:ml_performance_champion:{what}",
            f'label_replace({_P}:{what}, "champion", "$1", "version", "(.*)")\n'
            f"* ignoring (version, window) group_left () {CHAMPION}",
        )
    for measure in _COMPARED:
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
    *_averages(),
    _error_of_f1(),
    *_chance_of_accuracy(),
    *_scores(),
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
    f' measure=%[4]q, version=%[2]q}}) > 0 and ignoring (window, measure) {SERVED}{{window=\\"1h\\"}} > 0)"'
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
            f"{_P}:drop\nand\n{_P}:certain_drop > {_DROP_LIMIT}\nunless ignoring (window, measure)\n{SHADOW}",
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
            f"{_P}:certain_level < {_FLOOR_LIMIT}\nunless ignoring (window, measure)\n{SHADOW}",
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
            unless ignoring (window)
            {SHADOW}
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
