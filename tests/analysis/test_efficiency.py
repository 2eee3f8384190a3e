"""Bytes against real files, multiply-adds against torch's own counter, times against a clock that is ours."""

import json
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import load as from_bytes
from torch.utils.flop_counter import FlopCounterMode

from lthlib import models, tasks
from lthlib.analysis import efficiency
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.storage.store import TICKET, Key, Record, Store

GENERATOR = torch.Generator().manual_seed(0)


def random_ticket(density, shapes):
    weights = {name: torch.randn(shape, generator=GENERATOR) for name, shape in shapes.items()}
    mask = {n: torch.rand(w.shape, generator=GENERATOR) < density for n, w in weights.items() if n.endswith("weight")}
    return masks.apply(mask, weights), mask


LAYERS = {"a.weight": (20, 30), "a.bias": (20,), "b.weight": (7, 20, 3, 3)}


def test_sizes_are_those_of_real_files(tmp_path):
    weights, mask = random_ticket(0.2, LAYERS)
    for name, content in efficiency.files(weights, mask).items():
        (tmp_path / name).write_bytes(content)
        assert (tmp_path / name).stat().st_size == len(content)
    setting = tasks.resolve(tasks.find_task("lenet-digits"), "smoke")[0]
    store, key = Store(tmp_path / "store"), Key(TICKET, 0, 1)
    store.save(setting, key, Record(mask, {"iteration": []}, 0.0, weights))
    stored = store.path(setting, key).with_suffix(".safetensors")
    assert stored.stat().st_size == len(efficiency.files(weights, mask)["bits"]), "what the store writes"


def test_every_format_holds_the_whole_ticket():
    weights, mask = random_ticket(0.2, LAYERS)
    found = efficiency.files(weights, mask)
    assert zlib.decompress(found["dense, zlib"]) == found["dense"] and zlib.decompress(found["bits, zlib"]) == found["bits"]
    dense, bits, csr = (from_bytes(found[name]) for name in ("dense", "bits", "csr"))
    for name, weight in weights.items():
        assert torch.equal(dense[f"end/{name}"], weight)
    for name, kept in mask.items():
        unpacked = np.unpackbits(bits[f"mask/{name}"].numpy(), count=kept.numel()).astype(bool)
        again = torch.zeros(kept.shape).masked_scatter_(torch.from_numpy(unpacked).view(kept.shape), bits[f"end/{name}"])
        assert torch.equal(again, weights[name])
        parts = (csr[f"{part}/{name}"] for part in ("rows", "columns", "end"))
        again = torch.sparse_csr_tensor(*parts, size=weights[name].flatten(1).shape, check_invariants=True).to_dense()
        assert torch.equal(again, weights[name].flatten(1))


def test_bytes_in_closed_form():
    weights, mask = random_ticket(0.3, {"a.weight": (64, 128)})
    count, density = 64 * 128, masks.density(mask)
    row_ends = {"csr": 4 * (64 + 1)}
    for name in ("dense", "bits", "csr"):
        content = efficiency.files(weights, mask)[name]
        header = 8 + int.from_bytes(content[:8], "little")  # safetensors: a length, then JSON
        assert json.loads(content[8:header])
        assert len(content) - header - row_ends.get(name, 0) == efficiency.bits_per_weight(density, name) * count / 8


def test_where_formats_break_even():
    size = efficiency.bits_per_weight
    assert size(1 / 32, "bits") == size(1 / 32, "csr"), "a bit for every weight against 32 for every kept one"
    assert size(1 / 2, "csr") == size(1 / 2, "dense") and size(31 / 32, "bits") == size(31 / 32, "dense")
    assert size(0.03, "csr") < size(0.03, "bits") and size(0.04, "bits") < size(0.04, "csr")
    for density in (0, 0.001, 0.01, 0.1, 0.5, 0.9, 1):
        assert size(density, "floor") <= min(size(density, name) for name in ("bits", "csr", "dense")) or density > 31 / 32
    assert size(0.5, "floor") == 32 * 0.5 + 1 and size(0, "floor") == 0 and size(1, "floor") == 32
    with pytest.raises(LotteryError, match="density is 1.2"):
        size(1.2, "csr")
    with pytest.raises(LotteryError, match="unknown format 'coo': choose one of dense"):
        size(0.5, "coo")


TASKS = ["lenet-digits", "conv2-cluttered", "conv6-cluttered", "vgg7-cluttered", "resnet8-cluttered"]


@pytest.mark.parametrize("name", TASKS)
def test_multiply_adds_are_half_of_torchs_operations(name):
    task = tasks.find_task(name)
    network, example = task.build().eval(), task.dataset.test.inputs[:1]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(example)
    counted = efficiency.multiply_adds(network.train(), torch.cat([example] * 3))
    assert 2 * sum(counted.values()) == counter.get_total_flops()
    assert network.training and list(counted) == list(models.prunable(network))
    ones = masks.ones(models.prunable(network))
    assert efficiency.multiply_adds(network, example, ones) == counted


