"""One prune step: from a network, its mask and a setting to the next mask.

    scope      layer    every layer at its own rate (Frankle & Carbin 2019, section 2)
               global   all layers pooled, at the highest of their rates (section 4)
               uniform  every layer at the same rate
               erk      layer densities by the Erdos-Renyi-kernel rule (`masks.erk_densities`)
    structure  weights  one by one
               groups   of every four neighbours one more in each round: 3, 2, 1 of 4; the rate has no say in it
               units    whole output units or channels, by the sum of their weights' scores; the last layer is kept whole

A layer whose `rate_factors` is 0 is kept whole in any case.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.processes import one_thread
from lthlib.data import Dataset
from lthlib.pruning import allocation, masks, registry, structured
from lthlib.pruning.masks import Mask
from lthlib.settings import Extent, Setting

State = dict[str, Tensor]


def check(setting: Setting, extent: Extent) -> None:
    """Raise LotteryError where so many rounds cannot be pruned: groups of four have four weights."""
    if setting.structure == "groups" and extent.levels >= structured.GROUP:
        raise LotteryError(
            f"levels is {extent.levels}, but structure 'groups' removes one weight of {structured.GROUP} in a round: choose at most "
            f"{structured.GROUP - 1}."
        )
    if setting.structure != "weights" and setting.scope in ("global", "erk"):
        raise LotteryError(f"scope {setting.scope!r} chooses single weights: with structure {setting.structure!r} take 'layer'.")


@dataclass(frozen=True)
class Pruner:
    """Prunes networks of one architecture by one setting. `loss(outputs, targets)` is the mean loss of the task."""

    network: nn.Module
    setting: Setting
    data: Dataset
    loss: Callable[[Tensor, Tensor], Tensor]

    def prune(self, state: State, start: State, mask: Mask, source: int, level: int, seed: int, invert: bool = False) -> Mask:
        """The mask at `level` of the network with parameters and buffers `state` and the mask of level `source`.

        `start` is the network at theta_k. A criterion of several rounds removes an equal share of the survivors in each, and is
        computed anew on what is left. `invert` removes the highest scores in place of the lowest.
        """
        criterion, sign = registry.find(self.setting.score), -1 if invert else 1
        if criterion is None:
            raise LotteryError(f"criterion {self.setting.score!r} is not at hand: define it again, or import where it is.")
        rates, rounds = self._rates(mask, source, level), criterion.rounds if self.setting.structure == "weights" else 1
        pruned = mask
        with one_thread():
            for step in range(1, rounds + 1):
                found = self._scores(criterion, state, start, pruned, seed)
                now = rates if rounds == 1 else self._toward(rates, mask, pruned, step / rounds)
                pruned = self._remove(pruned, {name: sign * tensor for name, tensor in found.items()}, now, level)
        return pruned

    def _scores(self, criterion: Callable, state: State, start: State, mask: Mask, seed: int) -> registry.Scores:
        network = copy.deepcopy(self.network)
        network.load_state_dict(masks.apply(mask, state))
        examples = self.data.train
        batch = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))[: registry.BATCH]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # dropout, where there is any
            return registry.evaluate(
                criterion,
                weights={name: state[name] * mask[name] for name in mask},
                start={name: start[name].clone() for name in mask},
                mask=mask,
                network=network,
                batch=(examples.inputs[batch], examples.targets[batch]),
                loss=self.loss,
                seed=seed,
            )

    def _remove(self, mask: Mask, found: registry.Scores, rates: dict[str, float], level: int) -> Mask:
        if self.setting.structure == "groups":
            whole = [name for name, rate in rates.items() if rate == 0]
            return {
                **structured.prune_in_groups(mask, found, structured.GROUP - level),
                **{name: mask[name].clone() for name in whole},
            }
        if self.setting.structure == "units":
            return structured.prune_units(mask, found, {**rates, list(mask)[-1]: 0.0})
        return masks.prune(mask, found, rates, "global" if self.setting.scope == "global" else "layer")

    def _rates(self, mask: Mask, source: int, level: int) -> dict[str, float]:
        """Share of each layer's survivors to remove on the way from one level to another."""
        rates = models.layer_rates(self.network, self.setting.rate)
        if self.setting.scope in ("uniform", "erk"):
            rates = {name: self.setting.rate if rate else 0.0 for name, rate in rates.items()}
        if self.setting.scope == "erk":
            shapes = {name: tuple(kept.shape) for name, kept in mask.items() if rates[name]}
            before, after = (allocation.erk_densities(shapes, (1 - self.setting.rate) ** n) for n in (source, level))
            return {name: 1 - after[name] / before[name] if name in after else 0.0 for name in mask}
        rounds = level - source
        return rates if rounds == 1 else {name: 1 - (1 - rate) ** rounds for name, rate in rates.items()}

    def _toward(self, rates: dict[str, float], before: Mask, now: Mask, share: float) -> dict[str, float]:
        """What to remove of the present survivors to be `share` of the way (in logarithm) to what `rates` leaves of `before`.

        From counts, so that what is rounded in many small steps does not add up.
        """
        had, have = masks.layer_counts(before), masks.layer_counts(now)
        pool = [name for name, rate in rates.items() if rate > 0]
        if self.setting.scope == "global" and pool:
            had, have = (dict.fromkeys(pool, sum(counts[name] for name in pool)) for counts in (had, have))
            rates = {**rates, **dict.fromkeys(pool, max(rates.values()))}
        left = {name: had[name] * (1 - rates[name]) ** share / max(have[name], 1) for name in pool}
        return {name: min(1.0, max(0.0, 1 - left[name])) if name in left else 0.0 for name in rates}
