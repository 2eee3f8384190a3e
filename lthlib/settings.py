"""What defines an experiment: how a network is trained, the setting with its identity, and the extent."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

from lthlib.core.errors import LotteryError
from lthlib.core.validation import at_least, number, one_of, plain_fields

SCHEDULES = ("iterative", "oneshot", "continued", "finetuned", "untrained", "transferred")
CARRY_ON = ("continued", "finetuned")  # train on from the weights of the level before
ROUND_BY_ROUND = ("iterative", *CARRY_ON)
AT_ONCE = ("oneshot", "untrained")  # prune the dense network for as many rounds at once
SCOPES = ("layer", "global", "uniform", "erk")
STRUCTURES = ("weights", "groups", "units")
MOVES = ("set", "rigl", "gmp")  # how a mask moves while its network is trained
OPTIMIZERS = ("adam", "sgd", "adamw")
LEARNING_RATE_SCHEDULES = ("steps", "cosine", "one_cycle")
# Of a one-cycle schedule (torch.optim.lr_scheduler.OneCycleLR): the share of iterations in which the learning
# rate rises, and by what the peak is divided at the start, and the start at the end.
RISE, START_DIVISOR, END_DIVISOR = 0.3, 25, 1e4
PRECISIONS = ("float32", "bfloat16")

OF_DENSE = ("task", "recipe", "rewind", "seed", "fingerprint")  # fields of a setting that level 0 depends on


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. Defaults are LeNet's in Frankle & Carbin (2019), figure 2 and appendix G.

    The learning rate rises in a straight line over the first `warmup` iterations. After that
    `learning_rate_schedule` "steps" divides it by ten at each of the `milestones`; "cosine" brings it down to
    0 at the end along half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983, without restarts).
    "one_cycle" takes no warmup: from a 25th of `learning_rate` up to it in the first 30 % of the iterations,
    then down to 0.000004 of it, both along half a cosine (Smith & Topin 2019, arXiv 1708.07120, as torch's
    OneCycleLR has it; momentum stays as it is).

    `weight_decay` is an L2 penalty, added to the gradient, with "sgd" and "adam"; with "adamw" weights shrink
    by learning rate times weight decay beside the gradient's step (Loshchilov & Hutter 2019, arXiv
    1711.05101). With `gradient_clip` above 0 a network's gradient is scaled down to this norm wherever its
    norm, over all weights that are not pruned, is larger (Pascanu et al. 2013, arXiv 1211.5063).
    `label_smoothing` is the share of each label that training spreads over all classes (Szegedy et al. 2016,
    arXiv 1512.00567, section 7); validation and test losses have the labels as they are.

    `augment` flips and crops images at random, padded by 4 pixels (section 4). With precision "bfloat16" both
    passes compute in bfloat16, except normalisation layers; weights stay float32. Raises LotteryError for a
    value out of range, or for two that exclude each other.
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
    learning_rate_schedule: str = "steps"
    gradient_clip: float = 0.0
    label_smoothing: float = 0.0

    def __post_init__(self):
        plain_fields(self)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("learning_rate_schedule", self.learning_rate_schedule, LEARNING_RATE_SCHEDULES)
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
        if self.momentum and self.optimizer != "sgd":
            advice = "choose optimizer 'sgd', or leave it out"
            raise LotteryError(f"momentum is {self.momentum!r}, which {self.optimizer} does not take: {advice}.")
        number("momentum", self.momentum, lambda x: 0 <= x < 1, "from 0 to below 1, such as 0.9")
        clip = "the largest norm a gradient may have, such as 1.0, or 0 for any"
        number("gradient_clip", self.gradient_clip, lambda x: 0 <= x < float("inf"), clip)
        number("label_smoothing", self.label_smoothing, lambda x: 0 <= x < 1, "a share from 0 to below 1, such as 0.1")
        self._check_schedule()

    def _check_schedule(self) -> None:
        schedule = self.learning_rate_schedule
        if schedule == "steps":
            return
        if self.milestones:
            advice = "leave milestones out, or choose learning_rate_schedule 'steps'"
            raise LotteryError(f"milestones is {list(self.milestones)}, which schedule {schedule!r} does not take: {advice}.")
        if schedule == "one_cycle" and self.warmup:
            advice = "leave warmup out, or choose 'cosine'"
            raise LotteryError(f"warmup is {self.warmup}, but 'one_cycle' has a rise of its own: {advice}.")
        if self.warmup >= self.iterations:
            advice = f"choose a warmup from 0 to {self.iterations - 1}"
            raise LotteryError(f"warmup is {self.warmup}, and 'cosine' falls after it: of {self.iterations} iterations {advice}.")

    def learning_rate_at(self, iteration: int) -> float:
        """The learning rate of the step that iteration `iteration`, counted from 0, takes."""
        if self.learning_rate_schedule == "one_cycle":
            return self._one_cycle_at(iteration)
        if self.learning_rate_schedule == "cosine" and iteration >= self.warmup:
            return _half_cosine(self.learning_rate, 0.0, (iteration - self.warmup) / (self.iterations - self.warmup))
        rate = self.learning_rate * 0.1 ** sum(milestone <= iteration for milestone in self.milestones)
        return rate * min(1.0, (iteration + 1) / self.warmup) if self.warmup else rate

    def _one_cycle_at(self, iteration: int) -> float:
        start, peak_at, last = self.learning_rate / START_DIVISOR, RISE * self.iterations - 1, self.iterations - 1
        if iteration <= peak_at:
            return _half_cosine(start, self.learning_rate, iteration / peak_at)
        return _half_cosine(self.learning_rate, start / END_DIVISOR, (iteration - peak_at) / (last - peak_at))


@dataclass(frozen=True)
class Moves:
    """How a mask moves while its network is trained (`pruning.moving` does it).

    "set" and "rigl" drop a share of each layer's weights, the smallest, and let as many grow: at random (SET,
    Mocanu et al. 2018, arXiv 1707.04780), or where the dense gradient is largest (RigL, Evci et al. 2020,
    arXiv 1911.11134, algorithm 1). "gmp" starts dense and prunes on the way (Zhu & Gupta 2017, arXiv
    1710.01878). Masks move at every multiple of `every` iterations, until the share `until` of training is
    over. `share` is what the first of two half cosines would drop, 0 to 1: it falls to nothing at the end
    of the moves. Raises LotteryError for a value out of range.
    """

    method: str = "rigl"
    share: float = 0.3
    every: int = 100
    until: float = 0.75

    def __post_init__(self):
        plain_fields(self)
        one_of("moves", self.method, MOVES)
        number("share", self.share, lambda x: 0 < x < 1, "the share of a layer's weights that moves, such as 0.3")
        at_least("every", self.every, 1)
        number("until", self.until, lambda x: 0 < x <= 1, "a share of training, above 0 and at most 1, such as 0.75")
        if self.method == "gmp" and self.share != Moves.share:
            raise LotteryError(f"share is {self.share!r}, but 'gmp' drops what its density asks for: leave it out.")

    def __str__(self) -> str:
        share = "" if self.method == "gmp" else f"share {self.share:g}, "
        return f"{self.method} ({share}every {self.every}, until {self.until:g})"


@dataclass(frozen=True)
class Setting:
    """Everything that defines an experiment, but for how far it is carried (see Extent).

    `rate` is the share of the surviving weights removed in one round; `rewind` the iteration k whose weights
    theta_k a pruned network is reset to. `scope` is explained in `pruning.allocation`, `structure` in
    `pruning.structured`. `fingerprint` is set for tasks of your own only, `score_code` for your own criteria.
    `source` is "task/identity" of the setting whose masks schedule "transferred" takes, `start_mask` the
    digest of a mask of your own that level 1 has. `group_axis` is "inputs" where groups of four run along a
    convolution's input channels, for tasks whose groups once ran along its kernel. `moves` says how masks
    move during training; None: not at all.
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
    start_mask: str = ""
    group_axis: str = ""
    moves: Moves | None = None

    def __post_init__(self):
        plain_fields(self)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("scope", self.scope, SCOPES)
        one_of("structure", self.structure, STRUCTURES)
        number("rate", self.rate, lambda x: 0 < x < 1, "a share of the surviving weights above 0 and below 1, such as 0.2")
        if bool(self.source) != (self.schedule == "transferred"):
            rule = "schedule 'transferred' needs the hunt whose masks it takes, and no other takes one"
            raise LotteryError(f"schedule {self.schedule!r} with source {self.source!r}: {rule}.")
        if self.start_mask and (self.schedule not in ROUND_BY_ROUND or self.scope == "erk" or self.structure == "groups"):
            rule = (
                f"a mask of your own is pruned further by schedules {', '.join(ROUND_BY_ROUND)}, not under scope erk or in groups"
            )
            chosen = f"schedule {self.schedule!r}, scope {self.scope!r} and structure {self.structure!r}"
            raise LotteryError(f"a mask was given with {chosen}: {rule}.")
        if self.schedule == "finetuned" and self.recipe.learning_rate_schedule != "steps":
            last = self.recipe.learning_rate_at(self.recipe.iterations - 1)
            problem = f"at the last learning rate, which {self.recipe.learning_rate_schedule!r} brings down to {last:.2g}"
            advice = "choose schedule 'continued', which repeats its course, or learning_rate_schedule 'steps'"
            raise LotteryError(f"schedule 'finetuned' trains on {problem}: {advice}.")
        if self.moves is not None and not isinstance(self.moves, Moves):
            raise LotteryError(f"moves is {self.moves!r}: give one of {', '.join(MOVES)}, or a lthlib.Moves.")
        if self.moves and (self.schedule != "untrained" or self.structure != "weights"):
            chosen = f"schedule {self.schedule!r} and structure {self.structure!r}"
            rule = "a mask that moves is chosen before training, weight by weight: take schedule 'untrained' and 'weights'"
            raise LotteryError(f"moves {self.moves.method!r} was given with {chosen}: {rule}.")
        if self.moves and self.moves.every > (last := int(self.moves.until * self.recipe.iterations)):
            problem = f"every is {self.moves.every}, but masks move until iteration {last} of {self.recipe.iterations}"
            raise LotteryError(f"{problem}: choose at most {max(1, last)}.")
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
        return identity_of(self.changes())

    def dense(self) -> "Setting":
        """The setting with its pruning fields at their defaults: all that level 0 depends on."""
        return Setting(**{name: getattr(self, name) for name in OF_DENSE})


def identity_of(changes: dict) -> str:
    """The identity of a setting's `changes`, also as a results folder keeps them: fields that this version does
    not know count as well."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:12]


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


def _half_cosine(start: float, end: float, share: float) -> float:
    """On the way from start to end along half a cosine, the value after this share of it."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


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
