"""Draw the page of a model: ``python docs/page_picture.py OUTPUT.png``.

A sidecar is started for a classifier of the flights of 2013 that has learned from January and is compared with
February, and is then told of a week of July and of which flights were late. A headless Chromium draws its page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory

import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "deploy/demo")]

from flights import CATEGORICAL, CHAMPION, FEATURES, MODELS, Model, flights  # noqa: E402

from support.browser import CHROMIUM, MISSING, browser  # noqa: E402
from support.processes import Process, sidecar  # noqa: E402

JULY = (pd.Timestamp("2013-07-01").timestamp(), pd.Timestamp("2013-07-08").timestamp())
CONFIG = """\
models:
  - name: flights
    version: "2013-02"
    owner: operations
    task: binary_classification
    baseline: flights.json
state: {directory: state}
"""


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description="Draw the page of a model.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--width", type=int, default=1200, help="pixels; %(default)s by default")
    parser.add_argument("--height", type=int, default=3480, help="pixels from the top; %(default)s by default")
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit(MISSING)
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = flights()
        table = table[table["late"].notna()]
        target, numeric = MODELS[CHAMPION]
        model = Model(target, numeric).fit(table[table["month"] == 1])
        _baseline(folder, table[table["month"] == 2], model)
        (folder / "ml-exporter.yml").write_text(CONFIG)
        process = sidecar(folder / "ml-exporter.yml")
        try:
            week = table[table["departure"].between(*JULY)]
            _send(process, week.assign(score=model.answers(week)))
            process.until('ml_performance_samples{model="flights",version="2013-02",window="5m"}', len(week))
            with browser() as tab:
                url = f"http://127.0.0.1:{process.port}/models/flights"
                tab.open(url, given.width, dark=given.dark, height=given.height)
                tab.picture(given.output, whole=False)
        finally:
            process.end(SIGTERM)


def _baseline(folder: Path, table: pd.DataFrame, model: Model) -> None:
    rows = table[FEATURES].assign(score=model.answers(table), late=table["late"].astype(int))
    rows.to_parquet(folder / "february.parquet")
    command = [sys.executable, "-m", "ml_exporter", "baseline", "fit", str(folder / "february.parquet")]
    command += ["--task", "binary_classification", "--label", "late", "--score", "score", "--segment", "origin"]
    subprocess.run([*command, "--output", str(folder / "flights.json")], check=True)


def _send(process: Process, week: pd.DataFrame) -> None:
    texts = week[FEATURES].astype(dict.fromkeys(CATEGORICAL, str)).to_dict("records")
    events = [
        {"id": name, "score": float(score), "features": {key: _plain(value) for key, value in features.items()}}
        for name, score, features in zip(week["id"], week["score"], texts, strict=True)
    ]
    labels = [{"id": name, "label": int(late)} for name, late in zip(week["id"], week["late"], strict=True)]
    for path, items in (("/v1/predictions", events), ("/v1/labels", labels)):
        for start in range(0, len(items), 1000):
            status, answer = process.post(f"{path}?ack=durable", items[start : start + 1000])
            assert status == 200, answer


def _plain(value: object) -> object:
    return None if value != value else value


if __name__ == "__main__":
    main()
