"""The exercises of lessons 2 and 3: wrong answers are told why."""

import json
import re

import pytest
import torch

from lthlib import exercises
from tests.conftest import ROOT
from tests.test_lessons import solutions

NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = solutions(NOTEBOOKS / "02_one_shot_or_iterative.ipynb") | solutions(NOTEBOOKS / "03_is_it_the_initialisation.ipynb")


def largest(trained, shares):
    """The mask of the largest weights, a share of each layer."""
    cut = {
        name: weight.abs().flatten().sort().values[-max(1, round(shares[name] * weight.numel()))]
        for name, weight in trained.items()
    }
    return {name: weight.abs() >= cut[name] for name, weight in trained.items()}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda trained, rates, rounds: largest(trained, {n: 1 - rounds * rates[n] for n in rates}), "multiply"),
        (lambda trained, rates, rounds: largest(trained, {n: 0.8**rounds for n in rates}), "each layer's own"),
        (lambda trained, rates, rounds: largest(trained, {n: (1 - rates[n]) ** rounds for n in rates}), "all that tie"),
        (
            lambda trained, rates, rounds: SOLUTIONS["one_shot"]({n: -w.exp() for n, w in trained.items()}, rates, rounds),
            "larger",
        ),
        (lambda trained, rates, rounds: trained, "True and False"),
        (lambda trained, rates, rounds: {}, "every layer"),
    ],
)
def test_wrong_one_shot_masks_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_one_shot(wrong)


def buggy(text):
    """The blocks of code that a lesson prints outside its solutions."""
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and "<details>" not in source:
            yield from re.findall(r"```python\n(.*?)```", source, re.DOTALL)


def next_ticket(theta_0, trained, mask, rate):
    return SOLUTIONS["next_ticket"](theta_0, trained, mask, rate)


def of_all(theta_0, trained, mask, rate):
    full = {name: torch.ones_like(kept) for name, kept in mask.items()}
    return next_ticket(theta_0, {name: trained[name] * mask[name] for name in mask}, full, rate)


def of_all_survivors(theta_0, trained, mask, rate):
    pruned = {n: next_ticket(theta_0, trained, mask, rate * m.numel() / int(m.sum()))[1][n] for n, m in mask.items()}
    return {name: theta_0[name] * pruned[name] for name in mask}, pruned


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (of_all, "back in the mask|share"),
        (of_all_survivors, "share of the survivors"),
        (lambda theta_0, trained, mask, rate: next_ticket(theta_0, theta_0, mask, rate), "size after training"),
        (lambda theta_0, trained, mask, rate: next_ticket(trained, trained, mask, rate), "not those of theta_0"),
        (lambda theta_0, trained, mask, rate: next_ticket(theta_0, trained, mask, rate)[1], "two things"),
    ],
)
def test_wrong_steps_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_next_ticket(wrong)


MENDS = {  # of the step that lesson 2 prints, each of its three bugs
    "survivors": [("* kept).abs()", "* kept).abs().masked_fill(~kept, torch.inf)"), ("size.numel()", "int(kept.sum())")],
    "trained": [("(theta_0[name]", "(trained[name]")],
    "theta_0": [("= trained[name]", "= theta_0[name]")],
}


@pytest.mark.parametrize(
    ("mended", "says"),
    [
        ((), "share of the survivors"),
        (("survivors",), "size after training"),
        (("survivors", "theta_0"), "size after training"),
        (("trained", "theta_0"), "share of the survivors"),
        (("survivors", "trained"), "not those of theta_0"),
        (tuple(MENDS), None),
    ],
)
def test_the_step_with_three_bugs_is_caught_until_the_last_is_mended(mended, says, capsys):
    text = (NOTEBOOKS / "02_one_shot_or_iterative.ipynb").read_text()
    [step] = [source for source in buggy(text) if "def next_ticket" in source]
    for broken, right in (pair for bug in mended for pair in MENDS[bug]):
        assert step.count(broken) == 1
        step = step.replace(broken, right)
    exec(step, space := {"torch": torch})
    if says is None:
        exercises.check_next_ticket(space["next_ticket"])
        assert "Right" in capsys.readouterr().out
    else:
        with pytest.raises(exercises.WrongAnswer, match=says):
            exercises.check_next_ticket(space["next_ticket"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda differences: (differences.points.mean(), len(differences)), "count trials"),
        (lambda differences: (differences.points.mean(), differences.trial.nunique()), "inside each trial"),
        (lambda differences: 3.0, "two things"),
    ],
)
def test_wrong_counts_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
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
        (lambda t, mask, seed: ({n: w.sign() * normal(w, seed) if n in mask else w + 1 for n, w in t.items()}, mask), "bias"),
        (lambda t, mask, seed: signs_with(normal)(t, {n: m.flip(0) for n, m in mask.items()}, seed), "the mask has changed"),
        (lambda t, mask, seed: (t.update(signs_with(normal)(t, mask, seed)[0]) or t, mask), "itself has changed"),
    ],
)
def test_wrong_signs_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_same_signs(wrong)
