"""Whether a task can be trained, found out on throw-away copies of its network before anything is written.

`prepare` asks in this order: is the `data` sound, do network, data and objective fit in `evaluation`, does
`build` draw new weights, does `training` work, by two steps and measurements as the engine makes them, and
does the `criterion`. Whatever a user's code raises ends as one LotteryError that says where it came from.
"""

import copy
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core.digest import Facts, facts
from lthlib.core.errors import LotteryError, blamed
from lthlib.core.processes import one_thread
from lthlib.core.progress import notice
from lthlib.data import Dataset, Split
from lthlib.pruning import masks, registry
from lthlib.settings import Recipe, Setting
from lthlib.tasks import limits
from lthlib.training import objectives
from lthlib.training.randomness import Keyed
from lthlib.training.stack import Stack, Ticket

if TYPE_CHECKING:
    from lthlib.tasks.task import Task

SPLITS = ("train", "validation", "test")
EXAMPLES = 4  # of a split that are looked at, evenly spaced, beside those that hold its largest and smallest numbers
COLUMNS = 16  # up to so many, a column may have a range of its own
WORK, CHUNK = 2e9, 250  # weights times examples of a split that are looked at one and all, so many at a time
SAME = 1e-3  # what float noise may change a loss by, as a share of it
CPU = torch.device("cpu")


def data(task: "Task") -> None:
    """Raise LotteryError where a data set that was made by hand is not what `from_arrays` makes, or where its
    labels leave so many gaps that no network could have an output for each."""
    dataset = task.dataset
    if not isinstance(dataset, Dataset):  # `Task.build` says so
        return
    about = f"data set {dataset.name!r} has"
    for name in SPLITS:
        split = getattr(dataset, name)
        if not isinstance(split, Split):
            raise LotteryError(f"{about} a {name} split that is {type(split).__name__}: give lthlib.data.Split(inputs, targets).")
        if len(split.inputs) != len(split.targets):
            counts = f"{len(split.inputs)} {name} inputs and {len(split.targets)} targets"
            raise LotteryError(f"{about} {counts}: give one target for each example.")
        if not len(split):
            raise LotteryError(f"{about} no {name} example: give at least one.")
        if isinstance(task.data, Dataset):  # what lthlib reads by a name is finite
            for what, values in (("inputs", split.inputs), ("targets", split.targets)):
                if values.is_floating_point() and not torch.isfinite(values).all():
                    raise LotteryError(f"{about} {name} {what} that are not finite: fill in or drop NaN and infinite values.")
        if task.objective is objectives.classification and not split.targets.is_floating_point():
            _labels(f"{about} {name}", split.targets)
    if task.objective in (objectives.classification, objectives.next_token):
        limits.check_classes(dataset)


def _labels(about: str, targets: Tensor) -> None:
    """Raise LotteryError where whole numbers are no class numbers."""
    if targets.dim() != 1:
        raise LotteryError(
            f"{about} targets {list(targets.shape)}: give one class number for each example, or give the task an objective that "
            "can use them."
        )
    if int(targets.min()) < 0:
        raise LotteryError(f"{about} label {int(targets.min())}: classes are numbered from 0.")


