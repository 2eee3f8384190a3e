"""What the papers say, number by number, and what was measured here beside it.

The claims are in `claims.yaml`, which explains its fields. A claim knows how it is measured, and on which side of which boundary
a value supports it, so that whether a run agrees is computed by a rule and never typed.
"""

import difflib
import functools
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
import pandas as pd
import yaml

from lthlib.analysis.comparison import FEWEST, interval, pairs
from lthlib.analysis.summary import by_trial, scale, summarise
from lthlib.core.errors import LotteryError

NEAR = 1.25  # a level stands for a density that is at most one round of pruning away
EDGE = 1.05  # how far past a range's end a level still belongs to it


@dataclass(frozen=True)
class Claim:
    """One claim of a paper; its fields are explained at the top of claims.yaml.

    `density` and `number` are a number, a pair (from, to), or None where the paper states none.
    """

    id: str
    claim: str
    unit: str
    task: str
    side: str
    source: str
    setting: str
    density: float | tuple[float, float] | None = None
    number: float | tuple[float, float] | None = None
    qualifier: str = ""
    measure: str = ""
    method: str = "ticket"
    against: str = ""
    boundary: float | None = None
    within: float = 0.0
    changes: dict = field(default_factory=dict, hash=False)

    @property
    def line(self) -> float:
        """The boundary: what is given, else no difference (0), or for a ratio no change (1)."""
        return self.boundary if self.boundary is not None else float(self.unit == "times")

    @property
    def printed(self) -> str:
        """The paper's number with its unit, such as "over +0.3 points"; the direction alone where our notes have no number."""
        if self.number is None:
            side = "level with" if self.side == "level" else self.side
            return f"{side} {with_unit(self.line, self.unit)} (direction only)"
        numbers = self.number if isinstance(self.number, tuple) else (self.number,)
        first = "".join(f"{number:g} to " for number in numbers[:-1])
        return f"{self.qualifier} {first}{with_unit(numbers[-1], self.unit)}".strip()

    def supported_by(self, low: float, high: float) -> str:
        """The verdict on an interval of measured values, from `low` to `high`.

        "yes" where all of it is on the claim's side of the boundary, "no" where none of it is, else "cannot tell", as also
        where the interval is unknown (NaN) or the claim has no side.
        """
        line, near = self.line, self.within
        yes = {"above": low > line, "below": high < line, "level": line - near <= low and high <= line + near}
        no = {"above": high <= line, "below": low >= line, "level": high < line - near or low > line + near}
        return "yes" if yes.get(self.side) else "no" if no.get(self.side) else "cannot tell"


def with_unit(value: float, unit: str, digits: str = "g") -> str:
    """A value as people read it: "+0.5 points", "2.51 times", "38 % earlier"; `digits` is a format such as ".1f"."""
    sign = "+" if unit == "points" and value else ""
    return f"{value:{sign}{digits}} {unit}"


def load() -> list[Claim]:
    """Every claim, in the order of the file."""
    return list(_by_id().values())


