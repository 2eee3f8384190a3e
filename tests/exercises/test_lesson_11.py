"""The exercises of lesson 11: wrong answers are told why; what its prose says of masks and scales holds."""

import pytest
import torch

from lthlib import models
from lthlib.exercises import lesson_11 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.lottery import supermasks
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(11)


def friends(weight, scores, count):
    cut = scores.abs().flatten().sort().values[-count]
    return weight * (scores.abs() >= cut) * scores.abs()


def by_threshold(weight, scores, count):
    sizes = scores.abs()
    mask = (sizes >= sizes.flatten().sort().values[-count]).float()
    return weight * (mask + (sizes - sizes.detach()))


def top(scores, count):
    mask = torch.zeros(scores.numel())
    mask[scores.flatten().topk(count).indices] = 1
    return mask.view_as(scores)


def signed(weight, scores, count):
    return weight * (top(scores, count) + (scores - scores.detach()))


def backwards(weight, scores, count):
    return weight * (top(scores.abs(), count) + (scores - scores.detach()))


def kept_alone(weight, scores, count):
    mask, sizes = top(scores.abs(), count), scores.abs()
    return weight * mask * (1 + (sizes - sizes.detach()))


def twice(weight, scores, count):
    mask, sizes = top(scores.abs(), count), scores.abs()
    return weight * (mask + 2 * (sizes - sizes.detach()))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (friends, "no longer the random one"),
        (by_threshold, "a threshold takes all that tie"),
        (signed, "compare absolute values"),
        (backwards, "negative scores learn backwards"),
        (kept_alone, "none can pop up because it would help"),
        (twice, "for every weight"),
        (lambda weight, scores, count: weight * top(scores.abs(), count), "no gradient reaches the scores"),
        (lambda w, s, count: SOLUTIONS["effective"](w, s.detach(), count), "no gradient reaches the scores"),
        (lambda w, s, count: SOLUTIONS["effective"](w, s, 48 - count), "compare absolute values"),
        (lambda weight, scores, count: weight[0], "shape of weight"),
    ],
)
def test_wrong_layers_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_effective(wrong)


def test_a_mask_that_rounds_in_the_last_bit_passes(capsys):
    def rounding(weight, scores, count):
        sizes = scores.abs()
        return weight * (top(sizes, count) + sizes - sizes.detach())

    exercises.check_effective(rounding)
    assert capsys.readouterr().out.startswith("Right")


def right(mask, seed):
    return SOLUTIONS["random_mask"](mask, seed)


def expected_distance(mask, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(kept.shape, generator=generator) < kept.float().mean() for name, kept in mask.items()}


def across_layers(mask, seed):
    flat = torch.cat([kept.flatten() for kept in mask.values()])
    flat = flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))]
    return dict(zip(mask, (part.view(20, 10) for part in flat.split(200))))


def by_rows(mask, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: kept[torch.randperm(len(kept), generator=generator)] for name, kept in mask.items()}


def in_place(mask, seed):
    for name, kept in right(mask, seed).items():
        mask[name].copy_(kept)
    return mask


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (expected_distance, "exactly"),
        (across_layers, "exactly"),
        (by_rows, "whole rows or columns"),
        (in_place, "has changed"),
        (lambda mask, seed: mask, "own mask"),
        (lambda mask, seed: right(mask, 3), "two seeds gave one mask"),
        (lambda mask, seed: right(mask, int(torch.randint(10**6, ()))), "one seed gave two masks"),
        (lambda m, seed: {name: right({name: kept}, seed)[name] for name, kept in m.items()}, "equal random masks"),
        (lambda m, seed: {name: kept.float() for name, kept in right(m, seed).items()}, "True and False"),
        (lambda mask, seed: {}, "every layer"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_random_mask(wrong)


def test_the_solutions_layer_is_the_librarys():
    torch.manual_seed(0)
    layer, x = supermasks.edge_popup(torch.nn.Linear(9, 7), 0.3), torch.randn(5, 9)
    scores = layer.weight.detach().clone().requires_grad_()
    (x @ SOLUTIONS["effective"](layer.drawn, scores, layer.count).T).square().sum().backward()
    layer(x).square().sum().backward()
    torch.testing.assert_close(scores.grad, layer.weight.grad)


def test_scaling_layers_changes_no_prediction_of_a_mask():
    torch.manual_seed(0)
    network, plain = (models.LeNet(9, 4, (8, 6)) for _ in range(2))
    network, x = supermasks.edge_popup(network, 0.5), torch.randn(50, 9)
    weights = supermasks.subnetwork(network)
    plain.load_state_dict(weights)
    before = plain(x)
    plain.load_state_dict({name: 3.0 * tensor for name, tensor in weights.items()})
    torch.testing.assert_close(plain(x), 27 * before)
