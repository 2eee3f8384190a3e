"""How efficient a network is: bytes on disk, operations of a forward pass, and time by the clock.

Bytes and operations are counted and are the same everywhere. Times are measured, differ from machine to
machine and from run to run, and are only worth comparing inside one run.
"""

import math
import statistics
import time
import zlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lthlib import models
from lthlib.analysis.compaction import to_csr
from lthlib.core.errors import LotteryError
from lthlib.core.processes import one_thread
from lthlib.core.validation import plain
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask

BITS = 32  # of a stored weight, and of a stored index
Functions = dict[str, Callable[[], object]]
ROUNDS = 9  # how often each function is timed
LEAST_SECONDS = 0.005  # that one reading of the clock lasts


def files(weights: dict[str, Tensor], mask: Mask) -> dict[str, bytes]:
    """What a ticket's file holds, by format: all of `weights`, those that the mask names under the mask.
    Every format holds the same ticket, to be read in its own way. Names that share a tensor's memory (tied
    weights in a network's state_dict) are written once.

    dense          every weight as float32, zeros too (safetensors)
    bits           the kept values, and one bit a weight for the mask: as the store writes it
    csr            the kept values, a 32-bit column for each, and where rows end
    dense, zlib    the first, compressed by zlib           bits, zlib    the second
    """
    further = masks.shared_names(weights)
    rest = {f"end/{name}": t.contiguous() for name, t in weights.items() if name not in mask and name not in further}
    dense, bits, csr = dict(rest), dict(rest), dict(rest)
    for name, kept in mask.items():
        weight = weights[name].detach().cpu()
        dense[f"end/{name}"] = (weight * kept).contiguous()
        bits[f"mask/{name}"] = torch.from_numpy(np.packbits(kept.numpy()))
        bits[f"end/{name}"] = weight[kept]
        matrix = to_csr(weight, kept)
        csr[f"end/{name}"] = matrix.values()
        csr[f"columns/{name}"], csr[f"rows/{name}"] = matrix.col_indices(), matrix.crow_indices()
    formats = {"dense": to_bytes(dense), "bits": to_bytes(bits), "csr": to_bytes(csr)}
    return formats | {f"{name}, zlib": zlib.compress(formats[name]) for name in ("dense", "bits")}


def bits_per_weight(density: float, format: str) -> float:
    """Bits that a format takes for each weight of a dense layer, values included, in closed form: file
    headers, row ends and biases are left out. "floor" is the least that a mask without pattern takes, its
    entropy, beside values of 32 bits.
    """
    if not 0 <= density <= 1:
        raise LotteryError(f"the density is {density!r}: give a share of the weights, 0 to 1.")
    entropy = -sum(share * math.log2(share) for share in (density, 1 - density) if share)
    sizes = {"dense": BITS, "bits": BITS * density + 1, "csr": 2 * BITS * density, "floor": BITS * density + entropy}
    if format not in sizes:
        raise LotteryError(f"unknown format {format!r}: choose one of {', '.join(sizes)}.")
    return sizes[format]


