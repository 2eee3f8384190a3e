"""How far down tickets match or win, in words."""

import pandas as pd
import pytest

from lthlib import LotteryError, analysis


def levels(*verdicts):
    """A table as `matching` returns it, each level half as dense as the one before."""
    return pd.DataFrame({"density": [0.5 ** (level + 1) for level in range(len(verdicts))], "verdict": verdicts})


@pytest.mark.parametrize(
    ("verdicts", "matching", "winning"),
    [
        (
            ("winning", "matching", "worse"),
            "The ticket matches its dense network down to 25.0 % of the weights; at 12.5 % the verdict is worse",
            "The ticket wins at 50.0 % of the weights, the first level; at 25.0 % the verdict is matching",
        ),
        (  # a level that matches below one that does not is not reached
            ("inconclusive", "winning"),
            "It is not shown that the ticket matches its dense network: at 50.0 %, the first level, the verdict is inconclusive",
            "It is not shown that the ticket wins: at 50.0 %, the first level, the verdict is inconclusive",
        ),
        (
            ("winning",),
            "The ticket matches its dense network at 50.0 % of the weights, the only level",
            "The ticket wins at 50.0 % of the weights, the only level",
        ),
        (
            ("winning", "winning"),
            "The ticket matches its dense network down to 25.0 % of the weights, the sparsest level",
            "The ticket wins down to 25.0 % of the weights, the sparsest level",
        ),
        (
            ("none", "none"),
            "It is not shown that the ticket matches its dense network: at 50.0 %, the first level, there is no verdict",
            "It is not shown that the ticket wins: at 50.0 %, the first level, there is no verdict",
        ),
        (
            (),
            "It is not shown that the ticket matches its dense network: no level was pruned",
            "It is not shown that the ticket wins: no level was pruned",
        ),
    ],
)
def test_how_far_names_the_first_level_that_fails(verdicts, matching, winning):
    assert analysis.how_far(levels(*verdicts)) == matching
    assert analysis.how_far(levels(*verdicts), "winning") == winning


def test_an_unknown_verdict_gets_a_sentence():
    with pytest.raises(LotteryError, match="choose one of matching, winning"):
        analysis.how_far(levels("winning"), "better")


def test_a_control_is_named():
    found = analysis.how_far(levels("matching", "worse"), method="reinit")
    assert found.startswith("The reinit matches its dense network at 50.0 % of the weights, the first level; at")
    assert "that the reinit matches" in analysis.how_far(levels("worse"), method="reinit")
