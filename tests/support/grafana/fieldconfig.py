"""The field configuration of a panel applied to its frames: what each value says and in which colour."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from support.grafana.dashboard import Panel
from support.grafana.draw import colours, units
from support.grafana.frames import NUMBER, TIME, Field, Frame, display_name, is_number
from support.grafana.interpolation import Scope
from support.grafana.matchers import matcher

PALETTED = {"timeseries", "barchart", "piechart", "trend", "xychart", "histogram"}
THRESHOLDS = {"mode": "absolute", "steps": [{"value": None, "color": "green"}, {"value": 80, "color": "red"}]}
SPECIAL = {
    "null": lambda value: value is None,
    "nan": lambda value: isinstance(value, float) and math.isnan(value),
    "null+nan": lambda value: value is None or (isinstance(value, float) and math.isnan(value)),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "empty": lambda value: value == "",
}


@dataclass
class Shown:
    """One value as it is shown; `share` is its place between the minimum and the maximum."""

    text: str
    colour: str
    share: float
    mapped: bool = False


@dataclass
class Column:
    """A field of a panel with its configuration applied."""

    field: Field
    frame: Frame
    name: str
    index: int
    now: float
    low: float
    high: float

    @property
    def config(self) -> dict[str, Any]:
        return self.field.config

    @property
    def custom(self) -> dict[str, Any]:
        return self.config.get("custom") or {}

    @property
    def thresholds(self) -> list[tuple[float, str]]:
        """Lower limits and colours, lowest first, as values of the field."""
        document = self.config.get("thresholds") or THRESHOLDS
        steps = []
        for each in document.get("steps") or []:
            value = -math.inf if each.get("value") is None else float(each["value"])
            if document.get("mode") == "percentage" and math.isfinite(value):
                value = self.low + value / 100 * (self.high - self.low)
            steps.append((value, colours.colour(each["color"])))
        return sorted(steps, key=lambda step: step[0])

    def threshold_colour(self, value: float) -> str:
        """Return the colour of the highest limit that a value reaches."""
        reached = [name for limit, name in self.thresholds if value >= limit]
        return reached[-1] if reached else colours.TEXT

    @property
    def colour(self) -> str:
        """The colour of the whole series."""
        return self._coloured(next((v for v in reversed(self.field.numbers())), None))

    def _coloured(self, value: Any) -> str:
        colour = self.config.get("color") or {}
        mode = colour.get("mode") or "thresholds"
        if mode in ("fixed", "shades"):
            return colours.colour(colour.get("fixedColor"), colours.NAMED["green"])
        if mode == "palette-classic":
            return colours.palette(self.index)
        if mode == "palette-classic-by-name":
            return colours.palette_by_name(self.name)
        if not is_number(value):
            return colours.colour((self.config.get("thresholds") or THRESHOLDS)["steps"][0]["color"])
        if mode == "thresholds":
            return self.threshold_colour(value)
        return colours.continuous(mode, self.share(value))

    def share(self, value: Any) -> float:
        """Return the place of a value between minimum and maximum."""
        if not is_number(value) or self.high == self.low:
            return 0.0
        return max(0.0, min((value - self.low) / (self.high - self.low), 1.0))

    def write(self, value: Any) -> str:
        """Return a value with its unit, without mappings."""
        unit = self.config.get("unit")
        if self.field.kind == TIME and not unit:
            return units.iso(value) if value is not None else ""
        return units.written(value, unit, self.config.get("decimals"), self.now)

    def show(self, value: Any) -> Shown:
        """Return text and colour of a value."""
        shown = Shown(self.write(value), self._coloured(value), self.share(value))
        empty = value is None or (isinstance(value, float) and math.isnan(value))
        if empty and self.field.kind == NUMBER:
            shown.text = str(self.config.get("noValue") or "")
        mapping = next(
            (found for each in self.config.get("mappings") or [] if (found := _mapped(each, value))), None
        )
        if mapping is not None:
            shown.text = mapping.get("text") or shown.text
            shown.colour = colours.colour(mapping.get("color"), shown.colour)
            shown.mapped = True
        return shown


def _mapped(mapping: dict[str, Any], value: Any) -> dict[str, Any] | None:
    kind, options = mapping["type"], mapping["options"]
    if kind == "value":
        whole = is_number(value) and value % 1 == 0
        return options.get(str(int(value)) if whole else str(value))
    if kind == "range":
        low = -math.inf if options.get("from") is None else float(options["from"])
        high = math.inf if options.get("to") is None else float(options["to"])
        return options["result"] if is_number(value) and low <= value <= high else None
    if kind == "regex":
        if not isinstance(value, str):
            return None
        match = re.search(options["pattern"].strip("/"), value)
        if match is None:
            return None
        made = dict(options["result"])
        if made.get("text"):
            made["text"] = re.sub(r"\$(\d)", lambda group: match[int(group[1])] or "", made["text"])
        return made
    if kind == "special":
        return options["result"] if SPECIAL[options["match"]](value) else None
    raise NotImplementedError(f"value mapping {kind!r}")


def configured(panel: Panel, frames: Sequence[Frame], scope: Scope, now: float) -> list[list[Column]]:
    """Return the columns of each frame, with defaults and overrides applied in order."""
    defaults = copy.deepcopy(panel.defaults)
    paletted = panel.type in PALETTED
    defaults["color"] = defaults.get("color") or {"mode": "palette-classic" if paletted else "thresholds"}
    rules = [(matcher(each["matcher"]), each.get("properties") or []) for each in panel.overrides]
    for frame in frames:
        for item in frame.fields:
            own = item.config
            config = copy.deepcopy(defaults)
            config.update({key: value for key, value in own.items() if value not in (None, "")})
            meant = [properties for wanted, properties in rules if wanted(item, frame, frames)]
            for each in (entry for properties in meant for entry in properties):
                _assign(config, each["id"], each.get("value"))
            item.config = config
    return _columns(panel, frames, scope, now)


def _assign(config: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".") if name.startswith("custom.") else [name]
    for part in path:
        config = config.setdefault(part, {})
    config[last] = value


def _columns(panel: Panel, frames: Sequence[Frame], scope: Scope, now: float) -> list[list[Column]]:
    everything = [value for frame in frames for item in frame.of(NUMBER) for value in item.numbers()]
    finite = [value for value in everything if math.isfinite(value)]
    made: list[list[Column]] = []
    index = 0
    for frame in frames:
        columns = []
        for item in frame.fields:
            own = [v for v in item.numbers() if math.isfinite(v)] if item.config.get("fieldMinMax") else finite
            low, high = item.config.get("min"), item.config.get("max")
            columns.append(
                Column(
                    item,
                    frame,
                    _named(item, frame, frames, scope),
                    index,
                    now,
                    float(low) if low is not None else min(own, default=0.0),
                    float(high) if high is not None else max(own, default=100.0),
                )
            )
            index += item.kind == NUMBER
        made.append(columns)
    return made


def _named(item: Field, frame: Frame, frames: Sequence[Frame], scope: Scope) -> str:
    name = display_name(item, frame, frames)
    if "$" not in name:
        return name
    name = re.sub(r"\$\{__field\.labels\.(\w+)\}", lambda match: item.labels.get(match[1], ""), name)
    name = re.sub(r"\$\{__field\.labels\[[\"'](.+?)[\"']\]\}", lambda match: item.labels.get(match[1], ""), name)
    plain = Field(item.name, item.kind, [], item.labels, {**item.config, "displayName": ""})
    shown = display_name(plain, frame, frames)
    name = name.replace("${__field.displayName}", shown).replace("${__series.name}", shown)
    return scope.fill(name.replace("${__field.name}", item.name))