def test_a_graph_network_is_run_on_all_its_nodes():
    task = tasks.find_task("gcn-sbm")
    network = task.build()
    (nodes, features), hidden = network.features.shape, len(network.first.weight)
    counted = efficiency.forward_flops(network, task.dataset.train.inputs)
    assert counted["first.weight"] == 2 * nodes * features * hidden and counted["neighbours.edges"] == 0


def test_masked_multiply_adds_by_counting():
    task = tasks.find_task("conv2-cluttered")
    network, example = task.build(), task.dataset.test.inputs[:1]
    mask = {name: torch.rand(w.shape, generator=GENERATOR) < 0.3 for name, w in models.prunable(network).items()}
    counted = efficiency.multiply_adds(network, example, mask)
    height, width = example.shape[2:]
    assert counted["convs.0.weight"] == int(mask["convs.0.weight"].sum()) * height * width, "3x3 with padding keeps the size"
    assert counted["output.weight"] == int(mask["output.weight"].sum())


def test_multiply_adds_of_a_transposed_convolution():
    network = torch.nn.Sequential(torch.nn.ConvTranspose2d(3, 5, 2, stride=2))
    example = torch.randn(1, 3, 4, 4)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(example)
    assert 2 * efficiency.multiply_adds(network, example)["0.weight"] == counter.get_total_flops() == 2 * 3 * 5 * 4 * 16


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now

    def takes(self, name, *seconds):
        """A function that takes these times, call by call, and the last of them from then on."""
        left = list(seconds)

        def run():
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_a_race_by_a_clock_of_ours():
    clock = Clock()
    runners = {"dense": clock.takes("dense", 50.0, 2.0), "other": clock.takes("other", 70.0, 9.0, 0.5)}
    found = efficiency.compare_times(runners, rounds=5, least_seconds=0.5, clock=clock)
    assert found.seconds.tolist() == [2.0, 0.5], "neither the first call nor the second is one of the readings"
    assert found.loc["dense", ["times", "low", "high"]].tolist() == [1, 1, 1]
    assert found.loc["other", ["times", "low", "high"]].tolist() == [4, 4, 4]
    assert clock.calls[4::2] == clock.calls[5::2], "before each reading a call for nothing"
    assert clock.calls[4::2][:6] == ["dense", "other", "other", "dense", "dense", "other"], "the order turns round"


def test_a_race_forgives_an_outlier_and_lasts_long_enough():
    clock = Clock()
    usual = 1 / 64  # and not 0.01: a sum of these is exact
    runners = {"a": clock.takes("a", *[usual] * 13, 7.0, usual), "b": clock.takes("b", 2 * usual)}
    found = efficiency.compare_times(runners, rounds=5, least_seconds=10 * usual, clock=clock)
    assert found.seconds.tolist() == [usual, 2 * usual] and found.times["b"] == 0.5
    assert clock.calls.count("a") == 2 + 5 * (1 + 10) and clock.calls.count("b") == 2 + 5 * (1 + 5)
    with pytest.raises(LotteryError, match="rounds is 2"):
        efficiency.compare_times(runners, rounds=2)


def test_a_race_over_several_sets_has_no_favourite_place():
    """Each set's own first is its own yardstick; the median over all is the answer."""
    clock, made = Clock(), []

    def make():
        made.append(len(made))
        slow = 1 + len(made)
        return {"dense": clock.takes("dense", 8.0 * slow), "other": clock.takes("other", 2.0 * slow if slow < 4 else 8.0 * slow)}

    found = efficiency.compare_times(make, rounds=3, sets=3, clock=clock)
    assert len(made) == 3 and found.loc["dense"].tolist() == [24, 1, 1, 1]
    assert found.loc["other", ["times", "low", "high"]].tolist() == [4, 1, 4]


def test_a_race_takes_one_thread_and_gives_them_back():
    before, seen = torch.get_num_threads(), []
    efficiency.compare_times({"a": lambda: seen.append(torch.get_num_threads())}, rounds=3, least_seconds=0)
    assert set(seen) == {1} and torch.get_num_threads() == before


def test_break_even_of_a_power_law():
    densities = [0.5, 0.2, 0.1, 0.05, 0.02]
    assert efficiency.break_even(densities, [0.08 / d for d in densities]) == pytest.approx(0.08)
    assert efficiency.break_even(densities[::-1], [(0.3 / d) ** 2 for d in densities[::-1]]) == pytest.approx(0.3)
    assert efficiency.break_even(densities, [0.01 / d for d in densities]) is None
    assert efficiency.break_even(densities, [2.0] * 5) == 0.5
    assert efficiency.break_even([0.5, 0.2, 0.1], [2.0, 0.5, 2.0]) == pytest.approx((0.2 * 0.1) ** 0.5), (
        "the last crossing counts"
    )
    assert efficiency.break_even([], []) is None
