"""Orders of hidden units, against brute force, matrices by hand, and planted orders that must be found."""

import copy
import itertools

import pytest
import torch
from torch import nn

from lthlib import models, tasks
from lthlib.analysis import mode_connectivity, permutations
from lthlib.analysis.permutations import Axis, Hidden, Matching
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks

NETWORKS = {
    "LeNet": (lambda: models.LeNet(12, 4, (9, 7)), (12,)),
    "Conv": (lambda: models.Conv((1, 8, 8), 4, (5, 6), (9,)), (1, 8, 8)),
    "Conv with dropout": (lambda: models.Conv((1, 8, 8), 4, (5,), (9, 8), dropout=0.5), (1, 8, 8)),
    "VGG": (lambda: models.VGG((1, 8, 8), 4, 4, (1, 2)), (1, 8, 8)),
    "batch norm after a linear layer": (
        lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 3)),
        (6,),
    ),
    "batch norm on a flattened convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(108), nn.Linear(108, 2)
        ),
        (1, 8, 8),
    ),
}
each = pytest.mark.parametrize("name", NETWORKS)


def lived_in(name):
    """A network in double precision whose biases and running statistics are no longer as they began, and inputs."""
    build, shape = NETWORKS[name]
    with models.seeded(1):
        network, inputs = build().double(), torch.randn(40, *shape).double()
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        network.train()(inputs)
    return network.eval(), inputs


def units_of(network, inputs):
    return permutations.hidden_units(copy.deepcopy(network).float(), inputs.float())


def outputs(network, state, inputs):
    network = copy.deepcopy(network)
    network.load_state_dict(state)
    with torch.no_grad():
        return network.eval()(inputs)


def without(units, layer, left_out):
    """The units with one axis of a layer left out."""
    axes = tuple(axis for axis in units[layer].axes if axis != left_out)
    return {**units, layer: Hidden(units[layer].size, axes)}


@each
def test_no_order_of_the_units_changes_an_output(name):
    network, inputs = lived_in(name)
    units, state = units_of(network, inputs), network.state_dict()
    before, moves = outputs(network, state, inputs), 0
    for seed in range(3):
        moved = permutations.permute(state, permutations.shuffled(units, seed), units)
        moves += any(not torch.equal(moved[key], state[key]) for key in state)
        assert (outputs(network, moved, inputs) - before).abs().max() < 1e-12
    assert moves, "one of the orders is another"


@each
def test_each_axis_is_needed(name):
    """Leave one axis where it was, and the network computes something else."""
    network, inputs = lived_in(name)
    units, state = units_of(network, inputs), network.state_dict()
    before, order = outputs(network, state, inputs), permutations.shuffled(units, 5)
    for layer, hidden in units.items():
        for axis in hidden.axes:
            moved = permutations.permute(state, order, without(units, layer, axis))
            assert (outputs(network, moved, inputs) - before).abs().max() > 1e-6, axis


@each
def test_a_planted_order_is_found_exactly(name):
    network, inputs = lived_in(name)
    units, state = units_of(network, inputs), network.state_dict()
    for seed in range(3):
        planted = permutations.shuffled(units, seed)
        other = permutations.permute(state, planted, units)
        found = permutations.match(other, state, units, seed).permutation
        assert all(torch.equal(found[layer], planted[layer]) for layer in units)
        assert permutations.same_places(found, planted) == 1
        back = permutations.permute(state, found, units)
        assert all(torch.equal(back[key], other[key]) for key in state)