def find(id: str) -> Claim:
    """The claim of that id. Raises LotteryError for an unknown one."""
    found = _by_id().get(id)
    if found is None:
        close = difflib.get_close_matches(str(id), _by_id(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "lthlib.claims.load() lists all."
        raise LotteryError(f"unknown claim {id!r}: {hint}")
    return found


@functools.cache
def _by_id() -> dict[str, Claim]:
    entries = yaml.safe_load(resources.files("lthlib.papers").joinpath("claims.yaml").read_text("utf-8"))
    as_given = lambda value: tuple(value) if isinstance(value, list) else value  # noqa: E731
    found = [Claim(**{name: as_given(value) for name, value in entry.items()}) for entry in entries]
    return {claim.id: claim for claim in found}


def effect(table: pd.DataFrame, claim: str | Claim, density: float | tuple[float, float] | None = None) -> pd.DataFrame:
    """What a claim speaks of, measured in this table: columns value, in the claim's unit, and the density at which,
    from and down_to, 0 to 1; one row per trial.

    Measured at the level nearest to the claim's density, if that is at most one round of pruning away, or averaged over all
    levels of its range; no row where there is no such level. `density`, one number or (from, to), replaces the claim's.
    Raises LotteryError for a claim that states no density, or that cannot be measured from one table alone.
    """
    claim = find(claim) if isinstance(claim, str) else claim
    density = claim.density if density is None else density
    if not claim.measure or density is None:
        missing = "effect(table, id, density=...)" if claim.measure else "values of your own, one a trial"
        raise LotteryError(f"the claim {claim.id!r} says too little to be measured from one table alone: pass {missing}.")
    both = _measured(table, claim)
    both = both[_stands_for(both.density, density)]
    value = {
        "points": lambda: both.difference,
        "times": lambda: np.log(both.other / both.value),
        "% earlier": lambda: 100 * (1 - both.value / both.other),
    }.get(claim.unit, lambda: both.value)()
    trials = pd.DataFrame({"value": value, "density": both.density}).groupby("trial")
    trials = pd.DataFrame({"value": trials.value.mean(), "from": trials.density.max(), "down_to": trials.density.min()})
    return trials.assign(value=np.exp(trials.value)) if claim.unit == "times" else trials


def beside_paper(rows: dict) -> pd.DataFrame:
    """Claims beside what was measured here: one row per claim, with its id as index.

    `rows` maps the id of a claim to a tidy table, measured as the claim says (see `effect`); to what `effect` returns; or to
    values of your own in the claim's unit, one a trial. Columns: claim, the paper, here (the mean over trials, and at which
    density), on the claim's side (how many trials are), lowest to highest, 95 % interval of the mean, and same direction:
    "yes" where all of the interval is on the claim's side of its boundary, such as no difference, "no" where none is, else
    "cannot tell", as ever with fewer than 3 trials. The rule judges the direction, never the size. Ratios are averaged on a
    logarithmic scale.
    """
    return pd.DataFrame({id: _beside(find(id), measured) for id, measured in rows.items()}).T.rename_axis("id")


def _measured(table: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """The claim's measure level by level and trial by trial, as `pairs` has it; `other` is 0 where nothing is compared.

    A trial that stopped at iteration 0, having never learned, has no ratio and is left out.
    """
    if claim.against:
        both = pairs(table, claim.against, claim.measure, claim.method)
        return both[(both.value > 0) & (both.other > 0)] if claim.unit in ("times", "% earlier") else both
    networks = summarise(table)
    value = scale(claim.measure) * by_trial(networks, claim.method, claim.measure)
    density = networks.groupby(["level", "trial"]).density.mean()
    return pd.DataFrame({"density": density, "value": value, "other": 0.0}).dropna()


def _stands_for(here: pd.Series, density: float | tuple[float, float]) -> pd.Series:
    """Which rows are of the level that stands for a density, or of a level within a range of densities."""
    if isinstance(density, (tuple, list)):
        return here.between(min(density) / EDGE, max(density) * EDGE)
    by_level = here.groupby("level").mean()
    away = np.log(by_level / density).abs()
    level = away.idxmin() if len(away) and away.min() <= np.log(NEAR) else None
    return pd.Series(here.index.get_level_values("level") == level, here.index)


def _beside(claim: Claim, measured) -> dict:
    """One row of `beside_paper`."""
    if isinstance(measured, pd.DataFrame) and "split" in measured:
        measured = effect(measured, claim)
    if not isinstance(measured, pd.DataFrame):
        measured = pd.DataFrame({"value": np.atleast_1d(np.asarray(measured, dtype=float))})
    where = _at((measured["from"].max(), measured.down_to.min())) if "from" in measured and len(measured) else ""
    return {
        "claim": f"{claim.claim} [{claim.task}{_at(claim.density)}]",
        "the paper": claim.printed,
        **_spread(claim, measured.value.dropna().to_numpy(), where),
    }


def _spread(claim: Claim, values: np.ndarray, where: str) -> dict[str, str]:
    """The columns of `beside_paper` that follow from the values, one a trial."""
    logs = claim.unit == "times"
    low, high = interval(np.log(values) if logs else values)
    low, high = (np.exp(low), np.exp(high)) if logs else (low, high)
    digits = {"points": ".2f", "times": ".2f", "%": ".1f"}.get(claim.unit, ".0f")
    span = lambda start, end: f"{start:{digits}} to {end:{digits}}"  # noqa: E731
    if not len(values):
        here, extremes = "no such level", ""
    else:
        mean = np.exp(np.log(values).mean()) if logs else values.mean()
        here, extremes = with_unit(mean, claim.unit, digits) + where, span(values.min(), values.max())
    return {
        "here": here,
        "on the claim's side": f"{sum(claim.supported_by(value, value) == 'yes' for value in values)} of {len(values)} trials",
        "lowest to highest": extremes,
        "95 % interval": span(low, high) if low == low else f"none: fewer than {FEWEST} trials",
        "same direction": claim.supported_by(low, high),
    }


def _at(density: float | tuple[float, float] | None) -> str:
    """Where it was measured, for people: " at 21.1 %", " at 67.5 to 17.6 %", or nothing."""
    ends = density if isinstance(density, tuple) else (density,) if density is not None else ()
    shown = " to ".join(dict.fromkeys(f"{100 * end:.3g}" for end in ends))
    return f" at {shown} %" if shown else ""
