"""Differences between a ticket and its control, one point for each redraw, a row for each trial."""

import pandas as pd
from matplotlib.figure import Figure

from lthlib.plots import style
from lthlib.plots.style import DOTTED, METHODS, finish


def redraws(points: pd.DataFrame, control: str = "reinit", title: str = "") -> Figure:
    """What each redraw of a control gives, and each trial's mean. `points` is ticket minus control in points,
    a row for each trial (its index is the trial) and a column for each redraw."""
    figure, [axes] = style.panels(1, 8.5, 1.2 + 0.45 * len(points))
    axes.axvline(0, **DOTTED)
    for place, (_, values) in enumerate(points.iterrows()):
        look = METHODS[control].points() | {"alpha": 0.7}
        axes.plot(values, [place] * len(values), **look, label="one redraw" if place == 0 else None)
        mean = {"color": "white", "mec": "black", "marker": "D", "ms": 8, "linestyle": "none"}
        axes.plot([values.mean()], [place], **mean, label="mean of the trial" if place == 0 else None)
    axes.set_yticks(range(len(points)), [f"trial {trial}" for trial in points.index])
    axes.set(xlabel=f"ticket minus {control} (points)", title=title, ylim=(len(points) - 0.5, -0.5))
    means = ", ".join(f"{mean:+.2f}" for mean in points.mean(axis=1))
    start = f"Ticket minus {control} in points, a row for each trial and a point for each redraw."
    return finish(figure, start, f"Means by trial: {means}.", legend=axes)
