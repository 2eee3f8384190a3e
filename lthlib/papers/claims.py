"""What the papers say, number by number, and what was measured here beside it.

The claims are in `claims.yaml`, which explains its fields. A claim knows how it is measured, and which values
support it, so that a rule decides whether a run agrees: nobody types a verdict.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from lthlib.analysis.comparison import pairs
from lthlib.analysis.evidence import FEWEST, bounds
from lthlib.analysis.summary import by_trial, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.validation import did_you_mean

FILE = Path(__file__).with_name("claims.yaml")
NEAR = 1.25  # a level stands for a density that is at most one round of pruning away
EDGE = 1.05  # how far past a range's end a level still belongs to it
DECIMALS = {"points": ".2f", "times": ".2f", "%": ".1f"}  # of measured values, by unit; else none

Number = float | tuple[float, float]  # one number, or a pair (from, to)


@dataclass(frozen=True)
class Claim:
    """One claim of a paper; its fields are explained at the top of claims.yaml."""

    id: str
    claim: str
    unit: str
    task: str
    side: str
    source: str
    setting: str
    density: Number | None = None
    number: Number | None = None
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
        """The paper's number with its unit, such as "over +0.3 points"; else the direction alone."""
        if self.number is None:
            side = "level with" if self.side == "level" else self.side
            return f"{side} {_with_unit(self.line, self.unit)} (direction only)"
        if isinstance(self.number, tuple):
            low, high = self.number
            return f"{self.qualifier} {low:g} to {_with_unit(high, self.unit)}".strip()
        return f"{self.qualifier} {_with_unit(self.number, self.unit)}".strip()

    @property
    def label(self) -> str:
        """The claim with the task and the density it is about: no other claim has this label."""
        return f"{self.claim} [{self.task}{_at(self.density)}]"

    def supported_by(self, low: float, high: float) -> str:
        """Whether an interval of measured values supports the claim: "yes", "no" or "cannot tell".

        "yes" where all of it is on the claim's side of the boundary, "no" where none of it is. An unknown
        interval (NaN) and a claim without a side cannot tell.
        """
        line, least, most = self.line, self.line - self.within, self.line + self.within
        yes = no = False
        if self.side == "above":
            yes, no = low > line, high <= line
        elif self.side == "below":
            yes, no = high < line, low >= line
        elif self.side == "level":
            yes, no = least <= low and high <= most, high < least or low > most
        # a comparison with NaN is False: an unknown interval is neither
        return "yes" if yes else "no" if no else "cannot tell"

    def averaged(self, values: np.ndarray) -> tuple[float, float, float]:
        """The mean over trials with its 95 % interval, low and high: NaN for fewer than 3 trials.

        Ratios are averaged on a logarithmic scale, so that twice and half as soon cancel.
        """
        if self.unit != "times":
            return (values.mean(), *bounds(values))
        logarithms = np.log(values)
        return tuple(np.exp([logarithms.mean(), *bounds(logarithms)]))


def load() -> list[Claim]:
    """Every claim, in the order of the file."""
    return list(_by_id().values())


def find(id: str) -> Claim:
    """The claim of that id. Raises LotteryError for an unknown one."""
    claims = _by_id()
    if id not in claims:
        raise LotteryError(f"unknown claim {id!r}: {did_you_mean(id, claims)}lthlib.claims.load() lists all.")
    return claims[id]


@functools.cache
def _by_id() -> dict[str, Claim]:
    claims = {}
    for entry in yaml.safe_load(FILE.read_text("utf-8")):
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
        claims[entry["id"]] = Claim(**fields)
    return claims


def effect(table: pd.DataFrame, claim: str | Claim, density: Number | None = None) -> pd.DataFrame:
    """What a claim speaks of, measured in this table: one row per trial.

    Columns: value, in the claim's unit; from and down_to, the largest and the smallest density, 0 to 1, it is
    measured at. That is the level nearest to the claim's density, if at most one round of pruning away, or
    all levels of its range, averaged; no row where no level is near. `density` replaces the claim's. Raises
    LotteryError for a claim without a density, or one that cannot be measured from one table alone.
    """
    claim = find(claim) if isinstance(claim, str) else claim
    density = claim.density if density is None else density
    if not claim.measure or density is None:
        missing = "effect(table, id, density=...)" if claim.measure else "values of your own, one a trial"
        reason = "says too little to be measured from one table alone"
        raise LotteryError(f"the claim {claim.id!r} {reason}: pass {missing}.")
    compared = _compared(table, claim)
    compared = compared[_stands_for(compared.density, density)]
    trials = compared.assign(value=_in_unit(compared, claim.unit)).groupby("trial")
    value = np.exp(trials.value.mean()) if claim.unit == "times" else trials.value.mean()
    return pd.DataFrame({"value": value, "from": trials.density.max(), "down_to": trials.density.min()})


