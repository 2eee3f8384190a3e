"""The papers' claims are well formed, none can be passed by everything, and the verdict is the stated rule."""

import math

import pytest

from lthlib import analysis
from lthlib.analysis.evidence import weigh
from lthlib.core.errors import LotteryError
from lthlib.papers import claims
from lthlib.papers.claims import Claim
from lthlib.papers.measuring import TO_REACH
from lthlib.settings import SCHEDULES
from lthlib.tasks import TASKS

UNITS = ("points", "% of iterations", "times", "%", "iterations")
SIDES = ("above", "below", "level", "no worse", "none")


def claim(unit="points", side="above", task="several", **more):
    return Claim("made-up", "One is better.", unit, task, side, "0000.00000", "none", **more)


def judged(made, values, task="t", **more):
    return made.verdict(weigh([made.weighed(value) for value in values]), task, **more)


def test_the_file_is_well_formed_and_says_where_each_claim_is_from():
    loaded = claims.load()
    assert len({c.id for c in loaded}) == len({c.label for c in loaded}) == len(loaded) > 80
    for c in loaded:
        assert c.unit in UNITS and c.side in SIDES and c.claim.endswith(".") and c.source and c.setting and c.task, c
        assert not c.measure or c.measure in (*analysis.MEASURES, TO_REACH), c
        assert c.within > 0 if c.side == "level" else c.within >= 0, c
        assert bool(c.against) <= bool(c.measure) and (c.unit in ("points", "% of iterations", "times")) >= bool(c.against), c
        assert (c.unit == "% of iterations") == (c.measure in ("early_stop", TO_REACH)), c
        assert not isinstance(c.against, str) or c.against in ("", "dense", "ticket", "reinit", "random", *SCHEDULES), c
        for density in c.density if isinstance(c.density, tuple) else (c.density,):
            assert density is None or 0 <= density <= 1, c
        assert not c.says or c.number is not None, c


def test_every_printed_number_supports_its_claim():
    for c in claims.load():
        if c.number is not None and not isinstance(c.number, tuple) and c.side not in ("none", "no worse"):
            assert c.supported_by(c.number, c.number) == "yes", c


def test_no_claim_has_a_boundary_that_nothing_could_miss():
    """Chance, 0 % and 100 % are passed by everything: a number by itself is compared with the printed one."""
    for c in claims.load():
        if c.unit in claims.OWN_LEVEL and c.side != "none":
            printed = c.number if isinstance(c.number, tuple) else (c.number,)
            assert c.side == "level" and min(printed) <= c.line <= max(printed), c
            assert c.supported_by(c.line / 2 - 1, c.line / 2 - 1) == "no" or c.line == 0, c


def test_numbers_of_the_paper():
    found = {id: (claims.find(id).number, claims.find(id).density) for id in ("lenet-better-than-reinit", "conv4-better")}
    assert found == {"lenet-better-than-reinit": (0.5, 0.211), "conv4-better": (3.5, 0.111)}
    assert claims.find("lenet-better-at-13").printed == "over +0.3 points"
    assert claims.find("early-bird-when").printed == "6 to 12 %"
    assert claims.find("lenet-smaller-gap").printed == "below 0 points (no number printed)"
    assert claims.find("lenet-earlier-at-21").printed == "62 % of dense's iterations (38 % earlier)"
    assert claims.find("lenet-sooner-than-reinit").printed == "39.8 % of reinit's iterations (2.51 times as fast)"
    assert claims.find("lenet-earlier-at-51").printed == "fewer than dense's iterations (no number printed)"
    assert claims.find("lenet-21-earlier-than-51").printed == "fewer than the 51.3 % ticket's iterations (no number printed)"
    assert claims.find("signs-suffice").printed == "no worse (no number printed)"
    assert claims.find("lenet-train-accuracy-100").density > 0.02, "figure 4: at least 2 % of the weights"


def test_how_the_paper_words_a_speed_is_the_number_that_is_compared():
    for c in claims.load():
        if c.says.endswith("% earlier"):
            assert c.number == 100 - float(c.says.split()[0]), c
        elif c.says:
            assert c.number == pytest.approx(100 / float(c.says.split(" times")[0]), abs=0.05), c


