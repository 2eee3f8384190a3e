"""Of a network that is torch's otherwise, single linear layers on kernels: the same numbers as the dense way."""

import copy
import os
import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from lthlib import models
from lthlib.data import Dataset, Split
from lthlib.settings import Recipe
from lthlib.training import engine, objectives
from lthlib.training.sparse import SparseNetwork, in_words, partial, plan_partial, rule
from lthlib.training.sparse.compiled import available
from lthlib.training.stack import Stack, Ticket
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not available(), reason="numba cannot compile here")
CPU = torch.device("cpu")
SGD = Recipe("sgd", 0.05, momentum=0.9, weight_decay=1e-3, batch_size=32, iterations=100)
ADAM = Recipe(learning_rate=1e-3, batch_size=32, iterations=100)


class Looped(nn.Module):
    """One layer that is used five times, and numbers that are looked at in between."""

    def __init__(self):
        super().__init__()
        self.begin, self.again, self.end = nn.Linear(10, 30), nn.Linear(30, 30, bias=False), nn.Linear(30, 4)

    def forward(self, x):
        x = self.begin(x)
        for _ in range(5):
            x = x + torch.tanh(self.again(x))
            if float(x.detach().abs().max()) > 1e6:
                break
        return self.end(x)


class Own(nn.Module):
    """A user's layer that reads a linear layer's weight itself too, beside one of a kind of the user's own."""

    class Scaled(nn.Linear):
        def forward(self, input):
            return 0.5 * super().forward(input)

    def __init__(self):
        super().__init__()
        self.a, self.scaled, self.out = nn.Linear(10, 20), Own.Scaled(20, 20), nn.Linear(20, 4)

    def forward(self, x):
        y = torch.relu(self.a(x)) + functional.linear(x, self.a.weight)
        return self.out(self.scaled(y).transpose(0, 1).contiguous().transpose(0, 1))


def tokens(count=70):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(0, 29, (count, 25), generator=generator)
    return Split(drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous())


def vectors(count=70, width=10):
    generator = torch.Generator().manual_seed(0)
    return Split(torch.rand(count, width, generator=generator), torch.randint(0, 4, (count,), generator=generator))


def pixels(count=70):
    inputs = vectors(count, 36).inputs
    return Split(inputs, inputs.clone())


NETWORKS = {
    "transformer": (lambda: models.Transformer(29, 24, depth=1), tokens, objectives.next_token),
    "vae": (lambda: models.VAE(36, 20, 4), pixels, objectives.autoencoder),
    "loop": (Looped, vectors, objectives.classification),
    "own layer": (Own, vectors, objectives.classification),
}


