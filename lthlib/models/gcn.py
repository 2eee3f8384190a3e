"""A graph convolutional network whose edges may be pruned as its weights are."""

import torch
from torch import Tensor, nn

from lthlib.models.layers import glorot


class GCN(nn.Module):
    """A graph network with two layers (Kipf & Welling 2017, arXiv 1609.02907) whose edges can be pruned too,
    as UGS does (Chen et al. 2021, arXiv 2102.06790). It reads node numbers [B] and gives logits [B, classes].

    `features` [nodes, F] and `edges` [E, 2], each undirected edge once, are the graph: the same whichever
    nodes are asked for. ReLU and dropout after the first layer, no biases. Where a round removes 20 % of the
    first layer it removes 5 % of the edges; the small output layer is kept whole (UGS pools the two layers,
    which spares it too).
    """

    rate_factors = {"neighbours.edges": 0.25, "output.weight": 0.0}

    def __init__(self, features: Tensor, edges: Tensor, classes: int, hidden: int = 16, dropout: float = 0.5):
        super().__init__()
        self.first = nn.Linear(features.shape[1], hidden, bias=False)
        self.output = nn.Linear(hidden, classes, bias=False)
        self.neighbours = Neighbours(edges)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("features", features, persistent=False)  # part of the data: not kept with every ticket
        self.apply(glorot)

    def forward(self, nodes: Tensor) -> Tensor:
        x = self.neighbours(self.first(self.features.to(self.first.weight.dtype)))
        x = self.neighbours(self.output(self.dropout(torch.relu(x))))
        return x.index_select(0, nodes)


class Neighbours(nn.Module):
    """Every node's numbers mixed with its neighbours': D^-1/2 (A + I) D^-1/2 x for x [nodes, H] (Kipf &
    Welling, equation 2).

    A holds one weight for each undirected edge, 1 at the start, so it stays symmetric whatever is trained or
    pruned. D holds the degrees, with an edge counted by the size of its weight: an edge of weight 0 is as
    good as removed. On a card the sums are taken in any order, so that results repeat to float tolerance
    only.
    """

    also_prunable = ("edges",)

    ends: Tensor

    def __init__(self, edges: Tensor):
        super().__init__()
        self.edges = nn.Parameter(torch.ones(len(edges)))
        self.register_buffer("ends", edges.T.contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        (one, other), size = self.ends, self.edges.abs()
        degrees = torch.ones_like(x[:, 0]).index_add(0, one, size).index_add(0, other, size)
        scale = degrees.rsqrt()
        strength = (self.edges * scale[one] * scale[other])[:, None]
        mixed = (x / degrees[:, None]).index_add(0, one, strength * x[other])
        return mixed.index_add(0, other, strength * x[one])
