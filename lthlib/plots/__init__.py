"""Curves from a tidy table: they compute nothing but means and ranges.

Colours are Okabe and Ito's (darkened where they were faint on white), told apart by colour-blind people, and every line has its
own dashes or marker too. Bands reach from the lowest to the highest trial. Density runs from right to left on a logarithmic
axis, as in the papers. Every figure carries a description of what it shows, in numbers, which `show` makes its text.
"""

import base64
import html
import io
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lthlib.analysis.sentences import describe
from lthlib.analysis.summary import LABELS, one_setting, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.plots.style import COLOURS, DASHES, MARKERS, SERIES, SERIES_DASHES, SERIES_MARKERS, VERDICTS, WORDS
from lthlib.settings import Recipe

BAND = {"errorbar": ("pi", 100), "err_kws": {"alpha": 0.15, "linewidth": 0}}
LEGEND = {"frameon": False, "bbox_to_anchor": (1, 1), "loc": "upper left", "alignment": "left"}  # beside the data, never over it


def density_curves(
    tables: pd.DataFrame | dict[str, pd.DataFrame], measure: str = "test_accuracy", title: str = "", axes: Axes | None = None
) -> Figure:
    """A measured column of `summarise` against density, one line per method: mean, and a band from minimum to maximum.

    `tables` is one table, or several by label, such as two optimisers: then colours are labels, and dashes and markers tell a
    ticket from its control. The dotted horizontal line is the mean of the tickets' dense networks; where all labels share them,
    the grey band is all dense networks, with their control if there is one. `axes` draws into a figure of yours.
    Raises LotteryError for a table of several settings.
    """
    labels = list(tables) if isinstance(tables, dict) else [""]
    networks = pd.concat([_networks(table, label, measure) for label, table in _named(tables)], ignore_index=True)
    figure, axes = (axes.figure, axes) if axes else plt.subplots(figsize=(8.5, 4.2), layout="constrained")
    figure.set_label(f"{title}. {describe(tables, measure)}" if title else describe(tables, measure))
    axes.set(xlabel="weights remaining (%)", ylabel=LABELS[measure], title=title)
    sns.despine(ax=axes)
    if networks.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no results here yet", ha="center", va="center", color=WORDS, transform=axes.transAxes)
        return figure
    lines = networks[networks.method != "dense"]
    style = _by_method(lines) if labels == [""] else _by_label(lines, labels)
    sns.lineplot(lines, x="weights", y="value", markersize=7, ax=axes, **BAND, **style)
    for colour, mean in _dense_means(networks, labels):
        axes.axhline(mean, color=colour, linewidth=1.2, linestyle=":", zorder=0, label=f"dense, mean {mean:.4g}")
        if colour == "black":
            dense = networks[networks.level == 0].value
            axes.axhspan(dense.min(), dense.max(), color="#777777", alpha=0.15, linewidth=0, zorder=0)
    density_axis(axes, _to_mark(lines))
    axes.legend(**LEGEND)
    return figure


def side_by_side(panels: dict[str, pd.DataFrame | dict[str, pd.DataFrame]], measure: str = "test_accuracy") -> Figure:
    """`density_curves` of each of `panels`, by title: what was trained here beside the shipped atlas. Each has its own axes,
    since their tasks differ; an empty table makes an empty panel that says so."""
    figure, row = plt.subplots(1, len(panels), figsize=(7 * len(panels), 4.2), layout="constrained", squeeze=False)
    texts = []
    for axes, (title, tables) in zip(row[0], panels.items()):
        texts.append(density_curves(tables, measure, title, axes).get_label())
    figure.set_label(" ".join(texts))
    return figure