def test_the_newer_results_are_there():
    for id in ("tickets-stable-before-dense", "tickets-at-0-no-better-than-random"):
        assert claims.find(id).source.startswith("1912.05671") and claims.find(id).side != "none"


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
        ("no worse", -0.2, 0.9, "yes"), ("no worse", -0.4, 0.1, "cannot tell"), ("no worse", -0.4, -0.1, "no"),
        ("none", 0.1, 0.5, "cannot tell"), ("above", float("nan"), float("nan"), "cannot tell"),
    ],
)  # fmt: skip
def test_the_sides_of_a_boundary(side, low, high, verdict):
    within = 0.3 if side in ("level", "no worse") else 0.0
    assert claim(side=side, within=within).supported_by(low, high) == verdict


@pytest.mark.parametrize(
    ("made", "values", "verdict"),
    [
        (claim(number=0.5), (0.4, 0.5, 0.6), "reproduced"),
        (claim(number=0.5), (0.1, 0.12, 0.11), "same direction"),  # sure of the direction, but a quarter of the size
        (claim(number=0.5), (1.9, 2.0, 2.1), "same direction"),
        (claim(number=0.3, qualifier="over"), (1.9, 2.0, 2.1), "reproduced"),
        (claim(), (1.9, 2.0, 2.1), "reproduced"),  # a direction alone
        (claim(task="t"), (1.9, 2.0, 2.1), "reproduced"),
        (claim(task="lenet-mnist"), (1.9, 2.0, 2.1), "same direction"),  # on another task
        (claim(), (-0.4, 0.5, 1.4), "inconclusive (about 11 trials would settle it)"),
        (claim(), (-1, 1, 0), "inconclusive (more than 1000 trials would be needed)"),
        (claim(), (-1.9, -2.0, -2.1), "contradicted"),
        (claim(), (1.9, 2.0), "no verdict (fewer than 3 trials)"),
        (claim(side="none"), (1.9, 2.0, 2.1), "no verdict (no side)"),
        (claim(side="below", number=-0.5), (-0.4, -0.5, -0.6), "reproduced"),
        (claim("times", number=2.5), (2.4, 2.5, 2.6), "reproduced"),
        (claim("times", number=2.5), (1.3, 1.31, 1.32), "same direction"),
        (claim("times", number=2.5), (0.8, 0.9, 0.85), "contradicted"),
        (claim("% of iterations", "below", number=62), (60, 62, 64), "reproduced"),
        (claim("% of iterations", "below", number=62), (90, 92, 91), "same direction"),
        (claim("% of iterations", "below"), (190, 192, 191), "contradicted"),
        (claim(side="level", within=0.3), (0.01, -0.01, 0.02), "reproduced"),
        (claim(side="level", within=0.3), (0.5, 0.5, 0.6), "contradicted"),
        (claim("%", "level", task="t", boundary=90, number=90, within=1), (90, 90.1, 89.9), "reproduced"),
        (
            claim("%", "level", task="a", boundary=90, number=90, within=1),
            (90, 91, 89),
            "no verdict (the paper's number is of a)",
        ),
    ],
)
def test_the_verdict_is_the_stated_rule(made, values, verdict):
    assert judged(made, values) == verdict
    assert claims.word(verdict) in claims.VERDICTS


def test_no_worse_takes_a_margin_and_says_where_there_is_none():
    made = claim(side="no worse")
    assert judged(made, (-0.1, 0.0, 0.1), margin=0.5) == "as good"
    assert judged(claim(side="no worse", task="a"), (-0.1, 0.0, 0.1), margin=0.5) == "same direction"
    assert judged(made, (-1.0, -0.9, -1.1), margin=0.5) == "contradicted"
    assert judged(made, (-1.0, 1.0, 0.2), margin=0.5).startswith("inconclusive")
    assert judged(made, (-0.1, 0.0, 0.1), margin=math.nan) == "no verdict (no margin)"


def test_trials_that_are_said_to_settle_it_do():
    made, values = claim(), [-0.4, 0.5, 1.4]
    needed = int(judged(made, values).split("about ")[1].split()[0])
    known = weigh(values)
    more = type(known)(known.mean, known.spread, needed, needed - 1)
    fewer = type(known)(known.mean, known.spread, needed - 1, needed - 2)
    assert more.bounds[0] > 0 > fewer.bounds[0]


def test_what_is_not_measured_at_the_papers_densities_has_no_size():
    made = claim(number=0.5)
    assert judged(made, (0.4, 0.5, 0.6), of_the_paper=False) == "same direction"


def test_tasks_that_claims_name_are_ours_or_named_like_ours():
    ours = [c for c in claims.load() if c.task in TASKS]
    assert len(ours) > 40 and {c.task for c in ours} >= {"lenet-mnist", "conv4-cifar10", "resnet20-cifar10"}
