"""No sentence denies its own numbers: the verdict in words is read beside the bounds that stand in brackets.

Tables are made at random, with few and many trials, with and without spread, near zero, near the margin and far
from both. Every sentence is parsed as a reader would, with the numbers that it shows and no others.
"""

import math
import re

import hypothesis
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import lthlib
from lthlib import analysis
from lthlib.analysis import evidence, sentences
from lthlib.papers import beside, claims, measuring
from lthlib.papers.claims import HOLDS, find
from lthlib.storage.store import COLUMNS

DENSITIES = (1.0, 0.51, 0.211, 0.135, 0.036)  # of the levels, so that claims on LeNet find theirs
STOPS = (0, 100, 200, 300, 400, 500)  # iterations at which networks are measured
NUMBER = r"([+-]?\d+(?:\.\d+)?)"
CLAIMS = ["lenet-better-at-51", "lenet-better-at-13", "lenet-level-at-3.6", "lenet-better-than-reinit", "lenet-earlier-at-21"]
CLAIMS += ["lenet-sooner-than-reinit", "lenet-reinit-slower", "tickets-faster-above", "lenet-smaller-gap"]
CLAIMS += ["lenet-better-at-the-end", "lenet-train-accuracy-100", "lenet-21-earlier-than-51", "after-training-reinit"]
SEEN = 1e-6  # less than this is not shown: a sentence has six decimals at most
SLOWER = 150  # percent of the other network's iterations that are still as soon
unhurried = hypothesis.settings(deadline=None, max_examples=60, suppress_health_check=[hypothesis.HealthCheck.too_slow])


def curve(random, method, trial, level, accuracy, stop):
    """Rows of one network of accuracy `accuracy` whose validation loss is lowest at `stop`."""
    once = ("lenet-mnist", "id", "iterative", method, trial, 0, level, DENSITIES[level])
    rows = [(*once, at, "validation", 1 + abs(at - stop) / 100, accuracy * min(1, at / 200), 1.0) for at in STOPS]
    final = min(1.0, max(0.0, accuracy + random.normal(0, 0.002)))
    for split, early in (("test", accuracy), ("train", min(1.0, accuracy + 0.01))):
        rows += [(*once, at, split, 0.1, value, 1.0) for at, value in {stop: early, STOPS[-1]: final}.items()]
    return rows


@st.composite
def tables(draw):
    """A hunt with a control: 1 to 6 trials, levels that gain and lose, and a spread from none to huge."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    trials = draw(st.integers(1, 6))
    spread = draw(st.sampled_from([0.0, 1e-6, 1e-4, 0.001, 0.01]))
    gains = [0.0, *(draw(st.sampled_from([0.0, 1e-5, -1e-5, 0.0004, 0.002, -0.002, -0.00201, 0.02])) for _ in DENSITIES[1:])]
    slow = draw(st.booleans())
    rows = []
    for trial in range(trials):
        for level, gain in enumerate(gains):
            for method in ("iterative", "reinit") if level else ("iterative",):
                accuracy = min(1.0, 0.95 + gain * (1 if method == "iterative" else -1) + random.normal(0, spread))
                stop = int(random.choice(STOPS if slow else STOPS[1:4]))
                rows += curve(random, method, trial, level, accuracy, stop)
    return pd.DataFrame(rows, columns=COLUMNS)


def shown(text, pattern):
    found = re.search(pattern, text)
    return [float(group) for group in found.groups()] if found else None


def check_points(word, text):
    """The verdict's word against the numbers of "+0.9 points (95 % bounds +0.2 to +1.6, margin 0.2; 5 trials)"."""
    ends = shown(text, f"{NUMBER} points \\(95 % bounds {NUMBER} to {NUMBER}")
    trials = int(re.search(r"(\d+) trial", text)[1])
    if ends is None:
        assert word == "none" and (trials < 3 or "bounds" not in text), text
        return
    mean, low, high = ends
    margin = shown(text, f"margin {NUMBER}")
    assert trials >= 3 and low <= mean <= high, text
    assert (margin is not None) == (word in ("as good", "inconclusive")), text
    if word == "better":
        assert low > 0, text
    elif word == "worse":
        assert high < 0, text
    elif word == "as good":
        assert -margin[0] < low <= 0, text
    elif word == "inconclusive":
        assert low <= -margin[0] and high >= 0, text
        assert "would settle it" in text or "trials would be needed" in text, text
    assert ("would" in text) == (word == "inconclusive"), text


