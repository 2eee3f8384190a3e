"""The frames of a film as SVG: the network's surviving connections, and beside it the curves with the point
that moves.

A level has a frame for each iteration filmed and, but for the last, one more in which the weights that are
pruned next turn grey. What frames of a film share is made once.
"""

import base64
import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import Tensor

from lthlib.analysis.film import Film
from lthlib.core.language import mark, say
from lthlib.core.percent import percent
from lthlib.plots.drawings.canvas import FONT, GHOST, INK, LINES, NEGATIVE, PAPER, POSITIVE, for_text
from lthlib.plots.style import METHODS, NAMES

NETWORK, CURVES = (560, 330), (464, 330)  # width and height of the two drawings, in units
TOP, BOTTOM, SIDE = 62, 26, 52  # of the network: room for words, legend, outermost columns
WIDTHS = (0.6, 1.1, 1.8, 2.7)  # of connections, by quarters of the layer's largest
DASHED = 'stroke-dasharray="5 3"'  # of negative ones
GOING = "#AEB6C1"  # of weights that are pruned next
BEGINNINGS = {
    "iterative": mark("reset to the initial values"),
    "oneshot": mark("reset to the initial values, after one single cut"),
    "reinit": mark("the ticket's connections, new random values"),
    "shuffle": mark("connections shuffled in each layer, initial values"),
    "random": mark("connections and values drawn at random"),
}
DRAWN_ANEW = ("shuffle", "random")  # controls whose connections at one level are not among those before


