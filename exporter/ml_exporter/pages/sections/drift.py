"""Which features have drifted most, with their distributions now and in the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ml_exporter.pages.histogram import histogram, shares
from ml_exporter.pages.markup import Html, Number, html, more, muted, paragraph, table, unknown
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import SHORT, number, plain, short_of
from ml_exporter.signals.signal import FAILED

SHOWN: Final = 30
"""Features with a histogram (chosen); the others follow as numbers alone."""

LISTED: Final = 1000
"""Features in that list at most (chosen): the page of metrics has all."""

_HEADS: Final = ("Feature", "Baseline and now", "PSI", "KS", "Samples")


def legend() -> Html:
    """Return what the colours of a histogram mean."""
    return Html(
        '<p class="muted"><span class="key now"></span>now <span class="key before"></span>baseline, as shares of'
        ' the rows in each bin, up to the number at the right; the last two bins are "other" and "missing"</p>'
    )


def picture(name: str, now: Mapping[str, float], before: Mapping[str, float], *, detailed: bool) -> Html:
    """Return the histogram of the counts in each bin beside the baseline's shares; without bins they failed.

    One that is ``detailed`` has its numbers, as those of ``name``, in a table below.
    """
    if not now:
        return unknown(SHORT[FAILED])
    rows = sum(now.values())
    if not rows:
        return unknown("no rows in the window")
    drawn = list(now), [count / rows for count in now.values()], [before.get(bin, 0.0) for bin in now if before]
    return Html(histogram(*drawn) + (shares(name, *drawn) if detailed else ""))


class _Numbers:
    """The drift of every feature in one window."""

    def __init__(self, chosen: Selection) -> None:
        def of(name: str) -> dict[str, float]:
            return chosen.snapshot.by_first(f"ml_feature_drift_{name}", *chosen.scope)

        self.samples = of("samples")
        self.psi, self.psi_floor = of("psi"), of("psi_noise_floor")
        self.ks, self.ks_floor = of("kolmogorov_smirnov"), of("kolmogorov_smirnov_noise_floor")
        self.reasons = chosen.reasons.get("feature_drift_psi", {})
        self._kinds = chosen.snapshot.rows("ml_feature_info", *chosen.total)

    def ordered(self) -> list[str]:
        """Return all features: those first whose PSI is farthest above its noise, those without a value last."""
        beyond = {name: value - self.psi_floor.get(name, 0.0) for name, value in self.psi.items()}
        return sorted(self.samples, key=lambda name: (-beyond.get(name, float("-inf")), name))

    def title(self, name: str) -> Html:
        """Return the name of a feature, and of a text what of it is compared."""
        words = f"<br>{muted('length of the text')}" if (name, "text") in self._kinds else ""
        return Html(f"{html(name)}{words}")

    def cells(self, name: str) -> tuple[Number, Number, Number]:
        """Return PSI, KS and samples of a feature."""
        psi = with_floor(self.psi.get(name), self.psi_floor.get(name), short_of(name, self.reasons))
        ks = with_floor(self.ks.get(name), self.ks_floor.get(name), "not numeric" if name in self.psi else "")
        return psi, ks, number(self.samples[name])


def _content(chosen: Selection) -> Html:
    numbers = _Numbers(chosen)
    names = numbers.ordered()
    if not names:
        return paragraph("The model has no features that are known from a baseline or the configuration.")
    now = _by_feature(chosen.snapshot.rows("ml_feature_window_bin", *chosen.scope))
    before = _by_feature(chosen.snapshot.rows("ml_baseline_feature_bin_ratio", *chosen.total))
    first = [
        (
            numbers.title(name),
            picture(name, now.get(name, {}), before.get(name, {}), detailed=chosen.detailed),
            *numbers.cells(name),
        )
        for name in names[:SHOWN]
    ]
    words = (
        "Sorted by how far PSI is above its noise floor: the 99.9 % quantile without drift at this many samples."
    )
    shown = table(f"{words} Within {chosen.window}.", _HEADS, first)
    return Html(legend() + shown + _rest(names[SHOWN:], numbers))


def _rest(names: list[str], numbers: _Numbers) -> Html:
    if not names:
        return Html("")
    heads = (_HEADS[0], *_HEADS[2:])
    rows = [(numbers.title(name), *numbers.cells(name)) for name in names[:LISTED]]
    listed = table("Further features, in the same order.", heads, rows)
    left = len(names) - len(rows)
    note = muted(f"{plain(left)} more are on the page of metrics.") if left else ""
    return more(f"{plain(len(names))} more features", Html(listed + note))


def _by_feature(rows: Mapping[tuple[str, ...], float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (feature, name), value in rows.items():
        found.setdefault(feature, {})[name] = value
    return found


def with_floor(value: float | None, floor: float | None, why: str) -> Number:
    """Return a score as a cell, its noise floor below it, or why there is none."""
    if value is None or floor is None:
        return number(value, why)
    return Number(f'{number(value)}<br><span class="noise">noise {html(plain(floor))}</span>')


SECTION: Final = Section("drift", "Drift of the features", Of.WINDOW, _content)
