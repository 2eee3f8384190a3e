"""A sheet to draw on, and the drawing that is made of it: SVG without scripts, style sheets or fonts of its
own.

Lengths are in units of the sheet, which is 700 units wide: at a width of 700 px a unit is a pixel. A sheet
has a white background of its own, so that it can be read on a dark page."""

import base64
import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lthlib.core.paths import expanded
from lthlib.plots.style import WORDS

WIDTH, EDGE = 700, 24  # of a sheet, and of the margin that drawings keep
BODY, SMALL = 15, 13  # sizes of text; nothing is below SMALLEST
SMALLEST = 12
INK, LINES, GHOST, PALE, PAPER = "#222222", "#6B7280", "#98A1AD", "#F1F4F8", "#FFFFFF"
POSITIVE, NEGATIVE = "#5E3C99", "#C27C00"  # signs of weights: of no method; a negative one is dashed as well
FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
NARROW, CAPITALS, SUBSCRIPT = "ijl.,:;'|! tfI()[]/-r", re.compile(r"[A-Z%]"), re.compile(r"(?<=θ)_(\w)")


@dataclass(frozen=True)
class Drawing:
    """A picture as SVG, and `alt`: what it shows, for readers who cannot see it.

    As the last line of a cell it shows itself: as an image with that text in JupyterLab, Colab, static pages
    and GitHub's preview, as the text alone where there are no images.
    """

    svg: str
    alt: str

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        """An image that is never wider than the page. It is encoded, so that no page's rules reach into
        it."""
        source = base64.b64encode(self.svg.encode()).decode()
        return f'<img alt="{html.escape(self.alt)}" style="max-width: 100%" src="data:image/svg+xml;base64,{source}">'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "image/svg+xml": self.svg, "text/plain": self.alt}

    def save(self, path: str | Path) -> Path:
        """Write the SVG to a file, in a folder that is made if need be; returns the file's path."""
        path = expanded(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.svg, encoding="utf-8")
        return path


def text_width(words: str, size: float, bold: bool = False) -> float:
    """About how wide a line of text is, in units: from the widths of Helvetica's letters."""
    width = 0.0
    for letter in SUBSCRIPT.sub(r"\1", words):
        width += 0.28 if letter in NARROW else 0.72 if CAPITALS.match(letter) else 0.86 if letter in "mMwW" else 0.556
    return width * size * (1.08 if bold else 1)


def number(value: float) -> str:
    """A length as text, to a tenth of a unit: "3.5", "3"."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if abs(value) >= 0.05 else "0"


def for_text(colour: str) -> str:
    """The colour, darkened until text in it has a contrast of 4.5 to 1 on a panel (WCAG 2.2, 1.4.3)."""
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    while (_luminance(PALE) + 0.05) / (_luminance(colour) + 0.05) < 4.5:
        channels = [0.95 * channel for channel in channels]
        colour = "#" + "".join(f"{round(channel):02X}" for channel in channels)
    return colour


def for_dark(colour: str, ground: str, contrast: float = 4.5) -> str:
    """The colour, lightened until it has this contrast on a dark ground: for pages that follow a reader's
    dark theme."""
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    while (_luminance(colour) + 0.05) / (_luminance(ground) + 0.05) < contrast:
        channels = [255 - 0.95 * (255 - channel) for channel in channels]
        colour = "#" + "".join(f"{round(channel):02X}" for channel in channels)
    return colour


def _luminance(colour: str) -> float:
    """Of #RRGGBB, relative to white (WCAG 2.2)."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def signed(value: float) -> str:
    """A weight as it is printed in a grid: "0.7", "0", and with a real minus "-0.3"."""
    return f"{abs(value):g}" if value >= 0 else f"\u2212{abs(value):g}"


def curve(function, start: float, end: float, steps: int = 60) -> list[tuple[float, float]]:
    """Points (x, function(x)) from start to end."""
    places = [start + (end - start) * step / steps for step in range(steps + 1)]
    return [(x, function(x)) for x in places]


