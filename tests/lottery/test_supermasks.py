"""Supermasks: only scores are learned, by the rules of the papers; and sums of random numbers against brute force."""

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import data, models, tasks
from lthlib.core.errors import LotteryError
from lthlib.lottery import subset_sums, supermasks
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.storage import store
from lthlib.training import engine, randomness
from lthlib.training.engine import Ticket

RECIPE = Recipe("sgd", 0.1, momentum=0.9, weight_decay=1e-3, batch_size=8, iterations=30, evaluate_every=10)
MAKERS = {
    "edge-popup": lambda network: supermasks.edge_popup(network, 0.3),
    "signed edge-popup": lambda network: supermasks.edge_popup(network, 0.3, signed_constant=True, scaled=True),
    "bernoulli": supermasks.bernoulli,
    "rescaled bernoulli": lambda network: supermasks.bernoulli(network, signed_constant=True, rescale=True),
}


class Images(nn.Module):
    """Convolution, batch norm, dropout, and layers with biases."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.2)
        self.output = nn.Linear(36, 3)

    def forward(self, x):
        return self.output(self.drop(torch.relu(self.norm(self.conv(x.view(-1, 1, 6, 6))))).flatten(1))


@pytest.fixture(scope="module")
def patterns():
    """200 + 60 noisy examples of three patterns of 36 numbers, in float64."""
    generator = torch.Generator().manual_seed(0)
    centres, targets = torch.randn(3, 36, generator=generator), torch.randint(0, 3, (260,), generator=generator)
    inputs = centres[targets] + 0.5 * torch.randn(260, 36, generator=generator)
    found = data.from_arrays("patterns", inputs[:200], targets[:200], inputs[200:], targets[200:])
    splits = (data.Split(split.inputs.double(), split.targets) for split in (found.train, found.validation, found.test))
    return data.Dataset("patterns", *splits)


def tickets_of(build, count, mask=None):
    return [
        Ticket(models.initial_weights(build, seed), mask or masks.ones(models.prunable(build())), order_seed=10 + seed)
        for seed in range(count)
    ]


def run(tickets, dataset, build, recipe=RECIPE, **options):
    trained = dict(engine.train(tickets, recipe, dataset, model=build(), device="cpu", **{"workers": 1, **options}))
    return [trained[index] for index in range(len(tickets))]


@pytest.mark.parametrize("maker", MAKERS)
def test_trained_alone_is_trained_side_by_side(patterns, maker):
    build = lambda: MAKERS[maker](Images().double())  # noqa: E731
    tickets = tickets_of(build, 3)
    for ours, theirs in zip(run(tickets, patterns, build, stack=3), run(tickets, patterns, build)):
        for name in theirs.weights:
            torch.testing.assert_close(ours.weights[name], theirs.weights[name], rtol=1e-6, atol=1e-8)
        assert ours.history["accuracy"] == theirs.history["accuracy"]
        one, other = (supermasks.mask_of(build(), found.weights) for found in (ours, theirs))
        assert masks.distance(one, other) == 0


@pytest.mark.gpu
@pytest.mark.parametrize("maker", MAKERS)
def test_a_card_trains_as_the_cpu(patterns, maker):
    build = lambda: MAKERS[maker](Images().double())  # noqa: E731
    tickets = tickets_of(build, 3)
    there = dict(engine.train(tickets, RECIPE, patterns, model=build(), device="cuda"))
    for index, theirs in enumerate(run(tickets, patterns, build)):
        for name in theirs.weights:
            torch.testing.assert_close(there[index].weights[name], theirs.weights[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_worker_trains_the_same_and_only_scores_move(patterns, maker, monkeypatch):
    build, ticket = (lambda: MAKERS[maker](Images().double())), None
    [ticket, other] = tickets_of(build, 2)
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0.0)
    [trained, _] = run([ticket, other], patterns, build, workers=2)
    [alone] = run([ticket], patterns, build)
    scores = set(models.prunable(build()))
    assert scores == {"conv.weight", "output.weight"}
    measured = {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
    for name, end in trained.weights.items():
        assert torch.equal(end, alone.weights[name])
        assert torch.equal(end, ticket.weights[name]) == (name not in scores | measured), name
    assert not any(trained.weights[f"{layer}.bias"].any() for layer in ("conv", "output"))


@pytest.mark.parametrize("maker", MAKERS)
def test_it_learns_and_its_subnetwork_is_an_ordinary_network(patterns, maker):
    build, recipe = (lambda: MAKERS[maker](Images().double())), Recipe("sgd", 1.0, momentum=0.9, batch_size=8, iterations=150)
    if "bernoulli" in maker:
        recipe = Recipe("sgd", 20.0, momentum=0.9, batch_size=8, iterations=150)
    [trained] = run(tickets_of(build, 1), patterns, build, recipe)
    network, plain = build(), Images().double()
    network.load_state_dict(trained.weights)
    plain.load_state_dict(supermasks.subnetwork(network))
    inputs, targets = patterns.test.inputs, patterns.test.targets
    with torch.no_grad():
        outputs = plain.eval()(inputs)
        torch.testing.assert_close(outputs, network.eval()(inputs))
    accuracy = float((outputs.argmax(1) == targets).double().mean())
    assert accuracy > 0.8, "chance is a third"
    assert accuracy == pytest.approx(
        dict(zip(zip(trained.history["iteration"], trained.history["split"]), trained.history["accuracy"]))[150, "test"]
    )
    mask = supermasks.mask_of(build(), trained.weights)
    assert all(torch.equal(plain.state_dict()[name] != 0, kept) for name, kept in mask.items())
    shuffled = supermasks.subnetwork(build(), trained.weights, masks.shuffle(mask, 0))
    assert masks.layer_counts({name: shuffled[name] != 0 for name in mask}) == masks.layer_counts(mask)
    assert not torch.equal(shuffled["output.weight"], plain.output.weight)


def test_edge_popups_gradient_by_hand_for_kept_and_dropped_weights():
    torch.manual_seed(0)
    network = supermasks.edge_popup(nn.Linear(7, 5).double(), 0.4)
    x, targets = torch.randn(11, 7, dtype=torch.float64), torch.randint(0, 5, (11,))
    functional.cross_entropy(network(x), targets).backward()
    used = network.drawn * supermasks.mask_of(network)["weight"]
    wrong = torch.softmax(x @ used.T, 1)
    wrong[torch.arange(11), targets] -= 1
    by_used = wrong.T @ x / 11  # d loss / d (weight in use), by the calculus of softmax and cross-entropy
    torch.testing.assert_close(network.weight.grad * network.weight.sign(), by_used * network.drawn)
    dropped = ~supermasks.mask_of(network)["weight"]
    assert dropped.sum() == 21 and network.weight.grad[dropped].abs().min() > 0 and network.bias.grad is None


@pytest.mark.parametrize("rescale", [False, True])
def test_bernoullis_gradient_by_hand(rescale):
    torch.manual_seed(0)
    network = supermasks.bernoulli(nn.Linear(7, 5).double(), rescale=rescale).train()
    network.weight.data.normal_()
    randomness.key_random_layers(network, 3)
    x = torch.randn(11, 7, dtype=torch.float64)
    seen = network(x)
    (seen**2).sum().backward()
    used = torch.linalg.lstsq(x, seen.detach()).solution.T / network.drawn  # what was drawn, from what came out
    kept = (used > 0.5).double()
    factor = kept.numel() / kept.sum() if rescale else 1.0
    torch.testing.assert_close(used, kept * factor)
    by_kept = 2 * (seen.detach().T @ x) * network.drawn * factor
    if rescale:  # one more weight makes the factor of all others smaller
        by_kept = by_kept - (by_kept * kept).sum() / kept.sum()
    chance = 1 / (1 + torch.exp(-network.weight.detach()))
    torch.testing.assert_close(network.weight.grad, by_kept * chance * (1 - chance))


@pytest.mark.parametrize("density", [0.001, 0.25, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_exactly_k_in_every_layer(density, ties):
    network = supermasks.edge_popup(models.Conv((1, 8, 8), 3, widths=(5,), hidden=(7,)), density)
    for layer in network.modules():
        if ties and hasattr(layer, "drawn"):
            layer.weight.data.fill_(0.5)
    mask = supermasks.mask_of(network)
    sizes = {name: scores.numel() for name, scores in models.prunable(network).items()}
    assert masks.layer_counts(mask) == {name: max(1, round(density * size)) for name, size in sizes.items()}


def test_the_largest_in_absolute_value_are_kept():
    network = supermasks.edge_popup(nn.Linear(4, 1), 0.5)
    network.weight.data = torch.tensor([[0.1, -0.9, 0.2, -0.05]])
    assert supermasks.mask_of(network)["weight"].tolist() == [[False, True, True, False]]


def test_how_weights_are_drawn():
    torch.manual_seed(0)
    plain, constant = (supermasks.edge_popup(nn.Linear(800, 100), 0.25, signed_constant=signed) for signed in (False, True))
    assert float(plain.drawn.std()) == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    assert constant.drawn.abs().unique().tolist() == pytest.approx([(2 / 800) ** 0.5])
    assert float(constant.drawn.sign().mean()) == pytest.approx(0, abs=0.02)
    scaled = supermasks.edge_popup(nn.Linear(800, 100), 0.25, scaled=True)
    assert float(scaled.drawn.std()) == pytest.approx(2 * (2 / 800) ** 0.5, rel=0.02)
    conv = supermasks.edge_popup(nn.Conv2d(8, 50, 3), 0.25, signed_constant=True)
    assert float(conv.drawn.abs().max()) == pytest.approx((2 / 72) ** 0.5)
    born = nn.Linear(40, 30)
    kept, signs = supermasks.bernoulli(born), supermasks.bernoulli(born, signed_constant=True)
    assert torch.equal(kept.drawn, born.weight) and torch.equal(signs.drawn.sign(), born.weight.sign())
    assert signs.drawn.abs().unique().tolist() == pytest.approx([float(born.weight.detach().std(correction=0))])
    assert born.weight.requires_grad and born.bias.any(), "the network that was given is left alone"


def test_one_seed_draws_the_same_signs_and_scores_at_every_density():
    build = lambda *options: models.initial_weights(lambda: supermasks.edge_popup(models.LeNet(9, 3, (8, 6)), *options), 5)  # noqa: E731
    one, other = build(0.1, False), build(0.8, True)
    assert torch.equal(one["fc1.drawn"].sign(), other["fc1.drawn"].sign())
    assert torch.equal(one["fc2.weight"], other["fc2.weight"])


def test_masks_are_drawn_with_the_probability_of_the_scores():
    network = supermasks.bernoulli(nn.Linear(20, 20)).train()
    torch.manual_seed(1)
    network.weight.data.normal_(0, 2)
    network.drawn.fill_(1.0)
    randomness.key_random_layers(network, 7)
    times = 600
    with torch.no_grad():
        mean = sum(network(torch.eye(20)).T for _ in range(times)) / times
    chance = torch.sigmoid(network.weight.detach())
    error = (mean - chance) / (chance * (1 - chance) / times).sqrt()
    assert error.abs().max() < 5 and float(error.std()) == pytest.approx(1, abs=0.15), "400 binomial means, in standard errors"
    randomness.key_random_layers(network, 8)
    first = network(torch.eye(20))
    assert not torch.equal(first, network(torch.eye(20))), "another draw at every step"
    randomness.key_random_layers(network, 8)
    assert torch.equal(first, network(torch.eye(20))), "the same again under the same seed"
    once, again = network.eval()(torch.eye(20)), network(torch.eye(20))
    assert torch.equal(once, again) and torch.equal(once.T.bool(), network.weight >= 0), "in evaluation nothing is drawn"


def test_rescaling_is_by_weights_over_ones():
    network = supermasks.bernoulli(nn.Linear(4, 1, bias=False), rescale=True).eval()
    network.weight.data = torch.tensor([[1.0, -1.0, -1.0, -1.0]])
    network.drawn.fill_(0.5)
    assert network(torch.ones(1, 4)).item() == 2.0
    assert supermasks.subnetwork(network)["weight"].tolist() == [[2.0, 0.0, 0.0, 0.0]]
    network.weight.data.fill_(-1.0)
    assert network(torch.ones(1, 4)).item() == 0.0 and not supermasks.subnetwork(network)["weight"].any()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 4), (2, 6)),
        (nn.Conv1d(3, 4, 3, dilation=2), (2, 3, 9)),
        (nn.Conv3d(2, 4, 2, groups=2), (2, 2, 4, 4, 4)),
        (nn.ConvTranspose2d(3, 4, 2, stride=2, output_padding=1), (2, 3, 5, 5)),
    ],
)
def test_every_kind_of_layer_computes_as_torchs_own(layer, shape):
    masked, x = supermasks.edge_popup(layer, 0.5), torch.randn(shape)
    plain = copy.deepcopy(layer)
    plain.load_state_dict(supermasks.subnetwork(masked))
    torch.testing.assert_close(masked(x), plain(x))
    assert type(pickle.loads(pickle.dumps(masked))) is type(masked)


def test_layers_that_share_a_weight_share_scores():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(5, 5), nn.Linear(5, 5)
            self.two.weight = self.one.weight

        def forward(self, x):
            return self.two(torch.relu(self.one(x)))

    network, plain, x = supermasks.edge_popup(Tied(), 0.4), Tied(), torch.randn(3, 5)
    assert network.two.weight is network.one.weight and network.two.drawn is network.one.drawn
    plain.load_state_dict(supermasks.subnetwork(network, mask=supermasks.mask_of(network)))
    torch.testing.assert_close(network(x), plain(x))


def test_a_hunt_trains_and_stores_them_and_pruning_leaves_them_alone(patterns, tmp_path):
    splits = (data.Split(s.inputs.float(), s.targets) for s in (patterns.train, patterns.validation, patterns.test))
    dataset = data.Dataset("patterns", *splits)
    task = lthlib.Task("popup-test", dataset, lambda _: supermasks.edge_popup(models.LeNet(36, 3, (8, 6)), 0.5))
    table = lthlib.hunt(task, levels=1, trials=2, iterations=20, evaluate_every=10, results=tmp_path, progress=False)
    assert set(table.density) == {1.0}, "no score is ever pruned"
    setting, _ = tasks.resolve(task, levels=1, trials=2, iterations=20, evaluate_every=10)
    record = store.Store(tmp_path).load(setting, store.Key(store.TICKET, 1, 0))
    assert masks.density(supermasks.mask_of(task.build(), record.weights)) == pytest.approx(0.5, abs=0.01)
    other = lthlib.Task("popup-test", dataset, lambda _: supermasks.edge_popup(models.LeNet(36, 3, (8, 6)), 0.4))
    assert task.fingerprint() != other.fingerprint(), "another density is another task"


@pytest.mark.parametrize("density", [0, -0.1, 1.01, float("nan"), "half", None, True])
def test_a_density_out_of_range_is_named(density):
    with pytest.raises(LotteryError, match=f"density is {density!r}: give the share"):
        supermasks.edge_popup(nn.Linear(3, 3), density)


def test_what_cannot_be_masked_is_named():
    class Own(nn.Linear):
        pass

    with pytest.raises(LotteryError, match="'0' is of type Own: a supermask takes torch's own Linear, Conv1d"):
        supermasks.bernoulli(nn.Sequential(Own(3, 3)))
    with pytest.raises(LotteryError, match="type PopupLinear"):
        supermasks.bernoulli(supermasks.edge_popup(nn.Linear(3, 3), 0.5))
    with pytest.raises(LotteryError, match="type str: give a torch.nn.Module"):
        supermasks.edge_popup("lenet", 0.5)
    with pytest.raises(LotteryError, match="Linear has no masked layers: make it with edge_popup"):
        supermasks.mask_of(nn.Linear(3, 3))
    with pytest.raises(LotteryError, match="nothing to prune"):
        supermasks.edge_popup(nn.ReLU(), 0.5)


def test_low_precision_is_refused(patterns):
    splits = (data.Split(s.inputs.float(), s.targets) for s in (patterns.train, patterns.validation, patterns.test))
    build = lambda: supermasks.edge_popup(models.LeNet(36, 3, (8, 6)), 0.5)  # noqa: E731
    with pytest.raises(LotteryError, match="train supermasks at precision float32"):
        run(tickets_of(build, 1), data.Dataset("p", *splits), build, Recipe(precision="bfloat16", iterations=2))


def brute_force(numbers, target):
    subsets = itertools.chain.from_iterable(itertools.combinations(numbers, size) for size in range(len(numbers) + 1))
    return min(abs(sum(subset) - target) for subset in subsets)


@pytest.mark.parametrize("count", range(12))
def test_nearest_subset_sums_are_the_nearest(count):
    generator = np.random.default_rng(count)
    for target in (0.0, 0.3, -1.7, 50.0, *generator.uniform(-2, 2, 4)):
        numbers = generator.uniform(-1, 1, count)
        chosen, error = subset_sums.nearest_subset_sum(numbers, target)
        assert chosen.shape == (count,) and chosen.dtype == bool
        assert error == pytest.approx(abs(numbers[chosen].sum() - target), abs=1e-12)
        assert error == pytest.approx(brute_force(numbers, target), abs=1e-12)


def test_subset_sums_of_whole_numbers_and_of_many():
    chosen, error = subset_sums.nearest_subset_sum([3, 34, 4, 12, 5, 2], 9)
    assert error == 0 and np.array([3, 34, 4, 12, 5, 2])[chosen].sum() == 9
    powers = 2.0 ** np.arange(30)
    chosen, error = subset_sums.nearest_subset_sum(powers, 123_456_789)
    assert error == 0 and [int(bit) for bit in f"{123_456_789:030b}"[::-1]] == chosen.astype(int).tolist()


@pytest.mark.parametrize(("numbers", "target"), [([0.1] * 41, 1.0), ([0.1, float("nan")], 1.0), ([0.1], float("inf"))])
def test_too_many_candidates_or_none_that_is_a_number(numbers, target):
    with pytest.raises(LotteryError, match="give at most 40, and finite numbers"):
        subset_sums.nearest_subset_sum(numbers, target)


def test_a_pruned_random_block_comes_near_a_linear_layer():
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: 2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1  # noqa: E731
    target, x = draw(3, 4) / 4, draw(500, 4)
    worst = {}
    for units in (2, 36):
        first, second = draw(4 * units, 4), draw(3, 4 * units)
        masks_found = subset_sums.block_masks(target, first, second)
        assert masks_found[0].sum(1).tolist() == [1] * (4 * units), "each hidden unit sees one input"
        block = (second * masks_found[1]) @ torch.relu((first * masks_found[0]) @ x.T)
        worst[units] = float((block - target @ x.T).abs().max())
    assert worst[36] < 0.01 < 0.1 < worst[2]


def test_a_block_finds_the_best_of_all_masks():
    generator = torch.Generator().manual_seed(3)
    first, second = torch.randn(6, 1, generator=generator), torch.randn(1, 6, generator=generator)
    target = torch.tensor([[0.7]])
    _, kept = subset_sums.block_masks(target, first, second)
    at = lambda mask, x: float((second * mask) @ torch.relu(first * x))  # noqa: E731
    off = lambda mask: max(abs(at(mask, 1.0) - 0.7), abs(at(mask, -1.0) + 0.7))  # noqa: E731
    every = [torch.tensor([bits], dtype=torch.bool) for bits in itertools.product((False, True), repeat=6)]
    assert off(kept) == pytest.approx(min(map(off, every)), abs=1e-6)


def test_blocks_that_do_not_fit():
    with pytest.raises(LotteryError, match=r"give \[m, d\], \[h, d\] and \[m, h\]"):
        subset_sums.block_masks(torch.ones(2, 3), torch.ones(6, 3), torch.ones(2, 5))
