"""What every lesson does with its results: means in words, and the last cell, which keeps them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from lthlib import analysis, models
from lthlib.analysis.evidence import AS_GOOD, BETTER, NONE, WORSE, Evidence, check_margin
from lthlib.analysis.sentences import decimals, with_unit
from lthlib.core import files, paths
from lthlib.core.language import mark, say
from lthlib.core.percent import percent
from lthlib.papers.beside import to_show as to_show  # for lessons, from here
from lthlib.settings import Extent, Setting
from lthlib.tasks import Task

BOUNDS = mark("95 % bounds ")
TOO_FEW = mark("too few trials for bounds")
COUNT = mark("{trials} trials")
UNKNOWN = [mark("none"), mark("unknown")]  # what lessons say of bounds that are unknown


def folders(results: str | Path, output: str | Path, lesson: int) -> tuple[str | Path, Path]:
    """Where a lesson keeps its networks, and where its figures and result.json go. Nothing is created. Empty
    `results` takes the usual folder (`paths.results_folder`), empty `output` takes lesson-NN inside it."""
    results = results or paths.results_folder()
    return results, paths.expanded(output or paths.expanded(results) / f"lesson-{lesson:02d}")


def conclude(output: Path, run: dict, lines: Sequence[str], **findings) -> None:
    """End a lesson: display `lines` numbered from 1, and write them to result.json in the folder `output`.
    The file has what `run` says (lesson, task, profile, trials, seed ...), then the lines as "summary", then
    `findings` by name, all in the order given. It appears whole or not at all and replaces an older one; the
    folder is made if need be. Raises TypeError for what JSON cannot hold, OSError if it cannot be written."""
    display(Markdown("\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))))
    content = json.dumps({**run, "summary": list(lines), **findings}, indent=1)
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(output / "result.json", content.encode())


def span(values: Sequence[float] | Evidence, digits: int = 1, sign: str = "+", label: str = "", unknown: str = "none") -> str:
    """The 95 % bounds of the mean of one value a trial, in the values' unit: `label`, then "+0.2 to +1.4".

    `sign` is "+", or "" for no plus; fewer than `analysis.FEWEST` values give `unknown`. Here and below,
    `values` may also be an `analysis.Evidence`, of a range of levels or with a pooled spread.
    """
    low, high = _evidence(values).bounds
    ends = {"low": f"{low:{sign}.{digits}f}", "high": f"{high:{sign}.{digits}f}"}
    return say(unknown) if np.isnan(low) else say(label) + say("{low} to {high}", **ends)


def in_brief(values: Sequence[float] | Evidence, sign: str = "+", unknown: str = "", margin: float | None = None) -> str:
    """The mean of one value a trial, and its 95 % bounds: "+0.8 (+0.2 to +1.4)". `sign` and `unknown` are
    those of `span`. With no bounds and an empty `unknown`, the mean stands alone.

    With a `margin`, in the values' unit (NaN: an unknown one), the verdict on them follows, more being
    better: "+0.8 (+0.2 to +1.4): better". Numbers with a sign have as many decimals as it takes to see on
    which side of zero they are.
    """
    known = _evidence(values)
    digits = decimals([(round(number, 9), 0.0) for number in (known.mean, *known.bounds)]) if sign else 1
    bounds = span(known, digits, sign, unknown=unknown)
    verdict = "" if margin is None else f": {in_words(known.verdict(_checked(margin)))}"
    return f"{round(known.mean, 9) + 0.0:{sign}.{digits}f}" + (f" ({bounds})" if bounds else "") + verdict


def in_full(values: Sequence[float], unit: str = "points", digits: int = 2, unknown: str = TOO_FEW, count: str = COUNT) -> str:
    """The same with unit and trials: "+0.8 points (95 % bounds +0.2 to +1.4; 5 trials)". `unit` is "" for
    none, `digits` are decimals, `unknown` is that of `span`. In `count`, {trials} stands for the number of
    values and {above} for that of values above zero; any other name in braces raises KeyError."""
    mean = with_unit(f"{np.mean(values):+.{digits}f}", unit)
    counted = say(count, above=_above(values), trials=len(values))
    bounds = span(values, digits, label=BOUNDS, unknown=unknown)
    return say("{word} ({bounds}; {trials})", word=mean, bounds=bounds, trials=counted)


def judged(values: Sequence[float] | Evidence, margin: float, unit: str = "points") -> str:
    """One question in words, from one gain a trial, more being better: "as good: -0.2 points (95 % bounds
    -0.5 to +0.1, margin 0.8; 5 trials)". The verdict is that of `analysis.Evidence`, by `margin` in the
    values' unit; NaN, an unknown one, gives none. Raises LotteryError for another that is not above zero."""
    known = _evidence(values)
    verdict, needed = known.verdict(_checked(margin)), known.trials_needed(margin)
    points, low, high = (round(number, 9) for number in (known.mean, *known.bounds))
    row = {"points": points, "low": low, "high": high, "verdict": verdict, "trials": known.trials}
    found = analysis.difference(pd.Series({**row, "needed": needed or np.nan}), margin, unit)
    return say("{verdict}: {difference}", verdict=in_words(verdict), difference=found)


