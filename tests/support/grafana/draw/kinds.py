"""Which module draws which panel type."""

from __future__ import annotations

from support.grafana.draw import (
    barchart,
    bargauge,
    gauge,
    heatmap,
    piechart,
    stat,
    table,
    text,
    timeline,
    timeseries,
)
from support.grafana.draw.panel import Painter

PAINTERS: dict[str, Painter] = {
    "timeseries": timeseries.draw,
    "stat": stat.draw,
    "gauge": gauge.draw,
    "bargauge": bargauge.draw,
    "barchart": barchart.draw,
    "table": table.draw,
    "heatmap": heatmap.draw,
    "state-timeline": timeline.draw,
    "status-history": timeline.draw,
    "piechart": piechart.draw,
    "text": text.draw,
    "alertlist": text.listing,
    "annolist": text.listing,
    "dashlist": text.listing,
}
