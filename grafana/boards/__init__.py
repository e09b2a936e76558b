"""The dashboards of ml-exporter, from which the files in grafana/dashboards are written: one module each.

Adding a panel: a few lines in its dashboard, made of panels, graphs and tables; then ``make dashboards``.
Adding a dashboard: its module, its name in BOARDS.
"""

from boards import drift, exporter, fleet, model, performance, quality, resources, versions
from boards.board import Board

BOARDS: tuple[Board, ...] = (
    fleet.BOARD,
    model.BOARD,
    drift.BOARD,
    quality.BOARD,
    performance.BOARD,
    versions.BOARD,
    resources.BOARD,
    exporter.BOARD,
)
