"""The exercises of lesson 10: wrong answers are told why, and so are the bugs that it shows."""

import pytest
import torch

from lthlib.exercises import lesson_10 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.lottery import controls
from lthlib.pruning import masks
from tests.exercises import solutions_of
from tests.notebooks import LESSONS, printed

SOLUTIONS = solutions_of(10)


MENDS = {"abs": ("new[name] *", "new[name].abs() *"), "signs": ("trained[name].sign()", "theta_0[name].sign()")}


@pytest.mark.parametrize(
    ("mended", "says"), [((), "random one"), (("signs",), "random one"), (("abs",), "end of training"), (("abs", "signs"), None)]
)
def test_new_weights_with_two_bugs_are_caught_until_both_are_mended(mended, says, capsys):
    source = printed(LESSONS[10], "reinit_signs")
    for broken, right in (MENDS[bug] for bug in mended):
        assert source.count(broken) == 1
        source = source.replace(broken, right)
    exec(source, space := {"torch": torch})
    if says is None:
        exercises.check_reinit_signs(space["reinit_signs"])
        assert "Right" in capsys.readouterr().out
    else:
        with pytest.raises(WrongAnswer, match=says):
            exercises.check_reinit_signs(space["reinit_signs"])


def test_weights_that_cross_the_mask_are_caught():
    exec(printed(LESSONS[10], "reshuffle"), space := {"torch": torch})
    with pytest.raises(WrongAnswer, match="crossed the mask"):
        exercises.check_reshuffle(space["reshuffle"])


def test_the_librarys_own_controls_pass():
    exercises.check_reinit_signs(lambda theta_0, trained, mask, new: controls.reinit_signs(theta_0, mask, new, 0))
    exercises.check_reshuffle(lambda theta_0, mask, seed: controls.reshuffle(theta_0, mask, theta_0, seed))
    exercises.check_signs_alone(lambda t, m, seed: (controls.constant_signs(t, m, t, seed), masks.shuffle(m, seed)))


def each(theta_0, mask, change):
    return theta_0 | {name: change(name) for name in mask}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda t, end, m, new: each(t, m, lambda n: new[n].abs() * end[n].sign()), "end of training"),
        (lambda t, end, m, new: each(t, m, lambda n: new[n] * t[n].sign()), "random one"),
        (lambda t, end, m, new: each(t, m, lambda n: new[n]), "not those of theta_0"),
        (lambda t, end, m, new: t, "sizes are not those of the new"),
        (lambda t, end, m, new: new | each({}, m, lambda n: new[n].abs() * t[n].sign()), "bias"),
        (lambda t, end, m, new: {n: new[n].abs() * t[n].sign() for n in m}, "biases included"),
        (lambda t, end, m, new: each(t, m, lambda n: new[n].abs_() * t[n].sign()), "has changed"),
        (lambda t, end, m, new: [1], "dictionary"),
        (lambda t, end, m, new: {n: w[:1] for n, w in t.items()}, "another shape"),
    ],
)
def test_wrong_signs_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_reinit_signs(wrong)


def order(count, seed):
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def whole_layer(t, m, seed):
    return each(t, m, lambda n: t[n].flatten()[order(t[n].numel(), seed)].view_as(t[n]))


def by_one(t, m, seed):
    return each(t, m, lambda n: t[n].masked_scatter(m[n], t[n][m[n]].roll(seed + 1)))


def swapped_pair(t, m, seed):
    def change(name):
        values = t[name][m[name]]
        return t[name].masked_scatter(m[name], torch.cat([values[seed + 1 : seed + 2], values[: seed + 1], values[seed + 2 :]]))

    return each(t, m, change)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (whole_layer, "crossed the mask"),
        (lambda t, m, seed: t, "where it was"),
        (lambda t, m, seed: each(t, m, lambda n: torch.randn(t[n].shape)), "draw nothing new"),
        (lambda t, m, seed: SOLUTIONS["reshuffle"](t, m, 3), "use the seed"),
        (lambda t, m, seed: SOLUTIONS["reshuffle"](t, m, torch.seed() % 2**40), "two different"),
        (swapped_pair, "wholly random"),
        (lambda t, m, seed: {n: w + (n not in m) for n, w in SOLUTIONS["reshuffle"](t, m, seed).items()}, "bias"),
        (lambda t, m, seed: t.update(SOLUTIONS["reshuffle"](t, m, seed)) or t, "where it was|has changed"),
    ],
)
def test_wrong_orders_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_reshuffle(wrong)


def constants(t, m, size=lambda weight: weight.std(correction=0), sign=lambda weight: weight.sign()):
    return each(t, m, lambda n: size(t[n]) * sign(t[n]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda t, m, seed: (constants(t, m), m), "cannot say what signs are worth alone"),
        (lambda t, m, seed: (t, masks.shuffle(m, seed)), "more than one size"),
        (lambda t, m, seed: (constants(t, m, lambda w: 1.0), masks.shuffle(m, seed)), "take that"),
        (lambda t, m, seed: (constants(t, m, sign=lambda w: -w.sign()), masks.shuffle(m, seed)), "another sign"),
        (lambda t, m, seed: (masks.apply(m, constants(t, m)), masks.shuffle(m, seed)), "leave masking"),
        (lambda t, m, seed: (constants(t, m), masks.shuffle(m, 3)), "use the seed"),
        (lambda t, m, seed: (constants(t, m), masks.shuffle(m, torch.seed() % 2**40)), "two different"),
        (lambda t, m, seed: (constants(t, m), {n: torch.rand(k.shape) < 0.2 for n, k in m.items()}), "weights are kept where"),
        (lambda t, m, seed: (constants(t, m), {n: k.T for n, k in m.items()}), "another shape"),
        (lambda t, m, seed: (constants(t, m), {"fc1.weight": m["fc1.weight"]}), "for each of the layers"),
        (lambda t, m, seed: ({n: constants(t, m)[n] for n in m}, masks.shuffle(m, seed)), "biases included"),
        (lambda t, m, seed: constants(t, m), "two things"),
    ],
)
def test_wrong_designs_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_signs_alone(wrong)
