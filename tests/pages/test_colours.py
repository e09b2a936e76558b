"""Contrast of the colours by the formula of WCAG 2.2 (relative luminance, success criteria 1.4.3 and 1.4.11)."""

import pytest

from ml_exporter.pages.style import DARK, GROUNDS, LIGHT, TEXTS


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast(scheme: dict[str, str]) -> None:
    for ground in GROUNDS:
        for text in TEXTS:
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
    for drawn in ("now", "before"):
        assert contrast(scheme[drawn], scheme["card"]) >= 3, drawn
    assert contrast(scheme["card"], scheme["accent"]) >= 4.5


def test_both_schemes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()
