"""The rule by which everything is judged, and how often it is wrong."""

import math

import numpy as np
import pytest
from scipy import stats

from lthlib.analysis import evidence
from lthlib.analysis.evidence import Evidence
from lthlib.core.errors import LotteryError


@pytest.mark.parametrize(("trials", "as_good"), [(3, 0.71), (5, 0.91), (10, 0.99)], ids=["3 trials", "5 trials", "10 trials"])
def test_how_often_the_rule_is_wrong(trials, as_good):
    """14 levels that share their dense network, a margin of two deviations. At 1,500 experiments of 14 levels the
    shares below are known to about a point."""
    alike = evidence.error_rates(trials, repeats=1500)
    assert alike.better <= 0.055 and alike.better + alike["as good"] == pytest.approx(as_good, abs=0.02)
    worse = evidence.error_rates(trials, worse_by=2, repeats=1500, seed=1)
    assert worse.better + worse["as good"] <= 0.06 and worse.better == 0
    assert alike["as good at all"] < alike.better + alike["as good"], "a whole curve passes less often than a level"


def test_pooling_as_if_levels_were_separate_would_say_better_too_often(monkeypatch):
    honest = evidence.error_rates(3, repeats=1500).better
    monkeypatch.setattr(evidence, "SHARED", 0.0)
    assert evidence.error_rates(3, repeats=1500).better > max(honest, 0.055)


def test_a_ratio_of_means_is_unbiased_where_an_average_of_ratios_is_not():
    random, ratios, averages, outside = np.random.default_rng(0), [], [], 0
    for _ in range(2000):
        ours, theirs = np.exp(random.normal(0, 0.6, size=(2, 5)))
        known = evidence.weigh_ratio(ours, theirs)
        ratios.append(known.mean)
        averages.append((1 - ours / theirs).mean())
        outside += known.bounds[0] > 0
    assert abs(np.mean(ratios)) < 0.03 and np.mean(averages) < -0.3
    assert outside / 2000 < 0.07, "identical networks are seldom called faster"


def test_the_verdicts():
    for mean, verdict in ((1.1, "better"), (0.9, "as good"), (-0.9, "as good"), (-1.5, "worse"), (-3.1, "worse")):
        known = Evidence(mean, math.sqrt(5) / stats.t.ppf(0.95, 4), 5, 4)  # bounds at the mean plus and minus 1
        assert known.bounds == pytest.approx((mean - 1, mean + 1)) and known.verdict(2) == verdict
    wide = Evidence(-1.05, 3 * math.sqrt(5) / stats.t.ppf(0.95, 4), 5, 4)
    assert wide.bounds == pytest.approx((-4.05, 1.95)) and wide.verdict(2) == "inconclusive"
    assert Evidence(-0.5, 0.1, 5, 4).verdict(1) == "as good", "surely lower, by less than the margin"
    assert evidence.weigh([1, 2]).verdict(1) == evidence.weigh([]).verdict(1) == "none"
    assert evidence.weigh([1, 2, 3]).verdict(float("nan")) == "none", "without a margin there is none"


def test_the_trials_that_would_settle_it():
    known = evidence.weigh([-1.0, 1.0, 0.0, -0.5, 0.5])
    needed = known.trials_needed(0.3)
    assert known.verdict(0.3) == "inconclusive" and needed > 5
    for trials, verdict in ((needed - 1, "inconclusive"), (needed, "as good")):
        assert Evidence(known.mean, known.spread, trials, trials - 1).verdict(0.3) == verdict
    assert evidence.weigh([-1.0, 1.0, 0.0]).trials_needed(0.001) is None


def test_the_p_value_is_students():
    values = [0.3, 0.1, 0.7, 0.2]
    expected = stats.ttest_1samp(values, 0.1, alternative="greater").pvalue
    assert evidence.weigh(values).p_value(0.1) == pytest.approx(expected)
    assert evidence.weigh([1, 1, 1]).p_value(0) == 0 and evidence.weigh([1, 1, 1]).p_value(2) == 1
    assert math.isnan(evidence.weigh([1, 2]).p_value(0))


def test_holm_counts_what_was_looked_at():
    assert evidence.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    corrected = evidence.holm([0.01, float("nan"), 0.04])
    assert corrected[[0, 2]] == pytest.approx([0.02, 0.04]) and math.isnan(corrected[1])
    assert np.isnan(evidence.holm([float("nan")])).all() and len(evidence.holm([])) == 0


def test_a_level_of_one_trial_or_without_a_mean_stays_as_it_is():
    levels = {1: evidence.weigh([1, 2, 3]), 2: evidence.weigh([5]), 3: evidence.weigh_ratio([0, 0, 0], [1, 1, 1])}
    found = evidence.pooled(levels)
    assert found[1] == levels[1] and found[2] is levels[2] and math.isnan(found[3].mean)
    assert found[3].verdict(1) == found[2].verdict(1) == "none"


def test_bad_input():
    with pytest.raises(LotteryError, match="trials is 0"):
        evidence.error_rates(0)
