"""The arena: bring your own pruning criterion, and see it under one protocol beside the built-in methods.

    @lthlib.score
    def mine(*, weights, start):
        return {name: (weights[name] * start[name]).abs() for name in weights}

    outcome = arena.compete(arena.Method("mine"))
    arena.leaderboard(outcome)
    arena.best_of_scopes(outcome)
    arena.checks(outcome)

The protocol: the same tasks, initial weights, orders of the data and densities for all, several trials, and
the iterations that a method has spent beside its accuracy. **Every method runs under every scope**, random
pruning too: how a density is shared out among the layers is often worth more than the criterion, so methods
are ranked within one scope, or each under the scope that is best for it on validation data.

What enters is checked unasked, in the way of Frankle et al. (2021, arXiv 2009.08576, section 5) and Su et al.
(2020, arXiv 2009.11094): is the ticket any better than the same one with its mask shuffled inside each layer,
with new weights, with a mask made from the inverted scores?

Verdicts are those of `analysis.evidence`, corrected for how many are read together (`analysis.families`), so
that a verdict asks for more than the 95 % bounds beside it, each of which stands alone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from lthlib import analysis
from lthlib.analysis import evidence, families, training_cost
from lthlib.analysis.comparison import Margin
from lthlib.analysis.evidence import INCONCLUSIVE, NONE, Evidence
from lthlib.core.errors import LotteryError
from lthlib.core.percent import rounded
from lthlib.core.progress import bar
from lthlib.core.validation import at_least, number, one_of, plain
from lthlib.lottery.search import hunt
from lthlib.pruning import registry
from lthlib.settings import AT_ONCE, MOVES, SCHEDULES
from lthlib.tasks import Task, find_task, resolve

CHECKS = ("shuffle", "reinit", "invert")
PASSED, FLAGGED, BEST = "passed", "flagged", "best"
SCOPES = ("uniform", "global", "erk")  # those that give all methods the same density at a level
TASKS = ("lenet-mnist1d", "lenet-digits")
RATE, LEVELS, TRIALS = 0.5, 4, 5  # 6.25 % of what may be pruned, where methods differ most
MOST_LEVELS = 1000
OF_THE_RUN = ("results", "device", "workers", "sparse", "engine")  # options of `hunt` that are no part of a setting
WEIGHTS = "weights remaining (%)"
COLUMNS = ["mean", "low", "high", "to best", "verdict", "needed", "iterations", "trials"]  # of a ranking


@dataclass(frozen=True)
class Method:
    """A criterion and when it prunes: what enters the arena, under every scope. `score` is a name or a function
    (see `lthlib.pruning.registry`); with `moves` ("set", "rigl", "gmp") the mask of schedule "untrained" moves
    during training. Raises LotteryError for an unknown name, or for moves of another schedule."""

    score: str | Callable
    schedule: str = "oneshot"
    moves: str = ""

    def __post_init__(self):
        if (criterion := registry.find(self.score)) is None:
            one_of("score", self.score, registry.SCORES)
        object.__setattr__(self, "score", criterion.__name__)
        one_of("schedule", self.schedule, [name for name in SCHEDULES if name != "transferred"])
        if self.moves:
            one_of("moves", self.moves, MOVES)
            one_of("schedule of masks that move", self.schedule, ["untrained"])

    @property
    def name(self) -> str:
        """How the tables call it, such as "magnitude, iterative", or "random, rigl" for a mask that moves."""
        return f"{self.score}, {self.moves or self.schedule}"

    @property
    def options(self) -> dict:
        """What `hunt` takes of it."""
        return {"score": self.score, "schedule": self.schedule, "moves": self.moves or None}


BASELINE = Method("random", "untrained")
BUILT_IN = (
    Method("magnitude", "iterative"),
    Method("magnitude", "oneshot"),
    Method("magnitude", "untrained"),
    Method("snip", "untrained"),
    Method("grasp", "untrained"),
    Method("synflow", "untrained"),
    BASELINE,
    *(Method("random", "untrained", moves) for moves in MOVES),
)


def compete(
    *entries: Method,
    against: Sequence[Method] = BUILT_IN,
    tasks: str | Task | Iterable[str | Task] = TASKS,
    profile: str = "quick",
    scopes: str | Iterable[str] = SCOPES,
    rate: float = RATE,
    levels: int = LEVELS,
    only: int | Iterable[int] | None = None,
    trials: int = TRIALS,
    budget: int | None = None,
    progress: bool = True,
    **options,
) -> pd.DataFrame:
    """Run the protocol, and return one row per trained network: the columns of `lthlib.summarise`, with
    `entry` (the method's name), `entered` (whether it is one of `entries`), `scope`, validation_loss (the
    lowest), `spent` (iterations behind the network, `training_cost.iterations_spent`) and `shared` (those of
    the dense network among them, which all scopes have in common).

    Methods are compared at the levels in `only`, in the sparsest alone where it is None; no other level is
    trained that none builds on. The checks are run on `entries`, each under the scope that `chosen_scopes`
    gives it; the others are trained as they are. `budget` is in iterations for one ticket: a method takes part
    in the levels that it pays for. `options` go to `lthlib.hunt`: results, device, seed, or of the recipe.
    Raises LotteryError where a method is there twice, for an unknown scope or level, where a budget pays for
    no ticket at all, and as `hunt` does.
    """
    number("levels", at_least("levels", levels, 1), lambda count: count <= MOST_LEVELS, f"at most {MOST_LEVELS}")
    compared, methods, chosen = _compared(only, levels), _methods(entries, against), _scopes(scopes)
    found = [find_task(task) for task in ([tasks] if isinstance(tasks, (str, Task)) else tasks)]
    protocols = [_Protocol(task, profile, {"rate": rate, "trials": trials}, options) for task in found]
    rounds = [(protocol, protocol.within(budget, methods, entries, compared)) for protocol in protocols]  # checked first
    outcomes = [protocol.run(within, entries, chosen, progress) for protocol, within in rounds]
    return pd.concat(outcomes, ignore_index=True)


def chosen_scopes(outcome: pd.DataFrame, measure: str = "test_accuracy") -> pd.Series:
    """The scope of each method on each task: that with the highest validation accuracy, averaged over trials
    and compared levels (the lowest validation loss where `measure` is test_loss). Index task and entry.

    Never chosen on test data: the best of three scopes by test accuracy would be partly luck, which is then
    reported as accuracy. A network that diverged counts with accuracy 0, or an infinite loss.
    """
    tickets = _tickets(outcome)
    by_loss = measure == "test_loss"
    value = -tickets.validation_loss.fillna(math.inf) if by_loss else tickets.validation_accuracy.fillna(0.0)
    means = value.groupby([tickets.task, tickets.entry, tickets.scope], sort=False).mean()
    return means.groupby(["task", "entry"], sort=False).idxmax().map(lambda place: place[2]).rename("scope")


def leaderboard(outcome: pd.DataFrame, measure: str = "test_accuracy", margin: float | None = None) -> pd.DataFrame:
    """The methods under one scope, best mean first: one row each, index task, weights remaining (%), scope and
    rank.

    Columns: method; the mean of `measure`, as shown, with its 95 % bounds low and high; `to best`, the mean
    difference to the first of its ranking, trial by trial; the verdict on that, "best" or one of
    `evidence.VERDICTS` by the task's margin (or `margin`), corrected for a ranking (see `analysis.families`);
    `needed`, how many trials would settle what is inconclusive; `iterations` spent on a ticket; and trials.
    """
    return _rankings(outcome, _tickets(outcome), ["task", WEIGHTS, "scope"], measure, margin)


def best_of_scopes(outcome: pd.DataFrame, measure: str = "test_accuracy", margin: float | None = None) -> pd.DataFrame:
    """Each method under the scope that `chosen_scopes` gives it: index task, weights remaining (%) and rank,
    and the columns of `leaderboard` with `scope`. `iterations` are those of all scopes together, since the
    choice needs their tickets; the dense network, which they share, counts once."""
    tickets, chosen = _tickets(outcome), chosen_scopes(outcome, measure)
    count = tickets.groupby(["task", "entry"]).scope.transform("nunique")
    tickets = tickets.assign(spent=tickets.shared + count * (tickets.spent - tickets.shared))
    own = [chosen[place] for place in zip(tickets.task, tickets.entry)]
    return _rankings(outcome, tickets[tickets.scope == own], ["task", WEIGHTS], measure, margin)


def scope_gains(
    outcome: pd.DataFrame, reference: str | None = None, measure: str = "test_accuracy", margin: float | None = None
) -> pd.DataFrame:
    """What another scope is worth to each method: one row per task, weights remaining (%), method and scope but
    `reference` (None: the first), with columns points (mean difference to that scope, trial by trial, more is
    better), its 95 % bounds low and high, verdict (corrected for all rows of a task) and trials. Raises
    LotteryError for a scope that the outcome does not have."""
    gains, tickets = {}, _tickets(outcome)
    reference = tickets.scope.iloc[0] if reference is None else reference
    one_of("scope of this arena", reference, list(dict.fromkeys(tickets.scope)))
    for (task, density, entry), own in tickets.groupby(["task", WEIGHTS, "entry"], sort=False):
        values = _by_trial(own, "scope", measure)
        others = {scope: value for scope, value in values.items() if scope != reference}
        gains |= {(task, density, entry, scope): _gain(value, values[reference], measure) for scope, value in others.items()}
    return _differences(outcome, gains, ["method", "scope"], measure, margin)


def duel(
    outcome: pd.DataFrame, method: str, other: str, measure: str = "test_accuracy", margin: float | None = None
) -> pd.DataFrame:
    """Two methods, each under each scope: one row per task, weights remaining (%), scope of `method` and scope
    of `other`, with the columns of `scope_gains`: points is `method` less `other`.

    Rows of unequal scopes show what an unfair comparison would say. Raises LotteryError for a method that did
    not take part.
    """
    gains, tickets = {}, _tickets(outcome)
    for name in (method, other):
        one_of("method of this arena", name, list(dict.fromkeys(tickets.entry)))
    for (task, density), here in tickets.groupby(["task", WEIGHTS], sort=False):
        ours, theirs = (_by_trial(here[here.entry == name], "scope", measure) for name in (method, other))
        gains |= {(task, density, a, b): _gain(ours[a], theirs[b], measure) for a in ours for b in theirs}
    return _differences(outcome, gains, ["scope", "scope of the other"], measure, margin)


def against_dense(outcome: pd.DataFrame, measure: str = "test_accuracy", margin: float | None = None) -> pd.DataFrame:
    """Each method, under the scope that `chosen_scopes` gives it, against the dense network of its trial: index
    task, weights remaining (%) and method.

    Columns: scope; points, the mean difference (more is better, in the units of `measure`), with its 95 %
    bounds low and high, their spread pooled over methods; verdict, corrected for all rows of a task, and "none"
    where the dense network has not learned; `iterations` spent on a ticket; and trials.
    """
    chosen, tickets, gains, told = chosen_scopes(outcome, measure), _tickets(outcome), {}, {}
    shares = tickets.groupby(["task", "level"])[WEIGHTS].first()
    for (task, entry), own in outcome.groupby(["task", "entry"], sort=False):
        own = own[(own.scope == chosen[task, entry]) & (own.method == own.schedule)]
        judged = analysis.matching(own, measure=measure, margin=margin).accuracy != NONE
        both = analysis.pairs(own, "dense", measure).reset_index()
        for level, spent in own[own.level > 0].groupby("level").spent.first().items():
            place = (task, shares[task, level], entry)
            differences = both.difference[both.level == level] if judged.get(level) else []
            gains[place] = evidence.weigh(_sign(measure) * pd.Series(differences, dtype=float))
            told[place] = {"scope": chosen[task, entry], "iterations": spent}
    for at in dict.fromkeys(place[:2] for place in gains):  # all share the dense networks
        gains |= evidence.pooled({place: gain for place, gain in gains.items() if place[:2] == at})
    found = _differences(outcome, gains, ["method"], measure, margin)
    told = pd.DataFrame(list(told.values()), index=pd.MultiIndex.from_tuples(told, names=found.index.names))
    return found.join(told)[["scope", "points", "low", "high", "verdict", "iterations", "trials"]]


def checks(outcome: pd.DataFrame, measure: str = "test_accuracy", margin: float | None = None) -> pd.DataFrame:
    """The sanity checks of what was entered: one row per task, method and check.

    For every trial, ticket minus control is averaged over the compared levels; `points` is the mean over
    trials (more is better), with its 95 % bounds low and high. Columns scope (that of `chosen_scopes`), these,
    trials, and the verdict:

        passed        the ticket is better: what was destroyed mattered
        flagged       the control is as good by the task's margin, or better: it was shown not to matter
        inconclusive  the trials allow both
        none          fewer than 3 trials

    Both claims are corrected for the checks of a method (Holm).
    """
    rows, checked, limits = [], outcome[outcome.entered & (outcome.level > 0)], _margins(outcome, measure, margin)
    for (task, entry), networks in checked.groupby(["task", "entry"], sort=False):
        networks = networks[networks.scope.isin(networks.scope[networks.method.isin(CHECKS)])]
        each = _by_trial(networks, "method", measure)
        ticket, nothing = each.get(networks.schedule.iloc[0]), pd.Series(dtype=float)  # a control may have diverged
        gains = {check: _gain(ticket, each.get(check, nothing), measure) for check in CHECKS}
        passed = evidence.holm([gain.p_value(0) for gain in gains.values()])
        flagged = evidence.holm([families.turned(gain).p_value(-limits[task].value) for gain in gains.values()])
        for (check, gain), p_passed, p_flagged in zip(gains.items(), passed, flagged):
            undecided = NONE if math.isnan(p_passed) else INCONCLUSIVE
            verdict = PASSED if families.holds(p_passed) else FLAGGED if families.holds(p_flagged) else undecided
            rows.append((task, entry, check, networks.scope.iloc[0], gain.mean, *gain.bounds, gain.trials, verdict))
    columns = ["task", "method", "check", "scope", "points", "low", "high", "trials", "verdict"]
    return _saying(pd.DataFrame(rows, columns=columns).set_index(["task", "method", "check"]), limits)


@dataclass(frozen=True)
class _Protocol:
    """What is held equal on one task: `chosen` has rate and trials, `options` the rest of what `hunt` takes."""

    task: Task
    profile: str
    chosen: dict
    options: dict

    def within(self, budget: int | None, methods: list[Method], entries: Sequence[Method], compared: list[int]) -> dict:
        """The levels that a budget pays for, by method; without methods that have none. Raises LotteryError
        where an entry has none."""
        found = {}
        for method in methods:
            prices = {level: self.price(method, level)[0] for level in compared}
            found[method] = [level for level in compared if budget is None or prices[level] <= budget]
            if method in entries and not found[method]:
                need = f"a ticket of {method.name!r} on {self.task.name} takes {min(prices.values())}"
                raise LotteryError(f"the budget is {budget} iterations, and {need}: allow more, or train for fewer iterations.")
        return {method: levels for method, levels in found.items() if levels}

    def price(self, method: Method, level: int) -> tuple[int, int]:
        """Iterations behind a ticket under any scope, and those of the dense network among them."""
        recipe = {key: value for key, value in self.options.items() if key not in OF_THE_RUN}
        setting, _ = resolve(self.task, self.profile, **method.options, levels=max(level, 1), **self.chosen, **recipe)
        phases = training_cost.phases(setting, level)
        shared = [phase for phase in phases if phase.level == 0 and phase.purpose == "search"]
        return training_cost.steps(phases), training_cost.steps(shared)

    def run(self, within: dict[Method, list[int]], entries: Sequence[Method], scopes: list[str], progress: bool) -> pd.DataFrame:
        """All networks of these methods at these levels, and the controls of those that are entered."""
        checked = [method for method in entries if not method.moves]  # no check can hold a mask that moves
        per_level = {method: len(scopes) + (len(CHECKS) if method in checked else 0) for method in within}
        total = self.chosen["trials"] * sum(len(levels) * per_level[method] for method, levels in within.items())
        shown, networks = bar(total, progress), []

        def add(method: Method, scope: str, controls: tuple[str, ...] = ()) -> None:
            found = self.networks(method, scope, within[method], controls)
            networks.append(found.assign(entered=method in entries))
            shown.update(self.chosen["trials"] * len(within[method]) * max(len(controls), 1))

        for method in within:
            for scope in scopes:
                add(method, scope)
        best = chosen_scopes(pd.concat(networks))
        for method in checked:
            add(method, best[self.task.name, method.name], CHECKS)
        shown.close()
        shown.say(f"{self.task.name}: {len(within)} methods under {len(scopes)} scopes, {total} tickets and controls compared.")
        return pd.concat(networks, ignore_index=True)

    def networks(self, method: Method, scope: str, levels: list[int], controls: tuple[str, ...] = ()) -> pd.DataFrame:
        """The tickets of a method under a scope, dense and at these levels; or, where controls are named, these
        alone."""
        how = {**method.options, "scope": scope, "controls": controls}
        if method.schedule in AT_ONCE:
            how["only"] = levels
        table = hunt(self.task, self.profile, levels=max(levels), progress=False, **how, **self.chosen, **self.options)
        wanted = table.method.isin(controls or [method.schedule]) & table.level.isin([0, *levels])
        networks, keys = analysis.summarise(table[wanted]), ["method", "trial", "redraw", "level"]
        losses = table[table.split == "validation"].groupby(keys).loss.min().rename("validation_loss")
        prices = {level: self.price(method, level) for level in [0, *levels]}
        spent, shared = (networks.level.map({level: price[part] for level, price in prices.items()}) for part in (0, 1))
        return networks.join(losses, on=keys).assign(entry=method.name, scope=scope, spent=spent, shared=shared)


def _compared(only: int | Iterable[int] | None, levels: int) -> list[int]:
    only = plain(levels if only is None else only)
    chosen = sorted({at_least("a level to compare", level, 1) for level in ([only] if isinstance(only, int) else only)})
    if not chosen or chosen[-1] > levels:
        raise LotteryError(f"only is {only!r}: name levels to compare, from 1 to {levels}.")
    return chosen


def _methods(entries: Sequence[Method], against: Sequence[Method]) -> list[Method]:
    if len(set(entries)) < len(entries):
        names = ", ".join(method.name for method in entries)
        raise LotteryError(f"of {names} one is there twice: enter each method once.")
    return list(dict.fromkeys([*entries, *against]))


def _scopes(scopes: str | Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(scopes.split(",") if isinstance(scopes, str) else scopes))
    for scope in chosen:
        one_of("scope of the arena", scope, SCOPES)
    if not chosen:
        raise LotteryError(f"scopes is {scopes!r}: name at least one of {', '.join(SCOPES)}.")
    return chosen


def _tickets(outcome: pd.DataFrame) -> pd.DataFrame:
    """The tickets below the dense network, with their level's density in percent, rounded, as WEIGHTS."""
    tickets = outcome[(outcome.level > 0) & (outcome.method == outcome.schedule)]
    density = 100 * tickets.groupby(["task", "level"]).density.transform("mean")
    return tickets.assign(**{WEIGHTS: density.map(lambda share: float(rounded(share, 2)))})


