import pytest
import torch
from torch import nn

from lthlib import models
from lthlib.errors import LotteryError


def test_lenet_has_the_papers_weights():
    counts = [weight.numel() for weight in models.prunable(models.LeNet(784, 10)).values()]
    assert counts == [235_200, 30_000, 1_000] and sum(counts) == 266_200


def test_lenet_takes_any_input_shape():
    assert models.LeNet(3 * 4 * 4, 7)(torch.zeros(2, 3, 4, 4)).shape == (2, 7)


def test_glorot_standard_deviation_and_zero_biases():
    torch.manual_seed(0)
    layer = models.LeNet(784, 10).fc1
    assert abs(float(layer.weight.detach().std()) / (2 / (784 + 300)) ** 0.5 - 1) < 0.01
    assert not layer.bias.any()


def test_prunable_takes_layers_and_leaves_the_rest():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3), nn.Embedding(4, 2))
    assert list(models.prunable(model)) == ["0.weight", "3.weight"]


def test_tied_weights_count_once():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    assert list(models.prunable(model)) == ["0.weight"]


def test_nothing_to_prune():
    with pytest.raises(LotteryError, match="nothing to prune"):
        models.prunable(nn.BatchNorm1d(3))


def test_rates_of_lenet_and_of_any_module():
    assert models.layer_rates(models.LeNet(4, 2), 0.2) == {"fc1.weight": 0.2, "fc2.weight": 0.2, "output.weight": 0.1}
    assert models.layer_rates(nn.Sequential(nn.Linear(2, 2)), 0.3) == {"0.weight": 0.3}


def test_rate_factors_are_checked():
    model = nn.Sequential(nn.Linear(2, 2))
    for wrong in ({"1.weight": 0.5}, {"0.weight": 1.5}):
        model.rate_factors = wrong
        with pytest.raises(LotteryError, match="rate_factors"):
            models.layer_rates(model, 0.2)


def test_initial_weights_come_from_the_seed_alone():
    build = lambda: models.LeNet(6, 3)  # noqa: E731
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first, again, other = (models.initial_weights(build, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["fc1.weight"], other["fc1.weight"])