def test_the_axes_of_lenet_and_of_a_flattened_convolution_by_hand():
    units = permutations.hidden_units(models.LeNet(12, 4, (9, 7)), torch.randn(2, 12))
    assert units == {
        "fc1.weight": Hidden(9, (Axis("fc1.weight", 0), Axis("fc1.bias", 0), Axis("fc2.weight", 1))),
        "fc2.weight": Hidden(7, (Axis("fc2.weight", 0), Axis("fc2.bias", 0), Axis("output.weight", 1))),
    }
    network, inputs = lived_in("Conv")
    assert units_of(network, inputs)["convs.3.weight"].axes[-1] == Axis("fcs.0.weight", 1, block=4)  # 2 x 2 places
    network, inputs = lived_in("VGG")
    statistics = [axis for layer in units_of(network, inputs).values() for axis in layer.axes if not axis.learned]
    assert len(statistics) == 2 * 3 and all("running" in axis.tensor for axis in statistics)


def test_permuting_is_multiplying_by_permutation_matrices():
    network, inputs = lived_in("LeNet")
    units, state = units_of(network, inputs), network.state_dict()
    order = permutations.shuffled(units, 2)
    p, q = (torch.eye(units[name].size, dtype=torch.double)[order[name]] for name in units)
    by_hand = {"fc1.weight": p @ state["fc1.weight"], "fc1.bias": p @ state["fc1.bias"]}
    by_hand |= {"fc2.weight": q @ state["fc2.weight"] @ p.T, "fc2.bias": q @ state["fc2.bias"]}
    by_hand |= {"output.weight": state["output.weight"] @ q.T, "output.bias": state["output.bias"]}
    moved = permutations.permute(state, order, units)
    assert moved.keys() == by_hand.keys() and all(torch.equal(moved[key], by_hand[key]) for key in by_hand)


def two_lenets(hidden, seeds=(1, 2)):
    states = [models.initial_weights(lambda: models.LeNet(6, 3, hidden), seed) for seed in seeds]
    for state, seed in zip(states, seeds):
        torch.manual_seed(seed)
        for name in ("fc1.bias", "fc2.bias"):
            state[name] = torch.randn_like(state[name])
    return *states, permutations.hidden_units(models.LeNet(6, 3, hidden), torch.randn(2, 6))


def all_orders(units):
    orders = [[torch.tensor(order) for order in itertools.permutations(range(layer.size))] for layer in units.values()]
    for chosen in itertools.product(*orders):
        yield dict(zip(units, chosen))


@pytest.mark.parametrize("seed", range(5))
def test_one_hidden_layer_gets_the_best_of_all_orders(seed):
    a, b, _ = two_lenets((5, 1), (seed, seed + 10))
    units = permutations.hidden_units(models.LeNet(6, 3, (5, 1)), torch.randn(2, 6))
    best = max(permutations.similarity(a, permutations.permute(b, order, units), units) for order in all_orders(units))
    assert permutations.match(a, b, units).similarities[-1] == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_two_layers_end_where_no_layer_by_itself_could_gain(seed):
    a, b, units = two_lenets((4, 3), (seed, seed + 10))
    found = permutations.match(a, b, units)
    reached = {}
    for order in all_orders(units):
        reached[tuple(map(tuple, (o.tolist() for o in order.values())))] = permutations.similarity(
            a, permutations.permute(b, order, units), units
        )
    first, second = (tuple(found.permutation[name].tolist()) for name in units)
    own = reached[first, second]
    assert own == pytest.approx(found.similarities[-1], abs=1e-9) and own <= max(reached.values()) + 1e-9
    assert own >= max(value for (p, q), value in reached.items() if p == first or q == second) - 1e-9


def test_the_similarity_never_falls_and_is_what_it_says():
    for seed in range(5):
        a, b, units = two_lenets((30, 20), (seed, seed + 10))
        found = permutations.match(a, b, units, seed)
        assert all(later >= earlier for earlier, later in itertools.pairwise(found.similarities))
        assert found.similarities[0] == permutations.similarity(a, b, units)
        moved = permutations.permute(b, found.permutation, units)
        assert found.similarities[-1] == pytest.approx(permutations.similarity(a, moved, units), rel=1e-9)


