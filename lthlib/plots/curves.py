"""Accuracy, early stop, learning curves and differences, from a tidy table."""

import itertools

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lthlib.analysis.sentences import describe
from lthlib.analysis.summary import LABELS, LOWER_IS_BETTER, one_setting, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.language import say
from lthlib.core.percent import percent, rounded
from lthlib.plots import style
from lthlib.plots.style import DOTTED, LEGEND, METHODS, SERIES, SERIES_MARKERS, SHADE, Style, finish
from lthlib.settings import Recipe

WEIGHTS = "weights remaining (%)"
DOTS = [(1, 1.5), (1, 5), (4, 2.5), (4, 2, 1, 2)]  # of dense networks' lines, by label: ink and gap


def density_curves(
    tables: pd.DataFrame | dict, measure: str = "test_accuracy", title: str = "", axes: Axes | None = None
) -> Figure:
    """A measured column of `summarise` against density, a line per method: mean, and band from minimum to
    maximum.

    `tables` is one table, or several by label, such as two optimisers: then colours and markers are labels,
    and dashes tell a ticket from its control. The dotted line is the mean of the tickets' dense networks, one
    a label, each broken in its own way, where they differ; where all labels share them, the grey band is all
    dense networks, those of a control included. `axes`
    draws into a figure of yours. Raises LotteryError for a table of several settings.
    """
    by_label = tables if isinstance(tables, dict) else {"": tables}
    networks = pd.concat([_networks(*item, measure) for item in by_label.items()], ignore_index=True)
    if axes is None:
        _, [axes] = style.panels(1, 8.5, 4.2)
    axes.set(xlabel=WEIGHTS, ylabel=LABELS[measure], title=title)
    sns.despine(ax=axes)
    axes.figure.set_label(f"{title}. {describe(tables, measure)}" if title else describe(tables, measure))
    if networks.empty:
        axes.set_axis_off()
        centre = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "no results here yet", color=style.WORDS, **centre)
        return axes.figure

    lines, labels = networks[networks.method != "dense"], list(by_label)
    look = style.lines_by("method", {method: METHODS[method] for method in lines.method.unique()})
    if isinstance(tables, dict):
        look = _by_label(lines, labels)
    sns.lineplot(lines, x="weights", y="value", markersize=7, ax=axes, **look)
    for label, look, mean in _dense_means(networks, labels):
        whose = f"dense of {label}" if label else "dense"
        axes.axhline(mean, **DOTTED | look, label=f"{whose}, mean {mean:.4g}")
        if not label:
            dense = networks[networks.level == 0].value
            axes.axhspan(dense.min(), dense.max(), color="#777777", zorder=0, **SHADE)
    style.density_axis(axes, _to_mark(lines))
    axes.legend(*style.named(axes), **LEGEND)
    return axes.figure


def side_by_side(tables: dict[str, pd.DataFrame | dict], measure: str = "test_accuracy") -> Figure:
    """`density_curves` of each of `tables`, by title: what was trained here next to the shipped atlas. Each
    has its own axes, since their tasks differ; an empty table makes an empty panel that says so."""
    width = 8.5 if len(tables) == 1 else 4.4  # a legend stands beside one panel, below several
    figure, panels = style.panels(len(tables), width, 4.2 if len(tables) == 1 else 4.8)
    sentences = []
    for axes, (title, table) in zip(panels, tables.items()):  # each replaces the figure's label
        sentences.append(density_curves(table, measure, title, axes).get_label())
        if axes.get_legend() and len(tables) > 1:
            axes.legend(*style.named(axes), **LEGEND | {"bbox_to_anchor": (0, -0.16), "ncols": 2})
    figure.set_label(" ".join(sentences))
    return figure


