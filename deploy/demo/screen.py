"""What the demo shows in the terminal."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from story import ONCE_MINUTES, STORY, Ports, Story


def picture(story: Story, ports: Ports) -> Group:
    """Return the summary that the terminal shows."""
    where = story.progress.where
    links = Table.grid(padding=(0, 2))
    links.add_row("sidecar", ports.url("exporter"), "state, and /metrics")
    links.add_row("Prometheus", f"{ports.url('prometheus')}/alerts", "what it makes of the numbers")
    links.add_row("Alertmanager", ports.url("alertmanager"), "what it sends on")
    if story.has_grafana:
        links.add_row("Grafana", f"{ports.url('grafana')}/d/ml-fleet", "how it looks, since January")
    minutes, seconds = divmod(int(time.monotonic() - story.began), 60)
    facts = Table.grid(padding=(0, 2))
    facts.add_row("story", where.get("story", "starting"), f"running for {minutes}:{seconds:02d}")
    facts.add_row("flights", f"{where.get('flights', 0):,} predicted", f"{where.get('labels', 0):,} have landed")
    weather = where.get("weather", "fine")
    facts.add_row("weather feed", Text(weather, "green" if weather == "fine" else "red"))
    facts.add_row("retraining", story.retraining(), "what the fall of the performance starts")
    alerts = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("alert", "state", "what", "delivered"):
        alerts.add_column(title, header_style="bold")
    active = story.alerts()
    for name in STORY:
        own = [alert for alert in active if alert["labels"]["alertname"] == name]
        states = {alert["state"] for alert in own}
        state = "firing" if "firing" in states else "pending" if own else "quiet"
        what = ", ".join(sorted({alert["labels"].get("feature", "ROC AUC") for alert in own}))
        arrived = next((item.time for item in story.receiver.notifications if name in item.names), None)
        style = {"firing": "bold red", "pending": "yellow", "quiet": "green"}[state]
        alerts.add_row(name, Text(state, style), what, f"{arrived:%H:%M:%S}" if arrived else "-")
    notes = [line for item in story.receiver.notifications[-4:] for line in item.lines()]
    body: list[Any] = [
        Panel(links, title="look at", title_align="left"),
        Panel(facts, title=f"flights of 2013, {story.pace}", title_align="left"),
        Panel(alerts, title="alerts in Prometheus", title_align="left"),
        Panel("\n".join(notes) or "nothing yet", title="arrived at the receiver", title_align="left"),
    ]
    return Group(*body)


def watch(story: Story, ports: Ports, console: Console, *, once: bool) -> int:
    """Show the summary until Ctrl-C, or until the story is told; return the exit code."""
    end = time.monotonic() + 60 * ONCE_MINUTES
    told = 0
    live = Live(console=console, refresh_per_second=2, transient=False) if console.is_terminal else None
    if live:
        live.start()
    try:
        while True:
            story.check()
            if live:
                live.update(picture(story, ports))
            for item in story.receiver.notifications[told:]:
                told += 1
                if not live:
                    lines = [f"{item.time:%H:%M:%S} arrived:", *item.lines()]
                    console.print("\n  ".join(lines), highlight=False, soft_wrap=True)
            if once and story.delivered() == set(STORY):
                minutes, seconds = divmod(int(time.monotonic() - story.began), 60)
                console.print(f"all alerts of the story have arrived after {minutes}:{seconds:02d}")
                return 0
            if once and time.monotonic() > end:
                console.print(story.missing(), soft_wrap=True)
                return 1
            time.sleep(0.5)
    finally:
        if live:
            live.stop()
