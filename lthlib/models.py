"""Networks, and for each which weights are prunable and at what rate.

Any `torch.nn.Module` will do. Prunable are the weights of its linear and convolutional layers; biases, embeddings and
normalisation are never pruned. A module may name further parameters of its own in an attribute `also_prunable`, such as
("edges",). A network may carry an attribute `rate_factors`, a dictionary from the name of a prunable weight to what its rate
is multiplied by: 0.5 prunes it at half the rate of the others, 0 keeps it whole.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib.errors import LotteryError

PRUNABLE_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


class LeNet(nn.Module):
    """Fully connected network with two hidden layers and ReLU (LeNet-300-100 of LeCun et al. 1998).

    Input [B, ...] of `inputs` numbers each, output [B, classes] logits. Gaussian Glorot initialisation, biases zero, the
    output layer pruned at half the rate: Frankle & Carbin (2019), figure 2 and section 2. On MNIST it has 266,200 weights.
    """

    rate_factors = {"output.weight": 0.5}

    def __init__(self, inputs: int, classes: int, hidden: tuple[int, int] = (300, 100)):
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.output = nn.Linear(hidden[1], classes)
        self.apply(glorot)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.output(torch.relu(self.fc2(x)))


class Conv(nn.Module):
    """Conv-2, Conv-4 and Conv-6, small relatives of VGG: Frankle & Carbin (2019), figure 2 and section 3.

    Input [B, C, H, W], output [B, classes] logits. A block for each of `widths`: two 3x3 convolutions of that many channels
    with ReLU, then 2x2 max pooling; then fully connected layers of `hidden` units with ReLU, and the output layer. Conv-2 has
    widths (64,), Conv-4 (64, 128), Conv-6 (64, 128, 256): on CIFAR-10 4,300,992, 2,425,024 and 2,261,184 weights.

    At the paper's rate of 0.2 a round removes 20 % of a fully connected layer, 10 % of the output layer, and of a convolution
    10 %, or 15 % from three blocks on. `prune` "conv" or "fc" prunes the convolutions or the fully connected layers (with the
    output layer) alone and keeps the others whole. `dropout` is the probability after each hidden fully connected layer: 0.5
    is the paper's (section 3), its place in the network our choice. Gaussian Glorot initialisation, biases zero.
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


class VGG(nn.Module):
    """VGG-19 for small images, with batch norm and one linear layer: Frankle & Carbin (2019), figure 2 and section 4.

    Input [B, C, H, W], output [B, classes] logits. A block for each of `convs`: so many 3x3 convolutions, each with batch norm
    and ReLU, of `width` channels in the first block and twice as many in each next one, up to 8 * `width`; 2x2 max pooling
    between blocks, the average over the image at the end. The output layer is not pruned. On CIFAR-10 it has 20,024,000
    weights, with the output layer's 5,120. (1, 1, 2, 2, 2) is VGG-11. Gaussian Glorot initialisation, biases zero.
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


class _ConvNorm(nn.Module):
    """3x3 convolution, batch norm, ReLU: [B, a, H, W] -> [B, b, H, W]. Batch norm has the bias, so the convolution has none."""

    def __init__(self, a: int, b: int):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(b)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)))


class ResNet(nn.Module):
    """The 20-layer residual network for CIFAR-10 (He et al. 2016, section 4.2) that Frankle & Carbin (2019) call Resnet-18.

    Input [B, C, H, W], output [B, classes] logits. A 3x3 convolution, then three stages of (depth - 2) / 6 residual blocks with
    `width`, 2 * `width` and 4 * `width` channels, the second and third at half the resolution of the one before; the average
    over the image; the output layer. Batch norm after every convolution. Where a shape changes the shortcut is a 1x1
    convolution; these and the output layer are not pruned. On CIFAR-10 it has 270,896 weights, with the shortcuts' 2,560 and
    the output layer's 640. Gaussian Glorot initialisation, biases zero.
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
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)): [B, a, H, W] -> [B, b, H, W], at half the resolution if a != b."""

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


def _after_pooling(input_shape: tuple[int, ...], pools: int) -> tuple[int, int]:
    """Height and width of an image [C, H, W] after so many 2x2 poolings. Raises LotteryError where nothing is left of it."""
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


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that may be pruned, by name, in the order of the network. A weight that two layers share counts once.

    Raises LotteryError where there is none, where a layer is parametrised (weight norm and the like), or where `also_prunable`
    names what is no parameter of its module.
    """
    wrapped = [name for name, layer in model.named_modules() if hasattr(layer, "parametrizations")]
    if wrapped:
        raise LotteryError(
            f"{', '.join(wrapped)}: parametrised layers have no weight to prune; remove the parametrisation first."
        )
    owners = {id(layer.weight) for layer in model.modules() if isinstance(layer, PRUNABLE_LAYERS)}
    owners |= {id(parameter) for module in model.modules() for parameter in _also_prunable(module)}
    weights = {name: parameter for name, parameter in model.named_parameters() if id(parameter) in owners}
    if not weights:
        raise LotteryError(f"{type(model).__name__} has no linear or convolutional layer: there is nothing to prune.")
    return weights


def _also_prunable(module: nn.Module) -> list[nn.Parameter]:
    names, own = getattr(module, "also_prunable", ()), dict(module.named_parameters(recurse=False))
    for name in names:
        if name not in own:
            raise LotteryError(
                f"also_prunable of {type(module).__name__} names {name!r}: name parameters of the module itself, in a tuple; it "
                f"has {', '.join(own) or 'none'}."
            )
    return [own[name] for name in names]


def layer_rates(model: nn.Module, rate: float) -> dict[str, float]:
    """The rate of each prunable weight: `rate` times the network's `rate_factors`, 1 where it names none.

    Raises LotteryError where `rate_factors` names a weight that the network has not, or leaves 0 to 1.
    """
    names, factors = list(prunable(model)), getattr(model, "rate_factors", {})
    for name, factor in factors.items():
        if name not in names or not 0 <= factor <= 1:
            raise LotteryError(
                f"rate_factors of {type(model).__name__} has {name!r}: {factor!r}: "
                f"factors lie from 0 to 1 and the prunable weights are {', '.join(names)}."
            )
    return {name: rate * factors.get(name, 1.0) for name in names}


def initial_weights(build: Callable[[], nn.Module], seed: int) -> dict[str, Tensor]:
    """theta_0: every parameter and buffer of a network built under `seed`, as copies that nothing else holds.

    The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every card as well
        return {name: tensor.detach().clone() for name, tensor in build().state_dict().items()}
