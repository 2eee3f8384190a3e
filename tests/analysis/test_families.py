"""Verdicts that are read together: by hand, against one at a time, and how often identical methods are called worse."""

import math

import numpy as np
import pytest

from lthlib.analysis import evidence, families
from lthlib.analysis.evidence import Evidence

CLEAR, CLOSE = Evidence(-3.0, 1.0, 5, 4), Evidence(0.1, 1.0, 5, 4)


def test_one_comparison_has_the_verdict_that_it_has_by_itself():
    random = np.random.default_rng(0)
    for _ in range(300):
        gain = Evidence(random.normal(), random.uniform(0.1, 2), 5, 4)
        assert families.verdicts({"a": gain}, 1.0) == {"a": gain.verdict(1.0)}
    assert families.verdicts({"few": Evidence(1.0, 1.0, 2, 1)}, 1.0) == {"few": "none"}
    assert families.verdicts({}, 1.0) == {}


def test_more_comparisons_ask_for_more():
    barely = Evidence(-1.0, 1.0, 5, 4)  # t = 2.24, one-sided p = 0.044
    assert families.verdicts({"a": barely}, 0.2) == {"a": "worse"}
    assert families.verdicts({"a": barely, "b": CLOSE}, 0.2)["a"] == "inconclusive", "2 x 0.044"
    assert families.verdicts({"a": barely}, 0.2, could_be_best=2) == {"a": "inconclusive"}
    assert families.verdicts({"a": CLEAR, "b": CLEAR}, 0.2, could_be_best=3) == {"a": "worse", "b": "worse"}


def test_a_comparison_without_a_verdict_is_no_look():
    barely, few = Evidence(-1.0, 1.0, 5, 4), Evidence(0.0, 1.0, 2, 1)
    assert families.verdicts({"a": barely, "few": few}, 0.2) == {"a": "worse", "few": "none"}


def test_trials_needed_settle_it_and_one_fewer_does_not():
    gain = Evidence(-1.0, 1.5, 5, 4)
    needed = families.trials_needed(gain, 0.2, looks=4)
    assert needed > gain.trials_needed(0.2)
    for trials, settled in ((needed, True), (needed - 1, False)):
        more = families.turned(Evidence(-1.0, 1.5, int(trials), trials - 1))
        assert families.holds(4 * more.p_value(0)) == settled
    assert math.isnan(families.trials_needed(Evidence(-0.1, 50.0, 5, 4), 0.1))


@pytest.mark.parametrize(("methods", "trials"), [(2, 5), (7, 5), (7, 3)])
def test_identical_methods_are_seldom_worse_than_the_first_of_their_ranking(methods, trials):
    assert families.ranking_error(methods, trials, repeats=600) <= 0.07, "5 %, with room for chance"


def test_without_the_correction_for_coming_first_they_often_are():
    assert families.ranking_error(7, 5, corrected=False, repeats=600) > 0.1
    assert evidence.CONFIDENCE == 0.95


def test_holm_by_hand():
    assert evidence.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 x 0.01, 2 x 0.03, and no less than that
    assert evidence.holm([0.5, 0.9, 0.04]) == pytest.approx([1.0, 1.0, 0.12])
    some = evidence.holm([math.nan, 0.04, 0.01])
    assert math.isnan(some[0]) and some[1:] == pytest.approx([0.04, 0.02]), "what has no p value is no look"
    assert len(evidence.holm([])) == 0