class Canvas:
    """A sheet of `width` by `height` units; y grows downwards. What is drawn later lies on top."""

    def __init__(self, height: float, width: float = WIDTH):
        self.height, self.width = height, width
        self.parts: list[str] = []

    def drawing(self, title: str, alt: str) -> Drawing:
        """What was drawn. `title` is its name in a few words, `alt` what it shows."""
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        view = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        about = f'role="img" aria-label="{html.escape(title)}: {html.escape(alt)}"'
        described = f"<title>{html.escape(title)}</title><desc>{html.escape(alt)}</desc>"
        start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} {about} font-family="{FONT}">{described}'
        area = f'width="{number(self.width - 1)}" height="{number(self.height - 1)}"'
        sheet = f'<rect x="0.5" y="0.5" {area} rx="12" fill="{PAPER}" stroke="#D9DEE5"/>'
        return Drawing("\n".join([start, sheet, *self.parts, "</svg>"]), alt)

    def _add(self, tag: str, content: str = "", **attributes) -> None:
        given = {name.replace("_", "-"): value for name, value in attributes.items() if value not in ("", None)}
        told = " ".join(f'{name}="{number(v) if isinstance(v, float) else v}"' for name, v in given.items())
        self.parts.append(f"<{tag} {told}>{content}</{tag}>" if content else f"<{tag} {told}/>")

    def text(
        self, x: float, y: float, words: str, size: float = BODY, colour: str = WORDS, anchor: str = "middle", bold: bool = False
    ) -> None:
        """Lines of text; y is the middle of the first. `anchor` is start, middle or end. What
        follows "θ_" is set as a subscript."""
        weight = "bold" if bold else ""
        for place, line in enumerate(words.split("\n")):
            at = {"x": float(x), "y": float(y + 0.35 * size + place * 1.3 * size)}
            look = {"font_size": size, "fill": colour, "text_anchor": anchor, "font_weight": weight}
            self._add("text", _subscripts(line, size), **at, **look)

    def note(self, x: float, y: float, words: str) -> None:
        """Small text that begins at x."""
        self.text(x, y, words, SMALL, anchor="start")

    def line(self, x1, y1, x2, y2, colour: str = LINES, width: float = 1.5, dashes: Sequence[float] = ()) -> None:
        """A straight line; `dashes` are lengths of ink and gap."""
        ends = {"x1": float(x1), "y1": float(y1), "x2": float(x2), "y2": float(y2)}
        self._add("line", **ends, **_pen(colour, width, dashes))

    def path(
        self, points: Iterable, colour: str = LINES, width: float = 1.5, dashes: Sequence[float] = (), fill: str = "none"
    ) -> None:
        """A line through points (x, y); with a `fill`, the area that they go around."""
        steps = " L ".join(f"{number(x)} {number(y)}" for x, y in points)
        self._add("path", d=f"M {steps}{'' if fill == 'none' else ' Z'}", fill=fill, **_pen(colour, width, dashes))

    def arrow(self, *points, colour: str = LINES, width: float = 2, dashes: Sequence[float] = ()) -> None:
        """An arrow along two points, or along the curve that three or four points control (Bézier)."""
        (x1, y1), (x2, y2) = points[-2:]
        length = math.hypot(x2 - x1, y2 - y1)
        across, along, head = (x2 - x1) / length, (y2 - y1) / length, 4 + 2.5 * width
        back = (x2 - head * across, y2 - head * along)
        curved = {2: "L", 3: "Q", 4: "C"}[len(points)]
        start, *rest = [f"{number(x)} {number(y)}" for x, y in (*points[:-1], (back[0] + across, back[1] + along))]
        self._add("path", d=f"M {start} {curved} {' '.join(rest)}", fill="none", **_pen(colour, width, dashes))
        half = 0.45 * head
        corners = [(x2, y2), (back[0] - half * along, back[1] + half * across), (back[0] + half * along, back[1] - half * across)]
        self._add("polygon", points=" ".join(f"{number(x)},{number(y)}" for x, y in corners), fill=colour)

    def box(
        self, x, y, width, height, fill: str = PALE, colour: str = "", radius: float = 8, dashes: Sequence[float] = ()
    ) -> None:
        """A rectangle with round corners; without a `colour` it has no outline."""
        area = {"x": float(x), "y": float(y), "width": float(width), "height": float(height), "rx": radius}
        self._add("rect", **area, fill=fill, **(_pen(colour, 1.5, dashes) if colour else {}))

    def circle(self, x, y, radius: float, fill: str = PAPER, colour: str = INK, width: float = 1.5) -> None:
        """A filled circle; without a `colour` it has no outline."""
        self._add("circle", cx=float(x), cy=float(y), r=float(radius), fill=fill, **(_pen(colour, width) if colour else {}))

    def marker(self, x, y, kind: str, colour: str, size: float = 6) -> None:
        """A point as a figure draws it, by the letter that `style` gives each method: o, s, X, ^, v, D, P,
        p, H."""
        if kind == "o":
            return self.circle(x, y, size, colour, "")
        shapes = {
            "H": [(math.cos(turn * math.tau / 6), math.sin(turn * math.tau / 6)) for turn in range(6)],
            "s": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            "^": [(0, -1.1), (1.05, 0.85), (-1.05, 0.85)],
            "v": [(0, 1.1), (1.05, -0.85), (-1.05, -0.85)],
            "D": [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)],
            "p": [(math.sin(turn * math.tau / 5), -math.cos(turn * math.tau / 5)) for turn in range(5)],
            "P": _plus(0.38, 1.1, 0),
            "X": _plus(0.38, 1.15, math.tau / 8),
        }
        corners = " ".join(f"{number(x + size * right)},{number(y + size * down)}" for right, down in shapes[kind])
        return self._add("polygon", points=corners, fill=colour)

    def badge(self, x, y, words: str, colour: str = INK, radius: float = 11) -> None:
        """A number in a disc, to refer to a place from a text."""
        self.circle(x, y, radius, colour, PAPER, 2)
        self.text(x, y, words, SMALL, PAPER, bold=True)


def _pen(colour: str, width: float, dashes: Sequence[float] = ()) -> dict:
    pattern = " ".join(number(length) for length in dashes)
    return {"stroke": colour, "stroke_width": float(width), "stroke_dasharray": pattern}


def _plus(arm: float, reach: float, turn: float) -> list[tuple[float, float]]:
    """The corners of a plus with arms of this half width and reach, turned by an angle."""
    arms = [(-arm, -reach), (arm, -reach), (arm, -arm)]
    corners = []
    for quarter in range(4):
        angle = turn + quarter * math.tau / 4
        corners += [(x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)) for x, y in arms]
    return corners


def _subscripts(line: str, size: float) -> str:
    """A line's words as SVG: the letter behind "θ_" is set lower and smaller, never below SMALLEST."""
    small, down, parts = max(SMALLEST, round(0.72 * size)), number(0.25 * size), []
    pieces = SUBSCRIPT.split(line)  # words, subscript, words, subscript, ... words
    for place, piece in enumerate(pieces):
        words = html.escape(piece)
        if place % 2:
            parts.append(f'<tspan font-size="{small}" dy="{down}">{words}</tspan>')
        elif place and words:
            parts.append(f'<tspan dy="-{down}">{words}</tspan>')
        else:
            parts.append(words)
    return "".join(parts)
