"""data.datasets."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice
from lthlib.data import frames


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs [N, ...] and targets [N, ...], in matching order: float32 inputs and class numbers, int64, for
    classification; for other objectives what they and the network need, such as tokens, int64, or pixels,
    float32.

    Arrays become tensors of float32 or int64, as `from_arrays` makes them, and whole numbers int64. Tensors
    keep their precision, and inputs of bytes or booleans their type. Raises LotteryError for what is no array
    of numbers; whether the two match is seen when they are used.
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self):
        object.__setattr__(self, "inputs", _as_taken("inputs", self.inputs, (torch.uint8, torch.bool)))
        object.__setattr__(self, "targets", _as_taken("targets", self.targets))

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits that share no example. Training never sees `validation`; nothing is chosen on `test`."""

    name: str
    train: Split
    validation: Split
    test: Split

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example, such as (1, 28, 28)."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def classes(self) -> int:
        """Number of classes, or of tokens: one more than the largest target of the three splits.

        Raises LotteryError where targets are no class numbers.
        """
        if self.train.targets.is_floating_point():
            shape = list(self.train.targets.shape[1:])
            raise LotteryError(
                f"data set {self.name!r} has no classes, its targets are numbers of shape {shape}: give the task "
                "an objective that fits, such as lthlib.training.objectives.autoencoder."
            )
        return 1 + max(int(split.targets.max()) for split in (self.train, self.validation, self.test))

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change whenever a value, a label or the split changes."""
        digest = hashlib.sha256()
        for tensor in self._tensors():
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    def versions(self) -> list[int]:
        """Numbers that change when torch writes into a tensor of this data set: a check that costs nothing."""
        counted = (tensor for tensor in self._tensors() if isinstance(tensor, Tensor) and not tensor.is_inference())
        return [tensor._version for tensor in counted]

    def _tensors(self) -> list[Tensor]:
        splits = (self.train, self.validation, self.test)
        return [tensor for split in splits for tensor in (split.inputs, split.targets)]


@dataclass(frozen=True, eq=False)
class Text(Dataset):
    """Windows of a text: inputs [N, T] token numbers, targets [N, T] the token after each. `alphabet` names
    the tokens, which `between` stands between when they are written out. No window overlaps one of another
    split."""

    alphabet: tuple[str, ...]
    between: str = ""

    def written(self, tokens: Iterable[int]) -> str:
        """These tokens as people read them."""
        return self.between.join(self.alphabet[int(token)] for token in tokens)


@dataclass(frozen=True, eq=False)
class Graph(Dataset):
    """Nodes of one graph: inputs [N] node numbers, targets [N] class numbers; `features` [nodes, F] and
    `edges` [E, 2], each undirected edge once. Transductive: a network may look at every node's features and
    edges, and learns the labels of the training nodes alone."""

    features: Tensor
    edges: Tensor

    def _tensors(self) -> list[Tensor]:
        return [*super()._tensors(), self.features, self.edges]


def from_arrays(
    name: str, inputs, targets, test_inputs, test_targets, classes: bool = True, tokens: bool = False, *, stratify: bool = False
) -> Dataset:
    """A data set from your own arrays, tensors or data frames: inputs [N, ...] numbers, targets [N] class
    numbers from 0.

    Inputs are taken as they are (normalise them first), as float32; `tokens=True` takes whole numbers from 0,
    int64, for a network that begins with an embedding. `classes=False` takes targets of any shape as well,
    for an objective other than classification, and leaves whole numbers whole, inputs too: tokens, say. One
    training example in twelve becomes the validation split, as 5,000 of MNIST's 60,000 do in Frankle & Carbin
    (2019); of 50,000, too, 5,000. The choice is the same on every machine and for every trial. It is made at random,
    so that a rare class may be missing from either split, which is said; `stratify` takes one in twelve of
    each class, at least one and never all. Raises LotteryError where inputs and targets do not match or are
    too few, where values are missing or no numbers, or where there are no classes to stratify by.
    """
    frames.check_alike(name, inputs, targets, test_inputs, test_targets)
    train, test = (_split(name, *pair, classes, tokens) for pair in ((inputs, targets), (test_inputs, test_targets)))
    if len(train) < 2 or len(test) < 1:
        counts = f"{len(train)} training and {len(test)} test examples"
        raise LotteryError(f"data set {name!r} has {counts}: give at least 2 and 1.")
    held_out = 5000 if len(train) >= 50_000 else max(1, round(len(train) / 12))
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(train)))
    if stratify:
        order, held_out = _stratified(name, order, train.targets, held_out / len(train))
    validation, rest = order[:held_out].sort().values, order[held_out:].sort().values
    if classes:
        _say_what_is_missing(name, train.targets, rest, validation, stratify)
    return Dataset(
        name,
        train=Split(train.inputs[rest], train.targets[rest]),
        validation=Split(train.inputs[validation], train.targets[validation]),
        test=Split(test.inputs.clone(), test.targets.clone()),  # an array may be written to later, as the others may
    )


def _stratified(name: str, order: Tensor, targets: Tensor, share: float) -> tuple[Tensor, int]:
    """The order with a share of each class first, and how many examples these are."""
    if targets.is_floating_point() or targets.dim() != 1:
        raise LotteryError(f"data set {name!r} has no class for each example to stratify by: leave stratify out.")
    held_out, rest = [], []
    for number in targets.unique():
        own = order[targets[order] == number]
        count = min(max(1, round(share * len(own))), len(own) - 1)  # a single example trains
        held_out.append(own[:count])
        rest.append(own[count:])
    count = sum(map(len, held_out))
    if not count:
        raise LotteryError(f"each class of data set {name!r} has one training example: give two or more of some.")
    return torch.cat([*held_out, *rest]), count


def _say_what_is_missing(name: str, targets: Tensor, rest: Tensor, validation: Tensor, stratify: bool) -> None:
    """A notice of classes that are in one of the two splits alone."""
    for split, chosen in (("training", rest), ("validation", validation)):
        missing = sorted(set(targets.unique().tolist()) - set(targets[chosen].unique().tolist()))
        if not missing:
            continue
        listed = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
        classes = f"class {listed} is" if len(missing) == 1 else f"{len(missing)} classes ({listed}) are"
        advice = "a single example trains" if stratify else "pass stratify=True to from_arrays to have some of each class"
        notice(f"data set {name!r}: {classes} missing from the {split} split: {advice}.")


def _split(name: str, inputs, targets, classes: bool, tokens: bool) -> Split:
    inputs, targets = _tensor(name, "inputs", inputs), _tensor(name, "targets", targets)
    inputs = _whole(name, inputs) if tokens else _finite(name, "inputs", inputs.float() if classes else inputs)
    targets = _class_numbers(name, targets) if classes else _finite(name, "targets", targets)
    if len(inputs) != len(targets):
        raise LotteryError(
            f"data set {name!r} has inputs {list(inputs.shape)} and targets {list(targets.shape)}: "
            f"give one {'class number' if classes else 'target'} for each example."
        )
    return Split(inputs.contiguous(), targets.contiguous())


def _whole(name: str, tokens: Tensor) -> Tensor:
    whole = tokens.long()
    if not ((whole == tokens) & (whole >= 0)).all():
        problem = "tokens that are no whole numbers from 0"
        raise LotteryError(f"data set {name!r} has {problem}: number your words first, or leave tokens=True out.")
    return whole


def _class_numbers(name: str, targets: Tensor) -> Tensor:
    if targets.is_floating_point() and not (targets == targets.round()).all():
        message = "targets that are no whole numbers: give class numbers from 0."
        raise LotteryError(f"data set {name!r} has {message}")
    targets = targets.long()
    if targets.dim() != 1:
        raise LotteryError(
            f"data set {name!r} has targets {list(targets.shape)}: give one class number for each example, or pass "
            "classes=False and give the task an objective that can use them."
        )
    if len(targets) and int(targets.min()) < 0:
        lowest = int(targets.min())
        raise LotteryError(f"data set {name!r} has the label {lowest}: classes are numbered from 0.")
    return targets


def _finite(name: str, what: str, values: Tensor) -> Tensor:
    """The values as float32, or int64 where they are whole numbers."""
    values = values.float() if values.is_floating_point() else values.long()
    if not torch.isfinite(values).all():
        fix = "fill in or drop NaN and infinite values"
        raise LotteryError(f"data set {name!r} has {what} that are not finite: {fix}.")
    return values


def _as_taken(what: str, values, also: tuple[torch.dtype, ...] = ()) -> Tensor:
    """Inputs or targets of a split as a tensor, whole numbers as int64, on their device; types in `also` stay."""
    tensor = values.detach() if isinstance(values, Tensor) else _tensor("made by hand", what, values)
    if tensor.dim() == 0:
        raise LotteryError(f"the {what} of a split are one number: give a tensor [N, ...] with one entry for each example.")
    if tensor.is_complex():
        raise LotteryError(f"the {what} of a split are complex: give their real and imaginary parts as numbers of their own.")
    if tensor.dtype == torch.float64 and not isinstance(values, Tensor):  # what NumPy makes unasked
        return tensor.float()
    return tensor if tensor.is_floating_point() or tensor.dtype in also else tensor.long()


def _tensor(name: str, what: str, values) -> Tensor:
    if not isinstance(values, Tensor):
        return torch.from_numpy(frames.numbers(name, what, values))
    if values.is_complex() or values.layout != torch.strided or not values.dim():
        kind = f"{str(values.dtype).removeprefix('torch.')} of shape {list(values.shape)}, {values.layout}"
        raise LotteryError(f"the {what} of data set {name!r} are {kind}: give dense, real numbers [N, ...].")
    return values.detach().cpu()
