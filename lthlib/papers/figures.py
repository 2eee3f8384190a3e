"""Figures of Frankle & Carbin (2019), arXiv 1803.03635, drawn again: from what is shipped and what a
results folder has, with the numbers that the paper's text prints marked in them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lthlib import lottery, plots
from lthlib.analysis.comparison import margin_of
from lthlib.analysis.summary import nearest_level, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded, results_folder
from lthlib.core.validation import one_of
from lthlib.papers import claims
from lthlib.papers.claims import SPEED, Claim
from lthlib.papers.reproduction import Experiment
from lthlib.plots import style
from lthlib.storage import atlas
from lthlib.storage.store import MARKER, TICKET, Store

ITERATIVE, ONE_SHOT = "pruned iteratively", "pruned at once"
DENSITIES = (0.513, 0.211, 0.07, 0.036, 0.019)  # of figure 3
MARK = {"marker": "*", "color": "black", "markersize": 11, "linestyle": "none", "markerfacecolor": "white", "zorder": 5}
ALONG_THE_WAY = "The paper draws test accuracy along the way; here it is validation accuracy, which is what is kept."


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper: what it shows, the experiments behind it, and how it is drawn from their tables
    (task, setting's changes) -> rows."""

    about: str
    experiments: tuple[Experiment, ...]
    draw: Callable[[Tables, PaperFigure], Figure]
    measures: tuple[str, ...] = ()


Tables = dict[Experiment, pd.DataFrame]


def find(name: str) -> PaperFigure:
    """The figure called `name`. Raises LotteryError for another name."""
    one_of("figure", name, FIGURES)
    return FIGURES[name]


def tables(figure: PaperFigure, results: str | Path | None = None, where: str | Path | None = None) -> Tables:
    """The rows of each experiment at the paper's setting, from the atlas and, where it exists, a results
    folder. A network that both have counts once: the results folder's, which is the newer one."""
    found = {}
    for experiment in figure.experiments:
        setting = experiment.setting("paper")
        methods = {setting.schedule, TICKET, *filter(None, experiment.controls.split(","))}
        rows = atlas.read(setting.task, setting, where)
        if (expanded(results or results_folder()) / MARKER).exists():
            rows = atlas.merge(rows, Store(results, writable=False).table([setting]))
        found[experiment] = rows[rows.method.isin(methods)]
    return found


def draw(figure: PaperFigure, found: Tables) -> Figure:
    """The figure, with the paper's numbers as stars and a description in numbers. Raises LotteryError
    where there is nothing to draw."""
    known = {experiment: table for experiment, table in found.items() if len(table)}
    if not known:
        names = ", ".join(experiment.task for experiment in figure.experiments)
        raise LotteryError(f"nothing of {names} at the paper's setting is shipped or stored: train it first.")
    return figure.draw(known, figure)


