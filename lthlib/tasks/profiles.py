"""What each task is run with where the caller does not choose: `smoke`, `quick` and `paper`."""

import dataclasses
from dataclasses import dataclass

from lthlib import data
from lthlib.settings import Extent, Recipe
from lthlib.tasks.catalogue import TASKS, WIDTHS

PROFILE_NAMES = ("smoke", "quick", "paper")


@dataclass(frozen=True)
class Profile:
    """What a task is run with where the caller does not choose: a recipe, how far it is carried, and how it
    is pruned."""

    recipe: Recipe
    extent: Extent
    rate: float = 0.2
    scope: str = "layer"


# Frankle & Carbin (2019), figure 2 and section 3: learning rate and iterations, then those with dropout.
CONV_PAPER = {"conv2": (2e-4, 20_000), "conv4": (3e-4, 25_000), "conv6": (3e-4, 30_000)}
CONV_DROPOUT = {"conv2": (3e-4, 60_000), "conv4": (2e-4, 75_000), "conv6": (2e-4, 90_000)}

IN_FULL = Extent(levels=22, trials=5, redraws=3)  # the paper's trials and redraws
SMOKE = Profile(Recipe(iterations=80, evaluate_every=20), Extent(levels=3, trials=2))
QUICK = Profile(Recipe(iterations=3000), Extent(levels=9, trials=3))
QUICK_SMALL = Profile(Recipe(iterations=1500, evaluate_every=50), Extent(levels=14, trials=3))
PAPER = Profile(Recipe(), IN_FULL)

SMALL_CONV = {
    "smoke": Profile(Recipe(learning_rate=3e-3, iterations=20, evaluate_every=10), Extent(levels=2, trials=2), 0.5),
    "quick": Profile(Recipe(learning_rate=3e-3, iterations=400, evaluate_every=20), Extent(levels=5, trials=3), 0.5),
}
NARROW_CONV = {
    "smoke": Profile(Recipe(learning_rate=1e-3, iterations=10, evaluate_every=5), Extent(levels=1, trials=2), 0.5),
    "quick": Profile(Recipe(learning_rate=1e-3, iterations=600, evaluate_every=25), Extent(levels=5, trials=3), 0.5),
}
_SGD = Recipe("sgd", 0.1, momentum=0.9, weight_decay=1e-4)
_DEEP_SMALL = dataclasses.replace(_SGD, learning_rate=0.3, iterations=400, evaluate_every=25, milestones=(260, 340))
SMALL_DEEP = {
    "smoke": Profile(
        dataclasses.replace(_DEEP_SMALL, iterations=30, evaluate_every=10, milestones=(20,)), Extent(2, 2), 0.5, "global"
    ),
    "quick": Profile(_DEEP_SMALL, Extent(levels=5, trials=3), 0.5, "global"),
}
_RESNET = dataclasses.replace(_SGD, batch_size=128, iterations=30_000, milestones=(20_000, 25_000), augment=True)
_VGG = dataclasses.replace(_SGD, batch_size=64, iterations=112_000, milestones=(56_000, 84_000), augment=True)
# Networks for text, graphs and bare pictures. No paper trained them on data this small: "paper" is what a card does in an hour,
# but for the graph network on Cora, which is that of Chen et al. (2021), arXiv 2102.06790, by their code.
_TEXT = Recipe(learning_rate=5e-3, batch_size=32, iterations=300, evaluate_every=20)
_GRAPH = Recipe(learning_rate=0.02, weight_decay=5e-4, batch_size=60, iterations=60, evaluate_every=3)
_CORA = Recipe(learning_rate=0.008, weight_decay=8e-5, batch_size=140, iterations=200, evaluate_every=5)
_PIXELS = Recipe(learning_rate=3e-3, batch_size=60, iterations=600, evaluate_every=30)


def _otherwise(recipe: Recipe, smoke: int, paper: int, **quick) -> dict[str, Profile]:
    """Profiles of one recipe that differ in iterations and extent; `quick` may change the recipe there."""
    few = dataclasses.replace(recipe, iterations=smoke, evaluate_every=max(1, smoke // 4))
    many = dataclasses.replace(recipe, iterations=paper, evaluate_every=max(recipe.evaluate_every, paper // 200))
    rate = quick.pop("rate", 0.5)
    return {
        "smoke": Profile(few, Extent(levels=2, trials=2), rate),
        "quick": Profile(dataclasses.replace(recipe, **quick), Extent(levels=5 if rate == 0.5 else 8, trials=3), rate),
        "paper": Profile(many, IN_FULL),
    }


OTHERWISE = {
    "transformer-grammar": _otherwise(_TEXT, smoke=12, paper=5000),
    "transformer-tinyshakespeare": _otherwise(dataclasses.replace(_TEXT, learning_rate=3e-3), smoke=4, paper=10_000),
    "gcn-sbm": _otherwise(_GRAPH, smoke=30, paper=60, rate=0.2),
    "gcn-cora": _otherwise(_CORA, smoke=4, paper=200, rate=0.2),
    "vae-digits": _otherwise(_PIXELS, smoke=40, paper=10_000),
    "vae-mnist": _otherwise(_PIXELS, smoke=10, paper=20_000),
}


def _profiles(task: str) -> dict[str, Profile]:
    """Smoke, quick and paper of a task that lthlib ships."""
    if task in OTHERWISE:
        return OTHERWISE[task]
    network, data_name = task.split("-", 1)
    if network == "lenet":
        return {"smoke": SMOKE, "quick": QUICK_SMALL if data_name in data.NO_DOWNLOAD else QUICK, "paper": PAPER}
    if network in WIDTHS:
        rate, iterations = (CONV_DROPOUT if "dropout" in task else CONV_PAPER)[network]
        small = SMALL_CONV if data_name == "cluttered" else NARROW_CONV
        return {**small, "paper": Profile(Recipe(learning_rate=rate, iterations=iterations), IN_FULL)}
    return {**SMALL_DEEP, "paper": Profile(_VGG if network.startswith("vgg") else _RESNET, IN_FULL, scope="global")}


PROFILES = {task: _profiles(task) for task in TASKS}
OWN = {"smoke": SMOKE, "quick": QUICK_SMALL, "paper": PAPER}  # of a task of the user's
