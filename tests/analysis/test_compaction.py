"""Empty units removed and zeros skipped: outputs as before, against torch's own masks, closed forms and dense products."""

import copy
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import models, tasks
from lthlib.analysis import compaction
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks, structured
from lthlib.storage import export
from lthlib.storage.store import TICKET, Key, Store
from tests.models import networks

SMALL = {"iterations": 40, "levels": 2, "trials": 1, "evaluate_every": 20, "device": "cpu", "progress": False}
NETWORKS = ["lenet-digits", "conv4-cluttered", "conv6-cluttered", "vgg7-cluttered", "resnet8-cluttered"]


def network_of(task, seed=0):
    """A network with weights, biases and norms that are nobody's initial ones, and a few examples."""
    task, generator = tasks.find_task(task), torch.Generator().manual_seed(seed)
    network, example = task.build(), task.dataset.test.inputs[:8]
    network.train()(task.dataset.train.inputs[:64])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network.eval(), example


def without(mask, **units):
    """The mask without all that these units read, by layer; dots in names as double underscores."""
    mask = {name: kept.clone() for name, kept in mask.items()}
    for name, places in units.items():
        mask[name.replace("__", ".") + ".weight"][places] = False
    return mask


def half(network):
    """Every second unit of every layer but the last, and but what a residual network adds up."""
    mask = masks.ones(models.prunable(network))
    for name in list(mask)[:-1]:
        if "shortcut" not in name and "conv2" not in name and "first" not in name:
            mask[name][1::2] = False
    return mask


def by_torch(network, mask, example):
    """Outputs under torch's own pruning."""
    with torch.no_grad():
        return export.to_torch_prune(copy.deepcopy(network), mask)(example)


def outputs(network, example):
    with torch.no_grad():
        return network(example)


def close(a, b):
    return torch.allclose(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_those_of_the_masked_network(name):
    network, example = network_of(name)
    before, mask = copy.deepcopy(network.state_dict()), half(network)
    closed = compaction.close_units(network, mask, example)
    small = compaction.remove_units(closed, mask, example)
    assert close(outputs(small, example), by_torch(closed, mask, example))
    assert not close(outputs(small, example), by_torch(network, mask, example)), "closing changes this network"
    for key, weight in models.prunable(small).items():
        assert len(weight) == int(mask[key].flatten(1).any(1).sum())
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items()), "the argument is left alone"


def test_a_linear_layer_takes_up_the_constants():
    network, example = network_of("lenet-digits")
    mask = without(masks.ones(models.prunable(network)), fc1=[0, 5, 7], fc2=[3])
    small = compaction.remove_units(network, mask, example)
    expected = by_torch(network, mask, example)
    assert close(outputs(small, example), expected)
    silent = copy.deepcopy(network)
    with torch.no_grad():
        silent.fc1.bias[[0, 5, 7]] = 0.0
    assert not close(by_torch(silent, mask, example), expected), "the constants matter here"
    bare, mask = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3, bias=False)), None
    nn.init.ones_(bare[0].bias)
    mask = masks.ones(models.prunable(bare))
    mask["0.weight"][2:4] = False
    found = compaction.remove_units(bare, mask, example := torch.randn(5, 4))
    assert close(outputs(found, example), by_torch(bare, mask, example)) and found[2].bias is not None


def test_parameters_in_closed_form():
    network, example = network_of("lenet-digits")
    mask = without(masks.ones(models.prunable(network)), fc1=range(120), fc2=range(70))
    small = compaction.remove_units(network, mask, example)
    a, b = 300 - 120, 100 - 70
    assert sum(p.numel() for p in small.parameters()) == (64 * a + a) + (a * b + b) + (b * 10 + 10)
    network, example = network_of("conv4-cluttered")
    mask = half(network)
    small = compaction.remove_units(compaction.close_units(network, mask, example), mask, example)
    side = example.shape[-1] // 4
    weights = 9 * (1 * 6 + 6 * 6 + 6 * 12 + 12 * 12) + 12 * side**2 * 64 + 64 * 10
    assert sum(w.numel() for w in models.prunable(small).values()) == weights


def test_single_weights_stay_masked():
    network, example = network_of("lenet-digits")
    generator = torch.Generator().manual_seed(1)
    mask = {name: torch.rand(w.shape, generator=generator) < 0.01 for name, w in models.prunable(network).items()}
    mask["output.weight"][:] = True
    empty = compaction.empty_units(mask)
    small = compaction.remove_units(network, mask, example)
    assert 0 < int(empty["fc1.weight"].sum()) == 300 - len(small.fc1.weight)
    assert close(outputs(small, example), by_torch(network, mask, example))
    whole = compaction.remove_units(network, masks.ones(mask), example)
    assert close(outputs(whole, example), outputs(network, example)) and len(whole.fc1.weight) == 300