def build(task: "Task", network: nn.Module) -> None:
    """Raise LotteryError where the network is not built anew each time: it must have other weights under
    another seed, unless they are pre-trained on purpose, and the same ones under the same seed.

    `network` is what was built under seed 0.
    """
    _hooks_on_weights(task, network)
    with blamed(f"the weights of task {task.name!r} cannot be read", "keep plain parameters and buffers in the state_dict"):
        first, again = network.state_dict(), models.initial_weights(task.build, 0)
        with models.seeded(1):
            redrawn = task.build()
        other = redrawn.state_dict()
        shapes = [{name: tensor.shape for name, tensor in state.items()} for state in (first, again, other)]
    if shapes[0] != shapes[1] or shapes[0] != shapes[2]:
        raise LotteryError(f"the model of task {task.name!r} builds networks of different shapes: build the same each time.")
    changed = [name for name in first if not _same(first[name], again[name])]
    if changed:
        raise LotteryError(
            f"the model of task {task.name!r} gives {changed[0]!r} other values when it is built again under the same seed: draw "
            "with torch's, NumPy's or Python's global random numbers, which are seeded, not with a generator of its own, and "
            "initialise every weight."
        )
    beside = _beside_state(facts(network, "the network"), facts(redrawn, "the network"), network)
    if beside:
        raise LotteryError(
            f"{beside[0]} of task {task.name!r} is drawn at random and is neither parameter nor buffer, so that all trials would "
            "share it and an exported ticket lose it: keep it by register_buffer(name, tensor)."
        )
    if task.pretrained:
        return
    prunable = models.prunable(network)
    same = [name for name in prunable if _same(first[name], other[name])]
    fixed = [name for name in same if len(first[name].unique()) > 2]  # ones, or an identity, are a choice; these were drawn once
    # A supermask's scores begin alike: its weights are buffers, which are drawn.
    buffers_differ = any(not _same(tensor, redrawn.get_buffer(name)) for name, tensor in network.named_buffers())
    if fixed or (len(same) == len(prunable) and not buffers_differ):
        raise LotteryError(
            f"the model of task {task.name!r} gives {(fixed or same)[0]!r} the same values under two seeds, so that all trials "
            "and the control reinit would share them: build a new network in each call, without seeding it or copying one; "
            "or say Task(..., pretrained=True) where weights are pre-trained on purpose."
        )


def _hooks_on_weights(task: "Task", network: nn.Module) -> None:
    """Raise LotteryError for hooks on parameters, which no copy of a network keeps: training would go without."""
    for name, parameter in network.named_parameters():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise LotteryError(
                f"the network of task {task.name!r} has a hook on its parameter {name!r}, which its copies lose: do the same "
                "in forward, or by a hook on the module."
            )


def _beside_state(before: Facts, after: Facts, network: nn.Module) -> list[str]:
    """Places at which two descriptions of a network differ, other than its parameters and buffers. The keys of
    `randomness.Keyed` layers are set anew before each training on purpose, and count as buffers too."""
    known, places = {f"the network.{name}" for name in network.state_dict()}, {}
    known |= {f"the network.{path}.key" for path, layer in network.named_modules() if isinstance(layer, Keyed)}
    for when, found in enumerate((before, after)):
        for place, fact in found:
            places.setdefault(place, ([], []))[when].append(fact)
    return [place for place, (old, new) in places.items() if old != new and place not in known]


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or torch.equal(a.isnan() & b.isnan(), a != b)


def evaluation(task: "Task", network: nn.Module) -> None:
    """Raise LotteryError where the network does not give what the objective needs for examples of every
    split, or where an example's loss or score is another the next time, or in other company."""
    if not callable(task.objective):
        raise LotteryError(
            f"the objective of task {task.name!r} is {type(task.objective).__name__}: give a function such as "
            "lthlib.training.objectives.next_token."
        )
    copied = _copy(task, network).eval()
    classes = functools.cache(lambda: task.dataset.classes)
    with one_thread(), torch.no_grad():
        for name in SPLITS:
            _evaluate(task, copied, name, classes)


def every_example(task: "Task", network: nn.Module) -> None:
    """Raise LotteryError where any example of any split makes network or objective fail, or has a loss that is
    not finite. Networks and data sets too large for that in about a second are looked at by `evaluation` alone."""
    weights = sum(parameter.numel() for parameter in network.parameters())
    copied, classes = _copy(task, network).eval(), functools.cache(lambda: task.dataset.classes)
    with one_thread(), torch.no_grad():
        for name in SPLITS:
            split = getattr(task.dataset, name)
            if weights * len(split) > WORK:
                continue
            for places in torch.arange(len(split)).split(CHUNK):
                _pass(task, copied, _at(split, places), f"{name} examples", classes)