@unhurried
@given(tables(), st.sampled_from(["dense", "reinit"]), st.sampled_from(DENSITIES[1:]), st.sampled_from([None, 0.05, 0.2, 3.0]))
def test_a_sentence_on_accuracy_does_not_deny_its_bounds(table, control, density, margin):
    text = lthlib.sentence(table, density, control, margin)
    starts = {"ticket better than": "better", "ticket as good as": "as good", "ticket worse than": "worse"}
    starts |= {"inconclusive between": "inconclusive", "no verdict on": "none"}
    [word] = [word for start, word in starts.items() if text.startswith(start)]
    check_points(word, text)


@unhurried
@given(tables(), st.sampled_from(["dense", "reinit"]), st.sampled_from(["test_accuracy", "final_test_accuracy"]))
def test_a_difference_in_words_does_not_deny_its_bounds(table, control, measure):
    margin = analysis.margin_of(table, measure).value
    for _, row in lthlib.compare(table, control, measure).iterrows():
        check_points(row.verdict, analysis.difference(row, margin))


evidences = st.builds(
    evidence.Evidence,
    st.one_of(st.floats(-0.5, 0.5), st.floats(-0.001, 0.001), st.just(0.0)),
    st.one_of(st.floats(0, 0.5), st.floats(0, 0.001), st.just(0.0)),
    st.integers(1, 9),
    st.floats(2, 30),
)


@hypothesis.settings(deadline=None, max_examples=500)
@given(evidences, st.floats(0.01, 0.5))
def test_a_difference_that_is_hardly_one_is_seen_on_its_side(known, margin):
    low, high = known.bounds
    hypothesis.assume(all(abs(value) > SEEN or not value for value in (known.mean, low, high, low + margin)))
    needed = known.trials_needed(margin) or math.nan
    row = {"points": known.mean, "low": low, "high": high, "verdict": known.verdict(margin), "trials": known.trials}
    check_points(row["verdict"], analysis.difference(pd.Series(row | {"needed": needed}), margin))


@hypothesis.settings(deadline=None, max_examples=500)
@given(evidences)
def test_a_speed_that_hardly_differs_is_seen_on_its_side(known):
    percent, low, high = (100 * math.exp(-value) for value in (known.mean, known.bounds[1], known.bounds[0]))
    lines = [known.mean, *known.bounds, *(value - line for value in (percent, low, high) for line in (100, SLOWER))]
    hypothesis.assume(all(abs(value) > SEEN or not value for value in lines))
    verdict = known.verdict(math.log(SLOWER / 100))
    row = {"percent": percent, "low": low, "high": high, "verdict": verdict, "trials": known.trials, "never": 0}
    check_speed(analysis.against_dense(pd.Series(row)), "dense")


@unhurried
@given(tables(), st.sampled_from(["dense", "reinit"]), st.booleans())
def test_a_sentence_on_speed_does_not_deny_its_bounds(table, control, to_reach):
    compared = analysis.iterations_to_reach(table, control) if to_reach else lthlib.early_stop_ratio(table, control)
    for _, row in compared.iterrows():
        check_speed(analysis.against_dense(row, control), control)


