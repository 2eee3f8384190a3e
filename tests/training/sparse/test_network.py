"""Trained with kernels, a ticket is what it is the dense way, to float tolerance."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from lthlib import models
from lthlib.data import Split
from lthlib.models.resnet import ResNet
from lthlib.models.vgg import VGG
from lthlib.settings import Recipe
from lthlib.training import objectives
from lthlib.training.sparse import SparseNetwork, plan, pointwise, rule
from lthlib.training.sparse.compiled import available
from lthlib.training.stack import Stack, Ticket

pytestmark = pytest.mark.skipif(not available(), reason="numba cannot compile here")
CPU = torch.device("cpu")
ADAM = Recipe(learning_rate=1e-3, iterations=100)
RECIPES = {
    "adam": ADAM,
    "adam with decay": Recipe(learning_rate=1e-3, weight_decay=0.1, iterations=100),
    "adamw": Recipe("adamw", 1e-3, weight_decay=0.1, iterations=100),
    "sgd": Recipe("sgd", 0.02, momentum=0.9, weight_decay=1e-2, iterations=100),
    "clipped": Recipe("sgd", 0.02, momentum=0.9, gradient_clip=0.1, iterations=100),
    "smoothed": Recipe(learning_rate=1e-3, label_smoothing=0.1, iterations=100),
}


class Odd(nn.Module):
    """Strides, dilation, padding, a bias beside batch norm, overlapping pools, a ReLU whose input is read twice,
    a padded map that is flattened, dropout."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 5, 3, stride=2, padding=1)
        self.b = nn.Conv2d(5, 6, (3, 2), dilation=(1, 2), padding=(2, 1), bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.c = nn.Conv2d(6, 6, 1, stride=1)
        self.d = nn.Conv2d(6, 4, 2, stride=(1, 2), padding=1)
        self.e = nn.Linear(108, 20)
        self.drop, self.out = nn.Dropout(0.3), nn.Linear(20, 3)

    def forward(self, x):
        x = self.norm(self.b(torch.tanh(self.a(x))))
        x = torch.relu(x) + self.c(x)
        x = functional.max_pool2d(functional.avg_pool2d(x, 2, stride=1), 2, 1)
        x = torch.relu(self.d(x))
        return self.out(self.drop(functional.relu(self.e(x.view(x.size(0), -1)))))


class Wide(nn.Module):
    """One-dimensional convolutions."""

    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv1d(2, 6, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 4, 3, stride=2))
        self.head = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(20), nn.ELU(), nn.Linear(20, 3))

    def forward(self, x):
        return self.head(self.convs(x))


NETWORKS = {
    "lenet": (lambda: models.LeNet(20, 3, (30, 16)), (20,)),
    "conv": (lambda: models.Conv((2, 8, 8), 3, widths=(4,), hidden=(16,)), (2, 8, 8)),
    "dropout": (lambda: models.Conv((2, 8, 8), 3, widths=(4,), hidden=(16,), dropout=0.5), (2, 8, 8)),
    "resnet": (lambda: ResNet((2, 8, 8), 3, depth=8, width=4), (2, 8, 8)),
    "vgg": (lambda: VGG((2, 8, 8), 3, width=4, convs=(1, 1)), (2, 8, 8)),
    "odd": (Odd, (2, 15, 14)),
    "one dimension": (Wide, (2, 22)),
}


