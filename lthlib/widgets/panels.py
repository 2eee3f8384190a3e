"""Six linked panels about one ticket among its levels, trials and controls, fast enough to follow a slider:
what stays is drawn once, and what a move changes over a copy of it. Curves against density are uncovered as
the slider moves, so that readers can say what they expect before they see it."""

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter
from matplotlib.transforms import Bbox
from PIL import Image

from lthlib.analysis.inspection import Look
from lthlib.analysis.summary import summarise
from lthlib.core.language import say
from lthlib.plots.show import picture_as_html
from lthlib.plots.style import DOTTED, METHODS, NAMES, WORDS, density_axis

SIZE, DPI = (10.2, 6.3), 96
MARK = 5  # pixels from the middle of a curve's marker to its edge
FAINT = "#767676"  # 4.5 to 1 on white
KEPT, GOING = METHODS["iterative"].colour, METHODS["reinit"].colour
DARKER = {GOING: "#A84A00"}  # of text, which needs more contrast than a mark: 5.8 to 1
REACH = 3  # how many times further training may take a weight than any began, before its dot stays at the edge
PANELS = {  # by name, row by row: their titles
    "accuracy": "Accuracy, by weights remaining",
    "stop": "Early stop, by weights remaining",
    "learning": "Learning at this density",
    "shares": "What each layer keeps",
    "pixels": "What the first layer still sees",
    "scatter": "Weights before and after training",
}
LONG = 5000  # iterations: the axes of a longer training are logarithmic


@dataclass(frozen=True)
class Place:
    """Where an explorer stands: a method (a schedule or a control), a trial, a level."""

    method: str
    trial: int
    level: int