def by_measure(table: pd.DataFrame, measures: list[str], columns: int = 2) -> Figure:
    """`density_curves` of one table, a panel per measure, `columns` in a row, with one legend and one vertical axis per row: so
    give each row measures of one unit, such as test accuracy at early stop and at the end."""
    lines = -(-len(measures) // columns)
    size = (1.5 + 4.6 * columns, 3.6 * lines)
    figure, panels = plt.subplots(lines, columns, figsize=size, layout="constrained", squeeze=False, sharey="row")
    texts = []
    for axes, measure in zip(panels.flat, measures):
        texts.append(density_curves(table, measure, axes=axes).get_label())
        handles, names = axes.get_legend_handles_labels()
        if axes.get_legend():
            axes.get_legend().remove()
        if axes is panels.flat[min(columns, len(measures)) - 1] and handles:
            axes.legend(handles, [name.split(",")[0] for name in names], **LEGEND)
    for axes in panels.flat[len(measures) :]:
        axes.set_visible(False)
    figure.set_label(" ".join(texts))
    return figure


def learning_curves(
    table: pd.DataFrame,
    levels: list[int] | None = None,
    methods: list[str] | None = None,
    measure: str = "accuracy",
    until: int | None = None,
) -> Figure:
    """Validation accuracy (in percent) or loss against iterations, one panel per method, one line per level.

    Mean and a band from minimum to maximum over trials and redraws, each averaged within hundredths of the run where it was
    measured more often; the dot is the mean early stop. `levels` None takes four, from dense to the sparsest; `methods` None
    takes the tickets alone; `until` is the last iteration shown. The vertical axis begins where the curves are after a
    tenth of what is shown. Raises LotteryError for a table of several settings, or without such networks.
    """
    one_setting(table)
    last = int(table.level.max())
    levels = sorted({0, round(last / 3), round(2 * last / 3), last}) if levels is None else levels
    methods = methods or [table.schedule.iloc[0]]
    size = (2.5 + 5 * len(methods), 4.2)
    figure, row = plt.subplots(1, len(methods), figsize=size, layout="constrained", squeeze=False, sharey=True)
    label = "validation accuracy (%)" if measure == "accuracy" else "validation loss"
    texts, shown = [f"{label.capitalize()} against iterations, {table.task.iloc[0]}."], []
    for axes, method in zip(row[0], methods):
        rows = _curves(table, method, levels, measure, until)
        colours, dashes = dict(zip(levels, _series(len(levels)))), dict(zip(levels, SERIES_DASHES * len(levels)))
        style = {"palette": colours, "dashes": dashes, "hue": "level", "style": "level", "legend": False}
        sns.lineplot(rows, x="iteration", y="value", ax=axes, **BAND, **style)
        for level, curve in rows.groupby("level"):
            mean, stop = curve.groupby("iteration").value.mean(), curve.stop.iloc[0]
            if stop <= mean.index.max():
                axes.plot(stop, mean[mean.index[abs(mean.index - stop).argmin()]], "o", color=colours[level], mec="white", ms=8)
            share = f"{100 * curve.density.mean():.1f} %"
            texts.append(f"{method}, {share} of the weights: {mean.iloc[-1]:.3g} at the end, early stop at {stop:.0f}.")
            axes.plot([], [], color=colours[level], dashes=dashes[level] or (None, None), label=share)
        axes.set(title=method, xlabel="iteration", ylabel=label)
        shown.append(rows[rows.iteration >= rows.iteration.max() / 10].value)
    low, high = min(values.min() for values in shown), max(values.max() for values in shown)
    row[0][0].set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) + 1e-9)
    row[0][-1].legend(*row[0][0].get_legend_handles_labels(), title="weights\nremaining", **LEGEND)
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def layer_densities(layers: pd.DataFrame, title: str = "") -> Figure:
    """What each layer keeps against what the network keeps, both in percent and on logarithmic axes, from `tables.layers`.

    One line per layer, mean and a band from minimum to maximum over trials. On the dotted diagonal a layer is pruned as the
    network is.
    """
    rows = layers.assign(weights=100 * layers.groupby("level").density.transform("mean"), kept=100 * layers.layer_density)
    rows["layer"] = rows.layer.str.removesuffix(".weight")
    names = list(rows.layer.unique())
    cycle = lambda styles: dict(zip(names, styles * len(names)))  # noqa: E731
    style = {"palette": dict(zip(names, _series(len(names)))), "dashes": cycle(SERIES_DASHES), "markers": cycle(SERIES_MARKERS)}
    figure, axes = plt.subplots(figsize=(8.5, max(4.2, 0.25 * (len(names) + 3))), layout="constrained")
    sns.lineplot(rows, x="weights", y="kept", hue="layer", style="layer", ax=axes, **BAND, **style)
    ends = [rows.weights.max(), rows.weights.min()]
    axes.plot(ends, ends, ":", color="black", linewidth=1.2, zorder=0, label="whole network")
    axes.set(yscale="log", xlabel="weights remaining (%)", ylabel="weights remaining in the layer (%)", title=title)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.3g}"))
    density_axis(axes, rows.weights)
    axes.legend(title="layer", **LEGEND)
    sns.despine(figure)
    last = rows[rows.level == rows.level.max()]
    kept = ", ".join(f"{name} {share:.3g} %" for name, share in last.groupby("layer", sort=False).kept.mean().items())
    figure.set_label(f"Weights remaining in each layer. At {last.weights.iloc[0]:.1f} % of the network: {kept}.")
    return figure


