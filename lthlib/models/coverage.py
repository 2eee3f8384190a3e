"""How much of a network may be pruned, and what is left out."""

from dataclasses import dataclass

from torch import nn

from lthlib.core.language import say
from lthlib.core.percent import percent
from lthlib.models.prunable import prunable

LARGE = 0.05  # of all parameters: from here on a matrix that is left out is named


@dataclass(frozen=True)
class Coverage:
    """How many of a network's parameters may be pruned. `left_out` are the large ones that may not, by name,
    with their size, largest first: such as an LSTM's, an embedding's, or attention's `in_proj_weight`."""

    prunable: int
    parameters: int
    left_out: dict[str, int]

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.prunable / self.parameters

    def __str__(self) -> str:
        counts = {"prunable": self.prunable, "all": self.parameters, "share": percent(self.share)}
        return say("prunable: {prunable:,} of {all:,} parameters ({share})", **counts)

    def advice(self) -> str:
        """Which large parameters are left out and how they are included; empty where there are none."""
        if not self.left_out:
            return ""
        module = next(iter(self.left_out)).rpartition(".")[0]
        names = tuple(name.rpartition(".")[2] for name in self.left_out if name.rpartition(".")[0] == module)
        sizes = ", ".join(f"{name} ({size:,})" for name, size in self.left_out.items())
        example = ".".join(filter(None, ("network", module, "also_prunable")))
        return f"left out are {sizes}; to prune them too, name them in also_prunable of their module: {example} = {names!r}"


def coverage(network: nn.Module) -> Coverage:
    """What of a network may be pruned. Raises LotteryError as `prunable` does."""
    weights, everything = prunable(network), dict(network.named_parameters())
    total = sum(parameter.numel() for parameter in everything.values())
    others = {name: p.numel() for name, p in everything.items() if name not in weights and p.requires_grad and p.dim() > 1}
    large = sorted((name for name in others if others[name] >= LARGE * total), key=lambda name: -others[name])
    return Coverage(sum(p.numel() for p in weights.values()), total, {name: others[name] for name in large})