class Panels:
    """The panels of results that differ in method, trial and level alone. `table` is a tidy table, `methods`
    those it holds, the ticket's first. Every network is summarised once, when this is made."""

    def __init__(self, table: pd.DataFrame, methods: list[str]):
        self.methods, self.ticket, self.task = methods, methods[0], table.task.iloc[0]
        self.networks = summarise(table).groupby(["method", "trial", "level"], as_index=False).mean(numeric_only=True)
        self.networks["weights"] = 100 * self.networks.groupby("level").density.transform("mean")
        self.at = self.networks.set_index(["method", "trial", "level"]).sort_index()
        self.weights = self.networks.groupby("level").weights.first()
        validation = table[table.split == "validation"]
        curves = validation.groupby(["method", "trial", "level", "iteration"]).accuracy.mean().mul(100)
        self.curves = {key: curve.droplevel([0, 1, 2]) for key, curve in curves.groupby(level=[0, 1, 2])}
        self.figure, self.background, self.looked, self.changing = None, None, False, []

    def prepare(self, look: Look | None) -> None:
        """Draw what stays, so that the first `draw` is quick too. `look` is at any ticket of the table."""
        if self.background is None or (look is not None and not self.looked):
            self._draw_what_stays(look)

    def draw(self, place: Place, look: Look | None = None, then: Look | None = None) -> str:
        """The panels as an HTML image with its description. `look` is at this trial's ticket at this level,
        `then` at the next level; without, their panels say that nothing is stored."""
        return _as_html(self._drawn(place, look, then), self.describe(place, look))

    def cut(self, place: Place, look: Look | None, then: Look | None, names: Sequence[str], alone: bool = False) -> str:
        """Some of the panels at a place, as one HTML image with a description. `names` are of PANELS, `look`
        and `then` as of `draw`. `alone` draws the place's method without the others."""
        pixels = self._drawn(place, look, then, [place.method] if alone else self.methods)
        height, width = len(pixels) // 2, pixels.shape[1] // 3
        corners = [divmod(list(PANELS).index(name), 3) for name in names]
        cells = [pixels[row * height :, column * width :][:height, :width] for row, column in corners]
        return _as_html(np.hstack(cells), self.describe(place, look))

    def _drawn(self, place: Place, look: Look | None, then: Look | None, methods: Sequence[str] | None = None) -> np.ndarray:
        """The pixels of all panels at a place, with the curves of some methods (None: of all)."""
        methods = self.methods if methods is None else methods
        self.prepare(look)
        canvas = self.figure.canvas
        canvas.restore_region(self.background)
        self.changing = []
        self._uncover(place, methods)
        self._draw_curves(place)
        self._draw_learning(place, methods)
        self._draw_look(look, then)
        for axes, artist in self.changing:
            axes.draw_artist(artist)
            artist.remove()
        return np.asarray(canvas.buffer_rgba())[..., :3]

    def describe(self, place: Place, look: Look | None = None) -> str:
        """What the panels show at a place, in numbers."""
        start = say(
            "{task}, {method}, trial {trial}, {share:.3g} % of the weights:",
            **{"task": self.task, "method": say(NAMES.get(place.method, place.method))},
            **{"trial": place.trial, "share": self.weights[place.level]},
        )
        network, dense = self._network(place), self._network(Place(self.ticket, place.trial, 0))
        if network is None:
            return say("{start} not trained.", start=start)
        text = say(
            "{start} test accuracy {accuracy:.1f} % at early stop, iteration {stop:,.0f} (dense {dense:.1f} % at {its:,.0f}).",
            **{"start": start, "accuracy": 100 * network.test_accuracy, "stop": network.early_stop},
            **{"dense": 100 * dense.test_accuracy, "its": dense.early_stop},
        )
        if look is None:
            return text
        layers = ", ".join(f"{name} {_percent(share)}" for name, share in look.layers.items())
        blind, inputs = int((look.pixels == 0).sum()), look.pixels.numel()
        what = inputs_of(look)
        seen = say("{blind} of {all} {what} have no weight left", blind=blind, all=inputs, what=what)
        seen = seen if blind else say("all {all} {what} still have weights", all=inputs, what=what)
        return say("{text} The ticket's layers keep {layers}; {seen}.", text=text, layers=layers, seen=seen)

    def _network(self, place: Place) -> pd.Series | None:
        key = (place.method if place.level else self.ticket, place.trial, place.level)
        return self.at.loc[key] if key in self.at.index else None

    def _draw_what_stays(self, look: Look | None) -> None:
        self.figure, self.looked = Figure(SIZE, dpi=DPI), look is not None
        canvas = FigureCanvasAgg(self.figure)
        panels = self.figure.subplots(2, 3)
        for (row, column), axes in np.ndenumerate(panels):  # a third of the width and half of the height each
            axes.set_position([(column + 0.2) / 3, 1 - (row + 0.84) / 2, 0.765 / 3, 0.73 / 2])
        for axes, title in zip(panels.flat, PANELS.values()):
            axes.set_title(title, fontsize=11, loc="left", x=-0.16)
            axes.tick_params(labelsize=10)
            axes.spines[["top", "right"]].set_visible(False)
        self.accuracy, self.stop, self.learning, self.shares, self.pixels, self.scatter = panels.flat
        self.uncovered: list[tuple[Axes, Artist, str]] = []  # with its method: from dense to where the slider stands
        self._against_density(self.accuracy, "test_accuracy", 100, "test accuracy (%)")
        self._against_density(self.stop, "early_stop", 1, "early stop (iteration)")
        ends = [curve.iloc[-len(curve) // 2 :] for curve in self.curves.values()]
        low, high = min(end.min() for end in ends), max(end.max() for end in ends)
        last = max(curve.index[-1] for curve in self.curves.values())
        below, above = 0.1 * (high - low) + 0.1, 0.05 * (high - low) + 0.1
        self.learning.set(xlim=(0, last), ylim=(low - below, high + above))
        if last > LONG:  # what happens, happens early: equal room for each factor of ten
            self.learning.set(xscale="log", xlim=(last / 500, last))
        else:
            self.learning.xaxis.set_major_locator(MaxNLocator(4))
        _with_commas(self.learning.xaxis)
        self.learning.set_xlabel("iteration", fontsize=10)
        self.learning.set_ylabel("validation accuracy (%)", fontsize=10)
        layers, reach = (tuple(look.layers), 1.1 * float(look.before.abs().max())) if look else ((), 1.0)
        self._axes_of_look(layers, reach)
        canvas.draw()
        self.background = canvas.copy_from_bbox(self.figure.bbox)

    def _against_density(self, axes: Axes, measure: str, factor: int, label: str) -> None:
        networks = self.networks
        dense = (networks.method == self.ticket) & (networks.level == 0)
        for method in self.methods:
            line = networks[(networks.method == method) | dense]
            values = factor * line.groupby("weights")[measure].agg(["mean", "min", "max"])
            style = {**METHODS[method].line_and_points(), "markersize": 5, "linewidth": 1.3}
            [line] = axes.plot(values["mean"], label=NAMES.get(method, method), animated=True, **style)
            look = {"color": METHODS[method].colour, "alpha": 0.12, "lw": 0}
            band = axes.fill_between(values.index, values["min"], values["max"], animated=True, **look)
            self.uncovered += [(axes, band, method), (axes, line, method)]
        axes.axhline(factor * networks.loc[dense, measure].mean(), **DOTTED, label="dense")
        density_axis(axes, self.networks.weights, ticks=4)
        axes.set_xlabel("weights remaining (%)", fontsize=10)
        axes.set_ylabel(label, fontsize=10)
        if measure == "early_stop" and max(curve.index[-1] for curve in self.curves.values()) > LONG:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.yaxis.set_major_locator(MaxNLocator(5))
        _with_commas(axes.yaxis)

    def _axes_of_look(self, layers: tuple[str, ...], reach: float) -> None:
        self.shares.set(xlim=(0, 1), ylim=(max(len(layers), 1) - 0.5, -0.5))
        self.shares.set_yticks(range(len(layers)), layers)
        self.shares.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
        self.shares.set_xlabel("weights remaining (%)", fontsize=10)
        self.pixels.set_axis_off()
        self.scatter.axhline(0, color=FAINT, linewidth=0.6)
        self.scatter.set(xlim=(-reach, reach), ylim=(-REACH * reach, REACH * reach))
        self.scatter.set_xlabel("before: reset to theta_0", fontsize=10)
        self.scatter.set_ylabel("after training", fontsize=10)
        for axis in (self.scatter.xaxis, self.scatter.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))

    def _uncover(self, place: Place, methods: Sequence[str]) -> None:
        """The curves of some methods against density, as far as the slider has come."""
        for axes, artist, method in self.uncovered:
            if method not in methods:
                continue
            left, right = axes.bbox.x0, axes.transData.transform((self.weights[place.level], 1))[0]
            artist.set_clip_box(Bbox([[left, axes.bbox.y0], [right + MARK, axes.bbox.y1]]))
            axes.draw_artist(artist)
        named = [line for line in self.accuracy.get_lines() if line.get_label() in {"dense", *(NAMES.get(m, m) for m in methods)}]
        self._add(self.accuracy, self.accuracy.legend(handles=named, frameon=False, fontsize=9, loc="lower left"))

    def _draw_curves(self, place: Place) -> None:
        network = self._network(place)
        for axes, measure, factor in ((self.accuracy, "test_accuracy", 100), (self.stop, "early_stop", 1)):
            self._add(axes, axes.axvline(self.weights[place.level], color=FAINT, linewidth=1))
            if network is not None:
                colour = METHODS[place.method].colour
                style = {"marker": "o", "markersize": 11, "mec": "black", "mew": 1.6, "color": colour}
                self._add(axes, *axes.plot(self.weights[place.level], factor * network[measure], **style))

    def _draw_learning(self, place: Place, methods: Sequence[str]) -> None:
        """This trial's curves: dense in black, some methods at this level, the chosen one thick."""
        axes, chosen = self.learning, place.method if place.level else "dense"
        lines = {"dense": self.curves.get((self.ticket, place.trial, 0))}
        if place.level:
            lines |= {method: self.curves.get((method, place.trial, place.level)) for method in methods}
        for method, curve in lines.items():
            if curve is not None:
                width = 2.2 if method == chosen else 1.1
                self._add(axes, *axes.plot(curve, linewidth=width, **METHODS[method].line()))
        network = self._network(place)
        if network is not None:
            stop = network.early_stop
            self._add(axes, axes.axvline(stop, color=FAINT, linewidth=1))
            middle = axes.transAxes.inverted().transform(axes.transData.transform((max(stop, 1), 0)))[0] > 0.5
            words = {"ha": "right" if middle else "left", "va": "bottom", "color": WORDS}
            self._add(axes, axes.text(stop, axes.get_ylim()[0], " early stop ", **words))

    def _draw_look(self, look: Look | None, then: Look | None) -> None:
        if look is None:
            for axes in (self.shares, self.pixels, self.scatter):
                self._say(axes, 0.5, 0.5, "no ticket stored here", ha="center")
            return
        for place, share in enumerate(look.layers.values()):
            self._add(self.shares, *self.shares.barh(place, share, color=KEPT))
            words = {"ha": "right", "color": "white"} if share > 0.5 else {"ha": "left", "color": WORDS}
            self._add(self.shares, self.shares.text(share, place, f" {_percent(share)} ", va="center", **words))
        self._draw_pixels(look)
        self._draw_weights(look, then)

    def _draw_pixels(self, look: Look) -> None:
        axes, highest = self.pixels, float(look.pixels.max()) or 1.0
        picture = axes.imshow(look.pixels.numpy(), cmap="cividis", vmin=0, vmax=highest, interpolation="nearest")
        axes.set_aspect("equal" if len(look.pixels) > 1 else "auto")
        axes.apply_aspect()
        self._add(axes, picture)
        self._say(axes, 0.5, -0.03, f"dark: no weight left; bright: {_percent(highest)} kept", ha="center", va="top")

    def _draw_weights(self, look: Look, then: Look | None) -> None:
        axes = self.scatter
        going = look.kept & ~then.kept if then is not None else look.kept & False
        groups = (
            (~look.kept, "|", FAINT, 5, "pruned"),
            (look.kept & ~going, "o", KEPT, 3, "kept"),
            (going, "x", GOING, 4, "pruned next"),
        )
        for chosen, marker, colour, size, _ in groups:
            style = {"linestyle": "none", "marker": marker, "color": colour, "markersize": size, "mew": 1}
            ends = look.after[chosen].clamp(*axes.get_ylim())
            self._add(axes, *axes.plot(look.before[chosen].numpy(), ends.numpy(), clip_on=False, **style))
        for line, (chosen, _, colour, _, name) in enumerate(groups):
            words, colour = f"{name}: {int(chosen.sum()):,}", DARKER.get(colour, colour)
            self._say(axes, 0.02, 0.98 - 0.07 * line, words, color=colour, va="top", fontsize=9)

    def _say(self, axes: Axes, x: float, y: float, words: str, color: str = WORDS, **style) -> None:
        """Words at a place of the panel, from 0 to 1."""
        self._add(axes, axes.text(x, y, words, color=color, transform=axes.transAxes, **style))

    def _add(self, axes: Axes, *artists) -> None:
        self.changing += [(axes, artist) for artist in artists]


def inputs_of(look: Look) -> str:
    """What the pixels of a look are."""
    return say("positions in the first layer's kernels") if look.kernel else say("inputs")


def _with_commas(axis: Axis) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _as_html(pixels: np.ndarray, text: str) -> str:
    """The pixels as they are, without drawing them again; screen readers speak the caption when it changes."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, format="PNG", compress_level=1)
    caption = f'<figcaption aria-live="polite">{html.escape(text)}</figcaption>'
    return picture_as_html(png, text, f"width: 100%; max-width: {pixels.shape[1]}px", caption)