def _evaluate(task: "Task", network: nn.Module, name: str, classes: Callable[[], int]) -> None:
    """`evaluation` of one split."""

    def measured(part: Split) -> tuple[Tensor, Any]:
        losses, scores, outputs = _pass(task, network, part, f"{name} examples", classes, split.targets)
        return torch.stack([losses.double(), scores.double()]), outputs

    split = getattr(task.dataset, name)
    measured(_at(split, slice(2)))
    chosen = _at(split, _looked_at(split))
    together, outputs = measured(chosen)
    places = {0}  # the last of a split may be measured alone
    if name == "train":
        _compare_passes(task, together, measured(chosen)[0])
        places = {0, len(chosen) // 2, len(chosen) - 1}
    for place in sorted(places):
        alone, _ = measured(_at(chosen, slice(place, place + 1)))
        _compare_company(task, together, alone, place, outputs, chosen.targets)


def _compare_passes(task: "Task", before: Tensor, after: Tensor) -> None:
    """Raise LotteryError where two passes over the same examples give other losses or scores [2, N]."""
    for what, once, again in zip(("loss", "score"), before, after):
        if not _differ(once, again, once):
            continue
        worst = int((once - again).abs().argmax())
        raise LotteryError(
            f"the same example of task {task.name!r} has the {what} {once[worst]:.4g}, then {again[worst]:.4g} in evaluation "
            "mode, so its network or objective changes from call to call: draw at random in training alone "
            "(functional.dropout needs training=self.training), and keep nothing from one call to the next."
        )


def _compare_company(task: "Task", together: Tensor, alone: Tensor, place: int, outputs, targets: Tensor) -> None:
    """Raise LotteryError where the example at a place has another loss or score `alone` [2, 1] than among
    others, `together` [2, N]."""
    for row, what in enumerate(("loss", "score")):
        by_itself, among, rest = alone[row, 0], together[row, place], together[row]
        if not _differ(by_itself, among, rest):
            continue
        who = "its network in evaluation mode, or its objective,"
        if isinstance(outputs, Tensor):
            of_same_output = task.objective(outputs[place : place + 1], targets[place : place + 1])[row]
            who = "its objective" if _differ(of_same_output, among, rest) else "its network in evaluation mode"
        raise LotteryError(
            f"an example of task {task.name!r} has the {what} {by_itself:.4g} by itself, but {among:.4g} among {len(targets)}: "
            f"{who} mixes the examples of a batch, as outputs [N, 1] less targets [N] do, so let nothing about an example "
            "depend on the others."
        )


def _differ(a: Tensor, b: Tensor, all_of_them: Tensor) -> bool:
    """Whether two differ by more than float noise, which goes with the size of all."""
    return bool(((a - b).abs() > SAME * all_of_them.abs().mean() + 1e-7).any())


def _pass(
    task: "Task", network: nn.Module, split: Split, examples: str, classes: Callable[[], int], labels: Tensor | None = None
) -> tuple[Tensor, Tensor, Any]:
    """Loss and score of each of these examples, which are called `examples`, and the network's outputs;
    `labels` are the targets of the whole split that they are from, where these are still to be checked."""
    kind, dtype = str(list(split.inputs.shape)), split.inputs.dtype
    if dtype.is_floating_point and dtype != torch.float32:
        kind += f" and type {str(dtype).removeprefix('torch.')}, not float32"
    if not split.inputs.is_floating_point():
        kind += f" with the numbers {int(split.inputs.min())} to {int(split.inputs.max())}"
    about = f"the network of task {task.name!r} cannot take {examples.replace('examples', 'inputs')} of shape {kind}"
    with blamed(about, "make the two fit"):
        outputs = network(split.inputs.clone())  # which a network may change in place
    wrong = "" if labels is None else objectives.misfit_of_labels(task.objective, outputs, labels)
    if wrong:
        raise LotteryError(f"the network of task {task.name!r} gives {_shape(outputs)} for {len(split)} {examples}: {wrong}")
    losses, scores = _judged(task, outputs, split.targets.clone(), examples, classes)
    return losses, scores, outputs


def _judged(task: "Task", outputs: Any, targets: Tensor, examples: str, classes: Callable[[], int]) -> tuple[Tensor, Tensor]:
    """Loss and score of each example. Raises LotteryError where the objective cannot use the outputs, or
    gives no losses."""
    about = f"the network of task {task.name!r} gives {_shape(outputs)} for {len(targets)} {examples}"
    own = task.objective not in objectives.SHIPPED
    with blamed(f"{about}: the objective cannot use them", "make the two fit"):
        if own:
            task.objective(outputs, targets)
        wrong = objectives.misfit(task.objective, outputs, targets, classes)
    if wrong and task.objective is objectives.classification and isinstance(outputs, tuple):
        wrong = f"{wrong[:-1]}, or take the objective lthlib.training.objectives.with_auxiliary() for auxiliary heads."
    if wrong:
        raise LotteryError(f"{about}: {wrong}")
    with blamed(f"{about}: the objective cannot use them", "make the two fit"):
        losses, scores = task.objective(outputs, targets)
    if not bool(((scores >= 0) & (scores <= 1)).all()):  # neither of which NaN is
        raise LotteryError(
            f"{about}: the objective's accuracies go from {scores.min():.4g} to {scores.max():.4g}, so give shares from 0 to 1."
        )
    if not losses.is_floating_point():
        raise LotteryError(
            f"{about}: the objective's losses are {losses.dtype}, so give numbers that have a gradient, as float32."
        )
    if not torch.isfinite(losses).all():
        raise LotteryError(f"{about}: the loss is not finite, so look at how the network is initialised.")
    return losses, scores


def _shape(outputs: Any) -> list[int] | str:
    return list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__


def training(task: "Task", network: nn.Module, recipe: Recipe, own: bool = True) -> dict[str, Tensor]:
    """Raise LotteryError where the task cannot be trained by this recipe: one step by hand, then two as the
    engine takes them, each with a measurement after it. Returns all parameters and buffers at the end.

    The batch is as large as the recipe says, but of no more examples than are looked at. Of a user's `own`
    network it is also asked what it keeps beside parameters and buffers.
    """
    few = _at(task.dataset.train, _looked_at(task.dataset.train))
    batch = torch.arange(min(recipe.batch_size, max(2, len(few)))) % len(few)
    with one_thread():
        copied = _copy(task, network).train()
        before = facts(copied, "the network") if own else []
        _learn(task, copied, _at(few, batch))
        after = facts(copied, "the network") if own else []
        if changed := _beside_state(before, after, network):
            notice(
                f"{task.name}: {changed[0]} changes in training and is neither parameter nor buffer, so it starts anew in each "
                "training, also where a ticket is rewound; keep it by register_buffer(name, tensor) if results depend on it."
            )
        kept, state = masks.ones(models.prunable(network)), network.state_dict()
        about = f"task {task.name!r} cannot be trained step by step on batches of {len(batch)}"
        with blamed(about, "keep nothing from one call to the next, and let network and recipe fit"):
            stack = Stack(network, [Ticket(state, kept, order_seed=0)], recipe, few, CPU, task.objective, _Descent)
            views = torch.zeros(1, len(batch), dtype=torch.int16) if recipe.augment else None
            for measured in (few, _at(few, slice(1))):
                stack.step(batch[None], views, 0)
                stack.measure(measured)
    return {name: tensor[0].clone() for name, tensor in stack.state().items()}


def _learn(task: "Task", network: nn.Module, batch: Split) -> None:
    """Forward and backward pass in training mode. Raises LotteryError where one fails, where no prunable
    weight has a gradient or a parameter one that the optimisers do not take; names prunable weights that have
    none."""
    classes, labels = functools.cache(lambda: task.dataset.classes), task.dataset.train.targets
    losses, _, _ = _pass(task, network, batch, "examples in training", classes, labels)
    about, prunable = f"task {task.name!r}", models.prunable(network)
    if losses.requires_grad:
        with blamed(f"the backward pass of {about} fails", "use what has a derivative, and change nothing in place"):
            losses.mean().backward()
    without = [name for name, weight in prunable.items() if weight.grad is None]
    if len(without) == len(prunable):
        raise LotteryError(
            f"the loss of {about} has no gradient in any prunable weight: leave requires_grad True for some, and use no detach, "
            "no_grad or argmax between them and the loss."
        )
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and (parameter.grad.is_sparse or not parameter.is_floating_point()):
            raise LotteryError(
                f"{name!r} of {about} has sparse or complex gradients, which the optimisers do not take: leave sparse=True out, "
                "and keep real and imaginary parts as parameters of their own."
            )
    if cut_off := [name for name in without if prunable[name].requires_grad]:
        notice(f"{task.name}: the loss does not depend on {', '.join(cut_off)}, so these keep their initial values.")


class _Descent:
    """A step down the gradient. torch's own optimisers take seconds to import, and a stored hunt needs none."""

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe, *_):
        self.parameters, self.param_groups = list(parameters), [{"lr": recipe.learning_rate}]

    def zero_grad(self, set_to_none: bool) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=self.param_groups[0]["lr"])


