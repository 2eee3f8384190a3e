"""Tables and sentences for people, computed from the tidy table."""

import math
from collections.abc import Sequence

import pandas as pd

from lthlib.analysis import evidence
from lthlib.analysis.comparison import compare, margin_of, reach
from lthlib.analysis.evidence import AS_GOOD, BETTER, INCONCLUSIVE, NONE, WORSE
from lthlib.analysis.summary import AS_THEY_ARE, LABELS, LOWER_IS_BETTER, nearest_level, one_setting, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.language import mark, say
from lthlib.core.percent import percent

MOST_DECIMALS = 6
AGAINST = {  # by verdict: how a sentence on a ticket and a control begins
    BETTER: mark("ticket better than {control} at {share}: {difference}"),
    AS_GOOD: mark("ticket as good as {control} at {share}: {difference}"),
    WORSE: mark("ticket worse than {control} at {share}: {difference}"),
    INCONCLUSIVE: mark("inconclusive between ticket and {control} at {share}: {difference}"),
    NONE: mark("no verdict on ticket and {control} at {share}: {difference}"),
}
SPEED = {  # by verdict, of early stops
    BETTER: mark("sooner"),
    AS_GOOD: mark("as soon"),
    WORSE: mark("later"),
    INCONCLUSIVE: mark("inconclusive"),
    NONE: mark("no verdict"),
}
HOLDS = {  # how far a method wins, or matches
    "winning": mark("The {method} wins down to {share} of the weights"),
    "matching": mark("The {method} matches its dense network down to {share} of the weights"),
}
HOLDS_AT = {  # one level is no range
    "winning": mark("The {method} wins at {share} of the weights"),
    "matching": mark("The {method} matches its dense network at {share} of the weights"),
}
NOT_SHOWN = {
    "winning": mark("It is not shown that the {method} wins: {where}"),
    "matching": mark("It is not shown that the {method} matches its dense network: {where}"),
}
LOWEST = mark("{method}: lowest {best} at {share} %, {last} at the sparsest, {least} %.")
HIGHEST = mark("{method}: highest {best} at {share} %, {last} at the sparsest, {least} %.")
# Names, units and verdicts, as they are said inside a sentence.
SHOWN = [mark("ticket"), mark("dense"), mark("one-shot"), mark("points"), mark("better"), mark("as good"), mark("worse")]
SHOWN += [mark("Test accuracy at early stop (%)"), mark("Early stop (iteration)")]  # of `describe`
SHOWN += [mark("none"), mark("winning"), mark("matching"), mark("iterative ticket"), mark("one-shot ticket")]


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
    values = {"share": percent(row.density), "difference": difference(row, margin)}
    return say(AGAINST[row.verdict], control=say(control), **values)


def difference(row: pd.Series, margin: float, unit: str = "points") -> str:
    """A row of `compare` in words, with what its verdict rests on: "+0.9 points (95 % bounds +0.2 to +1.6; 5
    trials)".

    The margin is named where the verdict needs it, and the trials that would settle what is inconclusive.
    Numbers have as many decimals as it takes to see on which side of zero, and of the margin, they are.
    """
    margin_shown = row.verdict in (AS_GOOD, INCONCLUSIVE)
    sides = [(number, 0.0) for number in (row.points, row.low, row.high)] + [(row.low, -margin)] * margin_shown
    digits = decimals(sides)
    trials, mean = counted(row.trials), with_unit(_signed(row.points, digits), unit)
    if row.verdict == NONE:
        few = say("; fewer than {fewest} have no bounds", fewest=evidence.FEWEST) if row.trials < evidence.FEWEST else ""
        return say("{word} ({why})", word=mean, why=trials + few)
    bounds = say("95 % bounds {low} to {high}", low=_signed(row.low, digits), high=_signed(row.high, digits))
    of = say(", margin {margin}", margin=f"{margin:.{digits}f}") if margin_shown else ""
    settled = trials + to_settle(row.verdict, row.needed)
    return say("{word} ({bounds}; {trials})", word=mean, bounds=bounds + of, trials=settled)


def with_unit(number: str, unit: str) -> str:
    """A number with its unit: "+0.9 points"; "" is none."""
    return say("{number} {unit}", number=number, unit=say(unit)) if unit else number


def counted(trials: float) -> str:
    """So many trials: "1 trial", "5 trials"."""
    return say("{trials} trial" if trials == 1 else "{trials} trials", trials=f"{trials:.0f}")


