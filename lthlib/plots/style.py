"""How every figure looks: a colour, dashes and marker per method, and shared bands, legends and axes.

Colours are Okabe and Ito's (darkened where faint on white), which colour-blind people can tell apart. Every
line has its own dashes or marker too. A control that keeps the ticket's signs has the other's colour, and
longer dashes.
"""

from collections.abc import Iterable
from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator


class Style(NamedTuple):
    """A line and its points. `dashes` are lengths of ink and gap; "" is a solid line."""

    colour: str
    dashes: tuple | str
    marker: str

    def line(self) -> dict:
        """What `Axes.plot` needs to draw a line without points."""
        return {"color": self.colour, "dashes": self.dashes or (None, None)}

    def line_and_points(self) -> dict:
        """What `Axes.plot` or `Axes.errorbar` needs to draw points and the line that connects them."""
        return {**self.line(), "marker": self.marker}

    def points(self) -> dict:
        """What `Axes.plot` or `Axes.errorbar` needs to draw points that no line connects."""
        return {"color": self.colour, "marker": self.marker, "linestyle": "none"}


class _Looks(dict):
    """A method without a look of its own, such as a control that was just added, is a grey dotted line."""

    def __missing__(self, method: str) -> Style:
        return Style("#777777", (1, 1), ".")


METHODS = _Looks(
    {
        "iterative": Style("#0072B2", "", "o"),
        "oneshot": Style("#7A5200", (4, 1.5), "s"),
        "reinit": Style("#D55E00", (1, 1), "X"),
        "shuffle": Style("#007F5C", (3, 1.25, 1.5, 1.25), "^"),
        "random": Style("#B8578F", (5, 1, 1, 1), "D"),
        "continued": Style("#56B4E9", (6, 2), "v"),
        "reset": Style("#0072B2", (2, 2), "s"),
        "dense": Style("#000000", "", "P"),
        "untrained": Style("#B07600", (2, 1, 5, 1), "p"),
        "transferred": Style("#007F5C", (2, 1, 5, 1), "H"),
        "finetuned": Style("#56B4E9", (1, 2), "<"),
        "invert": Style("#777777", (1, 2), "d"),
        "fork": Style("#56B4E9", (2, 1, 5, 1), ">"),
        "reinit_signs": Style("#D55E00", (6, 2), "P"),
        "reshuffle": Style("#007F5C", (1, 1), "v"),
        "reshuffle_signs": Style("#007F5C", (6, 2), "<"),
        "constant": Style("#B07600", (1, 1), "d"),
        "constant_signs": Style("#B07600", (6, 2), "p"),
        "frozen": Style("#B8578F", (1, 1), "h"),
        "frozen_away": Style("#B8578F", (6, 2), "*"),
        "static": Style("#777777", (4, 1.5), "s"),  # of a mask that moves during training, and one that does not
        "SET": Style("#007F5C", (1, 1), "v"),
        "RigL": Style("#007F5C", "", "^"),
        "GMP": Style("#7A5200", (6, 2), "D"),
    }
)
NAMES = {"iterative": "ticket", "oneshot": "one-shot"}  # what figures call a method, where that is not its name in tables
SERIES = ["#0072B2", "#D55E00", "#007F5C", "#B8578F", "#B07600", "#56B4E9", "#000000"]  # where there is no method
SERIES_DASHES = ["", (4, 1.5), (1, 1), (3, 1.25, 1.5, 1.25), (5, 1, 1, 1), (6, 2), (2, 2)]
SERIES_MARKERS = ["o", "s", "X", "^", "D", "P", "v"]
GOOD, BAD = Style("#0072B2", "", "o"), Style("#D55E00", "", "X")
MIDDLE, UNKNOWN = Style("#B07600", "", "s"), Style("#777777", "", "D")
VERDICTS = {  # of `analysis.evidence` and `comparison.matching`, and yes or no where a claim is judged
    **dict.fromkeys(("winning", "better", "yes"), GOOD),
    **dict.fromkeys(("matching", "as good"), MIDDLE),
    **dict.fromkeys(("worse", "no"), BAD),
    **dict.fromkeys(("inconclusive", "cannot tell"), UNKNOWN),
    "none": UNKNOWN._replace(marker="v"),
}
WORDS = "#333333"  # of notes inside a figure: 12.6 to 1 on white

