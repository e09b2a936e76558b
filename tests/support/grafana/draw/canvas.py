"""A page in pixels: boxes, text that is cut where its box ends, and lines."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle, Wedge

from support.grafana.draw import colours

# Grafana's Inter is as wide as the condensed DejaVu; the plain one, which matplotlib brings, is set smaller.
_CONDENSED = next(
    (entry.fname for entry in font_manager.fontManager.ttflist if entry.fname.endswith("DejaVuSansCondensed.ttf")),
    "",
)
_FILES = {
    weight: _CONDENSED.replace(".ttf", f"{ending}.ttf")
    if _CONDENSED and Path(_CONDENSED.replace(".ttf", f"{ending}.ttf")).exists()
    else font_manager.findfont(
        font_manager.FontProperties(family="DejaVu Sans", weight="bold" if weight else "normal")
    )
    for weight, ending in ((False, ""), (True, "-Bold"))
}
_SCALE = {False: 0.94, True: 0.9} if _CONDENSED else {False: 0.86, True: 0.8}


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, from the top left of the page."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y + self.h / 2

    def inside(self, left: float, top: float | None = None, right: float | None = None, bottom: float = -1) -> Box:
        """Return the box without margins; one margin alone counts for all sides, two for two sides each."""
        top = left if top is None else top
        right = left if right is None else right
        bottom = top if bottom < 0 else bottom
        return Box(self.x + left, self.y + top, max(self.w - left - right, 0), max(self.h - top - bottom, 0))


_RULER = RendererAgg(1, 1, 72)


@functools.lru_cache(maxsize=20000)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line of text in pixels."""
    font = font_manager.FontProperties(fname=_FILES[bold], size=size * _SCALE[bold])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        return float(_RULER.get_text_width_height_descent(text, font, ismath=False)[0])


def cut(text: str, size: float, width: float, bold: bool = False) -> str:
    """Return text that ends in an ellipsis where it is wider than allowed."""
    if text_width(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(text[:middle].rstrip() + "…", size, bold) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def wrapped(text: str, size: float, width: float, bold: bool = False) -> list[str]:
    """Return lines of text broken between words."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and text_width(longer, size, bold) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


class Canvas:
    """A picture that is drawn in pixels."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=colours.PAGE)
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.set_axis_off()
        self.axes.set_autoscale_on(False)
        self._order = 1.0

    def save(self, path: Path, scale: float = 1.0) -> None:
        """Write the picture as PNG."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            self.figure.savefig(path, dpi=72 * scale, facecolor=colours.PAGE)

    def _add(self, artist: Any, clip: Box | None) -> None:
        self._order += 0.001
        artist.set_zorder(self._order)
        if clip is not None:
            edge = Rectangle((clip.x, clip.y), clip.w, clip.h, transform=self.axes.transData)
            artist.set_clip_path(edge)

    def rect(
        self,
        box: Box,
        fill: str | None,
        *,
        edge: str | None = None,
        radius: float = 0,
        alpha: float | None = None,
        clip: Box | None = None,
        width: float = 1,
    ) -> None:
        """Draw a rectangle."""
        look: dict[str, Any] = {
            "facecolor": fill or "none",
            "edgecolor": edge or "none",
            "linewidth": width if edge else 0,
            "alpha": alpha,
        }
        if radius and min(box.w, box.h) > 2 * radius:
            style = f"round,pad=0,rounding_size={radius}"
            patch: Any = FancyBboxPatch((box.x, box.y), box.w, box.h, boxstyle=style, **look)
        else:
            patch = Rectangle((box.x, box.y), box.w, box.h, **look)
        self.axes.add_patch(patch)
        self._add(patch, clip)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 12,
        colour: str = colours.TEXT,
        *,
        align: str = "left",
        bold: bool = False,
        width: float | None = None,
        clip: Box | None = None,
        turned: float = 0,
    ) -> None:
        """Write one line around the height y; `width` cuts it with an ellipsis, `clip` without one."""
        if width is not None:
            text = cut(text, size, width, bold)
        artist = self.axes.text(
            x,
            y,
            text,
            color=colour,
            ha=align,
            va="center_baseline" if not turned else "center",
            rotation=turned,
            rotation_mode="default",
            font=Path(_FILES[bold]),
            fontsize=size * _SCALE[bold],
            parse_math=False,
            clip_on=clip is not None,
        )
        self._add(artist, clip)

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        colour: str,
        width: float = 1,
        *,
        dash: Sequence[float] | None = None,
        alpha: float | None = None,
        clip: Box | None = None,
    ) -> None:
        """Draw a line; NaN breaks it."""
        (artist,) = self.axes.plot(xs, ys, color=colour, linewidth=width, alpha=alpha, solid_capstyle="round")
        if dash:
            artist.set_linestyle((0, tuple(max(part, 0.1) / max(width, 0.1) for part in dash)))
        self._add(artist, clip)

    def points(self, xs: Sequence[float], ys: Sequence[float], colour: str, size: float, clip: Box | None) -> None:
        """Draw round points."""
        (artist,) = self.axes.plot(xs, ys, linestyle="", marker="o", markersize=size, color=colour, mew=0)
        self._add(artist, clip)

    def area(
        self,
        xs: Sequence[float],
        top: Sequence[float],
        bottom: Sequence[float],
        colour: str,
        alpha: float,
        clip: Box,
    ) -> None:
        """Fill between two lines; NaN leaves a gap."""
        artist = self.axes.fill_between(xs, top, bottom, color=colour, alpha=alpha, linewidth=0)
        self._add(artist, clip)

    def lines(self, segments: Sequence[Any], shades: Sequence[str], width: float, clip: Box) -> None:
        """Draw many short lines, each in its colour."""
        artist = LineCollection(list(segments), colors=list(shades), linewidths=width, capstyle="round")
        self.axes.add_collection(artist, autolim=False)
        self._add(artist, clip)

    def polygon(self, points: Sequence[tuple[float, float]], fill: str, clip: Box | None = None) -> None:
        """Draw a filled polygon."""
        artist = Polygon(np.array(points), closed=True, facecolor=fill, edgecolor="none")
        self.axes.add_patch(artist)
        self._add(artist, clip)

    def wedge(
        self, middle: tuple[float, float], radius: float, start: float, end: float, fill: str, width: float | None
    ) -> None:
        """Draw a part of a ring; angles in degrees, clockwise from the right."""
        artist = Wedge(middle, radius, start, end, width=width, facecolor=fill, edgecolor="none")
        self.axes.add_patch(artist)
        self._add(artist, None)
