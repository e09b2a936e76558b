"""The HTTP API of Prometheus, as far as Grafana uses it."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

Parameters = Mapping[str, str | float | list[str]]


class PrometheusError(Exception):
    """Prometheus refused a request or cannot be reached."""


class Prometheus:
    """A Prometheus under a URL."""

    def __init__(self, url: str, timeout: float = 120.0) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout

    def get(self, path: str, parameters: Parameters) -> Any:
        """Return the data of an answer."""
        query = urllib.parse.urlencode(
            {key: value for key, value in parameters.items() if value != ""}, doseq=True
        )
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=self.timeout) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
        except urllib.error.URLError as error:
            raise PrometheusError(f"cannot reach {self.url}: {error.reason}") from error
        with contextlib.suppress(ValueError, KeyError):
            text = json.loads(text)["error"]
        raise PrometheusError(text)

    def instant(self, expression: str, time: float) -> Any:
        """Return `resultType` and `result` of an instant query."""
        return self.get("query", {"query": expression, "time": time})

    def range(self, expression: str, start: float, end: float, step: float) -> Any:
        """Return `resultType` and `result` of a range query."""
        return self.get("query_range", {"query": expression, "start": start, "end": end, "step": step})

    def label_values(self, label: str, selector: str, start: float, end: float) -> list[str]:
        """Return the values of a label in the series of a selector, or in all."""
        window: dict[str, str | float | list[str]] = {"start": start, "end": end}
        if selector:
            window["match[]"] = [selector]
        values: list[str] = self.get(f"label/{urllib.parse.quote(label)}/values", window)
        return values

    def label_names(self, start: float, end: float) -> list[str]:
        """Return the names of all labels."""
        names: list[str] = self.get("labels", {"start": start, "end": end})
        return names