def forward_flops(network: nn.Module, example: Tensor) -> dict[str, int]:
    """Floating-point operations of one example's forward pass, as torch counts them (matrix products and
    convolutions: a multiplication and an addition for each use of a weight), by the name of the prunable
    weight; under "" all others.

    `example` is inputs [B, ...], of which the first is taken.
    """
    was_training, names = network.training, {id(weight): name for name, weight in models.prunable(network).items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(example[:1].clone())
    network.train(was_training)
    by_module, flops = counter.get_flop_counts(), dict.fromkeys(names.values(), 0)
    for path, layer in network.named_modules():
        name = names.get(id(getattr(layer, "weight", None)))
        if name is not None:
            operations = by_module.get(f"{type(network).__name__}.{path}".rstrip("."), {})
            flops[name] += sum(operations.values())
    return flops | {"": counter.get_total_flops() - sum(flops.values())}


def multiply_adds(network: nn.Module, example: Tensor, mask: Mask | None = None) -> dict[str, int]:
    """Multiply-adds of each prunable layer for one example, by its weight's name: two floating-point
    operations each.

    Every weight, or with a mask every kept weight, counts as often as it is used: once in a linear layer,
    once for every place of the output in a convolution, padding included. With a mask this is what a perfect
    kernel would save; whether one exists is another question. `example` is inputs [B, ...].
    """
    flops, counts = forward_flops(network, example), {}
    for name, weight in models.prunable(network).items():
        uses = flops[name] // (2 * weight.numel())
        counts[name] = uses * (weight.numel() if mask is None else int(mask[name].sum()))
    return counts


def compare_times(
    functions: Functions | Callable[[], Functions],
    rounds: int = ROUNDS,
    sets: int = 1,
    least_seconds: float = LEAST_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> pd.DataFrame:
    """How long each of several functions takes, on one thread, and how many times as fast as the first it is.

    Each is called once before every reading of the clock, so that none pays for setting up or for a cache
    that another has filled. All are timed once a round, in an order that is reversed from one round to the
    next; a reading lasts as many calls as take `least_seconds`. `seconds` is a call's median over all rounds;
    `times` the median of the first's time over its own in the same round, `low` and `high` the quartiles of
    that. Make the functions' inputs before.

    Where numbers lie in memory can change a time by half. So `functions` may be a function that makes the
    dictionary: it is called for each of `sets`, and `rounds` are run with each. On a CUDA card every reading
    waits until the card is done. Raises LotteryError for fewer than 3 rounds.
    """
    if not isinstance(plain(rounds), int) or rounds < 3:
        raise LotteryError(f"rounds is {rounds!r}: give 3 or more, or there is no spread to speak of.")
    readings: dict[str, list[float]] = {}
    with torch.inference_mode(), one_thread():
        for _ in range(sets):
            contestants = functions() if callable(functions) else functions
            calls = {name: _enough_calls(run, least_seconds, clock) for name, run in contestants.items()}
            for turn in range(rounds):
                order = reversed(contestants) if turn % 2 else contestants
                for name in order:
                    contestants[name]()
                    seconds = _reading(contestants[name], calls[name], clock) / calls[name]
                    readings.setdefault(name, []).append(seconds)
    first, table = readings[next(iter(contestants))], {}
    for name in contestants:
        low, times, high = np.quantile([a / b for a, b in zip(first, readings[name])], [0.25, 0.5, 0.75])
        table[name] = {"seconds": statistics.median(readings[name]), "times": times, "low": low, "high": high}
    return pd.DataFrame.from_dict(table, orient="index")


def break_even(densities: list[float], times: list[float]) -> float | None:
    """The density, 0 to 1, below which something is faster throughout: where `times` as fast passes 1 for the
    last time, between two measured ones on a straight line in logarithms. None where it is not faster at the
    smallest density; the largest density where it is faster everywhere."""
    pairs = sorted(zip(densities, times))
    if not pairs or pairs[0][1] <= 1:
        return None
    for (near, faster), (far, slower) in zip(pairs, pairs[1:]):
        if slower <= 1:
            share = math.log(faster) / (math.log(faster) - math.log(slower))
            return math.exp(math.log(near) + share * (math.log(far) - math.log(near)))
    return pairs[-1][0]


def _enough_calls(run: Callable[[], object], least_seconds: float, clock: Callable[[], float]) -> int:
    """How many calls take at least so long, judging by the second call."""
    _reading(run, 1, clock)
    return max(1, math.ceil(least_seconds / max(_reading(run, 1, clock), 1e-9)))


def _reading(run: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    """Seconds of so many calls."""
    wait = torch.cuda.synchronize if torch.cuda.is_initialized() else lambda: None
    wait()
    began = clock()
    for _ in range(calls):
        run()
    wait()
    return clock() - began
