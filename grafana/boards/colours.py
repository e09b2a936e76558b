"""What a colour means, on every dashboard."""

from __future__ import annotations

from typing import Any, Final

from boards.sdk import build, model

OK: Final = "green"
WARNING: Final = "yellow"
CRITICAL: Final = "red"
CURRENT: Final = "blue"
"""What is measured, without a verdict."""
UNKNOWN: Final = "#808080"
BASELINE: Final = "#808080"
THRESHOLD: Final = "red"
NOISE: Final = "purple"
"""What chance alone explains."""
RETRAINED: Final = "purple"
SEVERAL: Final = (
    CURRENT,
    "purple",
    "light-blue",
    "light-purple",
    "dark-blue",
    "dark-purple",
    "orange",
    "light-orange",
)
"""Of several lines none of which is better: no colour that would be a verdict."""

HEALTHY, NO_DATA, WARNED, FIRED = 0, 1, 2, 3
"""Levels of a verdict, as queries yield them: what is not known comes before what is healthy."""


def verdict(unknown: str = "no data", ok: str = "ok", warning: str = "warning", critical: str = "critical") -> Any:
    """Return the mapping from the levels of a verdict to words and colours."""
    shown = {
        NO_DATA: (unknown, UNKNOWN),
        HEALTHY: (ok, OK),
        WARNED: (warning, WARNING),
        FIRED: (critical, CRITICAL),
    }
    return words({str(level): pair for level, pair in shown.items()})


def words(shown: dict[str, tuple[str, str]]) -> Any:
    """Return a mapping from values to texts with their colours."""
    return model.ValueMap(
        {
            value: model.ValueMappingResult(text=text, color=colour, index=place)
            for place, (value, (text, colour)) in enumerate(shown.items())
        }
    )


SEVERITIES: Final = words({"critical": ("critical", CRITICAL), "warning": ("warning", WARNING)})


def steps(*pairs: tuple[float | None, str]) -> build.ThresholdsConfig:
    """Return the colours from each value on; the first value is None."""
    config = build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
    return config.steps([model.Threshold(value=value, color=colour) for value, colour in pairs])


NEUTRAL: Final = ((None, CURRENT),)
GREY: Final = ((None, UNKNOWN),)
ALLOWED: Final = ((None, OK), (0.8, WARNING), (1.0, CRITICAL))
"""Of a value as the share of what its threshold allows."""
LEFT: Final = ((None, CRITICAL), (0.0, WARNING), (0.25, OK))
"""Of an error budget as the share that is left."""
NONE_IS_OK: Final = ((None, OK), (1.0, CRITICAL))
NONE_IS_BEST: Final = ((None, OK), (1.0, WARNING))
ALL_UP: Final = ((None, CRITICAL), (1.0, OK))