class Reel:
    """The frames of one method's film. `means` is test accuracy in percent by method and density in percent,
    averaged over trials, for the thin lines."""

    def __init__(self, film: Film, method: str, means: Mapping[str, pd.Series]):
        self.film, self.method = film, method
        times = len(film.iterations)
        self.stages = [(level, time) for level in range(film.levels + 1) for time in range(times + 1)][:-1]
        self._times, self._places, self._paths = times, _places(film), {}
        self._largest = {name: float(weights.abs().max()) or 1.0 for name, weights in film.weights.items()}
        self._axes = _Axes(film, method, means)

    def __len__(self) -> int:
        return len(self.stages)

    def frame(self, number: int) -> str:
        """A frame as HTML: two drawings beside each other, below each other where there is no room, and the
        words under them."""
        network, words = self._network(number), self.words(number)
        alt = say(
            "The network's drawing: {words} Beside it, accuracy against weights remaining, and the training that is going on.",
            words=words,
        )
        return (
            f'<figure style="margin: 0"><div role="img" aria-label="{html.escape(alt)}" style="display: flex; flex-wrap: wrap">'
            f"{network}{self._axes.draw(*self._at(number))}</div>"
            f'<figcaption aria-live="polite" style="line-height: 1.35">{html.escape(words)}</figcaption></figure>'
        )

    def still(self, number: int) -> str:
        """A frame as HTML for pages that show images and no drawings of their own, such as GitHub's preview."""
        drawings, words = (self._network(number), self._axes.draw(*self._at(number))), self.words(number)
        images = [
            f'<img alt="{html.escape(words)}" style="max-width: 100%; background: {PAPER}" width="{width}" '
            f'src="data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}">'
            for drawing, (width, _) in zip(drawings, (NETWORK, CURVES))
        ]
        return f'<figure style="margin: 0">{"".join(images)}<figcaption>{html.escape(words)}</figcaption></figure>'

    def headline(self, number: int) -> str:
        """What happens in a frame, in a few words."""
        level, time = self.stages[number]
        if time == self._times:
            share = _percent(self.film.densities[level + 1])
            if self.method in DRAWN_ANEW:
                return say("prune: next come other connections, {share} stay", share=share)
            return say("prune: the grey ones go, {share} stay", share=share)
        if time == 0:
            return say(BEGINNINGS.get(self.method, "reset")) if level else say("all weights, at their random initial values")
        if time < self._times - 1:
            return say("training, iteration {iteration:,}", iteration=self.film.iterations[time])
        share = 100 * float(self.film.test[level])
        return say("trained: {share:.1f} % right on test images, at early stop", share=share)

    def words(self, number: int) -> str:
        """A frame in two sentences."""
        level, _ = self.stages[number]
        film, density = self.film, float(self.film.densities[level])
        total = sum(a * b for a, b in zip(film.sizes, film.sizes[1:]))
        drawn = sum(int((weights[level, 0] != 0).sum()) for weights in film.weights.values())
        where = say("Round {level}", level=level) if level else say("Before the first round")
        counts = {"share": _percent(density), "kept": round(density * total), "total": total, "drawn": drawn}
        return say(
            "{where}, {method}, {share} of the weights ({kept:,} of {total:,}): {headline}. "
            "Drawn are {drawn} connections, between the units that keep the most of them in the end.",
            **{"where": where, "method": say(NAMES.get(self.method, self.method)), "headline": self.headline(number), **counts},
        )

    def _at(self, number: int) -> tuple[int, int]:
        level, time = self.stages[number]
        return level, min(time, self._times - 1)

    def _network(self, number: int) -> str:
        if number not in self._paths:
            self._paths[number] = self._draw_network(number)
        return self._paths[number]

    def _draw_network(self, number: int) -> str:
        level, time = self.stages[number]
        shown, parts, busy = min(time, self._times - 1), [], [set() for _ in self._places]
        for place, (name, weights) in enumerate(self.film.weights.items()):
            now = weights[level, shown]
            going = None
            if time == self._times and self.method not in DRAWN_ANEW:
                going = (now != 0) & (weights[level + 1, 0] == 0)
            parts += self._connections(place, now, self._largest[name], going)
            kept = now.nonzero().tolist()
            busy[place] |= {j for _, j in kept}
            busy[place + 1] |= {i for i, _ in kept}
        for column, spots in enumerate(self._places):
            for unit, (x, y) in enumerate(spots):
                ink = INK if unit in busy[column] else GHOST
                parts.append(f'<circle cx="{x:.0f}" cy="{y:.1f}" r="4.5" fill="{PAPER}" stroke="{ink}"/>')
        head = say("{share} of the weights", share=_percent(self.film.densities[level]))
        parts += [_text(12, 20, head, 17, INK, bold=True), _text(196, 20, self.headline(number), 14)]
        parts += self._names()
        return _svg(NETWORK, "".join(parts))

    def _connections(self, place: int, now: Tensor, largest: float, going: Tensor | None) -> list[str]:
        """The lines of a layer, those of one look in one path."""
        groups: dict[tuple[str, int], list[str]] = {}
        before, after = self._places[place], self._places[place + 1]
        values, leaves = now.tolist(), None if going is None else going.tolist()
        for i, j in now.nonzero().tolist():
            value = values[i][j]
            look = "gone" if leaves and leaves[i][j] else "plus" if value > 0 else "minus"
            width = min(int(len(WIDTHS) * abs(value) / largest), len(WIDTHS) - 1)
            (x1, y1), (x2, y2) = before[j], after[i]
            groups.setdefault((look, 0 if look == "gone" else width), []).append(f"M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}")
        order = sorted(groups, key=lambda look: (look[0] == "gone", look))
        colours = {"gone": f'stroke="{GOING}"', "plus": f'stroke="{POSITIVE}"', "minus": f'stroke="{NEGATIVE}" {DASHED}'}
        return [
            f'<path d="{"".join(groups[look, width])}" {colours[look]} stroke-width="{WIDTHS[width]}" stroke-opacity="0.85"/>'
            for look, width in order
        ]

    def _names(self) -> list[str]:
        """Above each column how many of its units are drawn, and below what the lines mean."""
        last, parts = len(self._places) - 1, []
        for column, (spots, size) in enumerate(zip(self._places, self.film.sizes)):
            what = say("inputs") if not column else say("outputs") if column == last else say("units")
            count = say("{drawn} of {size:,} {what}", drawn=len(spots), size=size, what=what)
            count = say("{size:,} {what}", size=size, what=what) if len(spots) == size else count
            parts.append(_text(spots[0][0], 44, count, 13, anchor="middle"))
        y = NETWORK[1] - 9
        parts.append(f'<path d="M14 {y}h26" stroke="{POSITIVE}" stroke-width="2.5"/>')
        parts.append(f'<path d="M132 {y}h26" stroke="{NEGATIVE}" stroke-width="2.5" stroke-dasharray="5 3"/>')
        parts.append(_text(46, y + 4, say("positive"), 13) + _text(164, y + 4, say("negative; wide lines are large weights"), 13))
        return parts


