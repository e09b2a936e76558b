"""Definitions of other monitors, computed beside ours where a configuration asks for them."""

from __future__ import annotations

from enum import StrEnum


class Variant(StrEnum):
    """Whose definition of a measure it is."""

    AZURE = "azure"