def by_measure(table: pd.DataFrame, measures: list[str], columns: int = 2) -> Figure:
    """`density_curves` of one table, a panel per measure, `columns` in a row, with one legend, and one
    vertical axis per row where all measures are of one unit."""
    places = -(-len(measures) // columns) * columns  # a row that is not full keeps its width
    units = {LABELS[measure].rpartition("(")[2] for measure in measures}
    figure, panels = style.panels(places, 3.6, 3.2, columns, room=1.2, sharey="row" if len(units) == 1 else False)
    sentences = []
    for axes, measure in zip(panels, measures):
        sentences.append(density_curves(table, measure, axes=axes).get_label())
        handles, names = style.named(axes)
        if axes.get_legend():
            axes.get_legend().remove()
        if axes is panels[min(columns, len(measures)) - 1] and handles:
            axes.legend(handles, [name.split(",")[0] for name in names], **LEGEND)
    for axes in panels[len(measures) :]:
        axes.set_visible(False)
    figure.set_label(" ".join(sentences))
    return figure


def learning_curves(
    table: pd.DataFrame,
    levels: list[int] | None = None,
    methods: list[str] | None = None,
    measure: str = "accuracy",
    until: int | None = None,
) -> Figure:
    """Validation accuracy (in percent) or loss against iterations, one panel per method, one line per level,
    from dark (dense) to light (sparse).

    Mean, and a band from minimum to maximum over trials and redraws, each averaged within hundredths of the
    run where it was measured more often; the dot is the mean early stop. `levels` None takes four, from dense
    to the sparsest; `methods` None takes the tickets alone; `until` is the last iteration shown. The vertical
    axis begins where the curves are after a tenth of it. Raises LotteryError for several settings, or no such
    networks.
    """
    one_setting(table)
    last = int(table.level.max())
    levels = sorted({0, round(last / 3), round(2 * last / 3), last}) if levels is None else levels
    methods = methods or [table.schedule.iloc[0]]
    figure, panels = style.panels(len(methods), 3.6, 3.8, room=1.3, sharey=True)
    label = "validation accuracy (%)" if measure == "accuracy" else "validation loss"
    looks = style.by_density(levels)
    sentences, after_start = [f"{label.capitalize()} against iterations, {table.task.iloc[0]}."], []
    for axes, method in zip(panels, methods):
        name = style.NAMES.get(method, method)
        curves = _curves(table, method, levels, measure, until)
        look = {**style.lines_by("level", looks), "markers": False, "legend": False}
        sns.lineplot(curves, x="iteration", y="value", ax=axes, **look)
        for level, curve in curves.groupby("level"):
            sentences.append(f"{name.capitalize()}, {_mark_stop(axes, curve, looks[level])}")
        axes.set(title=name, xlabel="iteration", ylabel=label)
        after_start.append(curves[curves.iteration >= curves.iteration.max() / 10].value)
    low, high = min(values.min() for values in after_start), max(values.max() for values in after_start)
    panels[0].set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) + 1e-9)
    panels[-1].legend(*panels[0].get_legend_handles_labels(), title="weights\nremaining", **LEGEND)
    return finish(figure, *sentences)


def _mark_stop(axes: Axes, curve: pd.DataFrame, look: Style) -> str:
    """A dot at the early stop of one level's curve, and a line for the legend; what they show, in words."""
    mean, stop = curve.groupby("iteration").value.mean(), curve.stop.iloc[0]
    if stop <= mean.index.max():
        nearest = mean.index[abs(mean.index - stop).argmin()]
        axes.plot(stop, mean[nearest], "o", color=look.colour, mec="white", ms=8)
    share = percent(curve.density.mean())
    axes.plot([], [], label=share, **look.line())
    return f"{share} of the weights: {mean.iloc[-1]:.3g} at the end, early stop at {stop:.0f}."


