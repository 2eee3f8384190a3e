"""What defines an experiment: how a network is trained, the setting with its identity, and the extent."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from lthlib.core.errors import LotteryError
from lthlib.core.validation import at_least, number, one_of, plain_fields

SCHEDULES = ("iterative", "oneshot", "continued", "finetuned", "untrained", "transferred")
CARRY_ON = ("continued", "finetuned")  # train on from the weights of the level before
AT_ONCE = ("oneshot", "untrained")  # prune the dense network for as many rounds at once
SCOPES = ("layer", "global", "uniform", "erk")
STRUCTURES = ("weights", "groups", "units")
OPTIMIZERS = ("adam", "sgd")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. Defaults are LeNet's in Frankle & Carbin (2019), figure 2 and appendix G.

    The learning rate rises in a straight line over the first `warmup` iterations, and is divided by ten at
    each of the `milestones`. `augment` flips and crops images at random, padded by 4 pixels (section 4). With
    precision "bfloat16" both passes compute in bfloat16, except normalisation layers; weights stay float32.
    """

    optimizer: str = "adam"
    learning_rate: float = 1.2e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch_size: int = 60
    iterations: int = 50_000
    evaluate_every: int = 100
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    augment: bool = False
    precision: str = "float32"

    def __post_init__(self):
        plain_fields(self)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("precision", self.precision, PRECISIONS)
        at_least("warmup", self.warmup, 0)
        if not isinstance(self.augment, bool):
            raise LotteryError(f"augment is {self.augment!r}: give True or False.")
        if isinstance(self.milestones, (str, dict)) or not isinstance(self.milestones, Iterable):
            advice = "give iterations in a list, such as [20000, 25000]"
            raise LotteryError(f"milestones is {self.milestones!r}: {advice}.")
        milestones = {at_least("a milestone", milestone, 1) for milestone in self.milestones}
        object.__setattr__(self, "milestones", tuple(sorted(milestones)))
        for name in ("iterations", "batch_size", "evaluate_every"):
            at_least(name, getattr(self, name), 1)
        number("learning_rate", self.learning_rate, lambda x: 0 < x < float("inf"), "a number above 0, such as 0.0012")
        number("weight_decay", self.weight_decay, lambda x: 0 <= x < float("inf"), "0 or more")
        if self.momentum and self.optimizer == "adam":
            advice = "choose optimizer 'sgd', or leave it out"
            raise LotteryError(f"momentum is {self.momentum!r}, which adam does not take: {advice}.")
        number("momentum", self.momentum, lambda x: 0 <= x < 1, "from 0 to below 1, such as 0.9")

    def learning_rate_at(self, iteration: int) -> float:
        """The learning rate of the step that iteration `iteration`, counted from 0, takes."""
        rate = self.learning_rate * 0.1 ** sum(milestone <= iteration for milestone in self.milestones)
        return rate * min(1.0, (iteration + 1) / self.warmup) if self.warmup else rate


@dataclass(frozen=True)
class Setting:
    """Everything that defines an experiment, but for how far it is carried (see Extent).

    `rate` is the share of the surviving weights removed in one round; `rewind` the iteration k whose weights
    theta_k a pruned network is reset to. `scope` is explained in `pruning.allocation`, `structure` in
    `pruning.structured`. `fingerprint` is set for tasks of your own only, `score_code` for your own criteria.
    `source` is "task/identity" of the setting whose masks schedule "transferred" takes.
    """

    task: str
    recipe: Recipe = Recipe()
    schedule: str = "iterative"
    rate: float = 0.2
    scope: str = "layer"
    score: str = "magnitude"
    rewind: int = 0
    seed: int = 0
    fingerprint: str = ""
    structure: str = "weights"
    score_code: str = ""
    source: str = ""

    def __post_init__(self):
        plain_fields(self)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("scope", self.scope, SCOPES)
        one_of("structure", self.structure, STRUCTURES)
        number("rate", self.rate, lambda x: 0 < x < 1, "a share of the surviving weights above 0 and below 1, such as 0.2")
        if bool(self.source) != (self.schedule == "transferred"):
            rule = "schedule 'transferred' needs the hunt whose masks it takes, and no other takes one"
            raise LotteryError(f"schedule {self.schedule!r} with source {self.source!r}: {rule}.")
        at_least("seed", self.seed, 0)
        at_least("rewind", self.rewind, 0)
        if self.rewind >= (end := self.recipe.iterations):
            problem = f"rewind is {self.rewind}, past the end: training has {end} iterations"
            raise LotteryError(f"{problem}, so choose a rewind point from 0 to {end - 1}.")

    def changes(self) -> dict:
        """The fields that differ from their defaults, nested as here: what the identity is made of."""
        return {"task": self.task, **_non_defaults(self)}

    def identity(self) -> str:
        """12 hexadecimal digits, equal for equal settings; a new field with a neutral default changes none."""
        return hashlib.sha256(json.dumps(self.changes(), sort_keys=True).encode()).hexdigest()[:12]

    def dense(self) -> "Setting":
        """The setting with its pruning fields at their defaults: all that level 0 depends on."""
        return Setting(self.task, self.recipe, rewind=self.rewind, seed=self.seed, fingerprint=self.fingerprint)


@dataclass(frozen=True)
class Extent:
    """How far an experiment is carried: prune rounds, trials, and redraws of each control inside a trial."""

    levels: int
    trials: int
    redraws: int = 1

    def __post_init__(self):
        plain_fields(self)
        at_least("levels", self.levels, 0)
        at_least("trials", self.trials, 1)
        at_least("redraws", self.redraws, 1)


def _non_defaults(instance) -> dict:
    changed = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.default is dataclasses.MISSING or value == field.default:
            continue
        if dataclasses.is_dataclass(value):
            changed[field.name] = _non_defaults(value)
        else:  # 1 and 1.0 are one learning rate
            changed[field.name] = float(value) if isinstance(field.default, float) else value
    return changed
