"""The main job on real data: a model server, the sidecar, Prometheus, Alertmanager, and a season that turns.

Run it with ``make demo``; ``make demo ONCE=1`` ends by itself once the alerts of the story have arrived.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import fields
from pathlib import Path

from processes import DemoError, find_tool
from rich.console import Console
from screen import picture, watch
from story import ROOT, Ports, Story
from viewer import HOW

PORTS = {
    "exporter": 19100,
    "server": 19080,
    "prometheus": 19090,
    "alertmanager": 19093,
    "receiver": 19094,
    "bridge": 19101,
    "grafana": 19030,
}


def main() -> int:
    """Run the story; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--once", action="store_true", help="end once the alerts have arrived, or after 10 minutes"
    )
    parser.add_argument(
        "--speed", type=float, default=3600.0, help="seconds of the story a second (default: 3600)"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is kept")
    parser.add_argument("--picture", type=Path, help="write the last summary as SVG, for the documentation")
    for name, port in PORTS.items():
        parser.add_argument(f"--{name}-port", type=int, default=port)
    given = parser.parse_args()
    ports = Ports(**{field.name: getattr(given, f"{field.name}_port") for field in fields(Ports)})
    console = Console(record=bool(given.picture), width=120 if given.picture else None)
    story = Story(given.folder, ports, given.speed, console)
    try:
        if not given.speed > 0:
            raise DemoError(f"SPEED: must be above 0, got {given.speed:g}")
        story.claim()
        ports.check()
        find_tool("prometheus")
        story.prepare()
        story.start()
        where = f"sidecar {ports.url('exporter')}, Prometheus {ports.url('prometheus')}"
        where += f", Grafana {ports.url('grafana')}" if story.has_grafana else ""
        console.print(f"{where}; Ctrl-C ends everything", soft_wrap=True)
        if not story.has_grafana:
            console.print(HOW, soft_wrap=True)
        code = watch(story, ports, console, once=given.once)
        if given.picture:
            drawing = Console(record=True, width=120, file=open(os.devnull, "w"))  # noqa: SIM115
            drawing.print(picture(story, ports))
            drawn = drawing.export_svg(title="make demo")
            # Rich names fonts on the network; a picture in the documentation fetches nothing.
            given.picture.write_text(re.sub(r"\s*@font-face \{.*?\}(?=\n)", "", drawn, flags=re.DOTALL))
        return code
    except DemoError as error:
        console.print(f"demo: {error}", style="red", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("ending")
        return 0
    finally:
        story.stop()


if __name__ == "__main__":
    sys.exit(main())
