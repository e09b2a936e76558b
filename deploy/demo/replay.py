"""The year 2013 again, some hours a second: flights ask the model server, their arrivals become labels.

At its scheduled departure a flight asks for a prediction; when it has landed on the replay's clock its
label is reported, late and out of order, as labels are. Cancelled flights never get one. From a set time
on the weather feed of Newark is down: its values are null, as a feed that is down leaves them.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import requests
from flights import FEATURES, WEATHER
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ml_exporter.client import Monitor

BROKEN_AIRPORT = "EWR"
NEW_YORK = ZoneInfo("America/New_York")


class Replay:
    """Plays the flights at ``speed`` story seconds a second, and tells where it is on standard output."""

    def __init__(self, folder: Path, server: str, exporter: str, speed: float, broken_from: float) -> None:
        table = pd.read_parquet(folder / "flights.parquet")
        self._departures = table["departure"].to_numpy()
        self._landings = table["landing"].to_numpy()
        self._late = table["late"].astype("float").to_numpy()
        self._delay = table["delay"].to_numpy()
        self._ids = table["id"].tolist()
        features = table[FEATURES].astype(object).where(table[FEATURES].notna(), None)
        self._features: list[dict[str, Any]] = features.to_dict("records")
        self._session = requests.Session()
        # After a night without flights the server may close the connection just as the first one is sent.
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(3, allowed_methods=None, backoff_factor=0.1)))
        self._server = server
        self._late_monitor = Monitor(exporter, model="flights")
        self._delay_monitor = Monitor(exporter, model="delay")
        self._speed = speed
        self._broken_from = broken_from
        self.sent = 0
        self.labels = 0

    def run(self) -> None:
        """Play until the last flight has landed or the process is ended."""
        in_the_air: list[tuple[float, int]] = []
        began, story_began = time.monotonic(), float(self._departures[0])
        told = 0.0
        for number, departure in enumerate(self._departures):
            while (now := story_began + (time.monotonic() - began) * self._speed) < departure:
                time.sleep(min((departure - now) / self._speed, 0.05))
                self._land(in_the_air, now)
            self._depart(number, float(departure))
            if self._landings[number] == self._landings[number]:
                heapq.heappush(in_the_air, (float(self._landings[number]), number))
            self._land(in_the_air, now)
            if time.monotonic() - told > 0.5:
                told = time.monotonic()
                self._tell(float(departure), now)

    def _depart(self, number: int, departure: float) -> None:
        features = self._features[number]
        if departure >= self._broken_from and features["origin"] == BROKEN_AIRPORT:
            features = {**features, **dict.fromkeys(WEATHER)}
        answer = self._session.post(self._server, json={"id": self._ids[number], "features": features}, timeout=10)
        answer.raise_for_status()
        self.sent += 1

    def _land(self, in_the_air: list[tuple[float, int]], now: float) -> None:
        while in_the_air and in_the_air[0][0] <= now:
            _, number = heapq.heappop(in_the_air)
            self._late_monitor.label(self._ids[number], int(self._late[number]))
            self._delay_monitor.label(self._ids[number], float(self._delay[number]))
            self.labels += 1

    def _tell(self, departure: float, now: float) -> None:
        where = {
            "story": datetime.fromtimestamp(departure, NEW_YORK).strftime("%d %B %Y, %H:%M"),
            "time": now,
            "flights": self.sent,
            "labels": self.labels,
            "weather": "down at EWR" if departure >= self._broken_from else "fine",
            "behind": max(now - departure, 0.0) / self._speed,
        }
        print(json.dumps(where), flush=True)


def main() -> None:
    """Play with the arguments of the command line: folder, server, exporter, speed, start of the failure."""
    folder, server, exporter, speed, broken_from = sys.argv[1:]
    start = datetime.fromisoformat(broken_from).replace(tzinfo=NEW_YORK).timestamp()
    Replay(Path(folder), server, exporter, float(speed), start).run()


if __name__ == "__main__":
    main()