class _Axes:
    """Accuracy against weights remaining, above, and the validation accuracy of one training, below."""

    LEFT, RIGHT = 46, 348
    UPPER, LOWER = (28, 178), (228, 298)  # top and bottom of the two

    def __init__(self, film: Film, method: str, means: Mapping[str, pd.Series]):
        self.film, self.colour = film, METHODS[method].colour
        self.densities, self.test = 100 * film.densities.double().numpy(), 100 * film.test.double().numpy()
        values = np.concatenate([self.test, *(line.to_numpy() for line in means.values())])
        self.low, self.high = float(np.floor(values.min() / 5) * 5), float(np.ceil(values.max() / 5) * 5)
        self.least = float(min([self.densities.min(), *(line.index.min() for line in means.values())]))
        self.top = float(100 * film.validation.max())
        self.means = {
            name: [(share, self._across(share), self._down(value)) for share, value in line.sort_index(ascending=False).items()]
            for name, line in means.items()
        }
        self.fixed = "".join([*self._upper(method, means), *self._lower()])

    def draw(self, level: int, time: int) -> str:
        """The two at a level, where training has come to an iteration."""
        iteration, x = self.film.iterations[time], self._across(self.densities[level])
        is_done, (top, bottom) = time == len(self.film.iterations) - 1, self.UPPER
        parts = [self.fixed, f'<path d="M{x:.1f} {top}V{bottom}" stroke="{GHOST}"/>']
        if reached := level + is_done:  # levels trained so far, and none beyond them is shown
            parts += self._curves(reached)
            parts += self._point(reached - 1, is_done)
        times = self.film.evaluated
        curve = [(self._along(at), self._rise(value)) for at, value in zip(times, 100 * self.film.validation[level])]
        seen = [point for at, point in zip(times, curve) if at <= iteration]
        parts.append(_line(seen, self.colour, 2.2))
        parts.append(f'<circle cx="{seen[-1][0]:.1f}" cy="{seen[-1][1]:.1f}" r="5" fill="{self.colour}" stroke="{INK}"/>')
        return _svg(CURVES, "".join(parts))

    def _curves(self, levels: int) -> list[str]:
        """The curves against density, as far as training has come."""
        least, parts = self.densities[levels - 1] - 0.01, []
        for name, points in self.means.items():
            seen = [(x, y) for share, x, y in points if share >= least]
            parts.append(_line(seen, METHODS[name].colour, 1.1, METHODS[name].dashes))
        thick = [(self._across(share), self._down(value)) for share, value in zip(self.densities[:levels], self.test)]
        parts.append(_line(thick, self.colour, 2.6))
        return parts + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{self.colour}"/>' for x, y in thick]

    def _point(self, level: int, with_number: bool) -> list[str]:
        """The point that moves, at the last level trained."""
        x, y = self._across(self.densities[level]), self._down(self.test[level])
        parts = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{self.colour}" stroke="{INK}" stroke-width="1.8"/>']
        if with_number:
            place, anchor = (x + 10, "start") if x < 280 else (x - 8, "end")
            parts.append(_text(place, y - 11, f"{self.test[level]:.1f} %", 14, INK, anchor, bold=True, halo=True))
        return parts

    def _upper(self, method: str, means: Mapping[str, pd.Series]) -> list[str]:
        (top, bottom), parts = self.UPPER, [_text(6, 15, say("test accuracy (%)"), 13)]
        parts.append(f'<path d="M{self.LEFT} {top}V{bottom}H{self.RIGHT}" stroke="{LINES}"/>')
        step = 10 if self.high - self.low > 15 else 5
        for value in np.arange(np.ceil(self.low / step) * step, self.high + 1, step):
            parts.append(_text(self.LEFT - 6, self._down(value) + 4, f"{value:.0f}", 12, anchor="end"))
        for share in _ticks(self.densities):
            parts.append(_text(self._across(share), bottom + 15, f"{share:.3g}", 12, anchor="middle"))
        parts.append(_text((self.LEFT + self.RIGHT) / 2, bottom + 31, say("weights remaining (%)"), 13, anchor="middle"))
        trials = say("thick: this run"), say("thin: averages of"), say("several runs")
        parts += [_text(self.RIGHT + 8, 24 + 15 * line, words, 12) for line, words in enumerate(trials)]
        for place, name in enumerate(means):
            y, look = 86 + 17 * place, METHODS[name]
            words = _text(self.RIGHT + 40, y + 4, NAMES.get(name, name), 13, for_text(look.colour), bold=name == method)
            parts.append(_line([(self.RIGHT + 8, y), (self.RIGHT + 34, y)], look.colour, 1.4, look.dashes) + words)
        return parts

    def _lower(self) -> list[str]:
        (top, bottom), last = self.LOWER, self.film.iterations[-1]
        parts = [f'<path d="M{self.LEFT} {top}V{bottom}H{self.RIGHT}" stroke="{LINES}"/>']
        for value in (0, 50, 100) if self.top > 70 else (0, 30, 60):
            parts.append(_text(self.LEFT - 6, self._rise(value) + 4, f"{value}", 12, anchor="end"))
        for at in (0, last // 3, 2 * last // 3, last):
            parts.append(_text(self._along(at), bottom + 15, f"{at:,}", 12, anchor="middle"))
        parts.append(_text((self.LEFT + self.RIGHT) / 2, bottom + 29, say("iteration of this training"), 13, anchor="middle"))
        parts.append(
            _text(self.RIGHT + 6, top + 4, say("validation"), 13) + _text(self.RIGHT + 6, top + 19, say("accuracy (%)"), 13)
        )
        return parts

    def _across(self, share: float) -> float:
        return self.LEFT + 10 + (self.RIGHT - self.LEFT - 16) * np.log(100 / share) / np.log(100 / self.least)

    def _down(self, value: float) -> float:
        top, bottom = self.UPPER
        return bottom - 4 - (bottom - top - 8) * (value - self.low) / (self.high - self.low)

    def _along(self, iteration: int) -> float:
        return self.LEFT + (self.RIGHT - self.LEFT - 6) * iteration / self.film.iterations[-1]

    def _rise(self, value: float) -> float:
        top, bottom = self.LOWER
        return bottom - (bottom - top) * float(value) / max(self.top, 100 if self.top > 70 else 60)


def _percent(share: Tensor | float) -> str:
    return percent(float(share)).replace("100.0", "100")


def _places(film: Film) -> list[list[tuple[float, float]]]:
    """Where each unit stands, column by column."""
    (width, height), columns = NETWORK, film.units
    across = np.linspace(SIDE, width - SIDE, len(columns))
    span = height - TOP - BOTTOM - 10
    heights = [[TOP + span * (place + 0.5) / len(column) for place in range(len(column))] for column in columns]
    return [[(float(x), y) for y in ys] for x, ys in zip(across, heights)]


def _ticks(densities: np.ndarray) -> list[float]:
    """A few of the densities, far enough apart for their labels."""
    chosen = [float(densities[0])]
    for share in densities[1:]:
        if chosen[-1] / share > 2:
            chosen.append(float(share))
    return chosen


def _line(points: list, colour: str, width: float, dashes: tuple | str = "") -> str:
    pattern = f' stroke-dasharray="{" ".join(str(2 * length) for length in dashes)}"' if dashes else ""
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{steps}" stroke="{colour}" stroke-width="{width}"{pattern}/>'


def _text(
    x: float, y: float, words: str, size: int, colour: str = INK, anchor: str = "start", bold: bool = False, halo: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    look = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight} '
    look += f'stroke="{PAPER}" stroke-width="4" paint-order="stroke"' if halo else 'stroke="none"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {look}>{html.escape(words)}</text>'


def _svg(size: tuple[int, int], content: str) -> str:
    width, height = size
    css = f"flex: 1 1 {round(0.7 * width)}px; max-width: {width}px; min-width: 0; height: auto; background: {PAPER}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="{css}" aria-hidden="true" font-family="{FONT}" fill="none">{content}</svg>'
    )
