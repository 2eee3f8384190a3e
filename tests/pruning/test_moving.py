"""How masks move: counts, places, and the courses of share and density, each against another way to find it."""

import math

import pytest
import torch

from lthlib import LotteryError, Moves, masks
from lthlib.pruning import moving

SHAPES = {"a.weight": (30, 20), "b.weight": (10, 30), "whole.weight": (4, 4)}
END = 1000


def layers(seed=0, density=0.2):
    generator = torch.Generator().manual_seed(seed)
    mask = {name: torch.rand(shape, generator=generator) < density for name, shape in SHAPES.items()}
    mask["whole.weight"] = torch.ones(4, 4, dtype=torch.bool)
    weights = {name: torch.randn(shape, generator=generator) * mask[name] for name, shape in SHAPES.items()}
    gradients = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    return mask, weights, gradients


def moved(method, iteration=100, seed=0, **fields):
    mask, weights, gradients = layers()
    moves = Moves(method, **fields)
    given = gradients if method in moving.NEEDS_GRADIENT else None
    found = moving.next_mask(moves, mask, weights, iteration, END, target=mask, gradients=given, seed=seed)
    return mask, weights, gradients, found


@pytest.mark.parametrize("method", ["set", "rigl"])
def test_as_many_grow_as_were_dropped_in_every_layer(method):
    before, _, _, after = moved(method)
    assert masks.layer_counts(after) == masks.layer_counts(before)
    assert torch.equal(after["whole.weight"], before["whole.weight"])
    assert masks.distance(before, after) > 0


def test_rigl_drops_the_smallest_and_grows_where_the_gradient_is_largest():
    """Weight by weight, in plain Python."""
    before, weights, gradients, after = moved("rigl", iteration=300)
    share = 0.3 / 2 * (1 + math.cos(math.pi * 300 / 750))
    for name in ("a.weight", "b.weight"):
        flat, size, slope = before[name].flatten().tolist(), weights[name].flatten().abs(), gradients[name].flatten().abs()
        kept = sorted((place for place, keeps in enumerate(flat) if keeps), key=lambda place: float(size[place]))
        count = round(share * len(kept))
        left = set(kept[count:])
        empty = sorted((place for place in range(len(flat)) if place not in left), key=lambda place: -float(slope[place]))
        expected = left | set(empty[:count])
        assert {place for place, keeps in enumerate(after[name].flatten().tolist()) if keeps} == expected


def test_set_drops_the_same_and_grows_anywhere():
    before, weights, _, after = moved("set")
    rigl = moved("rigl")[-1]
    for name in ("a.weight", "b.weight"):
        size = weights[name].abs()
        count = round(moving.share_at(Moves("set"), 100, END) * int(before[name].sum()))
        bar = size[before[name]].sort().values[count]
        assert after[name][before[name] & (size >= bar)].all(), "none but the smallest goes"
        assert rigl[name][before[name] & (size >= bar)].all()
    assert masks.distance(after, moved("set", seed=1)[-1]) > 0, "another seed grows elsewhere"
    assert masks.distance(after, moved("set")[-1]) == 0, "the same seed grows there again"


def test_growth_at_random_is_uniform():
    """Over many seeds each empty place grows equally often: Pearson's chi-squared against its own spread."""
    mask, weights, _ = layers()
    moves, counts, times = Moves("set"), torch.zeros(SHAPES["a.weight"]), 400
    for seed in range(times):
        after = moving.next_mask(moves, mask, weights, 100, END, target=mask, gradients=None, seed=seed)
        counts += after["a.weight"] & ~mask["a.weight"]
    empty = counts[~mask["a.weight"]]
    expected = empty.mean()
    chi_squared, freedom = float(((empty - expected) ** 2 / expected).sum()), len(empty) - 1
    assert abs(chi_squared - freedom) < 4 * (2 * freedom) ** 0.5


def test_the_share_falls_along_half_a_cosine():
    moves = Moves("rigl", share=0.4, until=0.5)
    assert moving.share_at(moves, 0, END) == pytest.approx(0.4)
    assert moving.share_at(moves, 250, END) == pytest.approx(0.2)
    assert moving.share_at(moves, 500, END) == moving.share_at(moves, 900, END) == 0


def test_masks_move_in_the_place_of_steps_until_their_time_is_over():
    assert moving.iterations_of(Moves(every=100, until=0.75), 500) == [100, 200, 300]
    assert moving.iterations_of(Moves(every=100, until=1.0), 300) == [100, 200]


def test_gradual_pruning_follows_the_cubic():
    """Zhu & Gupta (2017), equation 1, as sparsity: s_f + (s_i - s_f) (1 - t / T)^3 with s_i = 0."""
    moves, final = Moves("gmp", until=1.0), 0.1
    for iteration in (0, 100, 370, 999):
        sparsity = 0.9 - 0.9 * (1 - iteration / END) ** 3
        assert moving.density_at(moves, iteration, END, final) == pytest.approx(1 - sparsity)
    assert moving.density_at(moves, END, END, final) == pytest.approx(final)


def test_gradual_pruning_only_ever_removes_the_smallest_and_ends_with_the_targets_counts():
    target, weights, _ = layers(density=0.1)
    weights = {name: torch.randn(shape, generator=torch.Generator().manual_seed(3)) for name, shape in SHAPES.items()}
    moves, mask = Moves("gmp"), moving.first_mask(Moves("gmp"), target)
    assert masks.density(mask) == 1
    for iteration in moving.iterations_of(moves, END):
        after = moving.next_mask(moves, mask, weights, iteration, END, target=target, gradients=None, seed=0)
        for name in ("a.weight", "b.weight"):
            assert not (after[name] & ~mask[name]).any(), "what is gone stays gone"
            wanted = moving.density_at(moves, iteration, END, masks.layer_densities(target)[name]) * mask[name].numel()
            assert abs(int(after[name].sum()) - wanted) <= 1
            assert weights[name][after[name]].abs().min() >= weights[name][mask[name] & ~after[name]].abs().max()
        mask = after
    assert masks.layer_counts(mask) == masks.layer_counts(target)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"method": "regrow"}, "unknown moves 'regrow'.*set, rigl, gmp"),
        ({"share": 0}, "share is 0: give the share"),
        ({"every": 0}, "every is 0: give a whole number"),
        ({"until": 1.5}, "until is 1.5: give a share of training"),
        ({"method": "gmp", "share": 0.1}, "'gmp' drops what its density asks for"),
    ],
)
def test_bad_numbers_get_a_sentence(fields, sentence):
    with pytest.raises(LotteryError, match=sentence):
        Moves(**fields)