def layer_densities(layers: pd.DataFrame, title: str = "") -> Figure:
    """What each layer keeps against what the network keeps, in percent, from `summary.layers`: mean and range
    of trials. On the dotted diagonal a layer is pruned as the network is."""
    weights = 100 * layers.groupby("level").density.transform("mean")
    layers = layers.assign(weights=weights, kept=100 * layers.layer_density)
    layers["layer"] = layers.layer.str.removesuffix(".weight")
    looks = style.series(layers.layer)
    figure, [axes] = style.panels(1, 8.5, max(4.2, 0.25 * (len(looks) + 3)))
    sns.lineplot(layers, x="weights", y="kept", ax=axes, **style.lines_by("layer", looks))
    ends = [weights.max(), weights.min()]
    axes.plot(ends, ends, label="whole network", **DOTTED)
    axes.set(yscale="log", xlabel=WEIGHTS, ylabel="weights remaining in the layer\n(%, logarithmic)", title=title)
    style.plain_numbers(axes.yaxis)
    style.density_axis(axes, weights)
    axes.legend(title="layer", **LEGEND)
    last = layers[layers.level == layers.level.max()]
    kept = ", ".join(f"{name} {x:.3g} %" for name, x in last.groupby("layer", sort=False).kept.mean().items())
    share = f"{rounded(last.weights.iloc[0])} %"
    return finish(figure, f"Weights remaining in each layer. At {share} of the network: {kept}.")


def verdicts(matching: pd.DataFrame, title: str = "") -> Figure:
    """What `comparison.matching` returned: accuracy minus dense, and early stop in percent of dense's,
    against density. Dots are means, whiskers 95 % bounds (from 3 trials on), colours the verdicts; a dashed
    line is the margin, beyond which a network is worse."""
    levels = matching.assign(weights=100 * matching.density)
    figure, (accuracy, speed) = style.panels(2, 3.6, 3.8, room=1.3)
    limits = matching.attrs.get("limits", {})
    for axes, name, line in ((accuracy, "points", 0), (speed, "percent", 100)):
        axes.axhline(line, **DOTTED, label="dense")
        if name in limits:
            axes.axhline(limits[name], **DOTTED | {"color": "#777777", "linestyle": "--"}, label="margin")
        for verdict, same in levels.groupby("verdict"):
            ends = style.whiskers(same[name], same[f"{name}_low"], same[f"{name}_high"])
            look = {**style.VERDICTS[verdict].points(), "capsize": 3, "markersize": 7}
            axes.errorbar(same.weights, same[name], yerr=ends, label=verdict, **look)
        style.density_axis(axes, levels.weights)
    accuracy.set(xlabel=WEIGHTS, ylabel="test accuracy minus dense (points)")
    speed.set(xlabel=WEIGHTS, ylabel="early stop (% of dense's, logarithmic)", yscale="log")
    style.plain_numbers(speed.yaxis)
    figure.suptitle(title)
    found = levels.verdict.value_counts().items()
    counts = ", ".join(say("{verdict} at {count}", verdict=say(verdict), count=count) for verdict, count in found)
    margin = matching.attrs.get("margin", "")
    words = say(
        "Accuracy and early stop against the dense networks', by weights remaining, with 95 % bounds; "
        "verdicts over {levels} levels: {counts}. {margin}.",
        **{"levels": len(levels), "counts": counts, "margin": margin.capitalize()},
    )
    return finish(figure, words, legend=speed)


