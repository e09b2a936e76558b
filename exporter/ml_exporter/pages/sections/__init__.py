"""The sections of a model's page.

Adding one: a file with its ``SECTION`` beside these, its name in :data:`SECTIONS`, its test in ``tests/pages``.
"""

from typing import Final

from ml_exporter.pages.sections import (
    attributions,
    confusion,
    drift,
    fairness,
    feedback,
    labels,
    multivariate,
    no_data,
    performance,
    prediction_drift,
    quality,
    root_cause,
    segments,
    versions,
    windows,
)
from ml_exporter.pages.sections.section import Section

SECTIONS: Final[tuple[Section, ...]] = (
    windows.SECTION,
    performance.SECTION,
    confusion.SECTION,
    prediction_drift.SECTION,
    multivariate.SECTION,
    drift.SECTION,
    root_cause.SECTION,
    attributions.SECTION,
    quality.SECTION,
    segments.SECTION,
    fairness.SECTION,
    feedback.SECTION,
    labels.SECTION,
    versions.SECTION,
    no_data.SECTION,
)
"""Every section, in the order of the page."""
