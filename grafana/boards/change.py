"""How the errors of a model changed since its baseline."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.queries import WINDOW, Query, current, noise

ROW: Final = Row(
    "Change since the baseline",
    [
        graph(
            "Shift of the calibration",
            """Mean change of the gap between score and observed share since the baseline, over tenths of the
            score, of each replica; its sign: above 0 scores have become too high. Higher is worse; below the
            noise floor it is chance. Over the labels of the window.""",
            current(f"max(ml_performance_calibration_shift{{{WINDOW}}})", "highest of a replica"),
            Query(f"ml_performance_calibration_shift_bias{{{WINDOW}}}", "with its sign {{instance}}"),
            noise(f"max(ml_performance_calibration_shift_noise_floor{{{WINDOW}}})"),
            unit="none",
            none="two classes with scores only, or no labels in this window",
        ),
        graph(
            "Errors that add up",
            """Evidence, in nats, that the errors of a replica rose above the baseline's within the window and
            stayed there. Without a change at most one moment in a hundred lies above 4.6, one in a thousand
            above 6.9. Higher is worse.""",
            Query(f"ml_performance_error_cusum{{{WINDOW}}}", "{{instance}}"),
            unit="none",
            none="no labels in this window, or none in the baseline",
            lowest=0,
        ),
    ],
)