@pytest.fixture(autouse=True)
def whatever_it_costs(monkeypatch):
    """Kernels for networks too small to profit."""
    monkeypatch.setattr(rule, "GAIN", 0.0)
    monkeypatch.setattr(rule, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(rule, "WHOLE_LINEAR", 9.0)


def setup(name, density, recipe, examples=150, seed=0):
    """A ticket of the network, both ways, and its data."""
    build, shape = NETWORKS[name]
    theta, generator = models.initial_weights(build, seed), torch.Generator().manual_seed(seed)
    network = build()
    mask = {key: torch.rand(p.shape, generator=generator) < density for key, p in models.prunable(network).items()}
    ticket = Ticket(theta, mask, order_seed=5)
    split = Split(torch.randn(examples, *shape, generator=generator), torch.randint(0, 3, (examples,), generator=generator))
    return network, ticket, split, both_ways(network, ticket, split, recipe)


def both_ways(network, ticket, split, recipe, objective=objectives.classification):
    chosen = plan(network, ticket, recipe, split)
    assert chosen is not None, "this network is for kernels"
    dense = Stack(network, [ticket], recipe, split, CPU, objective)
    return dense, SparseNetwork(chosen, ticket, recipe, split, objective)


def alike(dense, sparse, tolerance=2e-4):
    ours, theirs = sparse.state(), dense.state()
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        largest = float(expected.abs().max())
        assert float((ours[name] - expected).abs().max()) <= tolerance * max(largest, 1e-3), name


def steps(dense, sparse, count, batch=60, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for iteration in range(count):
        index = torch.randint(0, len(dense.train), (1, batch), generator=generator)
        dense.step(index, None, iteration)
        sparse.step(index, None, iteration)


@pytest.mark.parametrize("density", [0.95, 0.5, 0.1])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_before_and_after_steps(name, density):
    _, ticket, split, (dense, sparse) = setup(
        name, density, RECIPES["sgd"]
    )  # of a bias before batch norm Adam magnifies rounding
    for ours, theirs in zip(sparse.measure(split), dense.measure(split)):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5, abs=1e-6)
    steps(dense, sparse, 3)
    alike(dense, sparse)
    kept = sparse.state()
    assert all(not kept[key][0][~mask].any() for key, mask in ticket.mask.items()), "exactly zero"


LONG = [
    Recipe("sgd", 1e-3, momentum=0.9, weight_decay=1e-3, iterations=200),
    Recipe(learning_rate=1e-4, iterations=200),
    Recipe("adamw", 1e-4, weight_decay=0.1, iterations=200),
]


@pytest.mark.parametrize(("density", "recipe"), list(zip([1.0, 0.5, 0.1, 0.01], [*LONG, LONG[0]])))
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_after_200_steps(name, density, recipe):
    _, ticket, split, (dense, sparse) = setup(name, density, recipe)
    steps(dense, sparse, 200)
    # Where a gradient is zero but for rounding (a bias before batch norm), Adam makes whole steps of the rounding.
    alike(dense, sparse, 2e-2)
    assert float(sparse.measure(split)[0]) == pytest.approx(float(dense.measure(split)[0]), rel=1e-3)
    kept = sparse.state()
    assert all(not kept[key][0][~mask].any() for key, mask in ticket.mask.items()), "exactly zero"


@settings(max_examples=50, deadline=None)
@given(logits=st.lists(st.lists(st.sampled_from([-3.0, 0.0, 0.5, 0.5, 60.0]), min_size=3, max_size=3), min_size=1, max_size=70))
def test_what_is_judged_is_torchs_cross_entropy_and_first_largest_logit(logits):
    outputs = torch.tensor(logits)
    targets = torch.arange(len(logits)) % 3
    columns = torch.zeros(3, 128)
    columns[:, : len(logits)] = outputs.T
    losses, scores = objectives.classification(outputs, targets)
    loss, hits = pointwise.judged(columns.numpy(), targets.numpy())
    assert hits == float(scores.sum())
    assert loss == pytest.approx(float(losses.double().sum()), rel=1e-5, abs=1e-5)


def test_a_logit_that_is_no_number_is_judged_as_torch_does():
    outputs = torch.tensor([[1.0, torch.nan, 3.0], [torch.nan, 0.0, torch.nan], [2.0, 1.0, 0.0]])
    targets = torch.tensor([1, 2, 0])
    loss, hits = pointwise.judged(outputs.T.contiguous().numpy(), targets.numpy())
    assert loss != loss
    assert hits == float(objectives.classification(outputs, targets)[1].sum())


def test_linear_layers_above_their_break_even_are_torchs_products(monkeypatch):
    monkeypatch.setattr(rule, "WHOLE_LINEAR", 0.7)
    network, ticket, split, _ = setup("conv", 0.1, ADAM)
    ticket.mask["fcs.0.weight"][:] = torch.rand(16, 64, generator=torch.Generator().manual_seed(0)) < 0.7
    chosen = plan(network, ticket, ADAM, split)
    assert [node.name for node in chosen.nodes if id(node) in chosen.sparse] == ["convs.0", "convs.1", "output"]
    dense, sparse = both_ways(network, ticket, split, RECIPES["clipped"])
    steps(dense, sparse, 5)
    alike(dense, sparse)
    assert not sparse.state()["fcs.0.weight"][0][~ticket.mask["fcs.0.weight"]].any()


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe(recipe):
    _, _, split, (dense, sparse) = setup("lenet", 0.3, RECIPES[recipe])
    steps(dense, sparse, 40)
    alike(dense, sparse, 1e-3)
    assert float(sparse.measure(split)[0]) == pytest.approx(float(dense.measure(split)[0]), rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(batch=st.sampled_from([2, 3, 60, 64, 65, 128]), density=st.sampled_from([0.5, 0.1, 0.01]), seed=st.integers(0, 99))
def test_any_batch_and_mask(batch, density, seed):
    _, _, _, (dense, sparse) = setup("odd", density, RECIPES["sgd"], seed=seed)  # Adam magnifies rounding
    steps(dense, sparse, 2, batch, seed)
    alike(dense, sparse)


def test_a_batch_of_one_and_batches_of_changing_size():
    _, _, _, (dense, sparse) = setup("conv", 0.3, ADAM)
    steps(dense, sparse, 3, batch=1)
    alike(dense, sparse)
    _, _, _, (_, sparse) = setup("conv", 0.3, Recipe("sgd", 0.1, iterations=10))
    for iteration, size in enumerate((1, 130, 60)):
        _, _, _, (dense, _) = setup("conv", 0.3, Recipe("sgd", 0.1, iterations=10))
        dense.load(sparse.state())
        index = torch.arange(size).unsqueeze(0)
        dense.step(index, None, iteration)
        sparse.step(index, None, iteration)
        alike(dense, sparse)


def test_empty_rows_an_empty_layer_and_a_layer_of_one_weight():
    build, shape = NETWORKS["conv"]
    network, theta = build(), models.initial_weights(build, 0)
    mask = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in models.prunable(network).items()}
    for name in mask:
        mask[name].flatten()[3] = True
    mask["fcs.0.weight"].zero_()
    generator = torch.Generator().manual_seed(0)
    split = Split(torch.randn(70, *shape, generator=generator), torch.randint(0, 3, (70,), generator=generator))
    # Most gradients are zero, where Adam would magnify rounding.
    dense, sparse = both_ways(network, Ticket(theta, mask, order_seed=1), split, RECIPES["sgd"])
    steps(dense, sparse, 3)
    alike(dense, sparse)


def test_gradients_are_those_of_torch_in_double_precision():
    for name in ("conv", "odd", "resnet"):
        network, ticket, split, (_, sparse) = setup(name, 0.4, Recipe("sgd", 1.0, iterations=10))
        network = network.double().eval() if name == "odd" else network.double().train()
        if name == "odd":
            continue  # dropout draws differ in double precision; its gradients are compared step by step above
        theta = {key: t.double() if t.is_floating_point() else t for key, t in ticket.weights.items()}
        models.load(network, theta)
        for key, p in models.prunable(network).items():
            p.data *= ticket.mask[key]
        index = torch.arange(60)
        functional.cross_entropy(network(split.inputs[index].double()), split.targets[index]).backward()
        before = {key: t.clone() for key, t in sparse.state().items()}
        sparse.step(index.unsqueeze(0), None, 0)
        after = sparse.state()
        for key, p in network.named_parameters():
            expected = p.grad * ticket.mask.get(key, torch.ones_like(p, dtype=torch.bool))
            moved = (before[key] - after[key])[0].double()
            assert float((moved - expected).abs().max()) <= 1e-4 * float(expected.abs().max()) + 1e-6, (name, key)


def test_a_state_that_is_loaded_is_the_state():
    _, _, split, (dense, sparse) = setup("vgg", 0.2, ADAM)
    kept = {name: tensor.clone() for name, tensor in sparse.state().items()}
    before = sparse.measure(split)
    steps(dense, sparse, 3)
    assert float(sparse.measure(split)[0]) != float(before[0])
    sparse.load(kept)
    assert all(torch.equal(sparse.state()[name], tensor) for name, tensor in kept.items())
    assert sparse.measure(split) == before


def test_the_same_seed_gives_the_same_bits():
    runs = []
    for _ in range(2):
        _, _, _, (dense, sparse) = setup("resnet", 0.1, ADAM)
        steps(dense, sparse, 3)
        runs.append({name: tensor.clone() for name, tensor in sparse.state().items()})
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_other_objectives_by_torchs_gradient():
    network, ticket, split, _ = setup("lenet", 0.3, ADAM)

    def squared(outputs, targets):
        wanted = functional.one_hot(targets, 3).float()
        return (outputs - wanted).square().sum(1), (outputs.argmax(1) == targets).float()

    for objective in (squared, objectives.CrossEntropy(class_weights=(1.0, 2.0, 5.0))):
        dense, sparse = both_ways(network, ticket, split, ADAM, objective)
        steps(dense, sparse, 5)
        alike(dense, sparse)
        assert float(sparse.measure(split)[0]) == pytest.approx(float(dense.measure(split)[0]), rel=1e-4)


@pytest.mark.parametrize("name", ["lenet", "conv"])  # batch norm keeps huge weights finite
def test_training_that_diverges_ends_in_numbers_that_are_none(name):
    _, _, split, (dense, sparse) = setup(name, 0.5, Recipe("sgd", 1e12, iterations=100))
    steps(dense, sparse, 12)
    for way in (dense, sparse):
        assert not all(bool(tensor.isfinite().all()) for tensor in way.state().values())
        assert not bool(way.measure(split)[0].isfinite())