def differences(
    pairs: dict[str, pd.DataFrame],
    measure: str = "test_accuracy",
    against: str = "reinit",
    title: str = "",
    compared: dict[str, pd.DataFrame] | None = None,
) -> Figure:
    """Differences of `comparison.pairs` against density, a line by label: mean and range of trials. `measure`
    is what they are made of, `against` what was subtracted. `compared` are tables of `comparison.compare` by
    the same labels: their 95 % bounds are drawn as whiskers."""
    trials = pd.concat([pairs[name].reset_index().assign(line=name) for name in pairs], ignore_index=True)
    trials["weights"] = 100 * trials.groupby(["line", "level"]).density.transform("mean")
    figure, [axes] = style.panels(1, 8.5, 4.2)
    axes.axhline(0, **DOTTED)
    looks = style.series(pairs)
    sns.lineplot(trials, x="weights", y="difference", ax=axes, markersize=7, **style.lines_by("line", looks))
    for name, levels in (compared or {}).items():
        ends = style.whiskers(levels.points, levels.low, levels.high)
        colour = looks[name].colour
        axes.errorbar(100 * levels.density, levels.points, yerr=ends, fmt="none", ecolor=colour, capsize=3)
    unit = {"early_stop": "iterations", "test_loss": "in the loss"}.get(measure, "points")
    label = LABELS[measure].rsplit(" (", 1)[0]
    axes.set(xlabel=WEIGHTS, ylabel=f"{label},\nminus {against} ({unit})", title=title)
    style.density_axis(axes, trials.weights)
    means, count = trials.groupby(["line", "weights"]).difference.mean(), trials.trial.nunique()
    sentences = [f"{label.capitalize()}, minus {against}, against weights remaining; {count} trials."]
    for name in pairs:
        ordered = means[name].sort_index(ascending=False)
        steps = [f"{value:+.3g} {unit} at {rounded(weights)} %" for weights, value in ordered.items()]
        sentences.append(f"{name}: {', '.join(steps)}.")
    return finish(figure, *sentences, legend=axes)


def standings(
    board: pd.DataFrame, entered: list[str], title: str = "", dense: float | None = None, measure: str = "test_accuracy"
) -> Figure:
    """`arena.leaderboard` of one task, a panel per density: mean and 95 % bounds of each method, a colour and
    marker for each scope, and a grey line over what the scope is worth. Methods in the order of their best
    mean; `entered` have a star; a dotted line is at `dense` (in the units of `measure`)."""
    densities = sorted(board.index.get_level_values(WEIGHTS).unique(), reverse=True)
    height = 1.4 + 0.42 * board.method.nunique()
    figure, panels = style.panels(len(densities), 5.4, height, room=1.9, sharex=True)
    looks = style.series(board.index.get_level_values("scope").unique())
    for axes, density in zip(panels, densities):
        here = board.xs(density, level=WEIGHTS).reset_index()
        means = here.groupby("method")["mean"].agg(["min", "max"])
        lower = measure in LOWER_IS_BETTER
        worst_first = list(means["min" if lower else "max"].sort_values(kind="stable", ascending=not lower).index)
        for place, method in enumerate(worst_first):
            axes.plot(means.loc[method], [place, place], color="#BBBBBB", linewidth=5, solid_capstyle="round", zorder=0)
        _scopes_of(axes, here, worst_first, looks)
        if dense is not None:
            axes.axvline(dense, **DOTTED, label=f"dense, {dense:.1f}")
        names = [f"{name} *" if name in entered else name for name in worst_first]
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel=f"{LABELS[measure]}{', lower is better' * lower}", title=f"{density:g} % remaining")
        axes.set_ylim(-0.6, len(names) - 0.4)
    figure.suptitle(title)
    first = board[board.index.get_level_values("rank") == 1]
    leaders = "; ".join(f"{at:g} %, {scope}: {row.method} {row['mean']:.1f}" for (*_, at, scope, _), row in first.iterrows())
    star = "; entered are marked with a star" if entered else ""
    start = f"{title}. {LABELS[measure].capitalize()} by method and scope, with 95 % bounds{star}."
    dotted = f"Dotted: the dense network, {dense:.1f}." if dense is not None else ""
    return finish(figure, start, f"First under each scope: {leaders}.", dotted, legend=panels[-1])


def _scopes_of(axes: Axes, here: pd.DataFrame, methods: list[str], looks: dict[str, Style]) -> None:
    """A point with whiskers for each method (a line of the axes) and scope, the scopes a little apart."""
    for number, (scope, look) in enumerate(looks.items()):
        rows = here[here.scope == scope]
        places = [methods.index(name) + 0.22 * ((len(looks) - 1) / 2 - number) for name in rows.method]
        ends = style.whiskers(rows["mean"], rows.low, rows.high)
        axes.errorbar(rows["mean"], places, xerr=ends, label=scope, **look.points(), markersize=6, capsize=2)