def test_more_similar_is_nearer():
    """|a - p(b)|^2 = |a|^2 + |b|^2 - 2 similarity, over the tensors that are permuted."""
    a, b, units = two_lenets((9, 7))
    names = {axis.tensor for layer in units.values() for axis in layer.axes}

    def squared(state):
        return sum(float(state[name].double().square().sum()) for name in names)

    for seed in range(3):
        moved = permutations.permute(b, permutations.shuffled(units, seed), units)
        apart = sum(float((a[name].double() - moved[name].double()).square().sum()) for name in names)
        assert apart == pytest.approx(squared(a) + squared(b) - 2 * permutations.similarity(a, moved, units), rel=1e-9)


def test_running_statistics_follow_their_units_and_do_not_count():
    network, inputs = lived_in("VGG")
    units, state = units_of(network, inputs), network.state_dict()
    other = {name: tensor + 100 if "running" in name else tensor for name, tensor in state.items()}
    assert permutations.similarity(state, other, units) == permutations.similarity(state, state, units)
    found = permutations.match(state, other, units)
    assert permutations.same_places(found.permutation, permutations.identity(units)) == 1


def test_a_mask_is_permuted_as_its_weights_are():
    _, b, units = two_lenets((9, 7))
    kept = {name: torch.rand(b[name].shape) < 0.4 for name in ("fc1.weight", "fc2.weight", "output.weight")}
    order = permutations.shuffled(units, 4)
    together = permutations.permute(masks.apply(kept, b), order, units)
    moved = permutations.permute(kept, order, units)
    apart = masks.apply(moved, permutations.permute(b, order, units))
    assert all(torch.equal(together[name], apart[name]) for name in b)
    assert masks.layer_counts(moved) == masks.layer_counts(kept) and all(mask.dtype == torch.bool for mask in moved.values())
    assert torch.equal(moved["fc1.weight"].sum(0), kept["fc1.weight"].sum(0)), "inputs stay where they are"


def test_scattered_weights_fit_the_mask_that_is_scattered_with_them():
    _, b, _ = two_lenets((9, 7))
    kept = {name: torch.rand(b[name].shape) < 0.4 for name in ("fc1.weight", "fc2.weight", "output.weight")}
    ticket = masks.apply(kept, b)
    moved, mask = permutations.scattered(ticket, 3), permutations.scattered(kept, 3)
    for name in kept:
        assert torch.equal(moved[name] != 0, mask[name]) and not torch.equal(mask[name], kept[name])
        assert torch.equal(moved[name].flatten().sort().values, ticket[name].flatten().sort().values)
    assert not torch.equal(permutations.scattered(b, 4)["fc1.weight"], permutations.scattered(b, 3)["fc1.weight"])


def test_cosine_is_one_with_itself_and_counts_no_scale():
    a, b, units = two_lenets((9, 7))
    own = permutations.cosine(a, b, units)
    assert permutations.cosine(a, a, units) == pytest.approx(1) and -1 < own < 1
    assert permutations.cosine(a, {name: 3 * tensor for name, tensor in b.items()}, units) == pytest.approx(own)


def test_units_without_any_weight_are_alike():
    """A masked network with dead units comes back as the same numbers, whatever place each dead unit takes."""
    _, b, units = two_lenets((9, 7))
    kept = {name: torch.rand(b[name].shape) < 0.5 for name in ("fc1.weight", "fc2.weight", "output.weight")}
    for dead in (2, 5):
        kept["fc1.weight"][dead], kept["fc2.weight"][:, dead] = False, False
        b["fc1.bias"][dead] = 0
    ticket = masks.apply(kept, b)
    other = permutations.permute(ticket, permutations.shuffled(units, 1), units)
    back = permutations.permute(ticket, permutations.match(other, ticket, units).permutation, units)
    assert all(torch.equal(back[name], other[name]) for name in other)


