"""Layer collapse against closed forms and counts by hand, and the figures about it."""

import itertools
import math

import pandas as pd
import pytest
import torch
from torch import nn

import lthlib
from lthlib import models
from lthlib.analysis import layer_collapse
from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for
from lthlib.plots import layer_collapse as collapse_plots
from lthlib.pruning import at_initialisation, masks, registry
from lthlib.storage.store import TICKET, Key, Store
from tests.models import networks


class Chain(nn.Module):
    """Linear layers without biases, whose weights are all of one known size; layer 1 is never pruned if `whole`."""

    def __init__(self, widths=(6, 10, 8, 3), whole=False):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(widths))
        self.rate_factors = {"layers.1.weight": 0.0} if whole else {}

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


def chain(blobs, **options):
    return lthlib.Task("blobs-chain", blobs, lambda _: Chain(**options))


def test_masks_are_those_of_a_hunt(own_task, tmp_path):
    """The same theta_0, the same batch, the same count: an untrained hunt of one level at the rate of that compression."""
    common = {"trials": 2, "iterations": 5, "evaluate_every": 5, "device": "cpu", "progress": False, "seed": 3}
    for score in ("snip", "random", "synflow"):
        folder = tmp_path / score
        lthlib.hunt(own_task, score=score, schedule="untrained", scope="global", levels=1, rate=0.75, results=folder, **common)
        [setting] = [found for found in Store(folder).settings() if found.score == score]
        for trial in (0, 1):
            hunted = Store(folder).load(setting, Key(TICKET, trial, 1)).mask
            mine = layer_collapse.mask_untrained(own_task, score, 4, trial, seed=3)
            assert masks.distance(hunted, mine) == 0


def test_magnitude_leaves_the_largest_of_all_layers(blobs):
    """Oracle: sort all weights of theta_0 together."""
    task = chain(blobs)
    mask = layer_collapse.mask_untrained(task, "magnitude", 10)
    theta = models.initial_weights(task.build, seed_for(0, "weights", 0))
    sizes = torch.cat([theta[name].abs().flatten() for name in mask])
    cut = sizes.sort(descending=True).values[: len(sizes) - round(0.9 * len(sizes))].min()
    for name, kept in mask.items():
        assert torch.equal(kept, theta[name].abs() >= cut)


def test_layers_count_what_masks_keep_and_leave_out_what_is_kept_whole(blobs):
    found = layer_collapse.layers(chain(blobs, whole=True), ["magnitude", "random"], [2, 8], trials=2)
    assert list(found.columns) == layer_collapse.COLUMNS
    assert set(found.layer) == {"layers.0.weight", "layers.2.weight"} and len(found) == 2 * 2 * 2 * 2
    pool = 60 + 24
    for compression, rows in found.groupby("compression"):
        totals = rows.groupby(["score", "trial"]).weights.sum()
        assert (totals == pool - round((1 - 1 / compression) * pool)).all()
    sizes = found.layer.map({"layers.0.weight": 60, "layers.2.weight": 24})
    assert (found.layer_density * sizes).round(9).tolist() == found.weights.tolist()


def made(weights):
    """A table of one score and trial from {compression: weights kept by layer}."""
    return pd.DataFrame(
        [("s", 0, c, f"{n}.weight", k, k / 10) for c, kept in weights.items() for n, k in zip("abc", kept)],
        columns=layer_collapse.COLUMNS,
    )


@pytest.mark.parametrize(
    ("weights", "compression", "first"),
    [
        ({2: (5, 5, 5), 10: (1, 1, 1)}, 10, ""),
        ({2: (5, 5, 5), 10: (2, 0, 1), 100: (0, 0, 1)}, 2, "b"),
        ({2: (5, 0, 0), 10: (1, 1, 1)}, 1, "b, c"),
        ({10: (2, 0, 1), 2: (5, 5, 5), 100: (1, 1, 1)}, 2, "b"),  # unbroken, in whatever order rows come
    ],
)
def test_the_critical_compression_is_the_last_before_the_first_empty_layer(weights, compression, first):
    [row] = layer_collapse.critical_compression(made(weights)).itertuples(index=False)
    assert (row.score, row.trial, row.compression, row[3]) == ("s", 0, compression, first)


def test_no_criterion_can_go_beyond_one_weight_a_layer(blobs):
    assert layer_collapse.max_compression(chain(blobs)) == (60 + 80 + 24) / 3
    assert layer_collapse.max_compression(chain(blobs, whole=True)) == (60 + 24) / 2
    whole = lthlib.Task("blobs-whole", blobs, lambda _: _whole(nn.Sequential(nn.Linear(6, 3))))
    with pytest.raises(LotteryError, match="keeps every layer whole"):
        layer_collapse.max_compression(whole)


