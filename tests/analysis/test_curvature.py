"""The Hessian's numbers against torch.linalg on networks so small that the whole matrix fits."""

import pytest
import torch
from torch import nn

from lthlib import LotteryError, models
from lthlib.analysis.curvature import Curvature, of_a_round
from lthlib.data import Split


@pytest.fixture
def tiny():
    """A network of 5, 4 and 3 units in double precision, a mask that keeps most of it, and 30 examples."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    mask = {name: torch.rand(weight.shape) < 0.8 for name, weight in models.prunable(network).items()}
    split = Split(torch.randn(30, 5, dtype=torch.float64), torch.randint(0, 3, (30,)))
    return network, {name: tensor.clone() for name, tensor in network.state_dict().items()}, mask, split


def whole(curvature):
    return torch.autograd.functional.hessian(curvature.loss, curvature.at)


def test_eigenvalues_are_those_of_the_whole_matrix(tiny):
    curvature = Curvature(*tiny)
    expected = torch.linalg.eigvalsh(whole(curvature))
    expected = expected[expected.abs().argsort(descending=True)]
    assert curvature.eigenvalues(3) == pytest.approx(expected[:3].tolist(), rel=0.02)
    assert curvature.eigenvalues(1, seed=5) == pytest.approx([float(expected[0])], rel=0.01)


def test_along_a_direction_it_is_the_quadratic_form(tiny):
    curvature = Curvature(*tiny)
    direction = torch.randn(len(curvature.at), dtype=torch.float64)
    unit = direction / direction.norm()
    assert curvature.along(3 * direction) == pytest.approx(float(unit @ whole(curvature) @ unit))
    small, at = 1e-4, curvature.at  # and it is how the loss curves
    second = (curvature.loss(at + small * unit) - 2 * curvature.loss(at) + curvature.loss(at - small * unit)) / small**2
    assert curvature.along(direction) == pytest.approx(float(second), rel=1e-3)


def test_what_is_pruned_is_no_direction(tiny):
    network, state, mask, split = tiny
    curvature = Curvature(network, state, mask, split)
    assert len(curvature.at) == sum(int(kept.sum()) for kept in mask.values())
    pruned = {name: kept & (state[name].abs() > 0.2) for name, kept in mask.items()}
    direction = of_a_round(mask, pruned, state)
    after = Curvature(network, state, pruned, split)
    assert float(curvature.loss(curvature.at + direction)) == pytest.approx(float(after.loss(after.at)))


def test_the_networks_own_weights_stay(tiny):
    network, state, mask, split = tiny
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    Curvature(network, state, mask, split).eigenvalues()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_bad_requests_get_a_sentence(tiny):
    curvature = Curvature(*tiny)
    with pytest.raises(LotteryError, match="count is 99, but the mask keeps"):
        curvature.eigenvalues(99)
    with pytest.raises(LotteryError, match="direction has length 0"):
        curvature.along(torch.zeros_like(curvature.at))
