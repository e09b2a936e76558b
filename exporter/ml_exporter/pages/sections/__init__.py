"""The sections of a model's page.

Adding one: a file with its ``SECTION`` beside these, its name in :data:`SECTIONS`, its test in ``tests/pages``.
"""

from typing import Final

from ml_exporter.pages.sections import (
    drift,
    fairness,
    labels,
    no_data,
    performance,
    prediction_drift,
    quality,
    segments,
    versions,
    windows,
)
from ml_exporter.pages.sections.section import Section

SECTIONS: Final[tuple[Section, ...]] = (
    windows.SECTION,
    performance.SECTION,
    prediction_drift.SECTION,
    drift.SECTION,
    quality.SECTION,
    segments.SECTION,
    fairness.SECTION,
    labels.SECTION,
    versions.SECTION,
    no_data.SECTION,
)
"""Every section, in the order of the page."""
