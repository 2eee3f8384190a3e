"""Do successive levels of a hunt stay linearly connected while they match, and not afterwards?

Paul et al. (2023), arXiv 2210.03044: at high sparsity, trained tickets of successive levels are joined by a
line without a barrier if and only if they match the dense network. Here each half is judged by itself, level
by level, and only levels at which both are decided count for the claim or against it.
"""

from collections.abc import Mapping

import pandas as pd

from lthlib.analysis.evidence import bounds
from lthlib.analysis.mode_connectivity import STABLE
from lthlib.core.errors import LotteryError
from lthlib.core.percent import percent

# What `analysis.matching` may say of a level; any other verdict decides nothing.
MATCHES, FALLS_SHORT = ("winning", "matching"), ("neither", "worse")
PLACE = ["rewind", "level"]
COLUMNS = [*PLACE, "density", "trials", "barrier", "barrier_low", "barrier_high", "connected", "matches", "claim"]


def judge(barriers: pd.DataFrame, verdicts: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """One row per rewind point and level L of at least 1, for the line between levels L - 1 and L.

    `barriers` is what `mode_connectivity.connectivity` returned of `successive` lines, and `verdicts` has
    what `analysis.matching` says for each rewind point. Columns: rewind, level, density (0 to 1, of level
    L), trials, barrier (mean, in points) with its 95 % bounds barrier_low to barrier_high, and three
    verdicts:

    connected  "yes" where the upper bound of the barrier is below 2 points, "no" where the lower one is above, else
               "inconclusive", as it always is with fewer than 3 trials
    matches    "yes", "no" or "inconclusive": whether the ticket of level L matches its dense network
    claim      "holds" where both are "yes" or both are "no", "fails" where one is "yes" and the other "no",
               else "inconclusive"

    Raises LotteryError where a rewind point has no verdicts.
    """
    if missing := sorted(set(barriers.rewind) - set(verdicts)):
        raise LotteryError(f"verdicts has no rewind point {missing[0]}: give what `matching` says for each of the lines'.")
    rows = []
    for (rewind, level), group in barriers.groupby(PLACE):
        low, high = bounds(group.barrier)
        connected = "yes" if high < STABLE else "no" if low > STABLE else "inconclusive"
        matches = _matches(verdicts[rewind].verdict.get(level))
        claim = "inconclusive" if "inconclusive" in (connected, matches) else "holds" if connected == matches else "fails"
        measured = (group.density.mean(), len(group), group.barrier.mean(), low, high)
        rows.append((rewind, level, *measured, connected, matches, claim))
    return pd.DataFrame(rows, columns=COLUMNS)


def in_words(judged: pd.DataFrame) -> str:
    """What rows of `judge` say about the claim, in sentences, with every level that speaks against it.

    The verdict is "fails" with the levels where it does; "holds" where there is no such level, some match and
    are connected, and some do neither; else "inconclusive", with what is missing.
    """
    decided = judged[judged.claim != "inconclusive"]
    for_it, against = decided[decided.claim == "holds"], decided[decided.claim == "fails"]
    both, neither = ((for_it.matches == word).sum() for word in ("yes", "no"))
    counts = f"Of {len(judged)} pairs of successive levels: matching and connected {both}, neither {neither}, "
    counts += f"one without the other {len(against)}, inconclusive {len(judged) - len(decided)}."
    if len(against):
        places = ", ".join(_named(row) for row in against.itertuples())
        return f"{counts} The claim **fails** at {places}; the paper makes it for high sparsity alone."
    if both and neither:
        return f"{counts} The claim **holds** wherever this run can tell."
    missing = [word for count, word in ((both, "matches and is connected"), (neither, "does neither")) if not count]
    return f"{counts} The claim is **inconclusive** here: no pair surely {', and none surely '.join(missing)}."


def _matches(verdict: str | None) -> str:
    return "yes" if verdict in MATCHES else "no" if verdict in FALLS_SHORT else "inconclusive"


def _named(row) -> str:
    what = "connected and does not match" if row.connected == "yes" else "matches and is not connected"
    return f"{percent(row.density)}, k = {row.rewind} ({what})"
