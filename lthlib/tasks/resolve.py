"""How a caller's choice is made whole: the task by its name, its network, the setting and extent of a
profile."""

import dataclasses
from dataclasses import dataclass

import torch
from torch import nn

from lthlib import data, models
from lthlib.core.digest import digest, first_difference
from lthlib.core.errors import LotteryError
from lthlib.core.validation import one_of, plain
from lthlib.pruning import registry, step
from lthlib.settings import Extent, Moves, Recipe, Setting
from lthlib.tasks import check, limits
from lthlib.tasks.catalogue import TASKS
from lthlib.tasks.profiles import OWN, PROFILE_NAMES, PROFILES
from lthlib.tasks.task import Task
from lthlib.training import objectives

CONVOLUTIONAL = ("conv", "vgg", "resnet")  # how the names of such tasks begin


def find_task(task: str | Task) -> Task:
    """The task of that name, or a Task of your own. Raises LotteryError for an unknown name or one that is
    taken."""
    if isinstance(task, str):
        one_of("task", task, TASKS)
        return TASKS[task]
    if not isinstance(task, Task):
        raise LotteryError(f"task is of type {type(task).__name__}: give the name of a task, or a lthlib.Task of your own.")
    if task.name in TASKS and TASKS[task.name] is not task:
        raise LotteryError(f"the task name {task.name!r} belongs to lthlib: give yours another.")
    if not task.name or not set(task.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        raise LotteryError(
            f"the task name {task.name!r} is a folder's: use small letters, digits and hyphens, such as 'mlp-mine'."
        )
    return task


@dataclass(frozen=True)
class Prepared:
    """A task that is ready: its network's architecture, and the setting and extent that a caller chose."""

    task: Task
    network: nn.Module
    setting: Setting
    extent: Extent


def prepare(task: str | Task, profile: str = "quick", **chosen) -> Prepared:
    """Find a task, build its network, check that it can be trained (`check`, `limits`), and resolve what the
    caller chose.

    The network is built to be looked at: under a seed of its own, so that it neither moves the caller's
    random numbers nor depends on them. Raises LotteryError for a value out of range, or for a task that
    cannot be trained.
    """
    if not torch.is_grad_enabled() or torch.is_inference_mode_enabled():
        raise LotteryError(
            "gradients are switched off, so nothing can be trained: leave torch.no_grad() or torch.inference_mode(), or call "
            "torch.set_grad_enabled(True)."
        )
    task = find_task(task)
    own = not _is_shipped(task)
    with models.seeded(0):
        check.data(task)
    before = task.facts() if own else []
    with models.seeded(0):  # what a state_dict leaves out must not depend on the caller either
        network = task.build()
        task.check(network)
        if own:
            check.build(task, network)
            check.every_example(task, network)
        setting, extent = resolve(task, profile, **chosen)
        step.check(setting, extent)
        limits.check_networks(extent.trials * (extent.levels + 1), extent)
        limits.check_memory(network, task.dataset, setting.recipe)
        kept = check.training(task, network, setting.recipe, own)
        if own or setting.score_code:
            check.criterion(task, network, setting, kept)
    if setting.fingerprint and setting.fingerprint != digest(before):
        raise LotteryError(
            f"task {task.name!r} is not the same twice: {first_difference(before, task.facts())} changes by itself. Let the "
            "network draw from torch's random numbers alone, and let nothing change that it or the objective reads."
        )
    return Prepared(task, network, setting, extent)


def resolve(task: Task, profile: str = "quick", **chosen) -> tuple[Setting, Extent]:
    """The setting and extent of a profile, with the fields in `chosen` put in place of the profile's; None
    keeps the profile's.

    `chosen` may name any field of Recipe, Setting or Extent. Raises LotteryError for any value out of range.
    """
    one_of("profile", profile, PROFILE_NAMES)
    usual = PROFILES.get(task.name, OWN)[profile]
    chosen = {name: plain(value) for name, value in chosen.items() if value is not None}
    fields = {kind: _fields_to_choose(kind) for kind in (Recipe, Extent, Setting)}
    allowed = [name for names in fields.values() for name in names]
    recipe = _recipe(usual.recipe, _named(chosen, fields[Recipe]))
    _check_augment(task, recipe)
    objectives.smoothed(task.objective, recipe.label_smoothing)  # raises where there is nothing to smooth
    extent = dataclasses.replace(usual.extent, **_named(chosen, fields[Extent]))
    pruning = {"rate": usual.rate, "scope": usual.scope, "score": "magnitude", **_named(chosen, fields[Setting])}
    criterion = registry.find(pruning["score"])
    if criterion is None:
        one_of("score", pruning["score"], registry.SCORES)
    pruning |= {"score": criterion.__name__, "score_code": registry.fingerprint(criterion)}
    if isinstance(pruning.get("moves"), str):
        often = min(Moves.every, max(1, recipe.iterations // 10))  # a short training has time for moves, too
        pruning["moves"] = Moves(pruning["moves"], every=often)
    if pruning.get("structure") == "groups" and _is_shipped(task) and task.name.startswith(CONVOLUTIONAL):
        pruning["group_axis"] = "inputs"
    setting = Setting(task.name, recipe, **pruning, fingerprint="" if _is_shipped(task) else task.fingerprint())
    for name in chosen:
        one_of("setting", name, allowed)
    return setting, extent


def _is_shipped(task: Task) -> bool:
    return TASKS.get(task.name) is task


def _fields_to_choose(kind: type) -> list[str]:
    """The fields of a dataclass that are the caller's to choose."""
    ours = ("task", "recipe", "fingerprint", "score_code", "start_mask", "group_axis")
    return [field.name for field in dataclasses.fields(kind) if field.name not in ours]


def _named(chosen: dict, names: list[str]) -> dict:
    return {name: value for name, value in chosen.items() if name in names}


def _recipe(usual: Recipe, chosen: dict) -> Recipe:
    """The usual recipe with these fields in place of its own. Momentum and milestones of the usual one go
    where another optimiser or learning-rate schedule is chosen that takes none."""
    if chosen.get("optimizer", "sgd") != "sgd":
        chosen = {"momentum": 0.0, **chosen}
    if chosen.get("learning_rate_schedule", "steps") != "steps":
        chosen = {"milestones": (), **chosen}
    return dataclasses.replace(usual, **chosen)


def _check_augment(task: Task, recipe: Recipe) -> None:
    """Raise LotteryError where what is no image is to be flipped and cropped."""
    of_images = isinstance(task.data, str) and task.data in data.TORCHVISION_CLASS  # not to be downloaded just to look
    if recipe.augment and not of_images and len(task.dataset.input_shape) != 3:
        raise LotteryError(
            f"augment is True, but an example of task {task.name!r} has shape {list(task.dataset.input_shape)}: only "
            "images [channels, height, width] are flipped and cropped, so leave it out."
        )