def test_a_match_is_repeated_by_its_seed_and_changes_nothing_that_it_was_given():
    a, b, units = two_lenets((30, 20))
    before = {name: tensor.clone() for name, tensor in b.items()}
    found, again = (permutations.match(a, b, units, seed=3) for _ in range(2))
    assert isinstance(found, Matching) and found.similarities == again.similarities
    assert all(torch.equal(found.permutation[name], again.permutation[name]) for name in units)
    permutations.permute(b, found.permutation, units)["fc1.weight"].zero_()
    assert all(torch.equal(b[name], before[name]) for name in b)
    permutations.permute(b, permutations.identity(units), units)["output.bias"].zero_()
    assert torch.equal(b["output.bias"], before["output.bias"])


def test_there_is_no_barrier_to_oneself_in_another_order_once_it_is_matched():
    """And the ends of a line are the two networks, in whatever order."""
    task = tasks.find_task("lenet-digits")
    a, b = (models.initial_weights(task.build, seed) for seed in (1, 2))
    units = permutations.hidden_units(task.build(), task.dataset.train.inputs)
    hidden = permutations.permute(a, permutations.shuffled(units, 1), units)
    found = permutations.permute(hidden, permutations.match(a, hidden, units).permutation, units)
    line = mode_connectivity.path(task, a, found, points=5, device="cpu")
    assert mode_connectivity.barrier(line) == mode_connectivity.barrier(line, "loss") == 0
    own = mode_connectivity.path(task, a, b, points=2, device="cpu")
    moved = mode_connectivity.path(
        task, a, permutations.permute(b, permutations.shuffled(units, 2), units), points=2, device="cpu"
    )
    assert moved.loss.to_numpy() == pytest.approx(own.loss.to_numpy(), rel=1e-5)
    assert moved.error.to_numpy() == pytest.approx(own.error.to_numpy(), abs=1.5 / len(task.dataset.test))


def test_two_orders_at_random_agree_on_about_one_unit_a_layer():
    units = {"a": Hidden(50, ()), "b": Hidden(30, ())}
    pairs = [(permutations.shuffled(units, 2 * k), permutations.shuffled(units, 2 * k + 1)) for k in range(400)]
    shares = torch.tensor([permutations.same_places(p, q) for p, q in pairs])
    assert float(shares.mean()) == pytest.approx(2 / 80, rel=0.2)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.output = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 2)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.output(torch.relu(self.b(torch.relu(self.a(x)))))


@pytest.mark.parametrize(
    ("network", "shape", "says"),
    [
        (lambda: models.ResNet((1, 8, 8), 4, 8, 4), (1, 8, 8), "ResNet is no chain: add joins streams"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 3)), (6,), "no hidden layer"),
        (lambda: nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.Linear(4, 2)), (6,), "no kernel for LayerNorm"),
        (lambda: nn.Sequential(nn.Linear(6, 4), nn.Softmax(1), nn.Linear(4, 2)), (6,), "no kernel for Softmax"),
        (Shared, (5,), "a.weight of Shared is shared"),
    ],
)
def test_networks_whose_units_cannot_be_told_apart_are_refused(network, shape, says):
    with pytest.raises(LotteryError, match=says) as raised:
        permutations.hidden_units(network(), torch.randn(4, *shape))
    assert str(raised.value).endswith("such as LeNet, Conv or VGG.") and str(raised.value).count(". ") == 0


def test_what_does_not_fit_is_told():
    a, b, units = two_lenets((9, 7))
    for wrong in ({}, {**permutations.identity(units), "fc1.weight": torch.zeros(9, dtype=torch.long)}):
        with pytest.raises(LotteryError, match="'fc1.weight' does not name each of its 9 units once"):
            permutations.permute(b, wrong, units)
    other, _, wide = two_lenets((8, 7))
    with pytest.raises(LotteryError, match="the two networks differ in 'fc1.weight'"):
        permutations.match(a, other, units)
    with pytest.raises(LotteryError, match=r"'fc1.weight' has the shape \[9, 6\] and not 8 entries along axis 0"):
        permutations.permute(b, permutations.identity(wide), wide)