def learning_rates(recipes: dict[str, Recipe]) -> Figure:
    """The learning rate at every iteration of each recipe, on linear and logarithmic axes."""
    figure, (linear, logarithmic) = style.panels(2, 3.6, 3.4, room=1.2)
    sentences = ["Learning rate against iteration."]
    looks = style.series(recipes)
    for name, recipe in recipes.items():
        rates = [recipe.learning_rate_at(iteration) for iteration in range(recipe.iterations)]
        for axes in (linear, logarithmic):
            axes.plot(rates, linewidth=2, label=name, **looks[name].line())
        rises = f"rises over {recipe.warmup:,} iterations, " if recipe.warmup else ""
        falls = "".join(f", divided by ten at {milestone:,}" for milestone in recipe.milestones)
        heights = f"{max(rates):.3g} at its highest, {sum(rates) / len(rates):.3g} on average"
        sentences.append(f"{name}: {rises}{heights}{falls}.")
    linear.set(xlabel="iteration", ylabel="learning rate", ylim=(0, None))
    logarithmic.set(xlabel="iteration", ylabel="learning rate (logarithmic)", yscale="log")
    return finish(figure, *sentences, legend=logarithmic)


def knob_curves(tables: dict[str, dict], level: int, measure: str = "test_accuracy", knob: str = "learning rate") -> Figure:
    """A measured column of `summarise` at one level against a knob (logarithmic): a panel by title for each
    dictionary of tables by the knob's value, two in a row; ticket, controls and dense, mean and range."""
    columns = min(2, len(tables))
    figure, panels = style.panels(len(tables), 3.4, 3.4, columns, room=1.4, sharey=True)
    figure.get_layout_engine().set(w_pad=0.12)  # inches: the tick labels of two panels stay apart
    sentences, shares = [], []
    for axes, (title, by_knob) in zip(panels, tables.items()):
        networks = pd.concat(_networks("", by_knob[at], measure).assign(knob=float(at)) for at in by_knob)
        networks.loc[networks.level == 0, "method"] = "dense"
        networks = networks[networks.level.isin([0, level])].reset_index(drop=True)
        looks = {method: METHODS[method] for method in networks.method.unique()}
        looks["dense"] = METHODS["dense"]._replace(dashes=(1, 2))
        sns.lineplot(networks, x="knob", y="value", markersize=7, ax=axes, **style.lines_by("method", looks))
        axes.get_legend().remove()
        axes.set(xscale="log", title=title, xlabel=knob, ylabel=LABELS[measure])
        axes.xaxis.set_minor_locator(NullLocator())
        at_knob = networks.groupby("knob")
        axes.set_xticks(list(at_knob.groups), [f"{at:g}" for at in at_knob.groups])
        shares += list(at_knob.weights.min())
        for at, group in at_knob:
            means = group.groupby("method", sort=False).value.mean()
            words = ", ".join(f"{style.NAMES.get(name, name)} {mean:.4g}" for name, mean in means.items())
            sentences.append(f"{title}, {at:g}: {words}.")
    span = " to ".join(dict.fromkeys(rounded(share) for share in (min(shares), max(shares))))  # once if equal
    start = f"{LABELS[measure].capitalize()} against {knob}, at {span} % of the weights (dense: all of them)."
    return finish(figure, start, *sentences, legend=panels[columns - 1])


