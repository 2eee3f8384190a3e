"""What a claim speaks of is measured where it says, by trial, with the evidence of `analysis.evidence`."""

import math

import numpy as np
import pandas as pd
import pytest

import lthlib
from lthlib import analysis
from lthlib.core.errors import LotteryError
from lthlib.papers import measuring
from lthlib.storage import atlas
from tests.papers.tables import hunted
from tests.papers.test_claims import claim


@pytest.fixture(scope="module")
def mnist():
    table = atlas.read("lenet-mnist")
    return table[table.schedule == "iterative"].reset_index(drop=True)


@pytest.mark.parametrize(
    ("unit", "measure", "against", "expected"),
    [
        ("points", "test_accuracy", "dense", [2, 4, 6]),
        ("%", "test_accuracy", "", [92, 94, 96]),
        ("times", "early_stop", "dense", [2, 2, 1]),
        ("% of iterations", "early_stop", "dense", [50, 50, 100]),
        ("iterations", "early_stop", "", [10, 10, 20]),
    ],
)
def test_an_effect_is_measured_in_the_claims_unit(unit, measure, against, expected):
    table = hunted((0.92, 0.94, 0.96), stops=(10, 10, 20))
    found = lthlib.effect(table, claim(unit, measure=measure, against=against, density=0.79))
    assert found.value.tolist() == pytest.approx(expected)
    assert set(found["from"]) == set(found.down_to) == {0.8}


def test_a_ratio_is_that_of_the_means_and_not_the_mean_of_ratios():
    table = hunted((0.9,) * 3, stops=(10, 10, 20))
    known = measuring.measure(table, claim("% of iterations", measure="early_stop", against="dense", density=0.8)).known
    assert known.mean == pytest.approx(math.log(40 / 60))
    assert known.spread == pytest.approx(np.std([10 / (40 / 3) - 1, 10 / (40 / 3) - 1, 20 / (40 / 3) - 1], ddof=1))


def test_an_effect_over_a_range_is_the_mean_of_its_levels():
    table = pd.concat(
        [hunted((0.92,) * 3), hunted((0.94,) * 3, level=2).query("level > 0"), hunted((0.5,) * 3, level=9).query("level > 0")]
    )
    accuracy = claim(measure="test_accuracy", against="dense", density=(0.8, 0.6))
    found = lthlib.effect(table, accuracy)
    assert found.value.tolist() == pytest.approx([3, 3, 3])
    assert set(found["from"]) == {0.8} and set(found.down_to) == {0.8**2}
    assert lthlib.effect(table, accuracy, density=0.65).value.tolist() == pytest.approx([4, 4, 4])


def test_one_level_has_the_spread_of_its_curve_as_compare_has_it(mnist):
    row = lthlib.compare(mnist, "reinit").loc[7]
    known = measuring.measure(mnist, "lenet-better-than-reinit").known
    assert known.bounds == pytest.approx((row.low, row.high)) and known.mean == pytest.approx(row.points)
    speed = analysis.early_stop_ratio(mnist, "reinit").loc[7]
    known = measuring.measure(mnist, "lenet-sooner-than-reinit").known
    assert [100 * math.exp(end) for end in known.bounds] == pytest.approx([speed.low, speed.high])


def test_a_range_is_one_question_as_over_range_has_it(mnist):
    known = measuring.measure(mnist, "tickets-as-good-at-a-tenth").known
    levels = lthlib.compare(mnist, "dense").query("0.1 / 1.05 <= density <= 0.2 * 1.05")
    over = analysis.over_range(mnist, (levels.density.min(), levels.density.max()), "dense")
    assert known.bounds == pytest.approx(over.bounds) and len(levels) > 1


def test_speed_to_an_accuracy_is_that_of_iterations_to_reach(mnist):
    made = claim("% of iterations", "below", measure=measuring.TO_REACH, against="dense", density=0.211)
    row = analysis.iterations_to_reach(mnist).loc[7]
    known = measuring.measure(mnist, made).known
    assert [100 * math.exp(value) for value in (known.mean, *known.bounds)] == pytest.approx([row.percent, row.low, row.high])


