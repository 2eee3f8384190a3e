"""What a network takes: bytes on disk, multiply-adds, and time by the clock.

    files           what a ticket's file holds, by format; `bits_per_weight` is the same in closed form
    multiply_adds   what a network has to compute: all of it, or where the mask keeps a weight
    race            how long functions take, side by side; `break_even` is where one overtakes another

Bytes and multiply-adds are counted and are the same everywhere. Times are measured, differ from machine to machine and from run
to run, and are only worth comparing inside one run.
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

from lthlib import models
from lthlib.analysis.compaction import to_csr
from lthlib.core.errors import LotteryError
from lthlib.core.processes import one_thread
from lthlib.pruning.masks import Mask

BITS = 32  # of a stored weight, and of a stored index
Runners = dict[str, Callable[[], object]]
ROUNDS, LEAST_SECONDS = 9, 0.005  # of a race: how often each is timed, and how long one reading of the clock lasts at least


def files(weights: dict[str, Tensor], mask: Mask) -> dict[str, bytes]:
    """What a ticket's file holds, by format: all of `weights`, those that the mask names under the mask. Each ends in the same
    ticket, but for how it is read.

    dense          every weight as float32, zeros too (safetensors)
    bits           the kept values, and one bit a weight for the mask: as the store writes it
    csr            the kept values, a 32-bit column for each, and where rows end
    dense, zlib    the first, compressed by zlib           bits, zlib    the second
    """
    rest = {f"end/{name}": tensor.contiguous() for name, tensor in weights.items() if name not in mask}
    dense, bits, csr = dict(rest), dict(rest), dict(rest)
    for name, kept in mask.items():
        weight = weights[name].detach().cpu()
        dense[f"end/{name}"] = (weight * kept).contiguous()
        bits |= {f"mask/{name}": torch.from_numpy(np.packbits(kept.numpy())), f"end/{name}": weight[kept]}
        rows = to_csr(weight, kept)
        csr |= {f"end/{name}": rows.values(), f"columns/{name}": rows.col_indices(), f"rows/{name}": rows.crow_indices()}
    found = {"dense": to_bytes(dense), "bits": to_bytes(bits), "csr": to_bytes(csr)}
    return found | {f"{name}, zlib": zlib.compress(found[name]) for name in ("dense", "bits")}


def bits_per_weight(density: float, format: str) -> float:
    """Bits that a format takes for each weight of a dense layer, values included, in closed form: file headers, row ends and
    biases are left out. "floor" is the least there is for a mask without pattern, its entropy, beside values of 32 bits."""
    if not 0 <= density <= 1:
        raise LotteryError(f"the density is {density!r}: give a share of the weights, 0 to 1.")
    entropy = -sum(share * math.log2(share) for share in (density, 1 - density) if share)
    sizes = {"dense": BITS, "bits": BITS * density + 1, "csr": 2 * BITS * density, "floor": BITS * density + entropy}
    if format not in sizes:
        raise LotteryError(f"unknown format {format!r}: choose one of {', '.join(sizes)}.")
    return sizes[format]


def multiply_adds(network: nn.Module, example: Tensor, mask: Mask | None = None) -> dict[str, int]:
    """Multiply-adds of each prunable layer for one example, by its weight's name: two floating-point operations each.

    Every weight, or with a mask every kept weight, counts as often as it is used: once in a linear layer, once for every place
    of the output in a convolution, padding included. What a mask saves here is what a perfect kernel would; whether one exists
    is another question. `example` is inputs [B, ...].
    """
    names = {id(weight): name for name, weight in models.prunable(network).items()}
    counted = dict.fromkeys(names.values(), 0)

    def note(layer, inputs, output):
        name = names[id(layer.weight)]
        places = inputs[0] if "Transpose" in type(layer).__name__ else output
        weights = layer.weight.numel() if mask is None else int(mask[name].sum())
        counted[name] += weights * (places[0].numel() // len(layer.weight))

    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, models.PRUNABLE_LAYERS)]
    was_training = network.training
    with torch.no_grad():
        network.eval()(example[:1])
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return counted


def race(
    runners: Runners | Callable[[], Runners],
    rounds: int = ROUNDS,
    sets: int = 1,
    least_seconds: float = LEAST_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> pd.DataFrame:
    """How long each of several functions takes, on one thread, and how many times as fast as the first it is.

    Each is called for nothing before every reading of the clock, so that nobody pays for setting up or for a cache that another
    has filled. They are timed once a round, in an order that turns round from one to the next; a reading lasts as many calls as
    take `least_seconds`. `seconds` is a call's median over all rounds; `times` the median of the first's time over its own in the
    same round, `low` and `high` the quartiles of that. Inputs are the functions' own affair: make them before.

    Where numbers lie in memory can change a time by half. So `runners` may be a function that makes the dictionary: it is called
    for each of `sets`, and `rounds` are run with each. On a CUDA card every reading waits until the card is done. Raises
    LotteryError for fewer than 3 rounds.
    """
    if not isinstance(rounds, int) or rounds < 3:
        raise LotteryError(f"rounds is {rounds!r}: give 3 or more, or there is no spread to speak of.")
    taken: dict[str, list[float]] = {}
    with torch.inference_mode(), one_thread():
        for _ in range(sets):
            here = runners() if callable(runners) else runners
            calls = {name: _enough_calls(run, least_seconds, clock) for name, run in here.items()}
            for turn in range(rounds):
                for name in list(here)[:: -1 if turn % 2 else 1]:
                    here[name]()
                    taken.setdefault(name, []).append(_reading(here[name], calls[name], clock) / calls[name])
    first = taken[next(iter(here))]
    rows = {}
    for name in here:
        low, times, high = np.quantile([a / b for a, b in zip(first, taken[name])], [0.25, 0.5, 0.75])
        rows[name] = {"seconds": statistics.median(taken[name]), "times": times, "low": low, "high": high}
    return pd.DataFrame.from_dict(rows, orient="index")


def break_even(densities: list[float], times: list[float]) -> float | None:
    """The density, 0 to 1, below which something is faster throughout: where `times` as fast passes 1 for the last time, between
    two measured ones on a straight line in logarithms. None where it is not faster at the smallest density; the largest density
    where it is faster everywhere."""
    pairs = sorted(zip(densities, times))
    if not pairs or pairs[0][1] <= 1:
        return None
    for (near, faster), (far, slower) in zip(pairs, pairs[1:]):
        if slower <= 1:
            share = math.log(faster) / (math.log(faster) - math.log(slower))
            return math.exp(math.log(near) + share * (math.log(far) - math.log(near)))
    return pairs[-1][0]


def _enough_calls(run: Callable[[], object], least_seconds: float, clock: Callable[[], float]) -> int:
    """How many calls take so long, by the second call."""
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