def _whole(network):
    network.rate_factors = {"0.weight": 0.0}
    return network


def test_synflow_goes_to_the_end_and_once_is_not_enough(blobs):
    """Tanaka et al. (2020), theorem 3: iterated, positive and conservative scores reach the maximal critical compression."""
    task = lthlib.Task("blobs-deep", blobs, lambda _: Chain((6, 40, 40, 40, 40, 3)))
    grid = [10, 100, layer_collapse.max_compression(task)]

    def synflow_once(**known):
        return at_initialisation.synflow(**{name: known[name] for name in ("network", "weights", "mask", "batch")})

    once = lthlib.score(_asking_as(at_initialisation.synflow, synflow_once))
    try:
        found = (
            layer_collapse.critical_compression(layer_collapse.layers(task, ["synflow", once], grid, trials=2))
            .set_index("score")
            .compression
        )
    finally:
        del registry.SCORES["synflow_once"]
    assert (found["synflow"] == grid[-1]).all() and (found["synflow_once"] < grid[-1]).all()


def _asking_as(other, function):
    import inspect

    function.__signature__ = inspect.signature(other)
    return function


def walked(mask):
    """Brute force: which kept weights of a chain of layers lie on a path, by walking every path."""
    layers = list(mask.values())
    used = {name: torch.zeros_like(kept) for name, kept in mask.items()}
    widths = [layers[0].shape[1], *(kept.shape[0] for kept in layers)]
    for route in itertools.product(*map(range, widths)):
        steps = list(itertools.pairwise(route))
        if all(bool(kept[b, a]) for kept, (a, b) in zip(layers, steps)):
            for where, (a, b) in zip(used.values(), steps):
                where[b, a] = True
    return used


@pytest.mark.parametrize("share", [0.15, 0.3, 0.6, 1.0])
def test_weights_on_a_path(share):
    generator = torch.Generator().manual_seed(round(100 * share))
    network = Chain((4, 6, 5, 3))
    mask = {name: torch.rand(w.shape, generator=generator) < share for name, w in models.prunable(network).items()}
    found, expected = layer_collapse.weights_on_paths(network, mask, torch.randn(1, 4)), walked(mask)
    assert all(torch.equal(found[name], expected[name]) for name in mask)
    assert share > 0.5 or masks.density(found) < masks.density(mask), "at these shares some weights are dead"
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters()), "the network is left alone"
    rows = {name: len({b for b, _ in kept.nonzero().tolist()}) for name, kept in expected.items()}
    assert layer_collapse.live_units(found) == rows


def test_paths_end_where_a_layer_is_empty():
    network = Chain()
    mask = masks.ones(models.prunable(network))
    assert masks.distance(layer_collapse.weights_on_paths(network, mask, torch.zeros(1, 6)), mask) == 0
    mask["layers.1.weight"][:] = False
    assert masks.density(layer_collapse.weights_on_paths(network, mask, torch.zeros(1, 6))) == 0


def test_a_convolution_passes_on_whole_channels():
    """Channel 1 of 2 has no outputs: the weights into it are dead, and so is no other."""
    network = models.Conv((1, 4, 4), 3, widths=(2,), hidden=())
    mask = masks.ones(models.prunable(network))
    mask["convs.1.weight"][:, 1] = False
    found = layer_collapse.weights_on_paths(network, mask, torch.zeros(1, 1, 4, 4))
    assert not found["convs.0.weight"][1].any() and found["convs.0.weight"][0].all()
    assert layer_collapse.live_units(found) == {"convs.0.weight": 1, "convs.1.weight": 2, "output.weight": 3}


def test_a_shuffle_among_live_units_stays_among_them():
    mask = {"a": torch.zeros(6, 5, dtype=torch.bool), "b": torch.zeros(4, 6, 3, 3, dtype=torch.bool)}
    mask["a"][1, :3] = mask["a"][4, 2] = mask["a"][5, 4] = True  # unit 5 is dead
    mask["b"][0, 1, 0, 0] = mask["b"][2, 4, 1, 2] = mask["b"][3, 1, 2] = True
    used = {name: kept.clone() for name, kept in mask.items()}
    used["a"][5] = False
    seen = {name: torch.zeros_like(kept) for name, kept in mask.items()}
    for seed in range(200):
        moved = layer_collapse.shuffle_among_live(mask, used, seed)
        assert masks.layer_counts(moved) == masks.layer_counts(mask)
        seen = {name: seen[name] | kept for name, kept in moved.items()}
    between = {"a": [(r, c) for r in (1, 4) for c in (0, 1, 2)], "b": [(r, c) for r in (0, 2, 3) for c in (1, 4)]}
    for name, places in between.items():
        allowed = torch.zeros_like(mask[name])
        for row, column in places:
            allowed[row, column] = True
        assert torch.equal(seen[name], allowed), "every place between live units, and no other"
    again = layer_collapse.shuffle_among_live(mask, used, 0)
    assert masks.distance(again, layer_collapse.shuffle_among_live(mask, used, 0)) == 0 < masks.distance(again, mask)


