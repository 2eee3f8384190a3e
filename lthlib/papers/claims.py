"""What the papers say, number by number, and the rule by which a run agrees with them.

The claims are in `claims.yaml`, which explains its fields. A claim knows how it is measured and which
values support it, so that a rule decides whether a run agrees, and nobody types a verdict.
`papers.measuring` measures it in tables, and `papers.beside` puts both side by side.
"""

import functools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lthlib.analysis import evidence
from lthlib.analysis.evidence import FEWEST, MOST_TRIALS, Evidence
from lthlib.core.errors import LotteryError
from lthlib.core.language import mark, say
from lthlib.core.validation import did_you_mean

FILE = Path(__file__).with_name("claims.yaml")
REPRODUCED, AS_GOOD, SAME_DIRECTION = HOLDS = ("reproduced", "as good", "same direction")
INCONCLUSIVE, CONTRADICTED, NO_VERDICT = ("inconclusive", "contradicted", "no verdict")
VERDICTS = {
    REPRODUCED: "the bounds are wholly on the claim's side (for a level: wholly within it), on the claim's own task or, of a "
    "claim about several networks, on any; and where the paper prints a number, the mean is between "
    "half and twice as far "
    'from the boundary as that number (for one that is printed as "over": at least half)',
    AS_GOOD: "the paper says that something is no worse: the lower bound is above minus the margin, on such a task",
    SAME_DIRECTION: "the bounds are on the claim's side, but the size differs, or the task is another than the paper's",
    INCONCLUSIVE: "the bounds allow both; how many trials would settle it is said",
    CONTRADICTED: "the bounds are on the other side",
    NO_VERDICT: "fewer than 3 trials, or nothing that could fail: the claim has no side, its number is one of "
    "another task, the dense network has not learned, or most networks still improve when training ends",
}
SEVERAL = "several"  # the task of a claim about several networks, so that every task is its own
SPEED = "% of iterations"  # the unit of early stops: method's in percent of those of `against`
RATIOS = {SPEED: 100.0, "times": 1.0}  # units that are weighed as logarithms, with the value that is no change
OWN_LEVEL = ("%", "iterations")  # units of a number by itself, which says nothing about another task
AT_BEST = ("up to", "at best")  # qualifiers of a number that is the best of many levels
DIRECTIONS = {  # by side: what a claim says where the paper prints no number
    "above": mark("above {value}"),
    "below": mark("below {value}"),
    "level": mark("level with {value}"),
    "none": mark("none {value}"),
}
HALF, TWICE = 0.5, 2  # how far from the boundary a mean is, of the paper's number, to count as that size

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
    says: str = ""
    measure: str = ""
    method: str = "ticket"
    against: Any = ""
    boundary: float | None = None
    within: float = 0.0
    changes: dict = field(default_factory=dict, hash=False)
    by_hand: bool = False

    @property
    def line(self) -> float:
        """The boundary: what is given, else no change of a ratio (1, or 100 %), else no difference (0)."""
        return self.boundary if self.boundary is not None else RATIOS.get(self.unit, 0.0)

    @property
    def printed(self) -> str:
        """The paper's number with its unit, such as "over +0.3 points"; else the direction alone."""
        if self.number is None:
            return say("{direction} (no number printed)", direction=self._direction())
        low, high = self.number if isinstance(self.number, tuple) else (None, self.number)
        number = self.with_unit(high)
        number = number if low is None else say("{low} to {high}", low=f"{low:g}", high=number)
        number = say("{qualifier} {number}", qualifier=say(self.qualifier), number=number).strip()
        return say("{word} ({why})", word=number, why=say(self.says)) if self.says else number

    def _direction(self) -> str:
        """What the claim says where the paper prints no number: "above 0 points", "fewer than dense's
        iterations"."""
        if self.unit == SPEED and self.side in ("above", "below"):
            more = self.side == "above"
            return say("more than {others}" if more else "fewer than {others}", others=self._others())
        if self.side == "no worse":
            return say("no worse")
        return say(DIRECTIONS[self.side], value=self.with_unit(self.line))

    def _others(self) -> str:
        """Whose iterations an early stop is compared with: "dense's iterations", "the 51.3 % ticket's
        iterations"."""
        if isinstance(self.against, float):
            return say("the {share:.3g} % ticket's iterations", share=100 * self.against)
        return say("{of}'s iterations", of=say(self.against))

    @property
    def label(self) -> str:
        """The claim with the task and the density it is about: no other claim has this label."""
        return f"{self.claim} [{self.task}{at_density(self.density)}]"

    @property
    def at_best(self) -> bool:
        """Whether the paper's number is the best of many levels, which is measured as such."""
        return self.qualifier in AT_BEST

    def with_unit(self, value: float, digits: str = "g") -> str:
        """A value as people read it, such as "+0.5 points" or "62 % of dense's iterations"; `digits` is a
        format such as ".1f"."""
        sign = "+" if self.unit == "points" and value else ""
        number = f"{value:{sign}{digits}}"
        if self.unit == SPEED:
            return say("{number} % of {others}", number=number, others=self._others())
        return say("{number} {unit}", number=number, unit=say(self.unit))

    def weighed(self, value: float) -> float:
        """A value on the scale it is weighed on: ratios as their logarithm, everything else as it is."""
        return math.log(value / RATIOS[self.unit]) if self.unit in RATIOS else value

    def shown(self, weighed: float) -> float:
        """The inverse of `weighed`."""
        return RATIOS[self.unit] * math.exp(weighed) if self.unit in RATIOS else weighed

    def gain(self, known: Evidence) -> Evidence:
        """The same evidence as a distance from the boundary, positive where it supports the claim. For a
        level that is how far inside of `within` the mean is."""
        mean = known.mean - self.weighed(self.line)
        mean = {"below": -mean, "level": self.within - abs(mean)}.get(self.side, mean)
        return Evidence(mean, known.spread, known.trials, known.degrees)

    def supported_by(self, low: float, high: float) -> str:
        """Whether bounds, in the claim's unit, support the claim: "yes", "no" or "cannot tell".

        "yes" where all between them is on the claim's side of the boundary, "no" where none of it is. Unknown
        bounds (NaN) and a claim without a side cannot tell.
        """
        line, least, most = self.line, self.line - self.within, self.line + self.within
        yes = no = False
        if self.side == "above":
            yes, no = low > line, high <= line
        elif self.side == "below":
            yes, no = high < line, low >= line
        elif self.side == "no worse":
            yes, no = low > least, high < line and low <= least
        elif self.side == "level":
            yes, no = least <= low and high <= most, high < least or low > most
        # a comparison with NaN is False: unknown bounds are neither
        return "yes" if yes else "no" if no else "cannot tell"

    def verdict(self, known: Evidence, task: str, margin: float = 0.0, of_the_paper: bool = True) -> str:
        """One of VERDICTS, with what it needs in brackets: "inconclusive (about 7 trials would settle it)".

        `known` is of the claim's unit, ratios as logarithms; `task` is where it was measured ("" if
        nobody said); `margin` is how much worse is still no matter where the claim says "no worse";
        `of_the_paper` is whether it was measured at the densities of the paper's number.
        """
        own = task == self.task or self.task == SEVERAL
        if self.side == "none":
            return f"{NO_VERDICT} ({say('no side')})"
        if self.unit in OWN_LEVEL and not own:
            other = say("the paper's number is of {task}", task=self.task)
            return f"{NO_VERDICT} ({other})"
        if known.trials < FEWEST or math.isnan(known.bounds[0]):
            few = say("fewer than {fewest} trials", fewest=FEWEST)
            return f"{NO_VERDICT} ({few})" if known.trials < FEWEST else NO_VERDICT
        if self.side == "no worse" and not margin > 0:
            return f"{NO_VERDICT} ({say('no margin')})"
        gain, margin = self.gain(known), margin if self.side == "no worse" else 0.0
        found = gain.verdict(margin)
        if found == evidence.INCONCLUSIVE:
            needed = gain.trials_needed(margin)
            many = say("more than {most} trials would be needed", most=MOST_TRIALS)
            few = say("about {needed} trials would settle it", needed=needed)
            return f"{INCONCLUSIVE} ({few if needed else many})"
        if found == evidence.WORSE:
            return CONTRADICTED
        if not own:
            return SAME_DIRECTION
        if self.side == "no worse":
            return AS_GOOD
        return REPRODUCED if self._of_that_size(gain.mean, of_the_paper) else SAME_DIRECTION

    def _of_that_size(self, gain: float, of_the_paper: bool) -> bool:
        """Whether the mean is between half and twice as far from the boundary as the paper's number. "over" a
        number has no upper end."""
        if self.number is None or self.side == "level":
            return True
        number = max(self.number, key=abs) if isinstance(self.number, tuple) else self.number
        printed = abs(self.weighed(number) - self.weighed(self.line))
        most = math.inf if self.qualifier == "over" else TWICE
        return of_the_paper and (not printed or HALF <= gain / printed <= most)


def word(verdict: str) -> str:
    """One of VERDICTS, without what is in brackets."""
    return verdict.partition(" (")[0]


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


def of_the_paper(claim: Claim) -> str:
    """What the paper prints, at which density, and of which task: "+0.5 points at 21.1 % (lenet-mnist)"."""
    whose = say("several networks") if claim.task == SEVERAL else claim.task
    return say("{word} ({why})", word=f"{claim.printed}{at_density(claim.density)}", why=whose)


def at_density(density: Number | None) -> str:
    """Where it was measured, for people: " at 21.1 %", " at 67.5 to 17.6 %", or nothing."""
    if density is None:
        return ""
    ends = density if isinstance(density, tuple) else (density,)
    first, *last = dict.fromkeys(f"{100 * end:.3g}" for end in ends)
    if not last:
        return say(" at {share} %", share=first)
    return say(" at {first} to {last} %", first=first, last=last[0])