def test_a_best_level_is_chosen_by_the_other_trials():
    """Trial 0 is lucky at level 1, the others at level 2: its own luck counts for it at no level."""
    one, two = hunted((0.99, 0.90, 0.90)), hunted((0.90, 0.95, 0.95), level=2).query("level > 0")
    table = pd.concat([one, two], ignore_index=True)
    validation = table.split == "validation"
    table.loc[validation, "accuracy"] = 0.5
    for trial, level in ((0, 1), (1, 2), (2, 2)):
        table.loc[validation & (table.trial == trial) & (table.level == level), "accuracy"] = 0.6
    made = claim(measure="test_accuracy", against="dense", number=5, qualifier="up to")
    found = lthlib.effect(table, made)
    assert found.down_to[0] == 0.8**2 and found.value[0] == pytest.approx(0), "level 2, by trials 1 and 2"
    assert not lthlib.effect(hunted((0.99,), stops=(20,)), made).size, "one trial has no others"
    assert not measuring.measure(table, made, density=0.8).of_the_paper and measuring.measure(table, made).of_the_paper


def test_another_level_and_another_hunt_to_compare_with():
    table = pd.concat([hunted((0.92,) * 3, stops=(20,) * 3), hunted((0.94,) * 3, stops=(10,) * 3, level=2).query("level > 0")])
    made = claim("% of iterations", "below", measure="early_stop", against=0.8, density=0.64)
    assert lthlib.effect(table, made).value.tolist() == pytest.approx([50, 50, 50])
    with pytest.raises(LotteryError, match="pass effect"):
        lthlib.effect(table, "lenet-iterative-beats-oneshot", density=0.8)
    other = hunted((0.91,) * 3)
    found = lthlib.effect(table, "lenet-iterative-beats-oneshot", density=0.8, other=other)
    assert found.value.tolist() == pytest.approx([1, 1, 1])


def test_networks_that_still_improve_at_the_end_say_nothing_about_speed():
    made = claim("% of iterations", "below", measure="early_stop", against="dense", density=0.8)
    assert measuring.measure(hunted((0.9,) * 3, stops=(20, 20, 10)), made).spoilt == measuring.UNFINISHED
    assert not measuring.measure(hunted((0.9,) * 3, stops=(20, 10, 10)), made).spoilt


def test_where_the_dense_network_has_not_learned_there_is_no_verdict():
    made = claim(measure="test_accuracy", against="dense", density=0.8)
    assert measuring.measure(hunted((0.9,) * 3, dense=0.51), made).spoilt == measuring.NOT_LEARNED
    assert not measuring.measure(hunted((0.9,) * 3, dense=0.60), made).spoilt


def test_the_margin_is_the_tasks_own_else_the_claims():
    made = claim(side="no worse", measure="test_accuracy", against="dense", within=0.5)
    assert measuring.margin(made, "lenet-mnist") == 0.2 and measuring.margin(made, "vgg19-cifar10") == 0.5
    assert math.isnan(measuring.margin(claim(side="no worse"), ""))
    table = hunted((0.9,) * 3)
    table.loc[(table.level == 0) & (table.split == "test"), "accuracy"] = [0.90, 0.91, 0.92]
    undeclared = claim(side="no worse", measure="test_accuracy", against="dense")
    assert measuring.margin(undeclared, "t", table) == pytest.approx(2.0), "two deviations of these dense networks"


def test_what_cannot_be_measured():
    table = hunted((0.92, 0.94, 0.96))
    far = claim(measure="test_accuracy", against="dense", density=0.036)
    assert lthlib.effect(table, far).empty, "the nearest level, 80 %, does not stand for 3.6 %"
    with pytest.raises(LotteryError, match="values of your own"):
        lthlib.effect(table, "conv2-dropout-gain")
    with pytest.raises(LotteryError, match="density="):
        lthlib.effect(table, claim(measure="test_accuracy", against="dense"))
    with pytest.raises(LotteryError, match="no control 'reinit'"):
        lthlib.effect(table, claim(measure="test_accuracy", against="reinit", density=0.8))