def test_a_shuffle_among_live_units_keeps_the_count_where_there_is_no_room():
    mask, used = {"a": torch.ones(3, 3, dtype=torch.bool)}, {"a": torch.zeros(3, 3, dtype=torch.bool)}
    mask["a"][2, 1:] = False
    used["a"][:2, :2] = True
    moved = layer_collapse.shuffle_among_live(mask, used, 1)["a"]
    assert int(moved.sum()) == 7 and moved[:2, :2].all()


def test_an_empty_layer_makes_the_network_blind(blobs):
    task = chain(blobs)
    network = task.build()
    mask = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in models.prunable(network).items()}
    mask["layers.1.weight"][:] = False
    network.load_state_dict(masks.apply(mask, network.state_dict()))
    outputs = network(task.dataset.test.inputs)
    assert (outputs == outputs[0]).all()


@pytest.mark.parametrize("wrong", [1, 0.5, -3, math.inf, "10", True])
def test_a_compression_is_above_one(own_task, wrong):
    with pytest.raises(LotteryError, match="compression is .* above 1, such as 100"):
        layer_collapse.mask_untrained(own_task, "magnitude", wrong)


def test_other_bad_input(own_task):
    with pytest.raises(LotteryError, match="did you mean 'synflow'"):
        layer_collapse.mask_untrained(own_task, "synflo", 10)
    with pytest.raises(LotteryError, match="unknown scope 'everywhere'"):
        layer_collapse.mask_untrained(own_task, "snip", 10, scope="everywhere")


def test_the_profile_says_what_it_draws():
    table = pd.concat([made({2: (5, 5, 5), 10: (2, 0, 1)}), made({2: (4, 6, 5), 10: (1, 1, 1)}).assign(score="t")])
    figure = collapse_plots.layer_profiles(table, [2, 10], "made up")
    assert "Compression 10: s 0 to 20 %, 1 empty; t 10 to 10 %." in figure.get_label()
    axes = figure.axes[1]
    assert [line.get_ydata().tolist() for line in axes.get_lines()[:2]] == [[20, 5, 10], [5]]  # half the least is "empty"
    figure.canvas.draw()
    assert figure.axes[0].get_yticks()[0] == 5 and figure.axes[0].get_yticklabels()[0].get_text() == "empty"
    with pytest.raises(LotteryError, match="no compression 3: choose of 2, 10"):
        collapse_plots.layer_profiles(table, [3])


def test_the_forest_says_what_it_draws():
    rows = [("snip", "shuffle", -1.9, -3.0, -0.9, "worse"), ("grasp", "shuffle", 0.9, 0.5, 1.4, "better")]
    rows += [("grasp", "reinit", 0.2, float("nan"), float("nan"), "none")]
    found = pd.DataFrame(rows, columns=["method", "control", "points", "low", "high", "verdict"])
    figure = collapse_plots.forest(found, 0.5, "sanity")
    assert figure.get_label() == (
        "sanity, with 95 % bounds. snip, shuffle: -1.9 (-3.0 to -0.9), worse. grasp, shuffle: +0.9 (+0.5 to +1.4), "
        "better. grasp, reinit: +0.2, none."
    )
    assert [axes.get_title() for axes in figure.axes] == ["shuffle", "reinit"]
    [band] = figure.axes[0].patches
    assert (band.get_x(), band.get_width()) == (-0.5, 0.5), "the margin"
    assert [text.get_text() for text in figure.axes[-1].get_legend().get_texts()] == ["better", "worse", "none"]
    assert not collapse_plots.forest(found, float("nan")).axes[0].patches, "an unknown margin has no band"


def test_vectors_have_no_units_and_transposed_convolutions_have_those_of_their_outputs():
    network = networks.Upscaler()
    mask = masks.ones(models.prunable(network))
    mask["d.weight"][:, :4] = False
    assert layer_collapse.live_units(mask, network) == {"e.weight": 8, "d.weight": 6, "o.weight": 1}
    vectors = masks.ones(models.prunable(networks.WithVectors()))
    vectors["gains"][:9] = False
    assert layer_collapse.live_units(vectors) == {"a.weight": 16, "b.weight": 3}
    assert masks.layer_counts(layer_collapse.shuffle_among_live(vectors, vectors, seed=0)) == masks.layer_counts(vectors)
