import pandas as pd
import pytest

import lthlib
from lthlib import analysis
from lthlib.core.errors import LotteryError
from lthlib.papers import claims
from lthlib.papers.claims import Claim
from lthlib.storage.store import COLUMNS
from tests.analysis.test_comparison import network

UNITS = ("points", "times", "% earlier", "%", "iterations")
SIDES = ("above", "below", "level", "none")


def claim(unit="points", side="above", **more):
    return Claim("made-up", "One is better.", unit, "t", side, "0000.00000", "none", **more)


def hunted(tickets, dense=0.90, stops=(20, 20, 20), level=1):
    """Dense networks of test accuracy `dense`, and a ticket a trial at `level`, with these accuracies and early stops."""
    rows = []
    for trial, (accuracy, stop) in enumerate(zip(tickets, stops)):
        rows += network("iterative", trial, 0, (3, 2, 1), (None, dense))
        losses = [1 if 10 * place == stop else 2 for place in range(3)]
        rows += network("iterative", trial, level, losses, (accuracy, accuracy) if stop != 20 else (None, accuracy))
    return pd.DataFrame(rows, columns=COLUMNS)


def test_the_file_is_well_formed_and_says_where_each_claim_is_from():
    loaded = claims.load()
    assert len({c.id for c in loaded}) == len(loaded) > 70
    for c in loaded:
        assert c.unit in UNITS and c.side in SIDES and c.claim.endswith(".") and c.source and c.setting and c.task, c
        assert not c.measure or c.measure in analysis.MEASURES, c
        assert c.within > 0 if c.side == "level" else c.within == 0, c
        assert bool(c.against) <= bool(c.measure) and (c.unit in ("points", "times", "% earlier")) >= bool(c.against), c
        for density in c.density if isinstance(c.density, tuple) else (c.density,):
            assert density is None or 0 <= density <= 1, c


def test_every_printed_number_is_on_its_claims_side():
    for c in claims.load():
        if c.number is not None and not isinstance(c.number, tuple) and c.side != "none" and c.number != c.line:
            assert c.supported_by(c.number, c.number) == "yes", c


def test_numbers_of_the_paper():
    found = {id: (claims.find(id).number, claims.find(id).density) for id in ("lenet-sooner-than-reinit", "conv4-better")}
    assert found == {"lenet-sooner-than-reinit": (2.51, 0.211), "conv4-better": (3.5, 0.111)}
    assert claims.find("lenet-better-at-13").printed == "over +0.3 points"
    assert claims.find("early-bird-when").printed == "6 to 12 %"
    assert claims.find("lenet-smaller-gap").printed == "below 0 points (direction only)"


def test_an_unknown_claim_gets_a_suggestion():
    with pytest.raises(LotteryError, match="did you mean 'conv4-better'"):
        claims.find("conv4-beter")
    with pytest.raises(LotteryError, match="load"):
        claims.find("zzz")


@pytest.mark.parametrize(
    ("side", "low", "high", "verdict"),
    [
        ("above", 0.1, 0.5, "yes"), ("above", -0.1, 0.5, "cannot tell"), ("above", -0.5, -0.1, "no"), ("above", 0.0, 0.0, "no"),
        ("below", -0.5, -0.1, "yes"), ("below", -0.1, 0.5, "cannot tell"), ("below", 0.1, 0.5, "no"),
        ("level", -0.2, 0.3, "yes"), ("level", -0.2, 0.31, "cannot tell"), ("level", 0.31, 0.9, "no"),
        ("none", 0.1, 0.5, "cannot tell"), ("above", float("nan"), float("nan"), "cannot tell"),
    ],
)  # fmt: skip
def test_the_rule_of_the_verdict(side, low, high, verdict):
    assert claim(side=side, within=0.3 if side == "level" else 0.0).supported_by(low, high) == verdict


def test_a_ratio_is_judged_against_1():
    assert claim("times").supported_by(1.1, 3) == "yes" and claim("times").supported_by(0.5, 0.9) == "no"