SHADE = {"alpha": 0.15, "linewidth": 0}  # of a band
BAND = {"errorbar": ("pi", 100), "err_kws": SHADE}  # from the lowest to the highest trial
DOTTED = {"color": "black", "linewidth": 1.2, "linestyle": ":", "zorder": 0}  # of references
# Beside the data, never over it.
LEGEND = {"frameon": False, "bbox_to_anchor": (1, 1), "loc": "upper left", "alignment": "left"}


def look_of(name: str) -> Style | None:
    """The style of the method that figures call by this name, such as "ticket" or "one-shot"; None for any
    other."""
    called = {NAMES.get(method, method): look for method, look in METHODS.items()}
    return called.get(name)


def series(names: Iterable) -> dict:
    """A style for each name that is no method: dark to light in order where names outnumber the colours."""
    names = list(dict.fromkeys(names))
    colours = SERIES
    if len(names) > len(SERIES):
        colours = [plt.get_cmap("cividis")(0.8 * place / (len(names) - 1)) for place in range(len(names))]
    looks = zip(colours, SERIES_DASHES * len(names), SERIES_MARKERS * len(names))
    return {name: Style(*look) for name, look in zip(names, looks)}


def by_density(levels: Iterable[int]) -> dict:
    """A style for each level, from dark and solid (the densest) to light: densities are in order, methods are not."""
    levels = sorted(set(levels))
    shades = [plt.get_cmap("cividis")(0.85 * place / max(len(levels) - 1, 1)) for place in range(len(levels))]
    looks = zip(shades, SERIES_DASHES * len(levels), SERIES_MARKERS * len(levels))
    return {level: Style(*look) for level, look in zip(levels, looks)}


def lines_by(column: str | pd.Series, styles: dict) -> dict:
    """What seaborn's `lineplot` needs for a line by each name in `column`, in its style and in this order."""
    colours, dashes, markers = ({name: style[part] for name, style in styles.items()} for part in range(3))
    order = list(styles)
    looks = {"palette": colours, "dashes": dashes, "markers": markers, "hue_order": order, "style_order": order}
    return {"hue": column, "style": column, **looks, **BAND}


def whiskers(mean, low, high) -> list[list]:
    """An interval as `Axes.errorbar` takes it: how far below and above each mean it reaches."""
    return [[mean - low], [high - mean]] if pd.api.types.is_scalar(mean) else [mean - low, high - mean]


def panels(count: int, width: float, height: float, columns: int = 0, room: float = 0.0, **shared) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels of this size in inches, at most `columns` in a row (0: all), and `room`
    for a legend beside them; places that are left over are hidden."""
    columns = min(columns or count, count)
    lines = -(-count // columns)
    size = (room + width * columns, height * lines)
    figure, grid = plt.subplots(lines, columns, figsize=size, layout="constrained", squeeze=False, **shared)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, list(grid.flat[:count])


def finish(figure: Figure, *sentences: str, legend: Axes | None = None) -> Figure:
    """The figure without a box, with the sentences that describe it, and with a legend of these axes."""
    if legend:
        legend.legend(*named(legend), **LEGEND)
    sns.despine(figure)
    figure.set_label(" ".join(filter(None, sentences)))
    return figure


def named(axes: Axes) -> tuple[list, list[str]]:
    """The handles of a legend and their names, methods as figures call them (`NAMES`)."""
    handles, names = axes.get_legend_handles_labels()
    return handles, [NAMES.get(name, name) for name in names]


def plain_numbers(axis: Axis) -> None:
    """A logarithmic axis with ticks at 1, 2 and 5, written out."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def density_axis(axes: Axes, weights: pd.Series, ticks: int = 0) -> None:
    """Logarithmic, reversed, with at most about so many ticks, all at densities measured (percent). 0 takes
    as many as fit beside each other, and no more than twelve."""
    width = axes.get_position().width * axes.figure.get_figwidth()  # inches
    ticks = ticks or min(12, max(4, round(2.2 * width)))
    present = sorted(weights.unique(), reverse=True)
    gap, at = (present[0] / present[-1]) ** (1 / ticks), present[:1]
    for density in present:
        if density * gap <= at[-1]:
            at.append(density)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(at)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