def test_coupled_channels_of_a_residual_network():
    network, example = network_of("resnet8-cluttered")
    ones = masks.ones(models.prunable(network))
    one_side = without(ones, blocks__0__conv2=[2, 3])
    small = compaction.remove_units(network, one_side, example)
    assert len(small.blocks[0].conv2.weight) == 8, "what the stream adds them to is not empty"
    assert close(outputs(small, example), by_torch(network, one_side, example)), "with the constants that they give it"
    both = without(ones, blocks__0__conv2=[2, 3], first__conv=[3, 4])
    closed = compaction.close_units(network, both, example)
    small = compaction.remove_units(closed, both, example)
    assert [len(small.first.conv.weight), len(small.blocks[0].conv2.weight)] == [7, 7], "3 is empty in both"
    assert close(outputs(small, example), by_torch(closed, both, example))


def test_a_convolution_takes_up_no_constant():
    network, example = network_of("vgg7-cluttered")
    with pytest.raises(LotteryError, match="whose padding cannot do the same: .* close_units"):
        compaction.remove_units(network, half(network), example)


@pytest.mark.parametrize("name", ["lenet-digits", "conv2-cluttered", "vgg7-cluttered"])
def test_a_ticket_from_theta_0_loses_nothing(name):
    """At exactly 0 the ReLU passes no gradient: an empty unit's bias and shift stay where they were born."""
    lthlib.hunt(name, "smoke", structure="units", scope="layer", rate=0.5, **SMALL)
    task = tasks.find_task(name)
    chosen = {"structure": "units", "scope": "layer", "rate": 0.5, "iterations": 40, "evaluate_every": 20}
    setting, _ = tasks.resolve(task, "smoke", **chosen)
    record = Store().load(setting, Key(TICKET, 0, 2))
    network, example = task.build(), task.dataset.test.inputs[:8]
    network.load_state_dict(record.weights)
    network.eval()
    expected = by_torch(network, record.mask, example)
    closed = compaction.close_units(network, record.mask, example)
    assert torch.equal(outputs(closed, example), expected)
    assert close(outputs(compaction.remove_units(network, record.mask, example), example), expected)


def test_what_cannot_be_removed_is_refused(monkeypatch):
    network, example = network_of("lenet-digits")
    ones = masks.ones(models.prunable(network))
    with pytest.raises(LotteryError, match="no weight of 'fc2.weight'"):
        compaction.remove_units(network, without(ones, fc2=range(100)), example)
    grouped = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.LazyLinear(2))
    grouped(images := torch.randn(2, 4, 5, 5))
    with pytest.raises(LotteryError, match="ungrouped convolutions alone"):
        compaction.remove_units(grouped, masks.ones(models.prunable(grouped)), images)
    mixing = nn.Sequential(nn.Linear(64, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 2))
    mask = masks.ones(models.prunable(mixing))
    mask["0.weight"][1] = False
    with pytest.raises(LotteryError, match="mixes units"):
        compaction.remove_units(mixing, mask, example.flatten(1))
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(LotteryError, match="pip install torch-pruning"):
        compaction.remove_units(network, ones, example)


def test_units_of_a_transposed_convolution_are_removed():
    """An empty channel of it, and one of the layer that it reads."""
    network, example = networks.Upscaler().eval(), torch.rand(3, 1, 8, 8)
    mask = masks.ones(models.prunable(network))
    mask["d.weight"][:, [2, 5]] = False
    mask["e.weight"][[1]] = False
    empty = compaction.empty_units(mask, network)
    assert {name: units.nonzero().flatten().tolist() for name, units in empty.items()} == {
        "e.weight": [1], "d.weight": [2, 5], "o.weight": []
    }  # fmt: skip
    closed = compaction.close_units(network, mask, example)
    small = compaction.remove_units(closed, mask, example)
    assert small.d.weight.shape == (7, 8, 2, 2) and close(outputs(small, example), by_torch(closed, mask, example))


def test_units_of_the_output_layer_and_of_what_is_added_to_a_frozen_layer_stay():
    class Added(nn.Module):
        def __init__(self):
            super().__init__()
            self.output, self.a, self.frozen = nn.Linear(8, 3), nn.Linear(4, 8), nn.Linear(4, 8).requires_grad_(False)

        def forward(self, x):
            return self.output(torch.relu(self.a(x) + self.frozen(x)))

    network, example = Added(), torch.randn(5, 4)
    mask = without(masks.ones(models.prunable(network)), output=[1], a=[0, 3])
    small = compaction.remove_units(network, mask, example)
    assert close(outputs(small, example), by_torch(network, mask, example)) and small.a.weight.shape == (8, 4)
    tokens = nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 8), nn.Linear(8, 3))
    mask = without(masks.ones(models.prunable(tokens)), **{"1": [0, 3]})
    small = compaction.remove_units(tokens, mask, example := torch.randint(0, 5, (6,)))
    assert close(outputs(small, example), by_torch(tokens, mask, example)) and small[1].weight.shape == (6, 8)


