"""Where tickets are trained: on which device, by how many processes, on this machine or on a cluster."""

import contextlib

import joblib
import torch

from lthlib.core.errors import LotteryError
from lthlib.core.validation import one_of, plain
from lthlib.training import cluster

SPARSE = ("auto", "off")  # whether tickets that are sparse enough are trained by the weights they keep alone
ENGINES = ("local", "ray")  # where workers are: on this machine, or on those of a Ray cluster


def pick_device(device: str = "auto") -> torch.device:
    """The device called `device`; "auto" takes a CUDA card if there is one, else an Apple device, else the
    CPU.

    Raises LotteryError for a device that this machine has not.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name, available in has.items() if available))
    with contextlib.suppress(RuntimeError, TypeError):
        chosen = torch.device(device)
        too_many = chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count()
        if has.get(chosen.type) and not too_many:
            return chosen
    names = ", ".join(name for name, available in has.items() if available)
    raise LotteryError(f"device {device!r} is not on this machine: choose auto or {names}.")


def check(device: str, workers: int | None, sparse: str = "auto", engine: str = "local") -> None:
    """Raise LotteryError for a device that is not here, a number of workers below 1, an unknown `sparse` or
    `engine`, or the engine ray where that is not installed, or with another device than a CPU."""
    one_of("engine", engine, ENGINES)
    if engine == "ray":
        cluster.installed()
        if device not in ("auto", "cpu"):
            raise LotteryError(f"the engine ray trains on CPUs, not on {device!r}: leave device out, or choose local.")
    pick_device(device)
    one_of("sparse", sparse, SPARSE)
    if workers is not None and (not isinstance(plain(workers), int) or workers < 1):
        fix = "give a whole number, 1 or more, or leave it out for all cores"
        raise LotteryError(f"workers is {workers!r}: {fix}.")


def side_by_side(device: str = "auto", workers: int | None = None, engine: str = "local") -> int:
    """How many processes train tickets at once: `workers` on a CPU (all cores where it is None, under engine
    ray those of the cluster), and one on a card."""
    if engine == "ray":
        return min(workers or cluster.cores(), cluster.cores())
    if pick_device(device).type != "cpu":
        return 1
    return workers or joblib.cpu_count()


def where_to_train(device: str, engine: str) -> torch.device:
    """Where tickets are trained: the workers of a cluster use CPUs, whatever this machine has."""
    return torch.device("cpu") if engine == "ray" else pick_device(device)
