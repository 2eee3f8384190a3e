"""What a ticket draws at random while it trains: the order of the data, crops and flips, dropout, noise.

Every draw is a function of the ticket's seed and of where in the training it is, never of which networks are
trained beside it or on which device. That is what makes R tickets trained together equal R trained alone.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib import models
from lthlib.core.seeds import seed_for

PADDING = 4  # pixels on each side before a crop of the image's own size: Frankle & Carbin (2019), section 4
SHIFTS = 2 * PADDING + 1
VIEWS = 2 * SHIFTS * SHIFTS  # flipped or not, and where the crop begins


def batch_order(examples: int, batch_size: int, seed: int, start: int, stop: int) -> Tensor:
    """Which examples iterations `start` to `stop - 1` see: indices [stop - start, batch_size].

    One endless stream of reshuffled epochs cut into batches, so that no example is ever dropped at an epoch's
    end. The stream depends on the seed alone: a run that starts at iteration k sees what one from 0 sees
    after k.
    """

    def shuffle(epoch: int) -> Tensor:
        return torch.randperm(examples, generator=_generator(seed, epoch))

    return _stream(shuffle, examples, batch_size, start, stop)


def view_order(examples: int, batch_size: int, seed: int, start: int, stop: int) -> Tensor:
    """The view of each image of `batch_order`, 0 to VIEWS - 1, for `shift_and_flip`: [stop - start,
    batch_size] int16."""

    def draw(epoch: int) -> Tensor:
        return torch.randint(VIEWS, (examples,), generator=_generator(seed, "view", epoch), dtype=torch.int16)

    return _stream(draw, examples, batch_size, start, stop)


def shift_and_flip(images: Tensor, views: Tensor) -> Tensor:
    """Images [..., C, H, W] shifted by up to four pixels, zeros moving in, and flipped left to right, as
    `views` [...] say."""
    shape, (height, width) = images.shape, images.shape[-2:]
    views = views.flatten().long()
    padded = functional.pad(images.reshape(len(views), *shape[-3:]), [PADDING] * 4)
    flip, down, right = views // SHIFTS**2, views // SHIFTS % SHIFTS, views % SHIFTS
    rows = down[:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    columns = right[:, None] + torch.where(flip[:, None] == 1, width - 1 - columns, columns)
    seen = padded.gather(2, rows[:, None, :, None].expand(-1, shape[-3], -1, padded.shape[-1]))
    return seen.gather(3, columns[:, None, None, :].expand(-1, shape[-3], height, -1)).view(shape)


class Keyed(nn.Module):
    """A layer that draws: what it draws is a hash of a key, a count and the position, on every device and in
    any company."""

    key: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("key", torch.zeros((), dtype=torch.int64), persistent=False)

    def bits(self, shape: torch.Size) -> Tensor:
        """64 random bits for each place of this shape; others the next time."""
        hashed = _mix(_mix(self.key) + torch.arange(math.prod(shape), device=self.key.device))
        self.key.add_(1)
        return hashed.view(shape)

    def draw(self, shape: torch.Size) -> Tensor:
        """Whole numbers of this shape, all from 0 to 2**24 - 1 equally likely; others the next time."""
        return self.bits(shape) & (2**24 - 1)


class Dropout(Keyed):
    """Dropout with a mask of its own key. Zeroes a share `p` of the numbers in training and scales the others
    by 1 / (1 - p), as torch's own does."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = self.draw(x.shape) >= round(self.p * 2**24)
        return x * kept.to(x.dtype) / max(1 - self.p, 2**-24)


class Noise(Keyed):
    """Standard normal numbers of the shape of x in training, zeros in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return torch.zeros_like(x)
        bits = self.bits(x.shape)
        sizes, angles = (((bits >> shift & (2**24 - 1)) + 0.5) / 2**24 for shift in (0, 24))  # two numbers from 0 to 1
        return ((-2 * sizes.log()).sqrt() * (2 * math.pi * angles).cos()).to(x.dtype)  # Box & Muller (1958)


def own_random_layers(model: nn.Module) -> nn.Module:
    """The same network with each `nn.Dropout` layer replaced by Dropout, and each `other_models.Noise` by
    Noise, in place."""
    for name, layer in model.named_children():
        if type(layer) is nn.Dropout:
            setattr(model, name, Dropout(layer.p).train(layer.training))
        elif type(layer) is models.Noise:
            setattr(model, name, Noise().train(layer.training))
        else:
            own_random_layers(layer)
    return model


def key_random_layers(model: nn.Module, *seed: int) -> None:
    """Set the key of every layer that draws, so that what it draws next depends on the seed and its name."""
    for name, layer in model.named_modules():
        if isinstance(layer, Keyed):
            layer.key.fill_(seed_for("dropout", *seed, name))


def _mix(x: Tensor) -> Tensor:
    """A number of 64 bits that looks unrelated to x, for each (two rounds of multiply and xor-shift, as in
    splitmix64)."""
    x = x * 0x2545F4914F6CDD1D
    x = (x ^ ((x >> 29) & (2**35 - 1))) * 0x3F58476D1CE4E5B9
    return x ^ ((x >> 32) & (2**32 - 1))


def _generator(*parts: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(seed_for(*parts))


def _stream(draw: Callable[[int], Tensor], examples: int, batch_size: int, start: int, stop: int) -> Tensor:
    """Batches `start` to `stop - 1` of one endless stream, of which `draw` makes an epoch of so many
    examples."""
    first, last = start * batch_size, stop * batch_size
    epochs = range(first // examples, -(-last // examples))
    stream = torch.cat([draw(epoch) for epoch in epochs])
    offset = first - epochs.start * examples
    return stream[offset : offset + last - first].view(stop - start, batch_size)
