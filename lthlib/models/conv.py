"""Conv-2, Conv-4 and Conv-6."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib.core.errors import LotteryError
from lthlib.models.layers import _after_pooling, glorot
from lthlib.models.prunable import prunable


class Conv(nn.Module):
    """Conv-2, Conv-4 and Conv-6, small relatives of VGG: Frankle & Carbin (2019), figure 2 and section 3.

    Input [B, C, H, W], output [B, classes] logits. A block for each of `widths`: two 3x3 convolutions of that
    many channels with ReLU, then 2x2 max pooling; then fully connected layers of `hidden` units with ReLU,
    and the output layer. Conv-2 has widths (64,), Conv-4 (64, 128), Conv-6 (64, 128, 256): on CIFAR-10
    4,300,992, 2,425,024 and 2,261,184 weights.

    At the paper's rate of 0.2 a round removes 20 % of a fully connected layer, 10 % of the output layer, and
    of a convolution 10 %, or 15 % from three blocks on. `prune` "conv" or "fc" prunes the convolutions or the
    fully connected layers (with the output layer) alone and keeps the others whole. `dropout` is the
    probability after each hidden fully connected layer: 0.5 is the paper's (section 3), its place in the
    network our choice. Gaussian Glorot initialisation, biases zero.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        classes: int,
        widths: tuple[int, ...] = (64, 128, 256),
        hidden: tuple[int, ...] = (256, 256),
        dropout: float = 0.0,
        prune: str = "all",
    ):
        super().__init__()
        if prune not in ("all", "conv", "fc"):
            raise LotteryError(f"prune is {prune!r}: choose all, conv or fc.")
        height, width = _after_pooling(input_shape, pools=len(widths))
        channels = [input_shape[0], *(w for w in widths for _ in range(2))]
        units = [channels[-1] * height * width, *hidden]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:]))
        self.fcs = nn.ModuleList(nn.Linear(a, b) for a, b in zip(units, units[1:]))
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.output = nn.Linear(units[-1], classes)
        factors = {"convs": 0.75 if len(widths) > 2 else 0.5, "fcs": 1.0, "output": 0.5}
        for kept in {"all": (), "conv": ("fcs", "output"), "fc": ("convs",)}[prune]:
            factors[kept] = 0.0
        self.rate_factors = {name: factors[name.split(".")[0]] for name in prunable(self)}
        self.apply(glorot)

    def forward(self, x: Tensor) -> Tensor:
        for index, conv in enumerate(self.convs):
            x = torch.relu(conv(x))
            if index % 2:  # the second of a block
                x = functional.max_pool2d(x, 2)
        x = x.flatten(1)
        for fc in self.fcs:
            x = self.dropout(torch.relu(fc(x)))
        return self.output(x)