def against_density(found: Tables, figure: PaperFigure) -> Figure:
    """A row of panels for each task, a column for each measure."""
    by_task: dict[str, dict[str, pd.DataFrame]] = {}
    for experiment, table in found.items():
        lines = by_task.setdefault(experiment.task, {})
        way = ONE_SHOT if experiment.changes else ITERATIVE
        rows = [lines[way], table] if way in lines else [table]
        lines[way] = pd.concat(rows, ignore_index=True).drop_duplicates()
    columns = len(figure.measures)
    in_a_row = 2 if len(by_task) == 1 else columns
    drawn, panels = style.panels(columns * len(by_task), 5.2, 3.6, in_a_row, room=3)
    sentences = []
    for place, axes in enumerate(panels):
        task, measure = list(by_task)[place // columns], figure.measures[place % columns]
        lines = by_task[task]
        one = next(iter(lines.values()))
        plots.density_curves(lines if len(lines) > 1 else one, measure, task, axes)
        sentences.append(axes.figure.get_label())
        marks = marked(one, task, measure)
        if marks:
            axes.plot([x for x, _, _ in marks], [y for _, y, _ in marks], label="the paper's numbers", **MARK)
            sentences.append("Stars, the paper's numbers: " + "; ".join(words for _, _, words in marks) + ".")
        if place % in_a_row == in_a_row - 1:
            axes.legend(**style.LEGEND)
        elif axes.get_legend():
            axes.get_legend().remove()
    return style.finish(drawn, *sentences)


def marked(table: pd.DataFrame, task: str, measure: str) -> list[tuple[float, float, str]]:
    """Where the paper's printed numbers lie in a panel: weights remaining in percent, value on the panel's
    axis, and the claim in words. They are printed against the dense network, so they lie beside the dense
    networks of this table, not beside the paper's, which it does not print for LeNet."""
    networks = summarise(table)
    dense = networks[networks.level == 0]
    if dense.empty:
        return []
    found = []
    for claim in claims.load():
        if claim.task == task and claim.measure == measure and _is_a_point(claim):
            mean = scale(measure) * dense[measure].mean()
            value = mean * claim.number / 100 if claim.unit == SPEED else mean + claim.number
            found.append((100 * claim.density, value, f"{claim.claim.rstrip('.')} ({claim.printed})"))
    return found


def _is_a_point(claim: Claim) -> bool:
    """Whether a claim is one number of a ticket at one density, against the dense network."""
    of_ticket = claim.method == "ticket" and claim.against == "dense" and not claim.changes
    return of_ticket and isinstance(claim.density, float) and isinstance(claim.number, (int, float))


def along_training(found: Tables, figure: PaperFigure) -> Figure:
    """Learning curves at the densities of the paper's figure 3, tickets and reinit."""
    table = pd.concat(found.values(), ignore_index=True)
    levels = sorted({0, *(nearest_level(table, density) for density in DENSITIES)})
    methods = [method for method in ("iterative", "reinit") if method in set(table.method)]
    drawn = plots.learning_curves(table, levels, methods)
    return style.finish(drawn, drawn.get_label(), ALONG_THE_WAY)


def save(figure: PaperFigure, to: Path, results: str | Path | None = None, where: str | Path | None = None) -> Path:
    """Draw the figure into a PNG file, whose folder is made if need be, and return its path."""
    drawn = draw(figure, tables(figure, results, where))
    plots.as_html(drawn, save=to)
    return to


def from_scratch(
    figure: PaperFigure, levels: int | None = None, device: str = "auto", where: str | Path | None = None, **extent
) -> pd.DataFrame:
    """Train trial 0 of a figure's first experiment that is shipped anew, in a folder of its own that is
    then removed, and compare it: what `same_as_shipped` returns. `levels` are prune rounds, None for all;
    `extent` may change `profile` or `iterations`. Raises LotteryError where nothing is shipped to compare
    with."""
    profile = extent.pop("profile", "paper")
    for experiment in figure.experiments:
        shipped = atlas.read(experiment.task, experiment.setting(profile, **extent), where)
        if len(shipped):
            more = {**experiment.changes, **extent, "controls": experiment.controls, "device": device}
            with tempfile.TemporaryDirectory() as folder:
                table = lottery.hunt(experiment.task, profile, levels=levels, trials=1, redraws=1, results=folder, **more)
            return same_as_shipped(table, shipped)
    raise LotteryError("nothing of this figure is shipped: there is nothing to compare a new trial with.")


def in_words(rows: pd.DataFrame) -> str:
    """What a comparison found: "12 networks: 0 equal bit for bit, 11 within the margin, ..."."""
    if rows.empty:
        return "No network is in both."
    largest = rows.points.abs().max()
    counts = f"{len(rows)} networks: {rows.equal.sum()} equal bit for bit, {rows.close.sum()} within the task's margin"
    return f"{counts}; test accuracies differ by at most {largest:.2f} points."


def same_as_shipped(new: pd.DataFrame, shipped: pd.DataFrame) -> pd.DataFrame:
    """Networks that were trained again beside the shipped ones: a row each that both have, with method,
    trial, level and redraw, `equal` (every loss and accuracy, bit for bit), the difference of their early
    stops in iterations and of their test accuracies in points, and `close` (whether that is within the
    task's margin)."""
    place = ["method", "trial", "level", "redraw"]
    margin = margin_of(shipped).value
    one, other = (summarise(table).set_index(place) for table in (new, shipped))
    both = one.index.intersection(other.index)
    rows = one.loc[both, ["density"]].reset_index()
    curves = [dict(list(table.groupby(place))) for table in (new, shipped)]
    rows["equal"] = [_equal(*(curve[key] for curve in curves)) for key in both]
    rows["early_stop"] = (one.early_stop - other.early_stop).loc[both].to_numpy()
    rows["points"] = 100 * (one.test_accuracy - other.test_accuracy).loc[both].to_numpy()
    rows["close"] = rows.points.abs() <= margin
    return rows


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether all measurements that both have are the same numbers."""
    at = ["iteration", "split"]
    both = one.merge(other, on=at, suffixes=("", "_other"))
    losses = both.loss.astype("float32") == both.loss_other.astype("float32")  # as the atlas keeps them
    return len(both) > 0 and bool((losses & (both.accuracy == both.accuracy_other)).all())


LENET = Experiment("lenet-mnist", {}, "reinit", 3)
AT_ONCE = Experiment("lenet-mnist", {"schedule": "oneshot"}, "reinit")
CONVS = tuple(Experiment(f"conv{depth}-cifar10", {}, "reinit") for depth in (2, 4, 6))
RANDOM = tuple(Experiment(task, {}, "random", 3) for task in ("lenet-mnist", "conv2-cifar10", "conv4-cifar10", "conv6-cifar10"))
STOP_AND_ACCURACY = ("early_stop", "test_accuracy")
FIGURES = {
    "figure-1": PaperFigure("tickets and random sparse networks of their size", RANDOM, against_density, STOP_AND_ACCURACY),
    "figure-3": PaperFigure("accuracy as LeNet trains, tickets and reinit", (LENET,), along_training),
    "figure-4": PaperFigure(
        "LeNet, pruned iteratively and at once",
        (LENET, AT_ONCE),
        against_density,
        (*STOP_AND_ACCURACY, "final_test_accuracy", "final_train_accuracy"),
    ),
    "figure-5": PaperFigure(
        "Conv-2, 4 and 6, tickets and reinit", CONVS, against_density, (*STOP_AND_ACCURACY, "final_test_accuracy")
    ),
}
