"""Residual networks for CIFAR-10."""

import torch
from torch import Tensor, nn

from lthlib.core.errors import LotteryError
from lthlib.models.layers import _after_pooling, _ConvNorm, glorot
from lthlib.models.prunable import prunable


class ResNet(nn.Module):
    """The 20-layer residual network for CIFAR-10 (He et al. 2016, section 4.2) that Frankle & Carbin (2019)
    call Resnet-18.

    Input [B, C, H, W], output [B, classes] logits. A 3x3 convolution, then three stages of (depth - 2) / 6
    residual blocks with `width`, 2 * `width` and 4 * `width` channels, the second and third at half the
    resolution of the one before; the average over the image; the output layer. Batch norm after every
    convolution. Where a shape changes the shortcut is a 1x1 convolution; these and the output layer are not
    pruned. On CIFAR-10 it has 270,896 weights, with the shortcuts' 2,560 and the output layer's 640. Gaussian
    Glorot initialisation, biases zero.
    """

    def __init__(self, input_shape: tuple[int, int, int], classes: int, depth: int = 20, width: int = 16):
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise LotteryError(f"depth is {depth!r}: three stages of n blocks have 6 n + 2 layers, such as 8, 14 or 20.")
        _after_pooling(input_shape, pools=0)
        self.first = _ConvNorm(input_shape[0], width)
        blocks, channels = [], width
        for wide in (width, 2 * width, 4 * width):
            for _ in range((depth - 2) // 6):
                blocks.append(_Residual(channels, wide))
                channels = wide
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(channels, classes)
        kept = [name for name in prunable(self) if "shortcut" in name or name == "output.weight"]
        self.rate_factors = dict.fromkeys(kept, 0.0)
        self.apply(glorot)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.blocks(self.first(x)).mean((2, 3)))


class _Residual(nn.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)): [B, a, H, W] -> [B, b, H, W], at half the
    resolution if a != b."""

    def __init__(self, a: int, b: int):
        super().__init__()
        stride = 1 if a == b else 2
        self.conv1 = nn.Conv2d(a, b, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(b)
        self.conv2 = nn.Conv2d(b, b, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(b)
        self.shortcut = nn.Identity()
        if a != b:
            self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))

    def forward(self, x: Tensor) -> Tensor:
        inside = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(inside)) + self.shortcut(x))