def _rankings(outcome: pd.DataFrame, tickets: pd.DataFrame, group: list[str], measure: str, margin: float | None) -> pd.DataFrame:
    """A ranking of each group of the tickets, as `leaderboard` has it."""
    found, lower_is_better, limits = [], _sign(measure) < 0, _margins(outcome, measure, margin)
    for place, networks in tickets.groupby(group, sort=False):
        values = _by_trial(networks, "entry", measure)
        means = pd.Series({entry: own.mean() for entry, own in values.items()}, dtype=float)
        first, *others = means.sort_values(ascending=lower_is_better, kind="stable").index
        gains = evidence.pooled({entry: _gain(values[entry], values[first], measure) for entry in others})
        limit = limits[place[0]].value
        verdicts = {first: BEST, **families.verdicts(gains, limit, could_be_best=len(values))}
        for rank, entry in enumerate([first, *others], 1):
            own, needed = networks[networks.entry == entry].iloc[0], float("nan")
            if verdicts[entry] == INCONCLUSIVE:
                needed = families.trials_needed(gains[entry], limit, looks=len(values) * len(others))
            to_best = _sign(measure) * gains[entry].mean if entry in gains else 0.0
            row = (means[entry], *analysis.bounds(values[entry]), to_best, verdicts[entry], needed, own.spent, len(values[entry]))
            found.append(dict(zip(group, place)) | {"rank": rank, "method": entry, "scope": own.scope} | dict(zip(COLUMNS, row)))
    return _saying(pd.DataFrame(found).set_index([*group, "rank"]), limits)