@pytest.fixture
def whatever_it_costs(monkeypatch):
    """Kernels for layers too small to profit."""
    monkeypatch.setattr(rule, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(rule, "PARTIAL_COST", 1e9)
    monkeypatch.setattr(rule, "LEAST_PRODUCTS", 0)


def ticket_of(network, density, seed=3):
    generator = torch.Generator().manual_seed(0)
    mask = {name: torch.rand(weight.shape, generator=generator) < density for name, weight in models.prunable(network).items()}
    return Ticket({name: tensor.clone() for name, tensor in network.state_dict().items()}, mask, order_seed=seed)


def setup(name, density=0.2, recipe=SGD, change=lambda mask: None):
    """A ticket both ways: in the dense stack, and as the engine trains it."""
    build, examples, objective = NETWORKS[name]
    with models.seeded(0):
        network = build()
    ticket, split = ticket_of(network, density), examples()
    change(ticket.mask)
    dense = Stack(network, [ticket], recipe, split, CPU, objective)
    ours = engine.by_what_is_kept(network, [ticket], recipe, Dataset(name, split, split, split), objective)
    assert isinstance(ours, Stack), "part of it is for kernels"
    return network, ticket, split, dense, ours


def kept_layers(stack):
    return [name for name, layer in stack.model.named_modules() if isinstance(layer, partial.KeptLinear)]


def alike(dense, ours, tolerance=2e-4):
    theirs, found = dense.state(), ours.state()
    assert list(found) == list(theirs)
    for name, expected in theirs.items():
        error = float((found[name] - expected).abs().max())
        assert error <= tolerance * max(float(expected.abs().max()), 1e-2), (name, error)


def steps(dense, ours, count, batch=32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for iteration in range(count):
        index = torch.randint(0, len(dense.train), (1, batch), generator=generator)
        dense.step(index, None, iteration)
        ours.step(index, None, iteration)


def exactly_zero(stack, ticket):
    return all(not stack.state()[name][0][~mask].any() for name, mask in ticket.mask.items())


@pytest.mark.parametrize("density", [0.9, 0.2, 0.03])
@pytest.mark.parametrize("name", NETWORKS)
def test_fifty_steps_and_evaluations_are_the_dense_ways(name, density, whatever_it_costs):
    _, ticket, split, dense, ours = setup(name, density)
    assert kept_layers(ours), "at least one layer"
    for a, b in zip(ours.measure(split), dense.measure(split)):
        assert float(a) == pytest.approx(float(b), rel=1e-5, abs=1e-6)
    steps(dense, ours, 50)
    alike(dense, ours, 2e-3)
    assert exactly_zero(ours, ticket)
    assert float(ours.measure(split)[0]) == pytest.approx(float(dense.measure(split)[0]), rel=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_and_gradients_are_torchs_in_double_precision(name, whatever_it_costs):
    _, ticket, split, dense, ours = setup(name)
    x, double = split.inputs[:33], copy.deepcopy(dense.model).double().eval()
    exact = double(x.double() if x.is_floating_point() else x)
    found = ours.model.eval()(x)
    assert torch.allclose(found.double(), exact, atol=1e-5)
    weigh = torch.randn(exact.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (exact * weigh).sum().backward()
    (found * weigh.float()).sum().backward()
    largest = max(float(p.grad.abs().max()) for p in double.parameters())
    for (key, p), q in zip(double.named_parameters(), ours.model.parameters()):
        kept = ticket.mask.get(key, torch.ones_like(p, dtype=torch.bool))
        assert float(((q.grad - p.grad)[kept]).abs().max()) <= 1e-5 * largest, key
        if key.removesuffix(".weight") in kept_layers(ours) and (name, key) != ("own layer", "a.weight"):  # which is read twice
            assert not q.grad[~kept].any(), "nothing where nothing is kept"


def test_only_plain_linear_layers_are_on_kernels(whatever_it_costs):
    network, ticket, split, _, ours = setup("own layer")
    assert kept_layers(ours) == ["a", "out"]
    said = in_words(network, ticket, SGD, split)
    assert said.startswith("kept weights: a, out; the dense way: scaled (no kernel for Scaled here), all other layers (")


def test_empty_rows_columns_and_layers(whatever_it_costs):
    def change(mask):
        mask["blocks.0.attention.mix.weight"].zero_()
        mask["blocks.0.wide.weight"][5:9] = False
        mask["blocks.0.narrow.weight"][:, 3:70] = False
        mask["output.weight"].zero_()[2, 7] = True

    _, ticket, _, dense, ours = setup("transformer", change=change)
    steps(dense, ours, 3)
    alike(dense, ours)
    assert exactly_zero(ours, ticket)


@pytest.mark.parametrize("name", ["transformer", "vae", "loop"])
def test_batches_of_one_and_of_odd_sizes(name, whatever_it_costs):
    for batch in (1, 3, 65):
        _, _, _, dense, ours = setup(name)
        steps(dense, ours, 2, batch)
        alike(dense, ours)


@pytest.mark.parametrize(
    "recipe",
    [ADAM, Recipe("adamw", 1e-3, weight_decay=0.1, iterations=99), Recipe("sgd", 0.05, gradient_clip=0.1, iterations=99)],
)
def test_every_optimiser_and_clipping(recipe, whatever_it_costs):
    _, ticket, _, dense, ours = setup("vae", recipe=recipe)
    steps(dense, ours, 20)
    alike(dense, ours, 5e-3)
    assert exactly_zero(ours, ticket)


def test_a_state_that_is_loaded_is_the_state(whatever_it_costs):
    _, _, split, dense, ours = setup("vae")
    kept, before = {name: tensor.clone() for name, tensor in ours.state().items()}, ours.measure(split)
    steps(dense, ours, 3)
    assert ours.measure(split) != before
    ours.load(kept)
    assert ours.measure(split) == before


def test_copies_and_pickles_have_names_of_their_own_and_the_same_numbers(whatever_it_costs):
    network, _, split, _, ours = setup("loop")
    assert list(ours.model.state_dict()) == list(network.state_dict())
    x = split.inputs
    for other in (copy.deepcopy(ours.model), pickle.loads(pickle.dumps(ours.model))):
        assert torch.equal(other(x), ours.model(x))
        other.again.weight.data.zero_()
        assert not torch.equal(other(x), ours.model(x)), "it reads its own weights"
    assert not any(isinstance(layer, partial.KeptLinear) for layer in network.modules()), "the caller's network is as it was"


def test_other_numbers_and_other_weights_are_a_linear_layers(whatever_it_costs):
    _, _, split, _, ours = setup("loop")
    layer, x = ours.model.begin, split.inputs
    whole = {"weight": torch.ones(30, 10), "bias": torch.zeros(30)}
    assert torch.allclose(functional_call(layer, whole, (x,)), x.sum(1, keepdim=True).expand(-1, 30))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert copy.deepcopy(layer).double()(x.double()).dtype == torch.float64
    assert layer(x[:0]).shape == (0, 30)


class Penalised(Looped):
    """It takes the gradient of a gradient, which kernels do not have."""

    def forward(self, x):
        x = x.clone().requires_grad_()
        with torch.enable_grad():
            y = super().forward(x)
            [slope] = torch.autograd.grad(y.sum(), x, create_graph=True)
        return y + slope.square().sum(1, keepdim=True)


class Mapped(Looped):
    """It maps itself over its examples."""

    def forward(self, x):
        return torch.func.vmap(self.end)(torch.func.vmap(self.begin)(x))


@pytest.mark.parametrize("build", [Penalised, Mapped])
def test_a_network_whose_code_wants_torchs_own_layers_keeps_them(build, whatever_it_costs):
    network, split = build(), vectors()
    assert plan_partial(network, ticket_of(network, 0.1), SGD, split) is None


def test_not_for_frozen_values_bfloat16_or_tied_weights(whatever_it_costs):
    network, split = Looped(), vectors()
    ticket = ticket_of(network, 0.1)
    assert plan_partial(network, ticket, SGD, split)
    frozen = Ticket(ticket.weights, ticket.mask, 0, frozen={name: ~mask for name, mask in ticket.mask.items()})
    assert plan_partial(network, frozen, SGD, split) is None
    assert plan_partial(network, ticket, Recipe(iterations=10, precision="bfloat16"), split) is None
    network.begin = nn.Linear(10, 30)
    network.other = nn.Linear(30, 30)
    network.other.weight = network.again.weight
    chosen = plan_partial(network, ticket_of(network, 0.1), SGD, split)
    assert chosen and chosen.names == ["begin", "end"] and chosen.dense == {"again": "its weight is used twice"}


def test_nothing_changes_where_no_layer_pays():
    for name, (build, examples, objective) in NETWORKS.items():
        network, split = build(), examples()
        ticket, data = ticket_of(network, 0.1), Dataset(name, split, split, split)
        assert engine.by_what_is_kept(network, [ticket], SGD, data, objective) is None


def test_large_layers_go_on_kernels_when_they_are_sparse_and_others_do_not():
    network, split = models.Transformer(29, 24, width=256, depth=1), tokens(40)
    chosen = plan_partial(network, ticket_of(network, 0.03), ADAM, split)
    assert chosen and {"blocks.0.wide", "blocks.0.narrow", "blocks.0.attention.query"} <= set(chosen.names)
    assert chosen.dense == {"output": "too many weights for its size"}
    assert plan_partial(network, ticket_of(network, 0.5), ADAM, split) is None


def test_a_network_that_is_traced_whole_is_on_a_tape_as_before():
    network, split = models.LeNet(40, 4), vectors(70, 40)
    data, ticket = Dataset("lenet", split, split, split), ticket_of(network, 0.1)
    assert isinstance(engine.by_what_is_kept(network, [ticket], ADAM, data, objectives.classification), SparseNetwork)


def trained(tickets, **options):
    network, split = models.Transformer(29, 24, width=256, depth=1), tokens(40)
    recipe, data = Recipe(iterations=6, evaluate_every=3, batch_size=32), Dataset("text", split, split, split)
    found = dict(engine.train(tickets, recipe, data, model=network, objective=objectives.next_token, device="cpu", **options))
    return [found[index] for index in range(len(tickets))]


def test_workers_and_seeds_change_no_bit_and_off_turns_it_off(monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0.0)
    with models.seeded(0):
        tickets = [ticket_of(models.Transformer(29, 24, width=256, depth=1), 0.03, seed) for seed in (1, 2)]
    one, again, two = trained(tickets, workers=1), trained(tickets, workers=1), trained(tickets, workers=2)
    for a, b, c in zip(one, again, two):
        assert a.history == b.history == c.history
        assert all(torch.equal(a.weights[name], other.weights[name]) for name in a.weights for other in (b, c))
    put = []
    monkeypatch.setattr(partial, "put_in", lambda *arguments: put.append(arguments))
    trained(tickets, workers=1, sparse="off")
    assert not put


ALONE = """
import hashlib
from lthlib import models
from tests.training.sparse.test_partial import ticket_of, trained
with models.seeded(0):
    tickets = [ticket_of(models.Transformer(29, 24, width=256, depth=1), 0.03, 1)]
digest = hashlib.sha256()
for weight in trained(tickets, workers=1)[0].weights.values():
    digest.update(weight.numpy().tobytes())
print(digest.hexdigest())
"""


def test_kernels_that_call_kernels_give_the_same_bits_from_a_cold_and_a_warm_cache(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = lambda: subprocess.run([sys.executable, "-c", ALONE], env=environment, cwd=ROOT, check=True, capture_output=True)  # noqa: E731
    cold, warm = run().stdout, run().stdout
    assert cold and cold == warm
    assert list(tmp_path.rglob("*linear_of_rows*")), "it was kept between the two"
