"""Tables and sentences for people, computed from the tidy table."""

import math
from collections.abc import Sequence

import pandas as pd

from lthlib.analysis import evidence
from lthlib.analysis.comparison import compare, margin_of, reach
from lthlib.analysis.evidence import AS_GOOD, BETTER, INCONCLUSIVE, NONE, WORSE
from lthlib.analysis.summary import AS_THEY_ARE, LABELS, LOWER_IS_BETTER, nearest_level, one_setting, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.percent import percent

MOST_DECIMALS = 6


def sentence(table: pd.DataFrame, density: float, control: str = "reinit", margin: float | None = None) -> str:
    """One computed sentence on test accuracy, such as "ticket better than reinit at 21.1 %: +0.9 points (95 %
    bounds +0.2 to +1.6; 5 trials)". The verdict is that of `compare`, by `margin` or the task's own. Raises
    LotteryError as `compare` does."""
    found, level = compare(table, control, margin=margin), nearest_level(table, density)
    if level not in found.index:
        wrong = f"at level {level} training diverged in every pair of ticket and {control}"
        raise LotteryError(f"{wrong}: choose another density, or hunt with a lower learning_rate.")
    return against(found.loc[level], control, margin_of(table, margin=margin).value)


def against(row: pd.Series, control: str, margin: float) -> str:
    """A row of `compare` as the sentence that `sentence` gives, by the margin that its verdict was made with."""
    start = {
        BETTER: f"ticket better than {control}",
        AS_GOOD: f"ticket as good as {control}",
        WORSE: f"ticket worse than {control}",
        INCONCLUSIVE: f"inconclusive between ticket and {control}",
        NONE: f"no verdict on ticket and {control}",
    }[row.verdict]
    return f"{start} at {percent(row.density)}: {difference(row, margin)}"


def difference(row: pd.Series, margin: float, unit: str = "points") -> str:
    """A row of `compare` in words, with what its verdict rests on: "+0.9 points (95 % bounds +0.2 to +1.6; 5
    trials)".

    The margin is named where the verdict needs it, and the trials that would settle what is inconclusive.
    Numbers have as many decimals as it takes to see on which side of zero, and of the margin, they are.
    """
    margin_shown = row.verdict in (AS_GOOD, INCONCLUSIVE)
    sides = [(number, 0.0) for number in (row.points, row.low, row.high)] + [(row.low, -margin)] * margin_shown
    digits = decimals(sides)
    trials = f"{row.trials:.0f} trial{'' if row.trials == 1 else 's'}"
    mean = f"{_signed(row.points, digits)} {unit}"
    if row.verdict == NONE:
        few = f"; fewer than {evidence.FEWEST} have no bounds" if row.trials < evidence.FEWEST else ""
        return f"{mean} ({trials}{few})"
    bounds = f"95 % bounds {_signed(row.low, digits)} to {_signed(row.high, digits)}"
    of = f", margin {margin:.{digits}f}" if margin_shown else ""
    return f"{mean} ({bounds}{of}; {trials}{to_settle(row.verdict, row.needed)})"


def to_settle(verdict: str, needed: float) -> str:
    """What would settle an inconclusive verdict: "; about 12 trials would settle it". Else nothing."""
    if verdict != INCONCLUSIVE:
        return ""
    if math.isnan(needed):
        return f"; more than {evidence.MOST_TRIALS} trials would be needed to settle it"
    return f"; about {needed:.0f} trials would settle it"


def against_dense(row: pd.Series, of: str = "dense") -> str:
    """A row of `early_stop_ratio` in words: "62 % of dense's iterations (95 % bounds 50 to 77 %; 5 trials)",
    with the verdict "sooner", "as soon", "later" or "inconclusive" before it. Numbers have as many decimals as
    it takes to see on which side of 100 %, and of 150 %, they are."""
    word = {BETTER: "sooner", AS_GOOD: "as soon", WORSE: "later", INCONCLUSIVE: "inconclusive", NONE: "no verdict"}[row.verdict]
    if math.isnan(row.percent):
        return f"no verdict: one of the networks is there at iteration 0 ({row.trials:.0f} trials)"
    lines = (100.0, 100 * evidence.SLOWER)
    digits = decimals([(number, line) for number in (row.percent, row.low, row.high) for line in lines], fewest=0)
    bounds = "" if math.isnan(row.low) else f"95 % bounds {row.low:.{digits}f} to {row.high:.{digits}f} %; "
    trials = f"{row.trials:.0f} trial{'' if row.trials == 1 else 's'}"
    never = f", {row.never:.0f} of them never learned" if row.never else ""
    return f"{word}: {row.percent:.{digits}f} % of {of}'s iterations ({bounds}{trials}{never})"


