"""A Prometheus with prepared answers, for the tests of the interpreter itself."""

from __future__ import annotations

from typing import Any

from support.grafana.prometheus import Prometheus

END = 1_700_000_000.0


class Canned(Prometheus):
    """Answers by path, each a value, an error or a function of the parameters; `asked` is what came in."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("http://prometheus.invalid")
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, path: str, parameters: Any) -> Any:
        self.asked.append((path, dict(parameters)))
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer(parameters) if callable(answer) else answer


def vector(*rows: tuple[dict[str, str], float]) -> dict[str, Any]:
    """Return the answer of an instant query."""
    return {"resultType": "vector", "result": [{"metric": m, "value": [END, str(v)]} for m, v in rows]}


def matrix(*rows: tuple[dict[str, str], list[float]], step: float = 15.0) -> dict[str, Any]:
    """Return the answer of a range query; the last value is at the end."""
    return {
        "resultType": "matrix",
        "result": [
            {
                "metric": metric,
                "values": [[END - (len(values) - 1 - place) * step, str(v)] for place, v in enumerate(values)],
            }
            for metric, values in rows
        ],
    }


def grid(x: int, y: int, w: int, h: int) -> dict[str, int]:
    """Return the place of a panel."""
    return {"x": x, "y": y, "w": w, "h": h}
