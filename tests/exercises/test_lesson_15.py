"""The exercises of lesson 15: wrong answers are told why."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lthlib.exercises import lesson_15 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.pruning import masks
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(15)
EDGES = exercises.EDGES


def parameters(model):
    return dict(model.named_parameters())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda m: [n for n, p in parameters(m).items() if p.dim() > 1], "is an embedding"),
        (lambda m: [n for n in parameters(m) if n.endswith("weight") and "norm" not in n], "is an embedding"),
        (lambda m: [n for n, p in parameters(m).items() if "norm" in n], "layer norm"),
        (lambda m: [n for n in parameters(m) if "wide" in n], "is a bias"),
        (lambda m: SOLUTIONS["prunable_names"](m)[1:], "is missing"),
        (lambda m: [n for n in SOLUTIONS["prunable_names"](m) if "norm" not in n], "is missing"),
        (lambda m: SOLUTIONS["prunable_names"](m) * 2, "twice"),
        (lambda m: [n for n, layer in m.named_modules() if isinstance(layer, nn.Linear)], "no parameter"),
    ],
)
def test_wrong_choices_of_what_is_pruned_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_prunable(wrong)


def masked_mean(logits, labels, train_nodes):
    inside = torch.zeros(len(labels)).index_fill(0, train_nodes, 1.0)
    return (inside * cross_entropy(logits, labels, reduction="none")).mean()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda logits, labels, nodes: cross_entropy(logits, labels), "leak"),
        (masked_mean, "divided by all nodes"),
        (lambda x, y, nodes: cross_entropy(x[nodes], y[nodes], reduction="sum"), "mean over"),
        (lambda x, y, nodes: cross_entropy(x[: len(nodes)], y[: len(nodes)]), "leak"),
        (lambda x, y, nodes: cross_entropy(x.detach()[nodes], y[nodes]), "no gradient"),
        (lambda x, y, nodes: cross_entropy(x[nodes], y[nodes]).item(), "one number"),
    ],
)
def test_wrong_training_losses_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_transductive(wrong)


def own(mask, seed):
    return SOLUTIONS["random_edges"](mask, seed)


def in_place(mask, seed):
    mask[EDGES] = own(mask, seed)[EDGES]
    return mask


def any_number(mask, seed):
    generator = torch.Generator().manual_seed(seed)
    return {**mask, EDGES: torch.rand(mask[EDGES].shape, generator=generator) < 0.5}


def among_the_kept(mask, seed):
    """As many edges, but the ticket's own but for one that is exchanged."""
    edges, generator = mask[EDGES].clone(), torch.Generator().manual_seed(seed)
    kept, gone = edges.nonzero().flatten(), (~edges).nonzero().flatten()
    edges[kept[torch.randint(len(kept), (1,), generator=generator)]] = False
    edges[gone[torch.randint(len(gone), (1,), generator=generator)]] = True
    return {**mask, EDGES: edges}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda mask, seed: masks.shuffle(mask, seed), "first.weight has changed as well"),
        (lambda mask, seed: mask, "own: draw others"),
        (lambda mask, seed: {EDGES: own(mask, seed)[EDGES]}, "all three names"),
        (in_place, "own mask has changed"),
        (any_number, "must keep as many"),
        (lambda mask, seed: own(mask, 3), "seeds 1 and 2"),
        (lambda mask, seed: own(mask, torch.seed()), "second time"),
        (lambda mask, seed: {name: kept.float() for name, kept in own(mask, seed).items()}, "True and False"),
        (among_the_kept, "same chance"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_random_edges(wrong)