def verdicts(found: pd.DataFrame, title: str = "") -> Figure:
    """What `tables.matching` found: differences from dense in accuracy and in early stop against density.

    Dots are means over trials, whiskers their 95 % intervals (none for fewer than 3 trials), colour and shape the verdict.
    """
    rows = found.assign(weights=100 * found.density)
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for axes, name, label in zip(panels, ("points", "iterations"), ("test accuracy (points)", "early stop (iterations)")):
        axes.axhline(0, color="black", linewidth=1.2, linestyle=":")
        for verdict, here in rows.groupby("verdict"):
            colour, marker = VERDICTS[verdict]
            whiskers = [here[name] - here[f"{name}_low"], here[f"{name}_high"] - here[name]]
            style = {"color": colour, "marker": marker, "linestyle": "none", "capsize": 3, "markersize": 7}
            axes.errorbar(here.weights, here[name], yerr=whiskers, label=verdict, **style)
        axes.set(xlabel="weights remaining (%)", ylabel=f"{label}, minus dense")
        density_axis(axes, rows.weights)
    panels[1].legend(**LEGEND)
    figure.suptitle(title)
    sns.despine(figure)
    counts = ", ".join(f"{verdict} at {count}" for verdict, count in rows.verdict.value_counts().items())
    figure.set_label(
        f"Differences from the dense networks against weights remaining; verdicts over {len(rows)} levels: {counts}."
    )
    return figure


def differences(
    pairs: dict[str, pd.DataFrame], measure: str = "test_accuracy", against: str = "reinit", title: str = ""
) -> Figure:
    """Differences of `tables.pairs` against density, a line for each label: mean, and a band from lowest to highest trial.

    `measure` is what they were made of and `against` what was subtracted; on the dotted line there is no difference.
    """
    rows = pd.concat([both.reset_index().assign(line=label) for label, both in pairs.items()], ignore_index=True)
    rows["weights"] = 100 * rows.groupby(["line", "level"]).density.transform("mean")
    names = list(pairs)
    style = {"palette": dict(zip(names, _series(len(names)))), "hue_order": names, "style_order": names}
    style |= {"dashes": dict(zip(names, SERIES_DASHES * len(names))), "markers": dict(zip(names, SERIES_MARKERS * len(names)))}
    figure, axes = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
    axes.axhline(0, color="black", linewidth=1.2, linestyle=":", zorder=0)
    sns.lineplot(rows, x="weights", y="difference", hue="line", style="line", markersize=7, ax=axes, **BAND, **style)
    unit = {"early_stop": "iterations", "test_loss": "in the loss"}.get(measure, "points")
    label = LABELS[measure].rsplit(" (", 1)[0]
    axes.set(xlabel="weights remaining (%)", ylabel=f"{label},\nminus {against} ({unit})", title=title)
    density_axis(axes, rows.weights)
    axes.legend(**LEGEND)
    sns.despine(figure)
    means = rows.groupby(["line", "weights"]).difference.mean()
    texts = [f"{label.capitalize()}, minus {against}, against weights remaining; {rows.trial.nunique()} trials."]
    for name in names:
        ends = means[name].sort_index(ascending=False)
        texts.append(f"{name}: " + ", ".join(f"{value:+.3g} {unit} at {weights:.1f} %" for weights, value in ends.items()) + ".")
    figure.set_label(" ".join(texts))
    return figure


