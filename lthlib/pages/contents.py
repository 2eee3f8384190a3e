"""What the page holds of a group of results, as plain lists and names: nothing is computed in the page."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd

from lthlib.analysis.catalogue import Group
from lthlib.analysis.inspection import Look
from lthlib.pages import findings, network
from lthlib.storage.networks import summarise

POINTS = 64  # of a learning curve, closer together at its start
Looks = dict[int, list[Look | None]]  # by trial, then level by level


def group_of(name: str, rated: tuple[float, Group], look: Callable[[Group, int, int], Look | None]) -> dict:
    """One choice of the page: a task at one rate, with its curves, findings and networks. Lists by trial
    begin with all trials together."""
    rate, group = rated
    networks = summarise(group.table)
    networks = networks.groupby(["method", "trial", "level"], as_index=False).mean(numeric_only=True)
    tickets = networks[networks.method == group.methods[0]]
    levels, trials = sorted(map(int, tickets.level.unique())), sorted(map(int, tickets.trial.unique()))
    looks = {trial: [look(group, trial, level) for level in levels] for trial in trials}
    task = str(group.table.task.iloc[0])
    measured = functools.partial(_measured, networks, levels, trials)
    return {
        "name": name,
        "task": task,
        "rate": rate,
        "methods": group.methods,
        "trials": trials,
        "levels": levels,
        "weights": _short(100 * tickets.groupby("level").density.mean(), 4),
        "accuracy": {method: measured(method, "test_accuracy", 100) for method in group.methods},
        "stop": {method: measured(method, "early_stop", 1) for method in group.methods},
        "curves": _curves(group, networks, levels, trials),
        "findings": findings.of_group(group, trials, levels),
        "overall": findings.overall(group),
        "layers": _layers(looks),
        "network": network.drawing(task, looks),
    }


def shapes_of(groups: list[dict]) -> dict:
    """The networks that groups draw, each once: taken out of the groups, which name them."""
    shapes = {}
    for group in groups:
        if group["network"]:
            shapes[group["task"]] = group["network"].pop("shape")
    return shapes


def _measured(networks: pd.DataFrame, levels: list, trials: list, method: str, measure: str, factor: int) -> dict:
    """A measure by level, times a factor: `values` [choice of trials], the first of them the mean, and the
    lowest and highest trial."""
    of_method = networks[networks.method == method]
    table = factor * of_method.pivot(index="level", columns="trial", values=measure)
    table = table.reindex(index=levels, columns=trials)
    values = [_short(row) for row in (table.mean(axis=1), *(table[trial] for trial in trials))]
    return {"values": values, "low": _short(table.min(axis=1)), "high": _short(table.max(axis=1))}


def _curves(group: Group, networks: pd.DataFrame, levels: list[int], trials: list[int]) -> dict:
    """Validation accuracy in percent along training: of each method [choice of trials][level], at
    `iterations`, with early stop as [iteration, accuracy there]. The curve of all trials is their mean."""
    validation = group.table[group.table.split == "validation"]
    measured = validation.groupby(["method", "trial", "level", "iteration"]).accuracy.mean().mul(100)
    last = int(validation.iteration.max())
    grid = np.unique((last * np.linspace(0, 1, POINTS) ** 2).round().astype(int))
    of = {}
    for key, curve in measured.groupby(level=[0, 1, 2]):
        curve = curve.droplevel([0, 1, 2]).dropna()
        if len(curve):
            of[key] = np.interp(grid, curve.index, curve.to_numpy())
    at = networks.set_index(["method", "trial", "level"])
    ends = np.concatenate([curve[POINTS // 3 :] for curve in of.values()])
    shown = {"iterations": grid.tolist(), "low": float(ends.min()), "high": float(ends.max())}
    shown |= {"of": {}, "stop": {}}
    for method in group.methods:
        lines, stops = [], []
        for choice in [trials, *([trial] for trial in trials)]:
            line, stop = [], []
            for level in levels:
                there = [(method, trial, level) for trial in choice if (method, trial, level) in of]
                mean = np.mean([of[key] for key in there], axis=0) if there else None
                line.append(None if mean is None else _short(pd.Series(mean)))
                stop.append(_stop(at, there, grid, mean))
            lines.append(line)
            stops.append(stop)
        shown["of"][method], shown["stop"][method] = lines, stops
    return shown


def _stop(at: pd.DataFrame, keys: list, grid: np.ndarray, mean: np.ndarray | None) -> list[float] | None:
    """Where early stop is marked: on the curve, at the mean iteration. None where networks diverged."""
    stops = at.early_stop[at.index.isin(keys)].dropna() if keys else pd.Series(dtype=float)
    if stops.empty or mean is None:
        return None
    iteration = float(stops.mean())
    return [round(iteration), round(float(np.interp(iteration, grid, mean)), 2)]


def _layers(looks: Looks) -> dict | None:
    """The share of its weights that each layer keeps, in percent [choice of trials][level][layer]; None
    without a look at any ticket."""
    names = next((list(look.layers) for levels in looks.values() for look in levels if look), None)
    if names is None:
        return None
    shares = lambda look: _short(100 * pd.Series(look.layers)) if look else None  # noqa: E731
    by_trial = [[shares(look) for look in levels] for levels in looks.values()]
    together = []
    for of_level in zip(*by_trial):
        there = [row for row in of_level if row]
        together.append(_short(pd.DataFrame(there).mean()) if there else None)
    return {"names": names, "shares": [together, *by_trial]}


def _short(values: pd.Series, digits: int = 0) -> list[float | None]:
    """Numbers as JSON has them: None for NaN, two decimals, or so many digits that count."""
    form = (lambda value: float(f"{value:.{digits}g}")) if digits else (lambda value: round(float(value), 2))
    return [None if pd.isna(value) else form(value) for value in values]