def how_far(verdicts: pd.DataFrame, verdict: str = "matching", method: str = "ticket") -> str:
    """`reach` in a sentence, from a table of `matching`: "The ticket matches its dense network down to 7.3 % of
    the weights; at 5.9 % the verdict is worse". Where that is the first level, it is
    said to match at it, since one level is no range. `verdict` is "matching" or "winning", `method` names what the
    table is of: the ticket, or a control."""
    density, stop, there = reach(verdicts, verdict)
    does = "wins" if verdict == "winning" else "matches its dense network"
    ends = "there is no verdict" if there == NONE else f"the verdict is {there}"
    if density is None:
        where = "no level was pruned" if stop is None else f"at {percent(stop)}, the first level, {ends}"
        return f"It is not shown that the {method} {does}: {where}"
    if density == verdicts.density.max():  # one level is no range
        which = "the only level" if stop is None else f"the first level; at {percent(stop)} {ends}"
        return f"The {method} {does} at {percent(density)} of the weights, {which}"
    start = f"The {method} {does} down to {percent(density)} of the weights"
    return f"{start}, the sparsest level" if stop is None else f"{start}; at {percent(stop)} {ends}"


def decimals(sides: Sequence[tuple[float, float]], fewest: int = 1) -> int:
    """The fewest decimals, from `fewest`, with which each number is still seen on its own side of its line:
    pairs (number, line)."""
    for digits in range(fewest, MOST_DECIMALS):
        if all(_on_its_side(number, line, digits) for number, line in sides):
            return digits
    return MOST_DECIMALS


def _on_its_side(number: float, line: float, digits: int) -> bool:
    # As printing rounds; NumPy's numbers would be rounded another way.
    shown, drawn = round(float(number), digits), round(float(line), digits)
    if number > line:
        return shown > drawn
    return shown < drawn if number < line else True  # equal, or one of them unknown


def _signed(value: float, digits: int) -> str:
    return f"{value + 0.0:+.{digits}f}"  # + 0.0 makes a zero of minus zero


def describe(tables: pd.DataFrame | dict[str, pd.DataFrame], measure: str = "test_accuracy") -> str:
    """What a figure of `measure` against density shows, in computed sentences, for readers who cannot see it.

    `tables` is one table, or several by label; empty ones are named as such.
    """
    factor, digits = scale(measure), AS_THEY_ARE.get(measure, 1)
    number = lambda value: f"{factor * value:.{digits}f}"  # noqa: E731
    sentences = [f"{LABELS[measure].capitalize()} against weights remaining."]
    for label, table in tables.items() if isinstance(tables, dict) else [("", tables)]:
        networks = summarise(table)
        one_setting(networks)
        prefix = f"{label}: " if label else ""
        if networks.empty:
            sentences.append(f"{prefix}no results.")
            continue
        networks["method"] = networks.method.mask(networks.method == networks.schedule, "ticket")
        dense = networks[(networks.level == 0) & (networks.method == "ticket")][measure]
        spread = f"{number(dense.mean())} ({number(dense.min())} to {number(dense.max())})" if dense.count() else "diverged"
        sentences.append(f"{prefix}{networks.task.iloc[0]}, {networks.trial.nunique()} trials; dense {spread}.")
        for method, rows in networks[(networks.level > 0) & (networks.method != "dense")].groupby("method", sort=False):
            means = rows.dropna(subset=measure).groupby("level")[[measure, "density"]].mean()
            if means.empty:
                sentences.append(f"{method.capitalize()}: diverged.")
                continue
            word, top = ("lowest", "idxmin") if measure in LOWER_IS_BETTER else ("highest", "idxmax")
            best, last = means.loc[means[measure].agg(top)], means.loc[means.index.max()]
            sentences.append(
                f"{method.capitalize()}: {word} {number(best[measure])} at {100 * best.density:.3g} %, "
                f"{number(last[measure])} at the sparsest, {100 * last.density:.3g} %."
            )
    return " ".join(sentences)