@pytest.mark.parametrize(
    ("unit", "measure", "against", "expected"),
    [
        ("points", "test_accuracy", "dense", [2, 4, 6]),
        ("%", "test_accuracy", "", [92, 94, 96]),
        ("times", "early_stop", "dense", [2, 2, 1]),
        ("% earlier", "early_stop", "dense", [50, 50, 0]),
        ("iterations", "early_stop", "", [10, 10, 20]),
    ],
)
def test_an_effect_is_measured_in_the_claims_unit(unit, measure, against, expected):
    table = hunted((0.92, 0.94, 0.96), stops=(10, 10, 20))
    found = claims.effect(table, claim(unit, measure=measure, against=against, density=0.79))
    assert found.value.tolist() == pytest.approx(expected)
    assert set(found["from"]) == set(found.down_to) == {0.8}


def test_an_effect_over_a_range_is_the_mean_of_its_levels():
    table = pd.concat(
        [hunted((0.92,) * 3), hunted((0.94,) * 3, level=2).query("level > 0"), hunted((0.5,) * 3, level=9).query("level > 0")]
    )
    accuracy = claim(measure="test_accuracy", against="dense", density=(0.8, 0.6))
    found = claims.effect(table, accuracy)
    assert found.value.tolist() == pytest.approx([3, 3, 3])
    assert set(found["from"]) == {0.8} and set(found.down_to) == {0.8**2}
    assert claims.effect(table, accuracy, density=0.65).value.tolist() == pytest.approx([4, 4, 4])


def test_what_cannot_be_measured():
    table = hunted((0.92, 0.94, 0.96))
    far = claim(measure="test_accuracy", against="dense", density=0.036)
    assert claims.effect(table, far).empty, "the nearest level, 80 %, does not stand for 3.6 %"
    with pytest.raises(LotteryError, match="density="):
        claims.effect(table, "lenet-smaller-gap")
    with pytest.raises(LotteryError, match="values of your own"):
        claims.effect(table, "conv2-dropout-gain")
    with pytest.raises(LotteryError, match="no control 'reinit'"):
        claims.effect(table, claim(measure="test_accuracy", against="reinit", density=0.8))


def test_beside_the_paper():
    table = hunted((0.92, 0.94, 0.96))
    shown = lthlib.beside_paper(
        {
            "lenet-better-at-51": table.assign(density=table.density.where(table.level == 0, 0.5)),
            "lenet-better-at-13": table,
            "lenet-sooner-than-reinit": [4, 1, 2],
            "conv2-dropout-gain": [-1.0, -1.1, -1.2],
            "lenet-pruned-at-initialisation": [-1.0, -1.1],
            "lenet-smaller-gap": lthlib.effect(table, "lenet-smaller-gap", density=0.8),
        }
    )
    assert shown.index.tolist()[0] == "lenet-better-at-51"
    better = shown.loc["lenet-better-at-51"]
    assert better.here == "+4.00 points at 50 %" and better["lowest to highest"] == "2.00 to 6.00"
    half = 4.302653 * 2 / 3**0.5  # Student's t for 2 degrees of freedom, from a printed table
    assert better["95 % interval"] == f"{4 - half:.2f} to {4 + half:.2f}" and better["same direction"] == "cannot tell"
    assert better["on the claim's side"] == "3 of 3 trials"
    assert shown.here["lenet-better-at-13"] == "no such level"
    assert shown.here["lenet-sooner-than-reinit"] == "2.00 times", "the geometric mean of 4, 1 and 2"
    assert shown.loc["conv2-dropout-gain", ["on the claim's side", "same direction"]].tolist() == ["0 of 3 trials", "no"]
    assert shown.loc["lenet-pruned-at-initialisation", ["95 % interval", "same direction"]].tolist() == [
        "none: fewer than 3 trials",
        "cannot tell",
    ]
    assert "at 80 %" in shown.here["lenet-smaller-gap"]
