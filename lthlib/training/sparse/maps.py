"""Where activations and their gradients lie: maps with a border, examples innermost."""

import numpy as np
import torch
from torch import Tensor

from lthlib.training.sparse.products import TILE


class Map:
    """Numbers of one layer for a batch: `data` [channels, whole], where whole is rows * columns * lanes
    with a border of `pad` (rows, columns) zeros around. `size` is what kernels take: where the map begins,
    its rows, its columns, numbers from row to row, and lanes. Vectors are maps of one row and one column."""

    def __init__(self, shape: tuple[int, int, int], lanes: int, pad: tuple[int, int] = (0, 0), data: np.ndarray | None = None):
        channels, rows, columns = shape
        self.shape, self.lanes, self.pad = shape, lanes, pad
        line = (columns + 2 * pad[1]) * lanes
        whole = (rows + 2 * pad[0]) * line
        self.data = np.zeros((channels, whole), np.float32) if data is None else data.reshape(channels, whole)
        self.size = (pad[0] * line + pad[1] * lanes, rows, columns, line, lanes)

    @property
    def flat(self) -> np.ndarray:
        """All numbers, borders too, one after the other."""
        return self.data.reshape(-1)

    @property
    def whole(self) -> int:
        """Numbers of one channel with its border."""
        return self.data.shape[1]

    def as_vector(self) -> "Map":
        """The same memory as one long vector; of a map without a border."""
        channels, rows, columns = self.shape
        return Map((channels * rows * columns, 1, 1), self.lanes, data=self.data)

    def clear(self) -> None:
        self.data[:] = 0

    def clear_border(self) -> None:
        """Set what lies outside the map to zero again."""
        (channels, rows, columns), (high, wide) = self.shape, self.pad
        numbers = self.data.reshape(channels, rows + 2 * high, columns + 2 * wide, self.lanes)
        for side in (numbers[:, :high], numbers[:, rows + high :], numbers[:, :, :wide], numbers[:, :, columns + wide :]):
            side[:] = 0

    def numbers(self) -> np.ndarray:
        """The map without its border, [channels, rows, columns, lanes]: a view."""
        (channels, rows, columns), (high, wide) = self.shape, self.pad
        numbers = self.data.reshape(channels, rows + 2 * high, columns + 2 * wide, self.lanes)
        return numbers[:, high : high + rows, wide : wide + columns]

    def examples(self, count: int, shape: torch.Size) -> Tensor:
        """The first `count` examples as torch has them, [count, ...]: a copy."""
        numbers = np.ascontiguousarray(self.numbers()[..., :count].transpose(3, 0, 1, 2))
        return torch.from_numpy(numbers).view(count, *shape)

    def put(self, examples: Tensor) -> None:
        """Take examples [count, ...] into the first lanes; those behind become zero."""
        numbers, count = self.numbers(), len(examples)
        numbers[..., :count] = examples.detach().reshape(count, *self.shape).numpy().transpose(1, 2, 3, 0)
        numbers[..., count:] = 0


def lanes_for(batch: int) -> int:
    """The lanes that a batch takes: whole tiles."""
    return -(-batch // TILE) * TILE
