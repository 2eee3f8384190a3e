import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as torch_prune

from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.storage import export

SHAPES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4)
SEEDS = st.integers(0, 2**31)


def drawn(shapes, seed, share=0.7):
    """Random weights without ties, and a random mask of them."""
    generator = torch.Generator().manual_seed(seed)
    weights = {f"{i}.weight": torch.randn(shape, generator=generator) for i, shape in enumerate(shapes)}
    return weights, {name: torch.rand(w.shape, generator=generator) < share for name, w in weights.items()}


def sizes(weights):
    return {name: weight.abs() for name, weight in weights.items()}


@given(SHAPES, SEEDS, st.floats(0, 1), st.sampled_from(masks.SCOPES))
def test_pruning_keeps_the_highest_scores_and_revives_nothing(shapes, seed, rate, scope):
    weights, mask = drawn(shapes, seed)
    pruned = masks.prune(mask, sizes(weights), rate, scope)
    assert all(not (pruned[name] & ~mask[name]).any() for name in mask)
    pools = [list(mask)] if scope == "global" else [[name] for name in mask]
    for pool in pools:
        survivors = sum(int(mask[name].sum()) for name in pool)
        assert sum(int(pruned[name].sum()) for name in pool) == survivors - round(rate * survivors)
        gone = torch.cat([sizes(weights)[name][mask[name] & ~pruned[name]] for name in pool])
        kept = torch.cat([sizes(weights)[name][pruned[name]] for name in pool])
        assert not len(gone) or not len(kept) or gone.max() <= kept.min()


@given(SHAPES, SEEDS, st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3))
def test_layer_scope_equals_l1_unstructured(shapes, seed, rates):
    weights, _ = drawn(shapes, seed)
    for name, weight in weights.items():
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data = weight.clone()
        mask = masks.ones({name: weight})
        for rate in rates:  # several rounds, as torch chains them
            torch_prune.l1_unstructured(layer, "weight", rate)
            mask = masks.prune(mask, {name: weight.abs()}, rate)
        assert torch.equal(mask[name], export.from_torch_prune(layer)["weight"])


@given(SHAPES, SEEDS, st.floats(0.01, 0.99))
def test_global_scope_equals_global_unstructured(shapes, seed, rate):
    weights, _ = drawn(shapes, seed)
    model = nn.Sequential(*(nn.Linear(shape[1], shape[0]) for shape in shapes))
    for layer, weight in zip(model, weights.values()):
        layer.weight.data = weight.clone()
    torch_prune.global_unstructured([(layer, "weight") for layer in model], torch_prune.L1Unstructured, amount=rate)
    ours = masks.prune(masks.ones(weights), sizes(weights), rate, "global")
    assert all(torch.equal(ours[name], kept) for name, kept in export.from_torch_prune(model).items())


def test_layers_have_their_own_rates_and_global_leaves_rate_zero_alone():
    weights, _ = drawn([(10, 10), (10, 10), (10, 10)], seed=0)
    rates = {"0.weight": 0.2, "1.weight": 0.1, "2.weight": 0.0}
    by_layer = masks.prune(masks.ones(weights), sizes(weights), rates)
    assert masks.layer_counts(by_layer) == {"0.weight": 80, "1.weight": 90, "2.weight": 100}
    together = masks.layer_counts(masks.prune(masks.ones(weights), sizes(weights), {**rates, "1.weight": 0.2}, "global"))
    assert together["2.weight"] == 100 and together["0.weight"] + together["1.weight"] == 160


@given(SHAPES, SEEDS, SEEDS)
def test_shuffle_keeps_layer_counts_and_depends_on_the_seed_alone(shapes, seed, other):
    _, mask = drawn(shapes, seed)
    shuffled = masks.shuffle(mask, other)
    assert masks.layer_counts(shuffled) == masks.layer_counts(mask)
    assert all(torch.equal(shuffled[name], masks.shuffle(mask, other)[name]) for name in mask)


def test_shuffle_is_uniform():
    mask = {"w": torch.arange(6) < 2}
    counts = sum(masks.shuffle(mask, seed)["w"].int() for seed in range(3000))
    assert all(abs(count / 3000 - 1 / 3) < 0.04 for count in counts.tolist())


@given(SHAPES, SEEDS)
def test_torch_prune_round_trip(shapes, seed):
    _, mask = drawn(shapes, seed)
    model = nn.Sequential(*(nn.Linear(shape[1], shape[0]) for shape in shapes))
    back = export.from_torch_prune(export.to_torch_prune(model, mask))
    assert all(torch.equal(back[name], mask[name]) for name in mask)
    assert all(not layer.weight[~mask[f"{i}.weight"]].any() for i, layer in enumerate(model))


def test_apply_zeroes_a_copy():
    weights = {"w": torch.full((3,), float("inf")), "b": torch.ones(2)}
    ticket = masks.apply({"w": torch.tensor([True, False, True])}, weights)
    assert ticket["w"].tolist() == [float("inf"), 0, float("inf")] and weights["w"].isinf().all()
    assert ticket["b"] is not weights["b"]


def test_overlap_and_distance_by_hand():
    a = {"w": torch.tensor([True, True, False, False])}
    b = {"w": torch.tensor([True, False, True, False])}
    assert masks.overlap(a, b) == pytest.approx(1 / 3) and masks.distance(a, b) == 0.5
    assert masks.overlap(a, a) == 1 and masks.distance(a, a) == 0


def test_a_mask_refuses_anything_but_0_and_1():
    with pytest.raises(LotteryError, match="other than 0 and 1"):
        masks.as_mask({"w": torch.tensor([0.0, 0.5])})


@pytest.mark.parametrize(
    ("scores", "rate", "scope", "says"),
    [
        (torch.ones(2), 1.7, "layer", "rate of 'w' is 1.7"),
        (torch.tensor([1.0, float("nan")]), 0.5, "layer", "diverged"),
        (torch.ones(3), 0.5, "layer", "one number for each"),
        (torch.ones(2), 0.5, "local", "unknown scope"),
    ],
)
def test_bad_pruning_input(scores, rate, scope, says):
    with pytest.raises(LotteryError, match=says):
        masks.prune({"w": torch.ones(2, dtype=torch.bool)}, {"w": scores}, rate, scope)


def test_a_buffer_of_the_users_is_no_mask():
    model = nn.Linear(2, 2)
    model.register_buffer("causal_mask", torch.ones(2, 2))
    with pytest.raises(LotteryError, match="carries no mask"):
        export.from_torch_prune(model)


def test_no_mask_to_convert():
    with pytest.raises(LotteryError, match="carries no mask"):
        export.from_torch_prune(nn.Linear(2, 2))