def _networks(label: str, table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """A row per network, with its label, its weights (percent, a level's mean) and value (as shown)."""
    networks = summarise(table)
    one_setting(networks)
    weights = 100 * networks.groupby("level").density.transform("mean")
    return networks.assign(label=label, weights=weights, value=networks[measure] * scale(measure))


def _by_label(lines: pd.DataFrame, labels: list[str]) -> dict:
    """A colour for each label, a method's own where the label is its name; dashes for ticket and controls."""
    kinds = lines.method.where(lines.method != lines.schedule, "ticket")
    names = (lines.label + (": " + kinds).where(kinds != "ticket", "")).rename("line")
    taken = {METHODS[kind].marker for kind in kinds.unique() if kind != "ticket"}
    free = [marker for marker in SERIES_MARKERS if marker not in taken]
    several = lines.groupby(kinds).label.nunique().max() > 1  # a kind's own marker would tell no labels apart
    tickets = _tickets_looks(labels, SERIES_MARKERS if several else free)
    looks = {}
    for name, label, kind in zip(names, lines.label, kinds):
        ticket = tickets[label]
        own = {"colour": ticket.colour} | ({"marker": ticket.marker} if several else {})
        looks[name] = ticket if kind == "ticket" else METHODS[kind]._replace(**own)
    return style.lines_by(names, looks)


def _to_mark(lines: pd.DataFrame) -> pd.Series:
    """The densities that several labels share to within a fiftieth, as scopes that spare other layers do, in
    percent, if there are two below the largest; else all."""
    ordered = lines.weights.sort_values()
    place = (ordered > 1.02 * ordered.shift()).cumsum()
    shared = lines.weights.groupby(place).transform("mean")[lines.label.groupby(place).transform("nunique") > 1]
    return shared if shared.nunique() > 2 else lines.weights


def _dense_means(networks: pd.DataFrame, labels: list[str]) -> list[tuple[str, dict, float]]:
    """The label, look and mean of the tickets' dense networks; one, black and without a label, where all
    share them."""
    own = networks[(networks.level == 0) & (networks.method == networks.schedule)]
    means = own.groupby("label").value.mean().reindex([label for label in labels if label in set(own.label)])
    if means.round(9).nunique() == 1:
        return [("", {}, means.iloc[0])]
    looks, ways = _tickets_looks(labels, SERIES_MARKERS), itertools.cycle(DOTS)
    own = {label: {"color": looks[label].colour, "linestyle": (0, way)} for label, way in zip(means.index, ways)}
    return [(label, own[label], mean) for label, mean in means.items()]


def _tickets_looks(labels: list[str], markers: list[str]) -> dict[str, Style]:
    """The look of each label's tickets: a method's own where the label is its name, else the next of the
    series' colours that no method here has, with one of these markers."""
    own = {label: look for label in labels if (look := style.look_of(label))}
    colours = [colour for colour in SERIES if colour not in {look.colour for look in own.values()}]
    free = [marker for marker in markers if marker not in {look.marker for look in own.values()}]
    return {
        label: own.get(label) or Style(colours[place % len(colours)], "", free[place % len(free)])
        for place, label in enumerate(labels)
    }


def _curves(table: pd.DataFrame, method: str, levels: list[int], measure: str, until: int | None) -> pd.DataFrame:
    """The learning curves of these levels: a row per network and hundredth of the run, where all networks of
    a level were measured, with value (as shown) and stop, the level's mean. Raises LotteryError for none."""
    table = table[(table.method == method) & table.level.isin(levels)]
    curves = table[(table.split == "validation") & (table.iteration <= (until or float("inf")))]
    if curves.empty:
        raise LotteryError(f"the table has no {method!r} at levels {levels}: choose of those that it has.")
    curves = curves.assign(network=curves.trial + curves.redraw / 1000)
    if curves.iteration.nunique() > 100:
        spacing = curves.iteration.max() / 100
        curves["iteration"] = spacing * (curves.iteration / spacing).round()
    means = {"value": (measure, "mean"), "density": ("density", "mean")}
    curves = curves.groupby(["level", "network", "iteration"], as_index=False).agg(**means)
    measured = curves.groupby(["level", "iteration"]).network.transform("nunique")
    curves = curves[measured == curves.groupby("level").network.transform("nunique")]
    stops = summarise(table).groupby("level").early_stop.mean()
    values = curves.value * (100 if measure == "accuracy" else 1)
    return curves.assign(value=values, stop=curves.level.map(stops))
