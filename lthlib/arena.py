"""The arena: bring your own pruning criterion, and see it under one protocol beside the built-in methods.

    @lthlib.score
    def mine(*, weights, start):
        return {name: (weights[name] * start[name]).abs() for name in weights}

    outcome = arena.compete(arena.Method("mine"))
    arena.leaderboard(outcome)
    arena.checks(outcome)

The protocol: the same tasks, initial weights, orders of the data and densities for all, several trials, and
the iterations that a method has spent beside its accuracy. What enters is checked unasked, in the way of
Frankle et al. (2021, arXiv 2009.08576, section 5) and Su et al. (2020, arXiv 2009.11094): is the ticket any
better than the same one with its mask shuffled inside each layer, with new weights, with a mask made from the
inverted scores?
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from lthlib import analysis
from lthlib.analysis import training_cost
from lthlib.core.errors import LotteryError
from lthlib.core.percent import rounded
from lthlib.core.validation import at_least, number, one_of
from lthlib.lottery.search import hunt
from lthlib.pruning import registry
from lthlib.settings import SCHEDULES
from lthlib.tasks import Task, find_task, resolve

CHECKS = ("shuffle", "reinit", "invert")
SCOPES = ("uniform", "global", "erk")  # those that give all methods the same density at a level
TASKS = ("lenet-mnist1d", "lenet-digits")
RATE, LEVELS, TRIALS = 0.5, 4, 5  # densities 50, 25, 12.5 and 6.25 % of what may be pruned
MOST_LEVELS = 1000
OF_THE_RUN = ("results", "device", "progress", "workers")  # options of `hunt` that are no part of a setting


@dataclass(frozen=True)
class Method:
    """A criterion and how it is used: what enters the arena. `score` is a name or a function (see
    `lthlib.pruning.registry`).

    Raises LotteryError for an unknown criterion, schedule or scope.
    """

    score: str | Callable
    schedule: str = "oneshot"
    scope: str = "uniform"

    def __post_init__(self):
        if (criterion := registry.find(self.score)) is None:
            one_of("score", self.score, registry.SCORES)
        object.__setattr__(self, "score", criterion.__name__)
        one_of("schedule", self.schedule, [name for name in SCHEDULES if name != "transferred"])
        one_of("scope of the arena", self.scope, SCOPES)

    @property
    def name(self) -> str:
        """How the leaderboard calls it, such as "magnitude, iterative"."""
        return f"{self.score}, {self.schedule}" + (f", {self.scope}" if self.scope == "erk" else "")


BASELINE = Method("random", "untrained")
BUILT_IN = (
    Method("magnitude", "iterative"),
    Method("magnitude", "oneshot"),
    BASELINE,
    Method("magnitude", "untrained"),
    Method("snip", "untrained", "global"),
    Method("grasp", "untrained", "global"),
    Method("synflow", "untrained", "global"),
)


def compete(
    *entries: Method,
    against: Sequence[Method] = BUILT_IN,
    tasks: Iterable[str | Task] = TASKS,
    profile: str = "quick",
    rate: float = RATE,
    levels: int = LEVELS,
    trials: int = TRIALS,
    budget: int | None = None,
    **options,
) -> pd.DataFrame:
    """Run the protocol, and return one row per trained network: the columns of `lthlib.summarise`, with
    `entry` (the method's name), `entered` (whether it is one of `entries`) and `spent` (iterations behind the
    network, `training_cost.iterations_spent`).

    The checks are run on `entries`, the others are trained as they are. `budget` is in iterations for one
    ticket: a method goes as far down as that pays for. `options` go to `lthlib.hunt`: results, device, seed,
    progress, or of the recipe. Raises LotteryError where a method is there twice, where no level has
    a ticket, where a budget pays for no ticket at all, and as `hunt` does.
    """
    at_least("levels", levels, 1)
    number("levels", levels, lambda levels: levels <= MOST_LEVELS, f"at most {MOST_LEVELS}")
    methods = {method.name: method for method in (*entries, *(m for m in against if m not in entries))}
    if len({method.name for method in entries}) < len(entries):
        names = ", ".join(method.name for method in entries)
        raise LotteryError(f"of {names} one is there twice: enter each method once.")
    tasks = [find_task(task) for task in ([tasks] if isinstance(tasks, (str, Task)) else tasks)]
    outcomes = []
    for task in tasks:
        for name, method in methods.items():
            chosen = {"score": method.score, "schedule": method.schedule, "scope": method.scope, "rate": rate}
            recipe = {key: value for key, value in options.items() if key not in OF_THE_RUN}
            setting, _ = resolve(task, profile, levels=levels, trials=trials, **chosen, **recipe)
            spent = {level: training_cost.iterations_spent(setting, level) for level in range(levels + 1)}
            within = [level for level in spent if budget is None or spent[level] <= budget]
            affordable = max(within, default=0)  # 0, the dense network alone, is no ticket
            if not affordable:
                if method in entries:
                    need = f"a ticket of {name!r} on {task.name} takes {spent[1]}"
                    advice = "allow more, or train for fewer iterations"
                    raise LotteryError(f"the budget is {budget} iterations, and {need}: {advice}.")
                continue
            controls = CHECKS if method in entries else ()
            table = hunt(task, profile, levels=affordable, trials=trials, controls=controls, **chosen, **options)
            networks = analysis.summarise(table)
            spent_on = networks.level.map(spent)
            outcomes.append(networks.assign(entry=name, entered=method in entries, spent=spent_on))
    return pd.concat(outcomes, ignore_index=True)


def leaderboard(outcome: pd.DataFrame, measure: str = "test_accuracy") -> pd.DataFrame:
    """The methods of each task and level, best mean first: one row each, index task, weights remaining (%)
    and rank.

    Columns: method, the mean of `measure` (in percent) with its 95 % interval low to high, `over random` (the
    mean difference to "random, untrained" of the same trial, in points) with over_low to over_high,
    `iterations` spent on a ticket, and trials. Ranks are by mean alone: where intervals overlap, the order
    may be chance.
    """
    factor, standings = analysis.scale(measure), []
    tickets = outcome[(outcome.level > 0) & (outcome.method == outcome.schedule)]
    for (task, _), networks in tickets.groupby(["task", "level"], sort=False):
        values = networks.set_index(["entry", "trial"])[measure].dropna() * factor  # without what diverged
        baseline = values.get(BASELINE.name)
        density = 100 * networks.density.mean()
        for entry, own in values.groupby("entry", sort=False):
            own = own.droplevel("entry")
            low, high = analysis.bounds(own)
            over = own - baseline if baseline is not None else own * float("nan")
            over_low, over_high = analysis.bounds(over.dropna())
            spent = networks.spent[networks.entry == entry].iloc[0]
            row = (task, float(rounded(density)), entry, own.mean(), low, high, over.mean(), over_low, over_high, spent, len(own))
            standings.append(row)
    columns = ["task", "weights remaining (%)", "method", "mean", "low", "high", "over random", "over_low", "over_high"]
    board = pd.DataFrame(standings, columns=[*columns, "iterations", "trials"])
    group = ["task", "weights remaining (%)"]
    better_first = measure in analysis.LOWER_IS_BETTER
    board = board.sort_values([*group, "mean"], ascending=[True, False, better_first], kind="stable")
    return board.assign(rank=board.groupby(group).cumcount() + 1).set_index([*group, "rank"])


def checks(outcome: pd.DataFrame, measure: str = "test_accuracy") -> pd.DataFrame:
    """The sanity checks of what was entered: one row per task, method and check.

    For every trial, ticket minus control is averaged over all levels; `points` is the mean over trials, with
    its 95 % interval low to high. A check is "passed" where that lies wholly above zero, and "flagged" where
    it does not: what the control destroys was then not shown to matter. With fewer than 3 trials there is no
    interval, and the verdict is "cannot tell".
    """
    factor, standings = analysis.scale(measure), []
    sign = -1 if measure in analysis.LOWER_IS_BETTER else 1
    entered = outcome[outcome.entered & (outcome.level > 0)]
    for (task, entry), networks in entered.groupby(["task", "entry"], sort=False):
        by_method = networks.groupby(["method", "trial"])[measure].mean() * factor * sign
        ticket = by_method[networks.schedule.iloc[0]]
        for check in CHECKS:
            difference = (ticket - by_method[check]).dropna()
            low, high = analysis.bounds(difference)
            verdict = "cannot tell" if len(difference) < analysis.FEWEST else "passed" if low > 0 else "flagged"
            standings.append((task, entry, check, difference.mean(), low, high, len(difference), verdict))
    columns = ["task", "method", "check", "points", "low", "high", "trials", "verdict"]
    return pd.DataFrame(standings, columns=columns).set_index(["task", "method", "check"])


def smallest_matching(outcome: pd.DataFrame, measure: str = "test_accuracy") -> pd.DataFrame:
    """How far down each method still matches the dense network of its trial: one row per task and method.

    Columns: density, the smallest (0 to 1) that `analysis.matching` calls winning or matching with every larger
    one, NaN where the largest already fails; `iterations` spent on a ticket there; and trials. `measure` is
    what has to match, such as test_loss for an autoencoder. One verdict for several levels: see lesson 8 on
    luck.
    """
    standings = []
    for (task, entry), networks in outcome.groupby(["task", "entry"], sort=False):
        own = networks[networks.method == networks.schedule]
        density = analysis.smallest(analysis.matching(own, measure=measure), "matching", unbroken=True)
        at = own.groupby("level").agg({"density": "mean", "spent": "first"})
        spent = float("nan") if density is None else at.spent[(at.density - density).abs().idxmin()]
        standings.append((task, entry, float("nan") if density is None else density, spent, own.trial.nunique()))
    return pd.DataFrame(standings, columns=["task", "method", "density", "iterations", "trials"]).set_index(["task", "method"])
