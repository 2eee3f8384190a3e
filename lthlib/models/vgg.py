"""VGG for small images."""

from torch import Tensor, nn
from torch.nn import functional

from lthlib.models.layers import _after_pooling, _ConvNorm, glorot


class VGG(nn.Module):
    """VGG-19 for small images, with batch norm and one linear layer: Frankle & Carbin (2019), figure 2 and
    section 4.

    Input [B, C, H, W], output [B, classes] logits. A block for each of `convs`: so many 3x3 convolutions,
    each with batch norm and ReLU, of `width` channels in the first block and twice as many in each next one,
    up to 8 * `width`; 2x2 max pooling between blocks, the average over the image at the end. The output layer
    is not pruned. On CIFAR-10 it has 20,024,000 weights, with the output layer's 5,120. (1, 1, 2, 2, 2) is
    VGG-11. Gaussian Glorot initialisation, biases zero.
    """

    rate_factors = {"output.weight": 0.0}

    def __init__(
        self, input_shape: tuple[int, int, int], classes: int, width: int = 64, convs: tuple[int, ...] = (2, 2, 4, 4, 4)
    ):
        super().__init__()
        _after_pooling(input_shape, pools=len(convs) - 1)
        channels, blocks = input_shape[0], []
        for index, count in enumerate(convs):
            wide = width * min(2**index, 8)
            blocks.append(nn.Sequential(*(_ConvNorm(a, wide) for a in [channels, *[wide] * (count - 1)])))
            channels = wide
        self.blocks = nn.ModuleList(blocks)
        self.output = nn.Linear(channels, classes)
        self.apply(glorot)

    def forward(self, x: Tensor) -> Tensor:
        for index, block in enumerate(self.blocks):
            x = block(functional.max_pool2d(x, 2) if index else x)
        return self.output(x.mean((2, 3)))
