"""One prune step: from a network, its mask and a setting to the next mask.

    scope      layer    every layer at its own rate (Frankle & Carbin 2019, section 2)
               global   all layers pooled, at the highest of their rates (section 4)
               uniform  every layer at the same rate
               erk      layer densities by the Erdos-Renyi-kernel rule (`allocation.erk_densities`)
    structure  weights  one by one
               groups   of every four neighbouring inputs one more each round: 3, 2, 1 of 4, whatever the rate
               units    whole output units or channels, by the sum of their scores; the output layer is kept

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
from lthlib.pruning import masks, registry, structured
from lthlib.pruning.allocation import rates_between, rates_toward
from lthlib.pruning.masks import Mask
from lthlib.settings import Extent, Setting

State = dict[str, Tensor]


def check(setting: Setting, extent: Extent) -> None:
    """Raise LotteryError where so many rounds cannot be pruned: groups of four have four weights."""
    if setting.structure == "groups" and extent.levels >= structured.GROUP:
        raise LotteryError(
            f"levels is {extent.levels}, but structure 'groups' removes one weight of {structured.GROUP} "
            f"in a round: choose at most {structured.GROUP - 1}."
        )
    if setting.structure != "weights" and setting.scope in ("global", "erk"):
        chooses = f"scope {setting.scope!r} chooses single weights"
        raise LotteryError(f"{chooses}: with structure {setting.structure!r} take 'layer'.")


@dataclass(frozen=True)
class Pruner:
    """Prunes networks of one architecture by one setting. `loss(outputs, targets)` is the task's mean loss."""

    network: nn.Module
    setting: Setting
    data: Dataset
    loss: Callable[[Tensor, Tensor], Tensor]

    def prune(self, state: State, start: State, mask: Mask, source: int, level: int, seed: int, invert: bool = False) -> Mask:
        """The mask at `level` of the network with parameters and buffers `state` and the mask of level
        `source`.

        `start` is the network at theta_k. A criterion of several rounds removes an equal share of the
        survivors in each, and is computed anew on what is left. `invert` removes the highest scores in place
        of the lowest.
        """
        setting, sign = self.setting, -1 if invert else 1
        criterion = registry.find(setting.score)
        if criterion is None:
            fix = "define it again, or import where it is"
            raise LotteryError(f"criterion {setting.score!r} is not at hand: {fix}.")
        rates = rates_between(self.network, setting, mask, source, level)
        rounds = criterion.rounds if setting.structure == "weights" else 1
        pruned = mask
        with one_thread():
            for step in range(1, rounds + 1):
                scored = self._scores(criterion, state, start, pruned, seed)
                scored = {name: sign * tensor for name, tensor in scored.items()}
                share, now = step / rounds, rates
                if rounds > 1:
                    now = rates_toward(rates, mask, pruned, share, setting.scope)
                pruned = self._remove(pruned, scored, now, level)
        return pruned

    def _scores(self, criterion: Callable, state: State, start: State, mask: Mask, seed: int):
        network = copy.deepcopy(self.network)
        models.load(network, masks.apply(mask, models.tied(network, state)))
        examples = self.data.train
        batch = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))[: registry.BATCH]
        with models.seeded(seed):  # dropout, where there is any, and criteria that draw
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

    def _remove(self, mask: Mask, scored: registry.Tensors, rates: dict[str, float], level: int) -> Mask:
        if self.setting.structure == "weights":
            return masks.prune(mask, scored, rates, "global" if self.setting.scope == "global" else "layer")
        turned, scored = (structured.outputs_first(self.network, tensors) for tensors in (mask, scored))
        if self.setting.structure == "groups":
            pruned = structured.prune_in_groups(turned, scored, structured.GROUP - level)
            pruned |= {name: turned[name].clone() for name, rate in rates.items() if rate == 0}
        else:
            outputs = models.output_layers(self.network, self.data.train.inputs[:2])
            pruned = structured.prune_units(turned, scored, {**rates, **dict.fromkeys(outputs, 0.0)})
        return structured.outputs_first(self.network, pruned)