def standings(board: pd.DataFrame, entered: list[str], title: str = "", dense: float | None = None) -> Figure:
    """`arena.leaderboard` of one task, a panel for each density: the mean and its 95 % interval of each method, best first.

    The methods in `entered` are in another colour and shape; a dotted line is at `dense`, the dense networks' accuracy in
    percent. Panels share their axis.
    """
    densities = sorted(board.index.get_level_values("weights remaining (%)").unique(), reverse=True)
    size = (1.5 + 4.2 * len(densities), 1.2 + 0.32 * board.method.nunique())
    figure, panels = plt.subplots(1, len(densities), figsize=size, layout="constrained", sharex=True, squeeze=False)
    for axes, density in zip(panels[0], densities):
        here = board.xs(density, level="weights remaining (%)").iloc[::-1]
        for place, row in enumerate(here.itertuples()):
            own = row.method in entered
            style = {"color": SERIES[1] if own else SERIES[0], "marker": "D" if own else "o", "markersize": 6, "capsize": 3}
            axes.errorbar(row.mean, place, xerr=[[row.mean - row.low], [row.high - row.mean]], **style)
        if dense is not None:
            axes.axvline(dense, color="black", linewidth=1.2, linestyle=":", zorder=0)
        axes.set_yticks(range(len(here)), [f"{m} *" if m in entered else m for m in here.method])
        axes.set(xlabel=LABELS["test_accuracy"], title=f"{density:g} % remaining")
    figure.suptitle(title)
    sns.despine(figure)
    best = board[board.index.get_level_values("rank") == 1]
    told = "; ".join(f"{d:g} %: {row.method} {row['mean']:.1f}" for (*_, d, _), row in best.iterrows())
    reference = f" Dotted: the dense network, {dense:.1f} %." if dense is not None else ""
    figure.set_label(
        f"{title}. Test accuracy by method, with 95 % intervals; entered are marked with a star. Best mean at {told}.{reference}"
    )
    return figure


