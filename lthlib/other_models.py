"""Networks for what is no picture to be named: a Transformer for text, a graph network, a variational autoencoder.

Like those of `models` they are plain modules. Where more than linear and convolutional weights may be pruned, a module says so
in `also_prunable`; where it draws at random, a layer of its own does, so that the engine can key what it draws.
"""

import contextlib

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from lthlib.errors import LotteryError
from lthlib.models import glorot


class Transformer(nn.Module):
    """A language model: it reads tokens [B, T] and gives logits [B, T, vocabulary] for the token after each.

    Embeddings of tokens and places, then `depth` blocks of causal attention with `heads` heads and a feed-forward layer of
    four times `width` units with ReLU, each behind a layer norm (pre-norm: Radford et al. 2019), a last norm, and the output
    layer. Prunable are the linear layers (in a block the four of attention and the two others), as in Chen et al. (2020),
    arXiv 2007.12223; embeddings, norms and biases are kept whole, and of the output layer half as much is pruned as of the
    others.

    Raises LotteryError where `width` is no multiple of `heads`, or for a window longer than `window`.
    """

    rate_factors = {"output.weight": 0.5}

    def __init__(self, vocabulary: int, window: int, width: int = 32, depth: int = 2, heads: int = 2):
        super().__init__()
        if width % heads:
            raise LotteryError(f"width is {width} and heads is {heads}: the width is shared out evenly, so make it a multiple.")
        self.window = window
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(window, width)
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, vocabulary)
        self.apply(glorot)
        for embedding in (self.tokens, self.places):
            nn.init.normal_(embedding.weight, std=width**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[-1]
        if length > self.window:
            raise LotteryError(f"a text of {length} tokens is longer than the window of {self.window}: give a part of it.")
        x = self.tokens(tokens) + self.places.weight[:length]
        return self.output(self.norm(self.blocks(x)))

    @torch.no_grad()
    def write(self, start: Tensor, length: int, seed: int = 0) -> Tensor:
        """Texts [B, length] that go on from the tokens `start` [B, n], each token drawn from what the network thinks comes next.

        Raises LotteryError where there is nothing to go on from.
        """
        if start.dim() != 2 or not start.numel():
            raise LotteryError(f"start has shape {list(start.shape)}: give one row for each text, with a token or more.")
        generator, texts = torch.Generator().manual_seed(seed), start
        self.eval()
        while texts.shape[1] < length:
            chances = self(texts[:, -self.window :])[:, -1].softmax(1).cpu()
            texts = torch.cat([texts, torch.multinomial(chances, 1, generator=generator).to(texts.device)], dim=1)
        return texts


class _Block(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x)): [B, T, width] -> [B, T, width]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), _Attention(width, heads)
        self.norm = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.narrow(torch.relu(self.wide(self.norm(x))))


class _Attention(nn.Module):
    """Each place looks at itself and the places before it (Vaswani et al. 2017, section 3.2): [B, T, width] -> the same."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        by_head = lambda layer: layer(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # noqa: E731
        query, key, value = by_head(self.query), by_head(self.key), by_head(self.value)
        # On a card plain products, which a stack of tickets can be mapped over; on a CPU the fused kernel is twice as fast.
        with sdpa_kernel(SDPBackend.MATH) if x.is_cuda else contextlib.nullcontext():
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.mix(seen.transpose(-3, -2).flatten(-2))


class GCN(nn.Module):
    """A graph network with two layers (Kipf & Welling 2017, arXiv 1609.02907) whose edges can be pruned too, as UGS does (Chen
    et al. 2021, arXiv 2102.06790). It reads node numbers [B] and gives logits [B, classes].

    `features` [nodes, F] and `edges` [E, 2], each undirected edge once, are the graph: the same whichever nodes are asked for.
    ReLU and dropout after the first layer, no biases. Where a round removes 20 % of the first layer it removes 5 % of the edges;
    the small output layer is kept whole (UGS pools the two layers, which spares it too).
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
    """Every node's numbers mixed with its neighbours': D^-1/2 (A + I) D^-1/2 x for x [nodes, H] (Kipf & Welling, equation 2).

    A holds one weight for each undirected edge, 1 at the start, so it stays symmetric whatever is trained or pruned. D holds
    the degrees, with an edge counted by the size of its weight: an edge of weight 0 is as good as removed. On a card the sums
    are taken in any order, so that results repeat to float tolerance only.
    """

    also_prunable = ("edges",)

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


class VAE(nn.Module):
    """A variational autoencoder (Kingma & Welling 2014, arXiv 1312.6114): images [B, ...] of `pixels` numbers from 0 to 1 each
    -> [B, pixels + 2 * codes]: a logit for every pixel, then the means of the code, then the logarithms of its variances.

    A hidden layer of `hidden` units with ReLU on each side. In training the picture is made from a code drawn with these means
    and variances (the reparametrisation, section 2.4); in evaluation, from the means. Objective `autoencoder` goes with it.
    """

    def __init__(self, pixels: int, hidden: int = 64, codes: int = 8):
        super().__init__()
        self.encoder, self.code = nn.Linear(pixels, hidden), nn.Linear(hidden, 2 * codes)
        self.decoder, self.output = nn.Linear(codes, hidden), nn.Linear(hidden, pixels)
        self.noise = Noise()
        self.apply(glorot)

    def forward(self, images: Tensor) -> Tensor:
        mean, log_variance = self.code(torch.relu(self.encoder(images.flatten(1)))).chunk(2, dim=1)
        code = mean + (log_variance / 2).exp() * self.noise(mean)
        return torch.cat([self.draw(code), mean, log_variance], dim=1)

    def draw(self, codes: Tensor) -> Tensor:
        """Logits of pictures [B, pixels] for codes [B, codes], such as draws from a standard normal distribution."""
        return self.output(torch.relu(self.decoder(codes)))


class Noise(nn.Module):
    """Standard normal numbers of the shape of x in training, zeros in evaluation.

    Use it wherever a network of yours draws noise: the engine puts in its place one whose draws depend on the ticket's seed
    alone (`draws.Noise`), so that tickets trained together end as they do alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x) if self.training else torch.zeros_like(x)