def _differences(outcome: pd.DataFrame, gains: dict, names: list[str], measure: str, margin: float | None) -> pd.DataFrame:
    """A row for each gain, whose key is (task, density, *names), with verdicts corrected for the rows of a
    task."""
    verdicts, limits = {}, _margins(outcome, measure, margin)
    for task, limit in limits.items():
        own = {place: gain for place, gain in gains.items() if place[0] == task}
        verdicts |= families.verdicts(own, limit.value)
    rows = [(*place, gain.mean, *gain.bounds, verdicts[place], gain.trials) for place, gain in gains.items()]
    index = ["task", WEIGHTS, *names]
    found = pd.DataFrame(rows, columns=[*index, "points", "low", "high", "verdict", "trials"]).set_index(index)
    return _saying(found, limits)


def _by_trial(networks: pd.DataFrame, by: str, measure: str) -> dict[str, pd.Series]:
    """What was measured, as shown, by trial (a mean over its levels and redraws), without what diverged: for
    each name in the column `by`."""
    factor = analysis.scale(measure)
    return {name: factor * own.groupby("trial")[measure].mean().dropna() for name, own in networks.groupby(by, sort=False)}


def _gain(values: pd.Series, other: pd.Series, measure: str) -> Evidence:
    """The evidence of how much better the first is, trial by trial."""
    return evidence.weigh((_sign(measure) * (values - other)).dropna().round(9))


def _sign(measure: str) -> int:
    return -1 if measure in analysis.LOWER_IS_BETTER else 1


def _margins(outcome: pd.DataFrame, measure: str, margin: float | None) -> dict[str, Margin]:
    """The margin of each task; without a declared one, of its dense networks, each counted once."""
    found = {}
    for task, networks in outcome.groupby("task", sort=False):
        first = networks[(networks.entry == networks.entry.iloc[0]) & (networks.scope == networks.scope.iloc[0])]
        found[task] = analysis.margin_of(first, measure, margin)
    return found


def _saying(table: pd.DataFrame, margins: dict[str, Margin]) -> pd.DataFrame:
    """The table, which says in `attrs["margin"]` by which margins its verdicts are."""
    table.attrs["margin"] = "; ".join(f"{task}: {margin}" for task, margin in margins.items())
    return table