def beside_paper(measurements: dict) -> pd.DataFrame:
    """Claims beside what was measured here: one row per claim, with its id as index.

    `measurements` maps the id of a claim to a tidy table, measured as the claim says (see `effect`); to what
    `effect` returns; or to values of your own in the claim's unit, one a trial. Columns: claim, the paper,
    here (the mean over trials, and at which density), on the claim's side (how many trials are), lowest to
    highest, 95 % interval of the mean, and same direction: what `Claim.supported_by` says of that interval,
    which is never about the size.
    """
    comparisons = {id: _beside(find(id), measured) for id, measured in measurements.items()}
    return pd.DataFrame(comparisons).T.rename_axis("id")


def _compared(table: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """The claim's measure by level and trial, as in `pairs`; where it is against nothing, value alone."""
    if not claim.against:
        networks = summarise(table)
        value = scale(claim.measure) * by_trial(networks, claim.method, claim.measure)
        density = networks.groupby(["level", "trial"]).density.mean()
        return pd.DataFrame({"density": density, "value": value}).dropna()
    compared = pairs(table, claim.against, claim.measure, claim.method)
    if claim.unit in ("times", "% earlier"):  # no ratio for a trial that stopped at 0, having never learned
        return compared[(compared.value > 0) & (compared.other > 0)]
    return compared


def _in_unit(compared: pd.DataFrame, unit: str) -> pd.Series:
    """What each row says in a claim's unit; for "times" the logarithm, which is what is averaged."""
    if unit == "points":
        return compared.difference
    if unit == "times":
        return np.log(compared.other / compared.value)
    if unit == "% earlier":
        return 100 * (1 - compared.value / compared.other)
    return compared.value


def _stands_for(densities: pd.Series, density: Number) -> pd.Series:
    """Which rows are of the level that stands for a density, or of a level within a range of densities."""
    if isinstance(density, (tuple, list)):
        return densities.between(min(density) / EDGE, max(density) * EDGE)
    distance = np.log(densities.groupby("level").mean() / density).abs()
    if distance.empty or distance.min() > np.log(NEAR):
        return pd.Series(False, densities.index)
    return pd.Series(densities.index.get_level_values("level") == distance.idxmin(), densities.index)


def _beside(claim: Claim, measured) -> dict[str, str]:
    """One row of `beside_paper`."""
    if isinstance(measured, pd.DataFrame) and "split" in measured:
        measured = effect(measured, claim)
    if not isinstance(measured, pd.DataFrame):
        measured = pd.DataFrame({"value": np.atleast_1d(np.asarray(measured, dtype=float))})
    values, digits = measured.value.dropna().to_numpy(), DECIMALS.get(claim.unit, ".0f")
    ours, extremes, (low, high) = "no such level", "", bounds([])
    if len(values):
        mean, low, high = claim.averaged(values)
        where = _at((measured["from"].max(), measured.down_to.min())) if "from" in measured else ""
        ours = _with_unit(mean, claim.unit, digits) + where
        extremes = f"{values.min():{digits}} to {values.max():{digits}}"
    supporting = sum(claim.supported_by(value, value) == "yes" for value in values)
    span = f"none: fewer than {FEWEST} trials" if np.isnan(low) else f"{low:{digits}} to {high:{digits}}"
    return {
        "claim": claim.label,
        "the paper": claim.printed,
        "here": ours,
        "on the claim's side": f"{supporting} of {len(values)} trials",
        "lowest to highest": extremes,
        "95 % interval": span,
        "same direction": claim.supported_by(low, high),
    }


def _with_unit(value: float, unit: str, digits: str = "g") -> str:
    """A value as people read it, such as "+0.5 points"; `digits` is a format such as ".1f"."""
    sign = "+" if unit == "points" and value else ""
    return f"{value:{sign}{digits}} {unit}"


def _at(density: Number | None) -> str:
    """Where it was measured, for people: " at 21.1 %", " at 67.5 to 17.6 %", or nothing."""
    if density is None:
        return ""
    ends = density if isinstance(density, tuple) else (density,)
    return f" at {' to '.join(dict.fromkeys(f'{100 * end:.3g}' for end in ends))} %"
