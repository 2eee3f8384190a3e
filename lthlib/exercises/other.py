"""Checks for the exercises of lesson 15, on text and graphs: what is pruned, what is trained on, what is controlled.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib.exercises import WrongAnswer
from lthlib.models import Transformer
from lthlib.pruning.masks import Mask, layer_counts

EDGES = "neighbours.edges"


class _Tied(nn.Module):
    """A reader whose names say nothing, with one linear layer inside another module."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Embedding(7, 4), nn.LayerNorm(4)
        self.c = nn.ModuleDict({"weight": nn.Linear(4, 4), "norm": nn.Linear(4, 7, bias=False)})


def check_prunable(prunable_names: Callable[[nn.Module], list[str]]) -> None:
    """Lesson 15: `prunable_names(model)` gives the names of the weights of its linear layers, and of nothing else."""
    for model in (Transformer(vocabulary=9, window=4, width=8, depth=1), _Tied()):
        names = prunable_names(model)
        if names is None:
            return print("Exercise not tried yet: the function returns None.")
        parameters, layers = dict(model.named_parameters()), dict(model.named_modules())
        for name in names:
            _need(name in parameters, f"{name!r} is the name of no parameter: take names from model.named_parameters().")
            layer, _, kind = name.rpartition(".")
            _need(
                not isinstance(layers[layer], nn.Embedding),
                f"{name!r} is an embedding, a table with one row a token; it has two dimensions, but it is no linear layer.",
            )
            _need(
                not isinstance(layers[layer], nn.LayerNorm), f"{name!r} scales a layer norm: without it a unit is switched off."
            )
            _need(kind == "weight", f"{name!r} is a bias: a handful of numbers, and pruning them is never counted on.")
        expected = [f"{name}.weight" for name, layer in layers.items() if isinstance(layer, nn.Linear)]
        missing = [name for name in expected if name not in names]
        _need(
            not missing,
            f"{missing[:1]} is missing: ask what kind of module a weight belongs to, not what it is called.",
        )
        _need(len(set(names)) == len(names), "a name is there twice: a weight must count once.")
    print("Right: what a weight is, its module says. Neither its name nor its number of dimensions does.")


def check_transductive(training_loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Lesson 15: `training_loss(logits, labels, train_nodes)` is the mean cross-entropy over the training nodes of a graph."""
    generator = torch.Generator().manual_seed(0)
    for seed in range(3):
        logits = torch.randn(30, 4, generator=generator, requires_grad=True)
        labels = torch.randint(0, 4, (30,), generator=generator)
        train_nodes = torch.randperm(30, generator=generator)[: 6 + seed]
        loss = training_loss(logits, labels.clone(), train_nodes.clone())
        if loss is None:
            return print("Exercise not tried yet: the function returns None.")
        _need(isinstance(loss, Tensor) and loss.dim() == 0, "return one number, the mean loss, as a tensor that has a gradient.")
        _need(loss.requires_grad, "the loss has no gradient: leave logits attached, so that there is something to learn from.")
        (gradient,) = torch.autograd.grad(loss, logits)
        others = torch.ones(30, dtype=torch.bool)
        others[train_nodes] = False
        _need(
            not gradient[others].any(),
            "labels of nodes outside train_nodes move the weights: that is a leak, and the test score means nothing then.",
        )
        expected = functional.cross_entropy(logits[train_nodes], labels[train_nodes])
        shrunk = loss.item() / expected.item()
        _need(
            abs(shrunk - len(train_nodes) / 30) > 1e-4,
            "the sum over training nodes is divided by all nodes: the loss, and every step, is smaller by their share.",
        )
        _need(abs(shrunk - 1) < 1e-4, f"the mean over the training nodes is {expected.item():.4f}, not {loss.item():.4f}.")
    print("Right: every node is looked at, but only the training nodes' labels are learned from.")


def check_random_edges(random_edges: Callable[[Mask, int], Mask]) -> None:
    """Lesson 15: `random_edges(mask, seed)` is the ticket's mask with other edges, as many, drawn at random."""
    generator = torch.Generator().manual_seed(0)
    mask = {
        "first.weight": torch.rand(6, 9, generator=generator) < 0.4,
        "output.weight": torch.ones(3, 6, dtype=torch.bool),
        EDGES: torch.rand(60, generator=generator) < 0.7,
    }
    before = {name: kept.clone() for name, kept in mask.items()}
    found = random_edges(mask, 1)
    if found is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(all(torch.equal(mask[name], before[name]) for name in mask), "the ticket's own mask has changed: work on a copy.")
    _need(isinstance(found, dict) and found.keys() == mask.keys(), "return a mask with all three names, not the edges alone.")
    _need(all(kept.dtype == torch.bool for kept in found.values()), "a mask holds True and False: keep its type.")
    for name in ("first.weight", "output.weight"):
        _need(
            torch.equal(found[name], before[name]),
            f"{name} has changed as well: then a loss could be due to the weights or to the edges, and you could not tell.",
        )
    counts = (layer_counts(found)[EDGES], layer_counts(before)[EDGES])
    _need(
        counts[0] == counts[1], f"{counts[0]} edges are kept where the ticket keeps {counts[1]}: the control must keep as many."
    )
    _need(not torch.equal(found[EDGES], before[EDGES]), "the edges are the ticket's own: draw others.")
    _need(torch.equal(found[EDGES], random_edges(mask, 1)[EDGES]), "seed 1 gives other edges the second time: use the seed.")
    _need(not torch.equal(found[EDGES], random_edges(mask, 2)[EDGES]), "seeds 1 and 2 give the same edges: use the seed.")
    shares = torch.stack([random_edges(mask, seed)[EDGES].float() for seed in range(200)]).mean(0)
    _need(
        bool(((shares - 0.7).abs() < 0.25).all()),
        "over 200 seeds some edges are kept far more often than others: every edge must have the same chance, also those that "
        "the ticket prunes.",
    )
    print("Right: one thing is changed, which edges are kept. Their number and all else is the ticket's.")


def _need(condition: bool, sentence: str) -> None:
    if not condition:
        raise WrongAnswer(sentence)