def learning_rates(recipes: dict[str, Recipe]) -> Figure:
    """The learning rate of every iteration under each recipe, by label: on a linear axis, and on a logarithmic one."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    texts = ["Learning rate against iteration."]
    for (name, recipe), colour, dashes in zip(recipes.items(), _series(len(recipes)), SERIES_DASHES * len(recipes)):
        rates = [recipe.learning_rate_at(iteration) for iteration in range(recipe.iterations)]
        for axes in panels:
            axes.plot(rates, color=colour, dashes=dashes or (None, None), linewidth=2, label=name)
        rises = f"rises over {recipe.warmup:,} iterations, " if recipe.warmup else ""
        falls = "".join(f", divided by ten at {milestone:,}" for milestone in recipe.milestones)
        texts.append(f"{name}: {rises}{max(rates):.3g} at its highest, {sum(rates) / len(rates):.3g} on average{falls}.")
    panels[0].set(xlabel="iteration", ylabel="learning rate", ylim=(0, None))
    panels[1].set(xlabel="iteration", ylabel="learning rate, logarithmic", yscale="log")
    panels[1].legend(**LEGEND)
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def knob_curves(
    panels: dict[str, dict[float, pd.DataFrame]], level: int, measure: str = "test_accuracy", knob: str = "learning rate"
) -> Figure:
    """A measured column of `summarise` at one level against a knob: a panel by title for each dictionary of tables by the
    knob's value, which is the (logarithmic) axis.

    Lines are the ticket, each of its controls, and the dense networks, as means with bands from minimum to maximum.
    """
    figure, row = plt.subplots(
        1, len(panels), figsize=(1.8 + 3.6 * len(panels), 3.8), layout="constrained", squeeze=False, sharey=True
    )
    figure.get_layout_engine().set(w_pad=0.12)  # inches: the tick labels of two panels stay apart
    texts, shares = [], []
    for axes, (title, tables) in zip(row[0], panels.items()):
        networks = pd.concat([_networks(table, "", measure).assign(knob=float(at)) for at, table in tables.items()])
        networks.loc[networks.level == 0, "method"] = "dense"
        rows = networks[networks.level.isin([0, level])].reset_index(drop=True)
        style = {"palette": COLOURS, "dashes": {**DASHES, "dense": (1, 2)}, "markers": MARKERS}
        sns.lineplot(rows, x="knob", y="value", hue="method", style="method", markersize=7, ax=axes, **BAND, **style)
        axes.set(xscale="log", title=title, xlabel=knob, ylabel=LABELS[measure])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(sorted(rows.knob.unique()), [f"{at:g}" for at in sorted(rows.knob.unique())])
        axes.get_legend().remove()
        shares += list(rows.groupby("knob").weights.min())
        for at, here in rows.groupby("knob"):
            means = ", ".join(f"{name} {mean:.4g}" for name, mean in here.groupby("method", sort=False).value.mean().items())
            texts.append(f"{title}, {at:g}: {means}.")
    row[0][-1].legend(**LEGEND)
    sns.despine(figure)
    span = " to ".join(dict.fromkeys(f"{share:.1f}" for share in (min(shares), max(shares))))  # once, where they are one
    start = f"{LABELS[measure].capitalize()} against {knob}, at {span} % of the weights (dense: all of them)."
    figure.set_label(" ".join([start, *texts]))
    return figure


def show(figure: Figure, text: str = "", save: str | Path = "") -> None:
    """Display a figure in a notebook with sentences that describe it, as its caption and for readers who cannot see it.

    Empty `text` takes the description that the figure carries. `save` names a PNG file to write as well; empty writes none.
    Raises LotteryError for a figure of your own without a text.
    """
    from IPython.display import HTML, display

    display(HTML(as_html(figure, text, save)))


def as_html(figure: Figure, text: str = "", save: str | Path = "") -> str:
    """What `show` displays, as HTML: for a widget whose picture changes."""
    text = text or figure.get_label()
    if not text:
        raise LotteryError("the figure has no description: pass show(figure, text) a sentence for readers who cannot see it.")

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Description": text})
    if save:
        Path(save).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(save, dpi=150, metadata={"Description": text})
    plt.close(figure)
    words = html.escape(text)
    source = base64.b64encode(png.getvalue()).decode()
    return (
        f'<figure style="margin: 0"><img alt="{words}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        f"<figcaption><i>{words}</i></figcaption></figure>"
    )


def _named(tables: pd.DataFrame | dict[str, pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    return list(tables.items()) if isinstance(tables, dict) else [("", tables)]


def _networks(table: pd.DataFrame, label: str, measure: str) -> pd.DataFrame:
    """A row per network, with its label, its weights (percent, a level's mean) and value (as shown)."""
    networks = summarise(table)
    one_setting(networks)
    weights = 100 * networks.groupby("level").density.transform("mean")
    return networks.assign(label=label, weights=weights, value=networks[measure] * scale(measure))


def _by_method(lines: pd.DataFrame) -> dict:
    return {"palette": COLOURS, "dashes": DASHES, "markers": MARKERS, "style": "method", "hue": "method"}


def _by_label(lines: pd.DataFrame, labels: list[str]) -> dict:
    """A colour for each label; dashes for ticket and controls."""
    kind = lines.method.where(lines.method != lines.schedule, "ticket")
    names = (lines.label + kind.where(kind == "ticket", ": " + kind).replace("ticket", "")).rename("line")
    order = list(dict.fromkeys(names))
    colour = {name: SERIES[labels.index(label) % len(SERIES)] for name, label in zip(names, lines.label)}
    dashes = {name: DASHES.get(k, "") for name, k in zip(names, kind)}
    controls = {MARKERS[k] for k in kind.unique() if k != "ticket"}
    free = [marker for marker in SERIES_MARKERS if marker not in controls]
    markers = {
        name: free[labels.index(label) % len(free)] if k == "ticket" else MARKERS[k]
        for name, label, k in zip(names, lines.label, kind)
    }
    return {"palette": colour, "dashes": dashes, "markers": markers, "style": names, "hue": names, "hue_order": order}


def _to_mark(lines: pd.DataFrame) -> pd.Series:
    """The densities that several labels share, in percent, if there are two below the largest; else all."""
    rounded = lines.weights.round(1)
    shared = lines.label.groupby(rounded).nunique() > 1
    return rounded[rounded.map(shared)] if shared.sum() > 2 else lines.weights


def _dense_means(networks: pd.DataFrame, labels: list[str]) -> list[tuple[str, float]]:
    """A colour and the mean of the tickets' dense networks for each label; of labels that share them, one in black."""
    own = networks[(networks.level == 0) & (networks.method == networks.schedule)]
    means = own.groupby("label").value.mean().reindex([label for label in labels if label in set(own.label)])
    if means.round(9).nunique() == 1:
        return [("black", means.iloc[0])]
    return [(SERIES[labels.index(label) % len(SERIES)], mean) for label, mean in means.items()]


def _curves(table: pd.DataFrame, method: str, levels: list[int], measure: str, until: int | None) -> pd.DataFrame:
    """The learning curves of these levels: a row per network and hundredth of the run, where all networks of a level were
    measured, with value (as shown) and stop, the level's mean early stop. Raises LotteryError where there is none."""
    table = table[(table.method == method) & table.level.isin(levels)]
    rows = table[(table.split == "validation") & (table.iteration <= (until or float("inf")))]
    if rows.empty:
        raise LotteryError(f"the table has no {method!r} at levels {levels}: choose of those that it has.")
    rows = rows.assign(network=rows.trial + rows.redraw / 1000)
    if rows.iteration.nunique() > 100:
        spacing = rows.iteration.max() / 100
        rows["iteration"] = spacing * (rows.iteration / spacing).round()
    rows = rows.groupby(["level", "network", "iteration"], as_index=False).agg(
        value=(measure, "mean"), density=("density", "mean")
    )
    measured = rows.groupby(["level", "iteration"]).network.transform("nunique")
    rows = rows[measured == rows.groupby("level").network.transform("nunique")]
    stops = summarise(table).groupby("level").early_stop.mean()
    return rows.assign(value=rows.value * (100 if measure == "accuracy" else 1), stop=rows.level.map(stops))


def _series(count: int) -> list:
    """So many colours: the series', or, of more than there are, dark to light in order."""
    if count <= len(SERIES):
        return SERIES[:count]
    return [plt.get_cmap("cividis")(0.8 * place / (count - 1)) for place in range(count)]


def density_axis(axes: Axes, weights: pd.Series, ticks: int = 12) -> None:
    """Logarithmic, reversed, with about so many ticks, at densities (in percent) that are there."""
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
