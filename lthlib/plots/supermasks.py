"""Figures of networks that are never trained, and of the sums behind them (lesson 11)."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lthlib.plots import style
from lthlib.plots.style import METHODS, SHADE, Style, finish

STRONG, TICKET, DENSE = "strong ticket", "ticket", "dense"
SHUFFLE, REINIT = "shuffle: a random mask", "reinit: other weights"
LOOKS = {  # a strong ticket's control has the colour of a ticket's
    STRONG: Style("#B07600", "", "s"),
    TICKET: METHODS["iterative"],
    SHUFFLE: METHODS["shuffle"],
    REINIT: METHODS["reinit"],
    DENSE: METHODS["dense"],
}


def accuracies(rows: pd.DataFrame, x: str, label: str, base: int = 0) -> Figure:
    """Accuracy against the column `x`: a line for each name in the column `kind`, through means, and a band
    from the lowest to the highest trial. `rows` has a row for each network, with its `accuracy` in percent.
    `label` names the axis; it is a density in percent, or logarithmic to the `base` where that is given."""
    figure, [axes] = style.panels(1, 9.5, 4.2)
    kinds = list(dict.fromkeys(rows.kind))
    looks = {kind: LOOKS[kind] for kind in kinds} if set(kinds) <= set(LOOKS) else style.series(kinds)
    sns.lineplot(rows, x=x, y="accuracy", ax=axes, markersize=7, **style.lines_by("kind", looks))
    axes.set(xlabel=label, ylabel="test accuracy at the end of training (%)")
    if base:
        axes.set_xscale("log", base=base)
        axes.set_xticks(sorted(rows[x].unique()), [f"{place:g}" for place in sorted(rows[x].unique())])
    else:
        style.density_axis(axes, rows[x])
    means = rows.groupby(["kind", x], sort=False).accuracy.mean()
    words = [f"{kind}: " + ", ".join(f"{y:.1f} at {at:g}" for at, y in means[kind].items()) + "." for kind in kinds]
    return finish(figure, f"Test accuracy in percent at the end of training against {label}.", *words, legend=axes)


def errors(values: pd.DataFrame, xlabel: str, ylabel: str) -> Figure:
    """Errors on a logarithmic axis: a line for each name in the column `kind`, through the medians at each
    `n`, and a band that holds the middle half. `values` has a row for each repeat, with its `error`."""
    figure, [axes] = style.panels(1, 8.5, 4.2)
    words, ends = [], (values.n.min(), values.n.max())
    for kind, look in style.series(values.kind).items():
        by_n = values[values.kind == kind].groupby("n").error
        middle, low, high = (by_n.quantile(share) for share in (0.5, 0.25, 0.75))
        axes.fill_between(middle.index, low, high, color=look.colour, **SHADE)
        axes.plot(middle.index, middle, label=kind, markersize=6, **look.line_and_points())
        words.append(f"{kind}: " + ", ".join(f"{middle[n]:.2g} at {n}" for n in ends))
    axes.set(yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks([n for n in np.unique(values.n) if n % 2 == 0])
    return finish(figure, f"{ylabel.capitalize()} against {xlabel}. {'; '.join(words)}.", legend=axes)