def criterion(task: "Task", network: nn.Module, setting: Setting, state: dict[str, Tensor]) -> None:
    """Raise LotteryError where the setting's criterion cannot score the network once it has the weights
    `state`."""
    function = registry.find(setting.score)
    assert function is not None, "resolve has found it"
    start, kept, split = network.state_dict(), masks.ones(models.prunable(network)), task.dataset.train
    copied, few = _copy(task, network), _at(split, _looked_at(split))
    models.load(copied, state)
    objective = objectives.smoothed(task.objective, setting.recipe.label_smoothing)
    about = f"the criterion {setting.score!r} fails on the network of task {task.name!r}"
    with one_thread(), blamed(about, "mend it, or choose another score"):
        registry.evaluate(
            function,
            weights={name: state[name] for name in kept},
            start={name: start[name].clone() for name in kept},
            mask=kept,
            network=copied,
            batch=(few.inputs, few.targets),
            loss=lambda outputs, targets: objectives.mean_loss(objective, outputs, targets),
            seed=0,
        )


def _copy(task: "Task", network: nn.Module) -> nn.Module:
    """A copy of the network. Raises LotteryError where it holds what cannot be copied."""
    computed = [
        f"{name}.{own}".lstrip(".")
        for name, module in network.named_modules()
        for own, value in vars(module).items()
        if isinstance(value, Tensor) and value.grad_fn is not None
    ]
    fix = "keep only what can be copied in a network"
    if computed:
        fix = (
            f"it holds {', '.join(computed)}, computed from other tensors, so remove weight_norm, spectral_norm or "
            "torch.nn.utils.prune first, and compute it in forward"
        )
    with blamed(f"the network of task {task.name!r} cannot be copied", fix):
        return copy.deepcopy(network)


def _at(split: Split, places) -> Split:
    return Split(split.inputs[places], split.targets[places])


def _looked_at(split: Split) -> Tensor:
    """Places in the split: some evenly spaced, and those of its largest and smallest tokens and targets."""
    rows = [torch.linspace(0, len(split) - 1, EXAMPLES).long()]
    for values in (split.inputs, split.targets):
        columns = values.reshape(len(values), -1)
        many = columns.shape[1] > COLUMNS
        if values.dtype == torch.bool or not columns.numel() or (values.is_floating_point() and (many or values is split.inputs)):
            continue
        rows.append((columns.amax(1, keepdim=True) if many else columns).argmax(0))
        rows.append((columns.amin(1, keepdim=True) if many else columns).argmin(0))
    return torch.cat(rows).unique()