def in_words(verdict: str) -> str:
    """A verdict as it is said: "no verdict" for "none", the others as they are."""
    return say("no verdict" if verdict == NONE else verdict)


def than_control(verdict: str) -> str:
    """A verdict on a ticket against a control that differs in one thing, as it is said: only "better" shows
    that this thing matters, so "as good" and "inconclusive" are both "not shown to be better"."""
    return in_words(verdict) if verdict in (BETTER, WORSE, NONE) else say("not shown to be better")


def above_zero(values: Sequence[float]) -> str:
    """In how many trials a value, one a trial, is above zero: "4 of 5"."""
    return say("{count} of {all}", count=_above(values), all=len(values))


def direction(values: Sequence[float] | Evidence, above: str, below: str, neither: str) -> str:
    """`above` or `below` if both 95 % bounds of the mean are on that side of zero, else `neither`."""
    low, high = _evidence(values).bounds
    if low > 0:
        return above
    return below if high < 0 else neither


def which(difference: pd.Series, choices: Sequence[str]) -> str | None:
    """Which of two is ahead, from a row of `analysis.compare`: the first choice where the difference is
    surely above zero, the second where it is surely below, the third where neither is sure and the verdict
    is "as good". None where the trials cannot tell."""
    above, below, neither = choices
    if difference.verdict == NONE:
        return None
    if difference.low > 0:
        return above
    if difference.high < 0:
        return below
    return neither if difference.verdict == AS_GOOD else None


def which_of(values: Sequence[float] | Evidence, margin: float, choices: Sequence[str]) -> str | None:
    """The same of one value a trial, by a margin in the values' unit; NaN, an unknown one, gives None."""
    known = _evidence(values)
    low, high = known.bounds
    return which(pd.Series({"low": low, "high": high, "verdict": known.verdict(_checked(margin))}), choices)


def what_runs(task: Task, setting: Setting, extent: Extent, scope: str = "", rounds: str = "") -> str:
    """What a lesson trains, for the place where its first number stands: "Task lenet-mnist1d: a LeNet with
    43,000 prunable weights. Each training takes 1,500 iterations (adam ...". Numbers of one task differ
    between lessons where these do. `scope` and `rounds` take the place of the setting's own in words, where
    a lesson has several."""
    network, recipe = task.build(), setting.recipe
    sizes = {name: weight.numel() for name, weight in models.prunable(network).items()}
    rates = models.layer_rates(network, setting.rate) if setting.scope == "layer" else dict.fromkeys(sizes, setting.rate)
    kept = sum(size * (1 - rates.get(name, 0)) ** extent.levels for name, size in sizes.items()) / sum(sizes.values())
    slower = {name.removesuffix(".weight"): rate for name, rate in rates.items() if rate < setting.rate}
    apart = f" (of {', '.join(f'{name} {100 * rate:g} %' for name, rate in slower.items())})" if slower else ""
    number = f"{extent.levels} round{'s' * (extent.levels != 1)}"
    each = rounds or f"{number} of pruning remove {100 * setting.rate:g} % of the surviving weights each{apart}"
    each += "" if rounds else f", which leaves {percent(kept)}"
    margins = {"points": task.margin, "of the loss": task.loss_margin}
    margin = " and ".join(f"{value:g} {unit}" for unit, value in margins.items() if value)
    return (
        f"Task `{task.name}`: a {type(network).__name__} with {sum(sizes.values()):,} prunable weights. Each training takes "
        f"{recipe.iterations:,} iterations ({recipe.optimizer}, learning rate {recipe.learning_rate:g}). {each}. "
        f"Scope: {scope or setting.scope}. {extent.trials} trials; margin {margin or 'two deviations of the dense networks'}."
    )


def corrected(looks: str) -> str:
    """For the note under a table whose verdicts are corrected for several `looks`, such as "the 5 methods
    of a column", while the bounds in it are not: without it the two seem to contradict each other."""
    return (
        f"Verdicts are corrected for {looks} (Holm, lesson 8); 95 % bounds are each number's own. So a verdict may be more "
        "cautious than the bounds beside it: *as good* though they lie above zero, or *inconclusive* though they lie above "
        "minus the margin, or below zero."
    )


def _evidence(values: Sequence[float] | Evidence) -> Evidence:
    return values if isinstance(values, Evidence) else analysis.weigh(values)


def _checked(margin: float) -> float:
    """A margin, if it is NaN, as `analysis.margin_of` has it for too few networks, or a number above zero."""
    return margin if isinstance(margin, float) and np.isnan(margin) else check_margin(margin)


def _above(values: Sequence[float]) -> int:
    return int((np.asarray(values) > 0).sum())
