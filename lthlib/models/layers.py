"""What several architectures share: a convolution with batch norm, sizes after pooling, Glorot
initialisation."""

import torch
from torch import Tensor, nn

from lthlib.core.errors import LotteryError
from lthlib.models.prunable import PRUNABLE_LAYERS


class _ConvNorm(nn.Module):
    """3x3 convolution, batch norm, ReLU: [B, a, H, W] -> [B, b, H, W]. Batch norm has the bias, so the
    convolution has none."""

    def __init__(self, a: int, b: int):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(b)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)))


def _after_pooling(input_shape: tuple[int, ...], pools: int) -> tuple[int, int]:
    """Height and width of an image [C, H, W] after so many 2x2 poolings. Raises LotteryError where nothing is
    left of it."""
    if len(input_shape) != 3:
        raise LotteryError(
            f"the input shape is {tuple(input_shape)}: a convolutional network takes images, "
            "channels by height by width, such as (1, 28, 28)."
        )
    height, width = (size >> pools for size in input_shape[1:])
    if not height or not width:
        raise LotteryError(
            f"images of {input_shape[1]} by {input_shape[2]} pixels are less than one pixel after {pools} poolings: "
            "give the network fewer blocks, or larger images."
        )
    return height, width


def glorot(module: nn.Module) -> None:
    """Gaussian Glorot weights and zero biases, for `Module.apply` (Glorot & Bengio 2010)."""
    if isinstance(module, PRUNABLE_LAYERS):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
