"""How sure a share of each version is, as a table."""

from __future__ import annotations

from boards.chance import wilson
from boards.sdk import build
from boards.tables import Column, Label, table


def of_versions(expr: str) -> str:
    """Return the highest value of each version."""
    return f"max by (version) ({expr})"


def shares(title: str, says: str, share: tuple[str, str], trials: tuple[str, str], none: str) -> build.Panel:
    """Return a table of the shares of versions with their 95 % intervals, and the trials these rest on.

    ``share`` and ``trials`` are each a heading and a series by version.
    """
    lower, upper = wilson(share[1], trials[1])
    return table(
        title,
        says,
        [
            Label("version"),
            Column(share[0], of_versions(share[1]), "percentunit", 1),
            Column("from", of_versions(lower), "percentunit", 1),
            Column("to", of_versions(upper), "percentunit", 1),
            Column(trials[0], of_versions(f"{trials[1]} > 0")),
        ],
        sort="version",
        descending=False,
        none=none,
        size=(24, 5),
    )
