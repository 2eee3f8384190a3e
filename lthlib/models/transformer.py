"""A small Transformer for text. Nothing here draws at random."""

import contextlib

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from lthlib.core.errors import LotteryError
from lthlib.models.layers import glorot


class Transformer(nn.Module):
    """A language model: it reads tokens [B, T] and gives logits [B, T, vocabulary] for the token after each.

    Embeddings of tokens and places, then `depth` blocks of causal attention with `heads` heads and a
    feed-forward layer of four times `width` units with ReLU, each behind a layer norm (pre-norm: Radford et
    al. 2019), a last norm, and the output layer. Prunable are the linear layers (in a block the four of
    attention and the two others), as in Chen et al. (2020), arXiv 2007.12223; embeddings, norms and biases
    are kept whole, and of the output layer half as much is pruned as of the others.

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
    """Each place looks at itself and the places before it (Vaswani et al. 2017, section 3.2): [B, T, width]
    -> the same."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        by_head = lambda layer: layer(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # noqa: E731
        query, key, value = by_head(self.query), by_head(self.key), by_head(self.value)
        # On a card plain products, which a stack of tickets can be mapped over; on a CPU the fused kernel is
        # twice as fast.
        with sdpa_kernel(SDPBackend.MATH) if x.is_cuda else contextlib.nullcontext():
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.mix(seen.transpose(-3, -2).flatten(-2))