def check_speed(text, control):
    """The verdict's word against the numbers of "sooner: 62 % of dense's iterations (95 % bounds 50 to 77 %; 5 trials)"."""
    word, shares = text.split(":")[0], shown(text, f"{NUMBER} % of {control}'s iterations")
    if shares is None:
        assert word == "no verdict" and "at iteration 0" in text and "nan" not in text, text
        return
    [percent] = shares
    ends = shown(text, f"bounds {NUMBER} to {NUMBER} %")
    assert percent >= 0 and not re.search(r"-\d|earlier|times", text), text
    if ends is None:
        assert word == "no verdict", text
        return
    low, high = ends
    assert low <= percent <= high, text
    assert (word == "sooner") == (high < 100), text
    assert word != "as soon" or high < SLOWER, text
    assert word != "later" or low > 100, text
    assert word != "inconclusive" or (low <= 100 and high >= SLOWER), text


def holds(claim, text, leeway):
    """Whether bounds that are shown lie wholly on the claim's side (True), on the other (False), or on both (None)."""
    low, high = shown(text, f"{NUMBER} to {NUMBER}")
    line = claim.line
    if claim.side == "above":
        return True if low > line else False if high < line else None
    if claim.side == "below":
        return True if high < line else False if low > line else None
    if claim.side == "level":
        inside = line - leeway < low and high < line + leeway
        return True if inside else False if high < line - leeway or low > line + leeway else None
    return True if low > line - leeway else False if high < line else None


@unhurried
@given(tables(), st.lists(st.sampled_from(CLAIMS), min_size=1, max_size=4, unique=True))
def test_a_row_beside_the_paper_does_not_deny_its_bounds(table, ids):
    for id, row in lthlib.beside_paper(dict.fromkeys(ids, table)).iterrows():
        check_row(find(id), row)


def check_row(claim, row):
    word, bounds = claims.word(row.verdict), row["95 % bounds"]
    leeway = shown(bounds, f"(?:margin|within) {NUMBER}")
    assert "nan" not in f"{row.here} {bounds} {row.verdict}", row
    if bounds.startswith("none"):
        assert word == "no verdict", row
        return
    mean, (low, high) = shown(row.here, NUMBER)[0], shown(bounds, f"{NUMBER} to {NUMBER}")
    assert low <= mean <= high and row.trials >= 3, row
    assert not row.here.startswith("-") or "iterations" not in row.here, row
    if word == "no verdict":
        return
    found = holds(claim, bounds, leeway[0] if leeway else 0.0)
    expected = {True: HOLDS, False: ("contradicted",), None: ("inconclusive",)}[found]
    assert word in expected, (claim.side, row.to_dict())
    assert word != "as good" or claim.side == "no worse", row
    assert ("would" in row.verdict) == (word == "inconclusive"), row


@unhurried
@given(
    st.sampled_from([claim.id for claim in claims.load() if claim.side != "none"]),
    st.lists(st.floats(-3, 3).filter(lambda value: value == 0 or abs(value) > 1e-4), min_size=1, max_size=6),
)
def test_a_row_of_values_does_not_deny_its_bounds(id, values):
    claim = find(id)
    about = [claim.shown(claim.weighed(claim.line) + value) for value in values]
    on = "lenet-mnist" if claim.task == "several" else ""
    row = beside.row(claim, beside.measured_of(claim, about, on))
    if claim.side == "no worse" and not measuring.margin(claim, on) > 0:
        assert row["verdict"].startswith("no verdict"), row
    elif not row["verdict"].startswith("no verdict") or len(values) < 3:
        check_row(claim, pd.Series(row))


@unhurried
@given(tables())
def test_how_far_tickets_match_is_not_denied_by_a_level_on_the_way(table):
    verdicts = analysis.matching(table)
    text = sentences.how_far(verdicts)
    down = shown(text, f"(?:down to|network at) {NUMBER} %")
    if down is None:
        assert verdicts.verdict.iloc[0] not in ("winning", "matching"), text
        return
    on_the_way = verdicts[100 * verdicts.density >= down[0] - 0.05]
    assert set(on_the_way.verdict) <= {"winning", "matching"}, text
    assert math.isclose(100 * on_the_way.density.min(), down[0], abs_tol=0.06), text
    assert ("down to" in text) == (len(on_the_way) > 1) or len(on_the_way.density.round(3).unique()) < len(on_the_way), text
