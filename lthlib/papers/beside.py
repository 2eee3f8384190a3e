"""Claims of the papers beside what was measured here: one row a claim, with bounds and a verdict."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lthlib.analysis.evidence import FEWEST, weigh
from lthlib.core.errors import LotteryError
from lthlib.core.language import ENGLISH, chosen, mark, say, spoken
from lthlib.core.validation import one_of
from lthlib.papers.claims import NO_VERDICT, RATIOS, SPEED, Claim, at_density, find, of_the_paper, word
from lthlib.papers.measuring import Measured, margin, measure
from lthlib.tasks import TASKS

COLUMNS = ["claim", "the paper", "here", "on", "95 % bounds", "trials", "verdict"]
SAID = [mark("claim"), mark("the paper"), mark("here"), mark("on"), mark("95 % bounds"), mark("trials"), mark("verdict")]
SAID += [mark("reproduced"), mark("same direction"), mark("contradicted"), mark("no verdict"), mark("% of iterations")]
DECIMALS = {"points": 2, "times": 2, "%": 1}  # of measured values, by unit; else none
MOST_DECIMALS = 6


def beside_paper(measurements: Mapping[str, Any], on: str = "") -> pd.DataFrame:
    """Claims beside what was measured here: one row per claim, with its id as index.

    `measurements` maps the id of a claim to a table of a hunt, measured as the claim says (see `effect`); to
    what `effect` returns; or to values of your own in the claim's unit, one a trial, from the task `on`.
    Columns: claim; the paper (its number, density and task); here (the mean over trials, and at which
    density); on (the task and its iterations); 95 % bounds of the mean, each bound by itself, with the margin
    where the claim has one; trials; and verdict:

    reproduced      the bounds are wholly on the claim's side of its boundary (for a level: wholly within it),
                    on the claim's own task or one of "several", and where the paper prints a number, the mean
                    is between half and twice as far from the boundary as that number ("over" a number: at
                    least half)
    as good         the claim says that something is no worse, on its own task or one of several: the lower
                    bound is above minus the margin, which the task declares
    same direction  the bounds are on the claim's side, but the size differs, or the task is another one
    inconclusive    the bounds allow both; how many trials would settle it is said in brackets
    contradicted    the bounds are on the other side
    no verdict      fewer than 3 trials; or nothing that could fail: a claim without a side, or a number (such
                    as the dense network's accuracy) that is one of another task; or the dense network has not
                    learned, or most networks still improve when training ends

    A claim of several networks that states a direction alone is reproduced on any task where it holds. The
    bounds are those of `analysis.evidence`: of one level with the spread of its whole curve, of a range with
    its levels averaged in each trial, of early stops and times from the logarithm of the ratio of means.
    Raises LotteryError for an unknown claim or task, for values that are no finite numbers, and as `effect`.
    """
    if on:
        one_of("task", on, TASKS)
    measured = {find(id): measured_of(find(id), given, on) for id, given in measurements.items()}
    with spoken(ENGLISH):
        table = _table([row(claim, of) for claim, of in measured.items()], list(measurements))
    if chosen() != ENGLISH:
        table.attrs["shown"] = [_shown(row(claim, of)) for claim, of in measured.items()]
    return table


def to_show(table: pd.DataFrame) -> pd.DataFrame:
    """What `beside_paper` returned, for readers: in the language that was on, its headings too."""
    if "shown" not in table.attrs:
        return table
    return _table(table.attrs["shown"], list(table.index)).rename(columns=say)


def _table(rows: list[dict], ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=pd.Index(ids, name="id", dtype=object), columns=COLUMNS)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose claim and verdict, which are values, are said in the language that is on."""
    start = word(row["verdict"])
    why = row["verdict"].removeprefix(start).removeprefix(" (").removesuffix(")")
    verdict = say("{word} ({why})", word=say(start), why=say(why)) if why else say(start)
    return {**row, "claim": say(row["claim"]), "verdict": verdict}


def measured_of(claim: Claim, given: Any, on: str = "") -> Measured:
    """What `beside_paper` takes of a claim, with its evidence: a table, the result of `effect`, or values."""
    if isinstance(given, pd.DataFrame) and "method" in given:
        return measure(given, claim)
    if not isinstance(given, pd.DataFrame):
        given = pd.DataFrame({"value": np.atleast_1d(_numbers(claim, given))})
    if "value" not in given:
        columns = ", ".join(map(str, given.columns))
        raise LotteryError(
            f"a data frame for the claim {claim.id!r} has columns {columns}: give a hunt's table, or one of effect."
        )
    kept = given.attrs.get("measured")
    if isinstance(kept, Measured) and kept.values.equals(given):
        return kept
    values = given.dropna(subset="value")
    known = weigh([claim.weighed(value) for value in values.value])
    return Measured(known, values, on, margin=margin(claim, on))


def row(claim: Claim, measured: Measured) -> dict[str, Any]:
    """One row of `beside_paper`."""
    known, digits = measured.known, decimals(claim, measured)
    nothing = say("nothing to compare: a network is there at iteration 0")
    here = nothing if len(measured.values) else say("no such level")
    if not math.isnan(known.mean):
        here = claim.with_unit(claim.shown(known.mean), digits) + _where(measured.values)
    return {
        "claim": claim.claim,
        "the paper": of_the_paper(claim),
        "here": here,
        "on": _place(measured),
        "95 % bounds": _bounds(claim, measured, digits),
        "trials": known.trials,
        "verdict": verdict(claim, measured),
    }


def verdict(claim: Claim, measured: Measured) -> str:
    """What `Claim.verdict` says of what was measured, or why it can say nothing."""
    if not len(measured.values):
        return f"{NO_VERDICT} ({say('no such level')})"
    if measured.spoilt:
        return measured.spoilt
    return claim.verdict(measured.known, measured.task, measured.margin, measured.of_the_paper)


def decimals(claim: Claim, measured: Measured) -> str:
    """The format of the fewest decimals, from those of the unit, with which the mean and its bounds are still
    seen on their own side of the claim's boundary, and of its margins."""
    # Python's own numbers, which `round` treats as printing does; NumPy's are rounded another way.
    numbers = [float(claim.shown(value)) for value in (measured.known.mean, *measured.known.bounds)]
    off = leeway(claim, measured)
    for digits in range(DECIMALS.get(claim.unit, 0), MOST_DECIMALS):
        seen = [
            np.sign(round(number, digits) - round(line, digits)) == np.sign(round(number - line, MOST_DECIMALS + 3))
            for number in numbers
            for line in (claim.line, claim.line - off, claim.line + off)
            if not math.isnan(number)
        ]
        if all(seen):
            return f".{digits}f"
    return f".{MOST_DECIMALS}f"


def leeway(claim: Claim, measured: Measured) -> float:
    """How far on the other side of its boundary a claim still holds, in its unit."""
    if claim.side == "level":
        return claim.within
    return measured.margin if claim.side == "no worse" and measured.margin > 0 else 0.0


def _bounds(claim: Claim, measured: Measured, digits: str) -> str:
    """The bounds in the claim's unit, with the margin where it has one: "+0.12 to +0.84 (margin 0.2)"."""
    low, high = sorted(claim.shown(end) for end in measured.known.bounds)
    if claim.unit == "%":  # a share: no more than all
        low, high = max(low, 0.0), min(high, 100.0)
    if math.isnan(low):
        few = measured.known.trials < FEWEST
        return say("none: fewer than {fewest} trials", fewest=FEWEST) if few else say("none")
    sign, off = "+" if claim.unit == "points" else "", leeway(claim, measured)
    held = say(" (within {off:g})" if claim.side == "level" else " (margin {off:g})", off=off) if off else ""
    percent = " %" if claim.unit in ("%", SPEED) else ""
    return say("{low} to {high}", low=f"{low:{sign}{digits}}", high=f"{high:{sign}{digits}}{percent}") + held


def _where(values: pd.DataFrame) -> str:
    return at_density((values["from"].max(), values.down_to.min())) if "from" in values else ""


def _place(measured: Measured) -> str:
    """The task and how long its networks were trained: "lenet-mnist, 50,000 iterations"."""
    if not measured.task:
        return say("not said")
    if not measured.iterations:
        return measured.task
    return say("{task}, {iterations:,} iterations", task=measured.task, iterations=measured.iterations)


def _numbers(claim: Claim, given: float | Sequence[float] | np.ndarray | pd.Series) -> np.ndarray:
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise LotteryError(f"the values for the claim {claim.id!r} are no numbers: give one a trial, in {claim.unit}.") from error
    if np.isinf(values).any() or (claim.unit in RATIOS and (values <= 0).any()):
        allowed = "above zero" if claim.unit in RATIOS else "finite"
        wrong = values[np.isinf(values) | (values <= 0)].ravel()[0]
        raise LotteryError(
            f"a value for the claim {claim.id!r} is {wrong:g}: give numbers {allowed}, one a trial, in {claim.unit}."
        )
    return values
