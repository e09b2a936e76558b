"""How far chance moves a number: the 95 % intervals of shares and of what has a standard error."""

from __future__ import annotations

from typing import Final

Z: Final = 1.96
"""The 97.5 % quantile of the normal distribution: so many standard errors to either side hold 95 %."""


def wilson(share: str, trials: str) -> tuple[str, str]:
    """Return the ends of the 95 % Wilson interval of a share of ``trials``, two series with the same labels."""
    extra = f"{Z**2:.4f} / ({trials} > 0)"
    half = f"{Z} * sqrt({share} * (1 - {share}) / {trials} + {extra} / 4 / {trials})"
    lower, upper = (f"({share} + {extra} / 2 {sign} {half}) / (1 + {extra})" for sign in "-+")
    return lower, upper


def around(value: str, error: str) -> tuple[str, str]:
    """Return the ends of the 95 % interval of a value, from its standard error."""
    return f"{value} - {Z} * {error}", f"{value} + {Z} * {error}"
