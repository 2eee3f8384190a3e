"""Checks for lesson 15's exercises: what is pruned, what is trained on, what is controlled."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib.exercises.checking import Answer, exercise, need, same
from lthlib.models import Transformer

EDGES = "neighbours.edges"


class _Tied(nn.Module):
    """A reader whose names say nothing, with one linear layer inside another module."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Embedding(7, 4), nn.LayerNorm(4)
        self.c = nn.ModuleDict({"weight": nn.Linear(4, 4), "norm": nn.Linear(4, 7, bias=False)})


@exercise(lesson=15, each_call=True)
def check_prunable(prunable_names: Answer) -> str:
    """`prunable_names(model)` gives the names of the weights of its linear layers, and of nothing else."""
    for model in (Transformer(vocabulary=9, window=4, width=8, depth=1), _Tied()):
        names = list(prunable_names(model))
        parameters, layers = dict(model.named_parameters()), dict(model.named_modules())
        for name in names:
            why = f"{name!r} is the name of no parameter: take names from model.named_parameters()."
            need(name in parameters, why)
            layer, _, kind = name.rpartition(".")
            problem = f"{name!r} is an embedding, a table with one row a token; it has two dimensions"
            need(not isinstance(layers[layer], nn.Embedding), f"{problem}, but it is no linear layer.")
            why = f"{name!r} scales a layer norm: without it a unit is switched off."
            need(not isinstance(layers[layer], nn.LayerNorm), why)
            why = f"{name!r} is a bias: a handful of numbers, and pruning them is never counted on."
            need(kind == "weight", why)
        expected = [f"{name}.weight" for name, layer in layers.items() if isinstance(layer, nn.Linear)]
        missing = [name for name in expected if name not in names]
        why = f"{missing[:1]} is missing: ask what kind of module a weight belongs to, not what it is called."
        need(not missing, why)
        need(len(set(names)) == len(names), "a name is there twice: a weight must count once.")
    return "Right: what a weight is, its module says. Neither its name nor its number of dimensions does."


@exercise(lesson=15, each_call=True)
def check_transductive(training_loss: Answer) -> str:
    """`training_loss(logits, labels, train_nodes)` is the mean cross-entropy over training nodes."""
    generator = torch.Generator().manual_seed(0)
    for seed in range(3):
        logits = torch.randn(30, 4, generator=generator, requires_grad=True)
        labels = torch.randint(0, 4, (30,), generator=generator)
        train_nodes = torch.randperm(30, generator=generator)[: 6 + seed]
        loss = training_loss(logits, labels, train_nodes)
        why = "return one number, the mean loss, as a tensor that has a gradient."
        need(isinstance(loss, Tensor) and loss.dim() == 0, why)
        why = "the loss has no gradient: leave logits attached, so that there is something to learn from."
        need(loss.requires_grad, why)
        (gradient,) = torch.autograd.grad(loss, logits)
        others = torch.ones(30, dtype=torch.bool)
        others[train_nodes] = False
        problem = "labels of nodes outside train_nodes move the weights"
        need(not gradient[others].any(), f"{problem}: that is a leak, and the test score means nothing then.")
        expected = functional.cross_entropy(logits[train_nodes], labels[train_nodes])
        shrunk = loss.item() / expected.item()
        problem = "the sum over training nodes is divided by all nodes: the loss, and every step"
        need(abs(shrunk - len(train_nodes) / 30) > 1e-4, f"{problem}, is smaller by their share.")
        why = f"the mean over the training nodes is {expected.item():.4f}, not {loss.item():.4f}."
        need(abs(shrunk - 1) < 1e-4, why)
    return "Right: every node is looked at, but only the training nodes' labels are learned from."


@exercise(lesson=15)
def check_random_edges(random_edges: Answer) -> str:
    """`random_edges(mask, seed)` is the ticket's mask with other edges, as many, drawn at random."""
    generator = torch.Generator().manual_seed(0)
    mask = {
        "first.weight": torch.rand(6, 9, generator=generator) < 0.4,
        "output.weight": torch.ones(3, 6, dtype=torch.bool),
        EDGES: torch.rand(60, generator=generator) < 0.7,
    }
    drawn = random_edges(mask, 1)
    need(same(random_edges.given[0], mask), "the ticket's own mask has changed: work on a copy.")
    names = isinstance(drawn, dict) and drawn.keys() == mask.keys()
    need(names, "return a mask with all three names, not the edges alone.")
    types = {kept.dtype for kept in drawn.values()}
    need(types == {torch.bool}, "a mask holds True and False: keep its type.")
    for name in ("first.weight", "output.weight"):
        problem = f"{name} has changed as well: then a loss could be due to the weights or to the edges"
        need(torch.equal(drawn[name], mask[name]), f"{problem}, and you could not tell.")
    edges, own = drawn[EDGES], mask[EDGES]
    new, old = int(edges.sum()), int(own.sum())
    need(new == old, f"{new} edges are kept where the ticket keeps {old}: the control must keep as many.")
    need(not torch.equal(edges, own), "the edges are the ticket's own: draw others.")
    again, other = (random_edges(mask, seed)[EDGES] for seed in (1, 2))
    need(torch.equal(edges, again), "seed 1 gives other edges the second time: use the seed.")
    need(not torch.equal(edges, other), "seeds 1 and 2 give the same edges: use the seed.")
    shares = torch.stack([random_edges(mask, seed)[EDGES].float() for seed in range(200)]).mean(0)
    problem = "over 200 seeds some edges are kept far more often than others"
    advice = "every edge must have the same chance, also those that the ticket prunes"
    need(((shares - 0.7).abs() < 0.25).all(), f"{problem}: {advice}.")
    return "Right: one thing is changed, which edges are kept. Their number and all else is the ticket's."
