"""Units and groups: of convolutions, transposed ones, vectors and single numbers; and what is filed anew for it."""

import itertools

import pytest
import torch
from torch import nn

import lthlib
from lthlib import data, models, tasks
from lthlib.lottery.search import hunt
from lthlib.pruning import masks, structured
from lthlib.storage.store import TICKET, Key, Store
from tests.models.networks import HeadFirst, Upscaler, WithVectors

SHORT = {"levels": 2, "trials": 1, "iterations": 10, "evaluate_every": 5, "progress": False, "device": "cpu"}


def ones_and_scores(**shapes):
    generator = torch.Generator().manual_seed(0)
    scores = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    return masks.ones(scores), scores


def masks_of(task, level, **options):
    hunt(task, **SHORT, **options)
    store = Store()
    [setting] = store.settings()
    return store.load(setting, Key(TICKET, 0, level)).mask


def pixels(outputs, targets):
    off = (outputs - targets).flatten(1)
    return off.square().mean(1), (off.abs() < 0.25).float().mean(1)


@pytest.fixture
def upscaling():
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    pictures = data.from_arrays("pictures", images[:30], images[:30], images[30:], images[30:], classes=False)
    return lthlib.Task("upscaling", pictures, lambda _: Upscaler(), pixels)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3), (6, 8, 3, 2), (6, 8, 1, 1), (6, 8, 2, 3, 2)])
def test_groups_are_four_inputs_at_one_place_of_the_kernel(shape):
    mask, scores = ones_and_scores(w=shape)
    kept = structured.prune_in_groups(mask, scores, 2)["w"]
    for out, *place in itertools.product(range(6), *map(range, shape[2:])):
        for start in (0, 4):
            at = (out, slice(start, start + 4), *place)
            assert kept[at].sum() == 2 and scores["w"][at][kept[at]].min() >= scores["w"][at][~kept[at]].max()


def test_what_has_no_groups_is_kept_whole():
    mask, scores = ones_and_scores(six=(4, 6, 2, 2), bias=(8,), number=())
    assert all(kept.all() for kept in structured.prune_in_groups(mask, scores, 2).values())


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolutions_are_turned_to_what_each_output_reads(groups):
    """A unit is pruned where its output no longer depends on any input."""
    network = nn.Sequential(nn.ConvTranspose2d(4, 6, 3, groups=groups, bias=False))
    weight = {"0.weight": network[0].weight.detach()}
    turned = structured.outputs_first(network, weight)
    assert turned["0.weight"].shape == (6, 4 // groups, 3, 3)
    assert torch.equal(structured.outputs_first(network, turned)["0.weight"], weight["0.weight"])
    turned["0.weight"][4] = 0.0
    with torch.no_grad():
        network[0].weight.copy_(structured.outputs_first(network, turned)["0.weight"])
        silent = ~network(torch.randn(2, 4, 5, 5)).abs().amax((0, 2, 3)).bool()
    assert silent.tolist() == [False, False, False, False, True, False]


def test_units_of_a_transposed_convolution_are_its_outputs(upscaling):
    kept = masks_of(upscaling, 1, structure="units", rate=0.3)
    assert int(kept["d.weight"].flatten(2).any(2).any(0).sum()) == 7 and kept["d.weight"].flatten(2).any(2).any(1).all()
    assert int(kept["e.weight"].flatten(1).any(1).sum()) == 6 and kept["o.weight"].all()


def test_groups_of_a_transposed_convolution_are_four_inputs(upscaling):
    kept = masks_of(upscaling, 2, structure="groups")["d.weight"]
    assert (kept.unflatten(0, (2, 4)).sum(1) == 2).all()


def test_the_output_layer_keeps_its_units_wherever_it_is_registered(blobs):
    kept = masks_of(lthlib.Task("head-first", blobs, lambda _: HeadFirst()), 2, structure="units", rate=0.5)
    left = {name: int(mask.any(1).sum()) for name, mask in kept.items()}
    assert left == {"head.weight": 3, "a.weight": 4, "b.weight": 4}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"structure": "units", "rate": 0.5}, {"scale": 1, "gains": 16, "a.weight": 24, "b.weight": 48}),
        ({"structure": "groups"}, {"scale": 1, "gains": 16, "a.weight": 96, "b.weight": 24}),
        ({"scope": "layer", "rate": 0.5}, {"scale": 1, "gains": 4, "a.weight": 24, "b.weight": 12}),
        # 40 of 160 weights are shared out as 16 : 6 + 16 : 16 + 3; the single number is no part of it.
        ({"scope": "erk", "rate": 0.5}, {"scale": 1, "gains": 11, "a.weight": 15, "b.weight": 13}),
    ],
)
def test_vectors_and_single_numbers_go_along(blobs, options, left):
    task = lthlib.Task("vectors", blobs, lambda _: WithVectors())
    assert masks.layer_counts(masks_of(task, 2, **options)) == left


CONVOLUTIONS = {"lenet-digits": "", "conv2-cluttered": "inputs", "vgg7-cluttered": "inputs", "resnet8-cluttered": "inputs"}


@pytest.mark.parametrize(("name", "axis"), {**CONVOLUTIONS, "transformer-grammar": "", "vae-digits": ""}.items())
def test_shipped_tasks_with_kernels_are_filed_anew_under_groups_alone(name, axis):
    """Their groups of four once ran along the kernel."""
    task = tasks.find_task(name)
    setting = tasks.resolve(task, "smoke", structure="groups", scope="layer")[0]
    assert setting.group_axis == axis and ("group_axis" in setting.changes()) == bool(axis)
    assert (axis == "inputs") == any(weight.dim() > 2 for weight in models.prunable(task.build()).values())
    for structure in ("weights", "units"):
        assert tasks.resolve(task, "smoke", structure=structure, scope="layer")[0].group_axis == ""
