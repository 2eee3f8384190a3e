"""The exercises of lesson 3: wrong answers are told why."""

import pytest
import torch

from lthlib.exercises import lesson_03 as exercises
from lthlib.exercises.checking import WrongAnswer


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda differences: (differences.points.mean(), len(differences)), "count trials"),
        (lambda differences: (differences.points.mean(), differences.trial.nunique()), "inside each trial"),
        (lambda differences: 3.0, "two things"),
    ],
)
def test_wrong_counts_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_evidence(wrong)


def signs_with(sizes, all_names=True):
    """A control that gives every weight of the mask's layers its sign times `sizes(weight, seed)`."""

    def control(theta_0, mask, seed):
        drawn = {name: theta_0[name].sign() * sizes(theta_0[name], seed) for name in mask}
        return (theta_0 | drawn if all_names else drawn), mask

    return control


def normal(weight, seed):
    return torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed)).abs() * weight.std()


def test_fresh_sizes_of_the_layers_scale_are_right_too(capsys):
    exercises.check_same_signs(signs_with(normal))
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda theta_0, mask, seed: (theta_0, mask), "left to chance"),
        (signs_with(lambda weight, seed: weight.abs().mean()), "left to chance"),
        (signs_with(lambda weight, seed: normal(weight, seed) / weight.std()), "own scale"),
        (signs_with(lambda weight, seed: normal(weight, 3)), "use the seed"),
        (signs_with(lambda weight, seed: normal(weight, torch.seed() % 2**31)), "two different"),
        (signs_with(lambda weight, seed: -normal(weight, seed)), "another sign"),
        (signs_with(normal, all_names=False), "biases included"),
        (lambda t, m, seed: ({n: w.sign() * normal(w, seed) if n in m else w + 1 for n, w in t.items()}, m), "bias"),
        (lambda t, mask, seed: signs_with(normal)(t, {n: m.flip(0) for n, m in mask.items()}, seed), "the mask has changed"),
        (lambda t, m, seed: (t.update(signs_with(normal)(t, m, seed)[0]) or t, m), "itself has changed"),
    ],
)
def test_wrong_signs_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_same_signs(wrong)
