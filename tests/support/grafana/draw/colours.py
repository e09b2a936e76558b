"""Grafana's colours in its dark theme."""

from __future__ import annotations

import colorsys
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, is_color_like, to_hex, to_rgb

PAGE = "#111217"
PANEL = "#181b1f"
RAISED = "#22252b"
BORDER = "#2a2d33"
TEXT = "#ccccdc"
FAINT = "#8e8e99"
GRID = "#2c2e34"
LINK = "#6e9fff"

_SHADES = ("super-light", "light", "", "semi-dark", "dark")
_HUES = {
    "red": ("#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A"),
    "orange": ("#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400"),
    "yellow": ("#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400"),
    "green": ("#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D"),
    "blue": ("#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4"),
    "purple": ("#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8"),
}
NAMED = {
    f"{shade}-{hue}".lstrip("-"): value
    for hue, values in _HUES.items()
    for shade, value in zip(_SHADES, values, strict=True)
}
NAMED.update({"text": TEXT, "panel-bg": PANEL, "transparent": "none"})
PALETTE = (
    "green", "semi-dark-yellow", "light-blue", "semi-dark-orange", "red", "blue", "purple", "#705DA0",
    "dark-green", "yellow", "#447EBC", "#C15C17", "#890F02", "#0A437C", "#6D1F62", "#584477", "#B7DBAB",
    "#F4D598", "#70DBED", "#F9BA8F", "#F29191", "#82B5D8", "#E5A8E2", "#AEA2E0", "#629E51", "#E5AC0E",
    "#64B0C8", "#E0752D", "#BF1B00", "#0A50A1", "#962D82", "#614D93", "#9AC48A", "#F2C96D", "#65C5DB",
    "#F9934E", "#EA6460", "#5195CE", "#D683CE", "#806EB7", "#3F6833", "#967302", "#2F575E", "#99440A",
    "#58140C", "#052B51", "#511749", "#3F2B5B", "#E0F9D7", "#FCEACA", "#CFFAFF", "#F9E2D2", "#FCE2DE",
    "#BADFF4", "#F9D9F9", "#DEDAF7",
)  # fmt: skip
CONTINUOUS = {
    "continuous-GrYlRd": ("green", "yellow", "red"),
    "continuous-RdYlGr": ("red", "yellow", "green"),
    "continuous-BlYlRd": ("dark-blue", "super-light-yellow", "dark-red"),
    "continuous-YlRd": ("super-light-yellow", "dark-red"),
    "continuous-BlPu": ("blue", "purple"),
    "continuous-YlBl": ("super-light-yellow", "dark-blue"),
    "continuous-blues": ("panel-bg", "dark-blue"),
    "continuous-reds": ("panel-bg", "dark-red"),
    "continuous-greens": ("panel-bg", "dark-green"),
    "continuous-purples": ("panel-bg", "dark-purple"),
}
# Schemes whose low end is dark as they are; Grafana turns all others round on a dark page.
_DARK_FIRST = {"Turbo", "Cividis", "Viridis", "Magma", "Inferno", "Plasma", "Warm", "Cool", "CubehelixDefault"}
_UNLIKE = {"Warm": "autumn", "Cool": "cool", "CubehelixDefault": "cubehelix", "Rainbow": "hsv", "Sinebow": "hsv"}


def colour(name: str | None, fallback: str = TEXT) -> str:
    """Return a colour that the canvas takes."""
    if not name:
        return fallback
    found = NAMED.get(name, name)
    if found.startswith(("rgb(", "rgba(")):
        parts = [float(part) for part in found[found.index("(") + 1 : -1].split(",")]
        channels = [part / 255 for part in parts[:3]] + parts[3:4]
        return to_hex(tuple(channels), keep_alpha=True)  # type: ignore[arg-type]
    if not is_color_like(found):
        raise ValueError(f"not a colour of Grafana: {name!r}")
    return found


def palette(index: int) -> str:
    """Return a colour of the classic palette."""
    return colour(PALETTE[index % len(PALETTE)])


def palette_by_name(name: str) -> str:
    """Return the colour of the classic palette that a name always has."""
    code = 0
    for letter in name:
        code = ((code << 5) - code + ord(letter)) & 0xFFFFFFFF
    signed = code - (1 << 32) if code & 0x80000000 else code
    return palette(abs(signed))


def continuous(mode: str, share: float) -> str:
    """Return the colour of a share from 0 to 1 in one of Grafana's continuous schemes."""
    if mode not in CONTINUOUS:
        raise NotImplementedError(f"colour mode {mode!r}")
    names = [to_rgb(colour(name)) for name in CONTINUOUS[mode]]
    place = max(0.0, min(share, 1.0)) * (len(names) - 1)
    low = min(int(place), len(names) - 2)
    parts = zip(names[low], names[low + 1], strict=True)
    return to_hex([left + (right - left) * (place - low) for left, right in parts])


def scheme(options: dict[str, Any]) -> Any:
    """Return the colour map of a heatmap."""
    if options.get("mode") == "opacity":
        fill = to_rgb(colour(options.get("fill") or "dark-orange"))
        return LinearSegmentedColormap.from_list("opacity", [(*fill, 0.0), (*fill, 1.0)])
    name = options.get("scheme") or "Oranges"
    turned = name not in _DARK_FIRST and name not in _UNLIKE
    if options.get("reverse"):
        turned = not turned
    known = {each.lower(): each for each in colormaps}
    found = known.get(_UNLIKE.get(name, name).lower())
    if found is None:
        raise NotImplementedError(f"colour scheme {name!r}")
    chosen = colormaps[found]
    return chosen.reversed() if turned else chosen


def faded(name: str, alpha: float, under: str = PANEL) -> str:
    """Return a colour laid over another with some opacity."""
    parts = zip(to_rgb(name), to_rgb(under), strict=True)
    return to_hex([top * alpha + bottom * (1 - alpha) for top, bottom in parts])


def readable_on(background: str) -> str:
    """Return the dark or the light text that Grafana writes on a background."""
    red, green, blue = to_rgb(background)
    return "#202226" if 0.299 * red + 0.587 * green + 0.114 * blue > 180 / 255 else "#f7f8fa"


def darkened(name: str, share: float) -> str:
    """Return a colour with less lightness."""
    hue, light, saturation = colorsys.rgb_to_hls(*to_rgb(name))
    return to_hex(colorsys.hls_to_rgb(hue, max(light - share, 0.0), saturation))