def to_settle(verdict: str, needed: float) -> str:
    """What would settle an inconclusive verdict: "; about 12 trials would settle it". Else nothing."""
    if verdict != INCONCLUSIVE:
        return ""
    if math.isnan(needed):
        return say("; more than {most} trials would be needed to settle it", most=evidence.MOST_TRIALS)
    return say("; about {needed:.0f} trials would settle it", needed=needed)


def against_dense(row: pd.Series, of: str = "dense", never: str = mark("never learned")) -> str:
    """A row of `early_stop_ratio` in words: "62 % of dense's iterations (95 % bounds 50 to 77 %; 5
    trials)", with the verdict "sooner", "as soon", "later" or "inconclusive" before it. Numbers have as
    many decimals as it takes to see on which side of 100 %, and of 150 %, they are. `never` is said of
    networks that count with their whole run."""
    if math.isnan(row.percent):
        return say("no verdict: one of the networks is there at iteration 0 ({trials:.0f} trials)", trials=row.trials)
    lines = (100.0, 100 * evidence.SLOWER)
    digits = decimals([(number, line) for number in (row.percent, row.low, row.high) for line in lines], fewest=0)
    share, low, high = (f"{number:.{digits}f}" for number in (row.percent, row.low, row.high))
    bounds = "" if math.isnan(row.low) else say("95 % bounds {low} to {high} %; ", low=low, high=high)
    lost = ""
    if row.never:
        count = say("1 network") if row.never == 1 else say("{count:.0f} networks", count=row.never)
        lost = say("; {count} {never}", count=count, never=say(never))
    start = say("{word}: {share} % of {of}'s iterations", word=say(SPEED[row.verdict]), share=share, of=say(of))
    return say("{word} ({why})", word=start, why=f"{bounds}{counted(row.trials)}{lost}")


def how_far(verdicts: pd.DataFrame, verdict: str = "matching", method: str = "ticket") -> str:
    """`reach` in a sentence, from a table of `matching`: "The ticket matches its dense network down to 7.3
    % of the weights; at 5.9 % the verdict is worse". Where that is the first level, it is said to match at
    it, since one level is no range. `verdict` is "matching" or "winning", `method` names what the table is
    of: the ticket, or a control."""
    density, stop, there = reach(verdicts, verdict)
    ends = say("there is no verdict") if there == NONE else say("the verdict is {verdict}", verdict=say(str(there)))
    if density is None:
        first = say("at {share}, the first level, {ends}", share=percent(stop), ends=ends) if stop is not None else ""
        return say(NOT_SHOWN[verdict], method=say(method), where=first or say("no level was pruned"))
    if density == verdicts.density.max():  # one level is no range
        start = say(HOLDS_AT[verdict], method=say(method), share=percent(density))
        if stop is None:
            return start + say(", the only level")
        return start + say(", the first level; at {share} {ends}", share=percent(stop), ends=ends)
    start = say(HOLDS[verdict], method=say(method), share=percent(density))
    if stop is None:
        return start + say(", the sparsest level")
    return start + say("; at {share} {ends}", share=percent(stop), ends=ends)


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
    sentences = [say("{measure} against weights remaining.", measure=say(LABELS[measure].capitalize()))]
    for label, table in tables.items() if isinstance(tables, dict) else [("", tables)]:
        networks = summarise(table)
        one_setting(networks)
        prefix = say("{label}: ", label=label) if label else ""
        if networks.empty:
            sentences.append(prefix + say("no results."))
            continue
        networks["method"] = networks.method.mask(networks.method == networks.schedule, "ticket")
        dense = networks[(networks.level == 0) & (networks.method == "ticket")][measure]
        low, mean, high = map(number, (dense.min(), dense.mean(), dense.max()))
        spread = say("{mean} ({low} to {high})", mean=mean, low=low, high=high) if dense.count() else say("diverged")
        of = {"task": networks.task.iloc[0], "trials": networks.trial.nunique(), "spread": spread}
        sentences.append(prefix + say("{task}, {trials} trials; dense {spread}.", **of))
        for method, rows in networks[(networks.level > 0) & (networks.method != "dense")].groupby("method", sort=False):
            means = rows.dropna(subset=measure).groupby("level")[[measure, "density"]].mean()
            if means.empty:
                sentences.append(say("{method}: diverged.", method=say(method).capitalize()))
                continue
            is_low = measure in LOWER_IS_BETTER
            best, last = means.loc[means[measure].agg("idxmin" if is_low else "idxmax")], means.loc[means.index.max()]
            where = {"share": f"{100 * best.density:.3g}", "least": f"{100 * last.density:.3g}"}
            values = {"best": number(best[measure]), "last": number(last[measure]), **where}
            sentences.append(say(LOWEST if is_low else HIGHEST, method=say(method).capitalize(), **values))
    return " ".join(sentences)
