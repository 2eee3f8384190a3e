"""How a caller's choice is made whole: the task by its name, the setting and extent of a profile."""

import dataclasses

from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.core.validation import one_of
from lthlib.pruning import registry
from lthlib.settings import Extent, Recipe, Setting
from lthlib.tasks.catalogue import TASKS
from lthlib.tasks.profiles import OWN, PROFILE_NAMES, PROFILES
from lthlib.tasks.task import Task


def find_task(task: str | Task) -> Task:
    """The task of that name, or a Task of your own. Raises LotteryError for an unknown name or one that is taken."""
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


def resolve(task: Task, profile: str = "quick", **chosen) -> tuple[Setting, Extent]:
    """The setting and extent of a profile, with the fields in `chosen` put in place of the profile's; None keeps the profile's.

    `chosen` may name any field of Recipe, Setting or Extent. Raises LotteryError for any value out of range.
    """
    one_of("profile", profile, PROFILE_NAMES)
    usual = PROFILES.get(task.name, OWN)[profile]
    chosen = {name: getattr(value, "item", lambda value=value: value)() for name, value in chosen.items() if value is not None}
    own = ("task", "recipe", "fingerprint", "score_code")  # fields that are not the caller's to choose
    fields = {kind: [f.name for f in dataclasses.fields(kind) if f.name not in own] for kind in (Recipe, Extent, Setting)}
    part = lambda kind: {name: chosen.pop(name) for name in fields[kind] if name in chosen}  # noqa: E731
    recipe = dataclasses.replace(usual.recipe, **part(Recipe))
    of_images = isinstance(task.data, str) and task.data in data.TORCHVISION_CLASS  # not to be downloaded just to look
    if recipe.augment and not of_images and len(task.dataset.input_shape) != 3:
        raise LotteryError(
            f"augment is True, but an example of task {task.name!r} has shape {list(task.dataset.input_shape)}: only images "
            "[channels, height, width] are flipped and cropped, so leave it out."
        )
    extent = dataclasses.replace(usual.extent, **part(Extent))
    pruning = {"rate": usual.rate, "scope": usual.scope, **part(Setting)}
    criterion = registry.find(pruning.get("score", "magnitude"))
    if criterion is None:
        one_of("score", pruning["score"], registry.SCORES)
    else:
        pruning |= {"score": criterion.__name__, "score_code": registry.fingerprint(criterion)}
    setting = Setting(task.name, recipe, **pruning, fingerprint="" if TASKS.get(task.name) is task else task.fingerprint())
    if chosen:
        one_of("setting", next(iter(chosen)), [name for names in fields.values() for name in names])
    return setting, extent
