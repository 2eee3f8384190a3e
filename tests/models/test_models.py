import pytest
import torch
from torch import nn
from torch.nn import functional

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks


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


CIFAR10 = ((3, 32, 32), 10)
PAPER_NETWORKS = {  # weights in all, pruning scope, and P_m(k) in percent of Frankle & Carbin (2019), by the closed form
    "lenet": (lambda: models.LeNet(784, 10), 266_200, "layer", {3: 51.28, 7: 21.07, 9: 13.52, 15: 3.58, 19: 1.49}),
    "conv2": (lambda: models.Conv(*CIFAR10, (64,)), 4_300_992, "layer", {1: 80.10, 4: 41.20, 11: 8.81, 14: 4.57, 19: 1.56}),
    "conv4": (lambda: models.Conv(*CIFAR10, (64, 128)), 2_425_024, "layer", {1: 81.08, 4: 43.63, 11: 11.06, 15: 5.37, 19: 2.75}),
    "conv6": (lambda: models.Conv(*CIFAR10), 2_261_184, "layer", {1: 82.54, 4: 46.68, 10: 15.29, 14: 7.39, 19: 3.03}),
    "resnet": (lambda: models.ResNet(*CIFAR10), 270_896, "global", {1: 80.24, 4: 41.66, 6: 27.09, 10: 11.79, 19: 2.61}),
    "vgg": (lambda: models.VGG(*CIFAR10), 20_024_000, "global", {1: 80.01, 4: 40.98, 12: 6.90, 15: 3.54, 19: 1.47}),
}


@pytest.fixture(scope="module", params=PAPER_NETWORKS)
def paper_network(request):
    build, *facts = PAPER_NETWORKS[request.param]
    with torch.device("meta"):  # shapes without numbers
        return build(), *facts


def densities(network, scope, rounds):
    """Density in percent after each round, from the counts alone: exactly round(rate * survivors) go."""
    rates = models.layer_rates(network, 0.2)
    layers = [(weight.numel(), rates[name]) for name, weight in models.prunable(network).items()]
    if scope == "global":
        layers = [(sum(n for n, rate in layers if rate), 0.2), (sum(n for n, rate in layers if not rate), 0.0)]
    total = sum(n for n, _ in layers)
    for _ in range(rounds):
        layers = [(n - round(rate * n), rate) for n, rate in layers]
        yield 100 * sum(n for n, _ in layers) / total


def test_weights_of_the_papers_networks(paper_network):
    network, weights, _, _ = paper_network
    assert sum(weight.numel() for weight in models.prunable(network).values()) == weights


def test_densities_of_the_papers_networks(paper_network):
    network, _, scope, expected = paper_network
    after = list(densities(network, scope, 19))
    assert {k: after[k - 1] for k in expected} == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", ["lenet", "resnet"])
def test_pruning_gives_these_densities(name):
    build, _, scope, _ = PAPER_NETWORKS[name]
    network = build()
    rates, mask = models.layer_rates(network, 0.2), masks.ones(models.prunable(network))
    scores = {name: torch.rand(kept.shape) for name, kept in mask.items()}
    for expected in densities(network, scope, 19):
        mask = masks.prune(mask, scores, rates, scope)
        assert 100 * masks.density(mask) == pytest.approx(expected, abs=1e-9)
    if name == "resnet":
        kept = {name for name, rate in rates.items() if not rate}
        assert len(kept) == 3 and all(masks.layer_densities(mask)[name] == 1 for name in kept)


def test_conv_is_pruned_at_the_papers_rates():
    rates = lambda **change: list(models.layer_rates(models.Conv((1, 8, 8), 3, **change), 0.2).values())  # noqa: E731
    assert rates(widths=(4,)) == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.1])
    assert rates(widths=(4, 4, 4)) == pytest.approx([0.15] * 6 + [0.2, 0.2, 0.1])
    assert rates(widths=(4,), prune="conv") == pytest.approx([0.1, 0.1, 0, 0, 0])
    assert rates(widths=(4,), prune="fc") == pytest.approx([0, 0, 0.2, 0.2, 0.1])


def test_conv_computes_what_the_paper_draws():
    network, x = models.Conv((2, 9, 6), 3, widths=(4, 5), hidden=(6,)), torch.randn(7, 2, 9, 6)
    first, second, third, fourth = network.convs
    block = lambda x, a, b: functional.max_pool2d(b(a(x).relu()).relu(), 2)  # noqa: E731
    expected = network.output(network.fcs[0](block(block(x, first, second), third, fourth).flatten(1)).relu())
    torch.testing.assert_close(network(x), expected)
    assert network(x).shape == (7, 3)


def test_dropout_acts_in_training_alone():
    network, x = models.Conv((1, 8, 8), 3, widths=(4,), dropout=0.5), torch.randn(4, 1, 8, 8)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("width", [2, 4])
def test_deep_networks_take_small_images(width):
    x = torch.randn(5, 1, 12, 8)
    assert models.ResNet((1, 12, 8), 4, depth=8, width=width)(x).shape == (5, 4)
    assert models.VGG((1, 12, 8), 4, width, convs=(1, 1, 2, 2))(x).shape == (5, 4)


def test_residual_block_adds_its_shortcut():
    same, down = models.ResNet((1, 8, 8), 2, depth=14, width=3).blocks[1:3]
    x = torch.randn(2, 3, 8, 8)
    for block in (same, down):
        torch.nn.init.zeros_(block.norm2.weight)
        torch.testing.assert_close(block(x), block.shortcut(x).relu())
    assert down(x).shape == (2, 6, 4, 4)


def test_all_networks_start_from_glorot():
    torch.manual_seed(0)
    for network in (models.Conv((3, 8, 8), 10, (64,)), models.ResNet((3, 8, 8), 10), models.VGG((3, 8, 8), 10, 32, (2, 2))):
        name, weight = max(models.prunable(network).items(), key=lambda item: item[1].numel())
        fan_in, fan_out = weight[0].numel(), weight.shape[0] * weight[0, 0].numel()
        assert abs(float(weight.detach().std()) / (2 / (fan_in + fan_out)) ** 0.5 - 1) < 0.03, name
        assert not any(bias.any() for name, bias in network.named_parameters() if name.endswith("bias"))


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(LotteryError, match="8 by 8 pixels are less than one pixel after 4 poolings"):
        models.VGG((1, 8, 8), 10)
    for wrong in [
        lambda: models.Conv((1, 4, 8), 10),
        lambda: models.Conv((64,), 10),
        lambda: models.Conv((1, 8, 8), 10, prune="convs"),
        lambda: models.ResNet((1, 8, 8), 10, depth=18),
        lambda: models.ResNet((784,), 10),
    ]:
        with pytest.raises(LotteryError):
            wrong()
