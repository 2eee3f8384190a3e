"""Tasks (data, network, loss and score together), what each is run with by profile, and how a caller's choice is made whole."""

import contextlib
import copy
import dataclasses
import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from lthlib import data, models, objectives, other_models, scores
from lthlib.errors import LotteryError
from lthlib.settings import Extent, Recipe, Setting, one_of

PROFILE_NAMES = ("smoke", "quick", "paper")


@dataclass(frozen=True)
class Task:
    """Data, network, loss and score together.

    `data` is the name of a data set or a Dataset of your own. `model` makes a new network for it, freshly initialised each
    time it is called: every trial and every reinit control asks for one under its own seed. `objective` says what is
    minimised and what is scored (see `lthlib.objectives`): without one, cross-entropy and accuracy.
    """

    name: str
    data: str | data.Dataset
    model: Callable[[data.Dataset], nn.Module]
    objective: objectives.Objective = objectives.classification

    @functools.cached_property
    def dataset(self) -> data.Dataset:
        """The data set, read once."""
        return data.load(self.data) if isinstance(self.data, str) else self.data

    def build(self) -> nn.Module:
        """A new network. Raises LotteryError where `model` gives none."""
        if isinstance(self.model, nn.Module) or not callable(self.model):
            raise LotteryError(
                f"the model of task {self.name!r} is {type(self.model).__name__}: give a function that builds a new "
                "network each time, for example `lambda data: Net()`."
            )
        if not isinstance(self.dataset, data.Dataset):
            raise LotteryError(
                f"the data of task {self.name!r} is {type(self.dataset).__name__}: give the name of a data set, or make one "
                "with lthlib.data.from_arrays."
            )
        try:
            inspect.signature(self.model).bind(self.dataset)
        except TypeError as error:
            raise LotteryError(
                f"the model of task {self.name!r} does not take the data set alone: give a function such as `lambda data: Net()`."
            ) from error
        except ValueError:  # no signature to be had
            pass
        network = self.model(self.dataset)
        if not isinstance(network, nn.Module):
            raise LotteryError(f"the model of task {self.name!r} returned {type(network).__name__}: return a torch.nn.Module.")
        if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in network.parameters()):
            raise LotteryError(f"the model of task {self.name!r} has lazy layers: give their input sizes, so that weights exist.")
        return network

    def check(self, network: nn.Module) -> None:
        """Raise LotteryError where the network does not give what the objective needs for two examples of every split."""
        dataset, network = self.dataset, copy.deepcopy(network).eval()
        if not callable(self.objective):
            raise LotteryError(
                f"the objective of task {self.name!r} is {type(self.objective).__name__}: give a function such as "
                "lthlib.objectives.next_token."
            )
        for name in ("train", "validation", "test"):
            inputs, targets = getattr(dataset, name).inputs[:2], getattr(dataset, name).targets[:2]
            try:
                with torch.no_grad():
                    outputs = network(inputs)
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                raise LotteryError(
                    f"the network of task {self.name!r} cannot take {name} inputs of shape {list(inputs.shape)} "
                    f"({' '.join(str(error).split())}): make the two fit."
                ) from error
            wrong = objectives.misfit(self.objective, outputs, targets, lambda: dataset.classes)
            if wrong:
                shape = list(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
                raise LotteryError(f"the network of task {self.name!r} gives {shape} for {len(inputs)} {name} examples: {wrong}")

    def fingerprint(self) -> str:
        """Empty for a task that lthlib ships; for one of yours, digits that change with the network, its code, the weights
        it is born with under a fixed seed, the data, or the objective."""
        if TASKS.get(self.name) is self:
            return ""
        network = self.build()
        text = [repr(network), self.dataset.fingerprint(), *map(_written, network.modules())]
        text += [] if self.objective is objectives.classification else [_described(self.objective)]
        digest = hashlib.sha256(json.dumps(text).encode())
        for name, tensor in models.initial_weights(self.build, seed=0).items():
            digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Profile:
    """What a task is run with where the caller does not choose: a recipe, how far it is carried, and how it is pruned."""

    recipe: Recipe
    extent: Extent
    rate: float = 0.2
    scope: str = "layer"


def _lenet(dataset: data.Dataset) -> nn.Module:
    return models.LeNet(dataset.train.inputs[0].numel(), dataset.classes)


def _network(kind: type[nn.Module], **options) -> Callable[[data.Dataset], nn.Module]:
    """A function that builds such a network for a data set of images."""
    return lambda dataset: kind(dataset.input_shape, dataset.classes, **options)


def _transformer(**options) -> Callable[[data.Text], nn.Module]:
    return lambda text: other_models.Transformer(len(text.alphabet), text.input_shape[0], **options)


def _gcn(hidden: int) -> Callable[[data.Graph], nn.Module]:
    return lambda graph: other_models.GCN(graph.features, graph.edges, graph.classes, hidden)


def _vae(hidden: int, codes: int) -> Callable[[data.Dataset], nn.Module]:
    return lambda dataset: other_models.VAE(dataset.train.targets.shape[1], hidden, codes)


WIDTHS = {"conv2": (64,), "conv4": (64, 128), "conv6": (64, 128, 256)}
# Frankle & Carbin (2019), figure 2 and section 3: learning rate and iterations, then those with dropout.
CONV_PAPER = {"conv2": (2e-4, 20_000), "conv4": (3e-4, 25_000), "conv6": (3e-4, 30_000)}
CONV_DROPOUT = {"conv2": (3e-4, 60_000), "conv4": (2e-4, 75_000), "conv6": (2e-4, 90_000)}

TASKS = {
    task.name: task
    for task in [
        *(Task(f"lenet-{name}", name, _lenet) for name in data.NAMES),
        Task("conv2-cluttered", "cluttered", _network(models.Conv, widths=(16,), hidden=(256,))),
        Task("conv4-cluttered", "cluttered", _network(models.Conv, widths=(12, 24), hidden=(128,))),
        Task("conv6-cluttered", "cluttered", _network(models.Conv, widths=(12, 24, 48), hidden=(128,))),
        Task("vgg7-cluttered", "cluttered", _network(models.VGG, width=8, convs=(2, 2, 2))),
        Task("resnet8-cluttered", "cluttered", _network(models.ResNet, depth=8, width=8)),
        Task("conv2-narrow-cifar10", "cifar10", _network(models.Conv, widths=(16,), hidden=(64, 64))),
        *(Task(f"{name}-cifar10", "cifar10", _network(models.Conv, widths=widths)) for name, widths in WIDTHS.items()),
        *(
            Task(f"{name}-dropout-cifar10", "cifar10", _network(models.Conv, widths=widths, dropout=0.5))
            for name, widths in WIDTHS.items()
        ),
        Task("vgg19-cifar10", "cifar10", _network(models.VGG)),
        Task("resnet20-cifar10", "cifar10", _network(models.ResNet)),
        Task("transformer-grammar", "grammar", _transformer(), objectives.next_token),
        Task("transformer-tinyshakespeare", "tinyshakespeare", _transformer(width=64, heads=4), objectives.next_token),
        Task("gcn-sbm", "sbm", _gcn(hidden=32)),
        Task("gcn-cora", "cora", _gcn(hidden=512)),
        Task("vae-digits", "digits-pixels", _vae(hidden=64, codes=8), objectives.autoencoder),
        Task("vae-mnist", "mnist-pixels", _vae(hidden=400, codes=20), objectives.autoencoder),
    ]
}

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
    criterion = scores.find(pruning.get("score", "magnitude"))
    if criterion is not None:  # an unknown one is the setting's to refuse
        pruning |= {"score": criterion.__name__, "score_code": scores.fingerprint(criterion)}
    setting = Setting(task.name, recipe, **pruning, fingerprint=task.fingerprint())
    if chosen:
        one_of("setting", next(iter(chosen)), sum(fields.values(), []))
    return setting, extent


def _described(function: Callable) -> str:
    """What a function is written as, and the plain values that it uses from outside."""
    if isinstance(function, functools.partial):
        return json.dumps([_described(function.func), repr(function.args), repr(sorted(function.keywords.items()))])
    if inspect.ismethod(function):
        return json.dumps([_described(function.__func__), repr(sorted(_plain(vars(function.__self__)).items()))])
    if not inspect.isfunction(function):  # an object that can be called
        return json.dumps([_described(type(function).__call__), repr(sorted(_plain(vars(function)).items()))])
    used = inspect.getclosurevars(function)
    outside = repr(sorted(_plain({**used.globals, **used.nonlocals}).items()))
    try:
        return json.dumps([inspect.getsource(function), outside, repr(function.__defaults__)])
    except OSError:  # typed at a plain prompt: not to be had
        return json.dumps([function.__code__.co_code.hex(), repr(function.__code__.co_consts), outside])


def _plain(values: dict) -> dict:
    return {name: value for name, value in values.items() if isinstance(value, (bool, int, float, str, tuple))}


def _written(module: nn.Module) -> str:
    """What a module of one's own is written as: its functions, its rate factors and its plain attributes."""
    if type(module).__module__.startswith("torch."):
        return ""
    sources = []
    for function in filter(inspect.isfunction, vars(type(module)).values()):
        with contextlib.suppress(OSError):  # typed at a plain prompt: not to be had
            sources.append(inspect.getsource(function))
    plain = _plain(vars(module))
    plain.pop("training", None)
    also = [list(module.also_prunable)] if getattr(module, "also_prunable", ()) else []
    return json.dumps([sources, repr(sorted(plain.items())), sorted(getattr(module, "rate_factors", {}).items()), *also])
