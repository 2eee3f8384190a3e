"""Networks that break what position seems to say: shared weights, an output layer registered first, transposed
convolutions. Parts of several tests."""

import torch
from torch import nn


class TiedLinear(nn.Module):
    """Two hidden layers that share a weight; masks know it as h1.weight."""

    def __init__(self):
        super().__init__()
        self.a, self.h1, self.h2, self.b = nn.Linear(6, 16), nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 3)
        self.h2.weight = self.h1.weight

    def forward(self, x):
        return self.b(torch.relu(self.h2(torch.relu(self.h1(torch.relu(self.a(x)))))))


class TiedLanguageModel(nn.Module):
    """Tokens [B, T] -> logits [B, T, 12]; embedding and output layer share a weight, as GPT-2's do."""

    def __init__(self):
        super().__init__()
        self.tokens, self.norm = nn.Embedding(12, 8), nn.LayerNorm(8)
        self.wide, self.narrow = nn.Linear(8, 16), nn.Linear(16, 8)
        self.head = nn.Linear(8, 12, bias=False)
        self.tokens.weight = self.head.weight

    def forward(self, tokens):
        x = self.tokens(tokens)
        return self.head(self.norm(x + self.narrow(torch.relu(self.wide(x)))))


class HeadFirst(nn.Module):
    """The output layer is registered before the hidden ones."""

    def __init__(self):
        super().__init__()
        self.head, self.a, self.b = nn.Linear(16, 3), nn.Linear(6, 16), nn.Linear(16, 16)

    def forward(self, x):
        return self.head(torch.relu(self.b(torch.relu(self.a(x)))))


class Upscaler(nn.Module):
    """Images [B, 1, 8, 8] -> the same, through a transposed convolution whose weight is [inputs, outputs, ...]."""

    def __init__(self):
        super().__init__()
        self.e, self.d, self.o = nn.Conv2d(1, 8, 3, 2, 1), nn.ConvTranspose2d(8, 10, 2, 2), nn.Conv2d(10, 1, 1)

    def forward(self, x):
        return self.o(torch.relu(self.d(torch.relu(self.e(x)))))


class WithVectors(nn.Module):
    """A network that lets its bias and a single number be pruned, too."""

    also_prunable = ("gains", "scale")

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 16), nn.Linear(16, 3)
        self.gains, self.scale = nn.Parameter(torch.linspace(0.5, 2, 16)), nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        return self.b(torch.relu(self.a(x)) * self.gains) * self.scale