def test_what_is_added_to_an_embedding_stays():
    class Stream(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.mix, self.output = nn.Embedding(5, 8), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, tokens):
            x = self.tokens(tokens)
            return self.output(x + self.mix(x))

    network, example = Stream(), torch.randint(0, 5, (6,))
    mask = without(masks.ones(models.prunable(network)), mix=[0, 3])
    small = compaction.remove_units(network, mask, example)
    assert close(outputs(small, example), by_torch(network, mask, example)) and small.mix.weight.shape == (8, 8)


def test_a_shape_is_born_anew():
    network, example = network_of("lenet-digits")
    small = compaction.remove_units(network, without(masks.ones(models.prunable(network)), fc1=range(150)), example)
    task = compaction.shape_task(tasks.find_task("lenet-digits"), small, "lenet-digits-shape")
    first, second = (models.initial_weights(task.build, seed) for seed in (0, 1))
    assert {name: w.shape for name, w in first.items()} == {name: w.shape for name, w in small.state_dict().items()}
    assert not torch.equal(first["fc1.weight"], second["fc1.weight"]) and not first["fc1.bias"].any()
    glorot = (2 / (150 + 64)) ** 0.5
    assert first["fc1.weight"].std() == pytest.approx(glorot, rel=0.05), "drawn as a layer of its own size is"
    table = lthlib.hunt(task, "smoke", **{**SMALL, "levels": 0})
    assert set(table.task) == {"lenet-digits-shape"}


def test_csr_products_are_dense_products():
    generator = torch.Generator().manual_seed(0)
    weight, kept = torch.randn(7, 3, 2, 2, generator=generator), torch.rand(7, 3, 2, 2, generator=generator) < 0.3
    kept[4] = False
    weight[0][kept[0]] = 0.0
    rows = compaction.to_csr(weight, kept)
    assert torch.equal(rows.to_dense(), (weight * kept).flatten(1))
    assert len(rows.values()) == int(kept.sum()), "a kept weight of 0 is a weight"
    assert rows.col_indices().dtype == rows.crow_indices().dtype == torch.int32


@pytest.mark.skipif(bool(compaction.why_no_csr()), reason="this torch multiplies no CSR matrices")
def test_a_network_of_csr_layers_gives_the_masked_outputs():
    for name in ("lenet-digits", "conv2-cluttered"):
        network, example = network_of(name)
        generator = torch.Generator().manual_seed(1)
        mask = {name: torch.rand(w.shape, generator=generator) < 0.2 for name, w in models.prunable(network).items()}
        sparse = compaction.with_csr_layers(network, mask)
        assert close(outputs(sparse, example), by_torch(network, mask, example))
        kinds = [type(layer) for layer in sparse.modules()]
        assert compaction.CsrLinear in kinds and nn.Linear not in kinds


def test_where_csr_does_not_work_it_says_why(monkeypatch):
    def refuse(*_):
        raise RuntimeError("built without MKL\nand so on")

    monkeypatch.setattr(compaction, "to_csr", refuse)
    assert compaction.why_no_csr() == "built without MKL"


def test_a_stored_ticket_keeps_exactly_two_of_four():
    lthlib.hunt("lenet-digits", "smoke", structure="groups", **SMALL)
    setting, _ = tasks.resolve(tasks.find_task("lenet-digits"), "smoke", structure="groups", iterations=40, evaluate_every=20)
    record = Store().load(setting, Key(TICKET, 0, 2))
    for name, kept in record.mask.items():
        assert (kept.reshape(-1, 4).sum(1) == 2).all()
        assert not record.weights[name][~kept].any()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_two_of_four_needs_a_card():
    assert "CUDA card" in compaction.why_no_two_of_four()
    with pytest.raises(LotteryError, match="torch has none for a CPU"):
        compaction.two_of_four(torch.ones(32, 64), torch.ones(32, 64, dtype=torch.bool))


@pytest.mark.gpu
def test_two_of_four_on_a_card():
    if reason := compaction.why_no_two_of_four():
        pytest.skip(reason)
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(128, 256, generator=generator), torch.randn(64, 256, generator=generator)
    kept = structured.prune_in_groups(masks.ones({"w": weight}), {"w": weight.abs()}, 2)["w"]
    product = functional.linear(x.cuda().half(), compaction.two_of_four(weight, kept))
    assert torch.allclose(product.float().cpu(), functional.linear(x, weight * kept), atol=0.2, rtol=0.02)
    with pytest.raises(LotteryError, match="keeps 4 weights"):
        compaction.two_of_four(weight, torch.ones_like(kept))
    with pytest.raises(LotteryError, match="no 2:4 format"):
        compaction.two_of_four(weight[:, :10], kept[:, :10])


@pytest.mark.gpu
def test_csr_on_a_card():
    network, example = network_of("lenet-digits")
    mask = {name: torch.rand(w.shape) < 0.2 for name, w in models.prunable(network).items()}
    sparse = compaction.with_csr_layers(network.cuda(), mask)
    assert close(outputs(sparse, example.cuda()).cpu(), by_torch(network.cpu(), mask, example))
