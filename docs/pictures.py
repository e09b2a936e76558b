"""Draw the dashboards with the data of a Prometheus: one PNG each.

``python docs/pictures.py PROMETHEUS_URL OUTPUT_FOLDER`` draws all of them over their own time range until now.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.grafana.dashboard import load  # noqa: E402
from support.grafana.draw.page import draw  # noqa: E402
from support.grafana.prometheus import PrometheusError  # noqa: E402
from support.grafana.queries import SCRAPE, WIDTH, QueryError, run  # noqa: E402
from support.grafana.variables import VariableError  # noqa: E402


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Draw the dashboards with the data of a Prometheus.")
    parser.add_argument("url", metavar="PROMETHEUS_URL")
    parser.add_argument("output", metavar="OUTPUT_FOLDER", type=Path)
    parser.add_argument("--folder", type=Path, default=ROOT / "grafana" / "dashboards", help="dashboards to draw")
    parser.add_argument("--dashboard", metavar="UID", action="append", help="draw only this one; may be repeated")
    parser.add_argument("--time", type=float, metavar="UNIX_END", help="end of the time range; now by default")
    parser.add_argument("--range", type=float, metavar="SECONDS", help="the dashboard's own by default")
    parser.add_argument("--var", metavar="NAME=VALUE", action="append", default=[], help="may be repeated")
    parser.add_argument("--width", type=int, default=WIDTH, help="pixels; %(default)s by default")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels of the file for one of the page")
    parser.add_argument(
        "--scrape", default=SCRAPE, help="scrape interval of the data source; %(default)s by default"
    )
    parser.add_argument("--expand", action="store_true", help="open collapsed rows")
    return parser


def main() -> None:
    """Draw what the command line asks for."""
    given = _parser().parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    choices: dict[str, list[str]] = {}
    for each in given.var:
        name, _, value = each.partition("=")
        choices.setdefault(name, []).append(value)
    found = {load(path).uid: path for path in sorted(given.folder.rglob("*.json"))}
    missing = set(given.dashboard or []) - set(found)
    if missing:
        raise SystemExit(f"no such dashboard: {', '.join(sorted(missing))}; there are {', '.join(found)}")
    for uid in given.dashboard or found:
        dashboard = load(found[uid])
        names = {variable["name"] for variable in dashboard.variables}
        ran = run(
            found[uid],
            given.url,
            end=given.time or time.time(),
            seconds=given.range or dashboard.seconds,
            choices={name: values for name, values in choices.items() if name in names},
            width=given.width,
            scrape=given.scrape,
            expand=given.expand,
        )
        path = given.output / f"{uid}.png"
        draw(ran, path, scale=given.scale)
        slowest = max(ran.results, key=lambda result: result.seconds, default=None)
        worst = f", slowest {slowest.seconds:.3f} s: {slowest.panel.title}" if slowest else ""
        print(f"{path}: {len(ran.results)} queries{worst}")


if __name__ == "__main__":
    try:
        main()
    except (PrometheusError, QueryError, VariableError) as error:
        raise SystemExit(str(error)) from error
