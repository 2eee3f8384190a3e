"""Data sets made harder on purpose: labels replaced by wrong ones, or fewer examples to learn from.

A variant is a data set like any other, with a name and a fingerprint of its own, so that a task made of
it has its own results. Everything else stays as it was: the inputs, their order, and the test split,
whose labels are never touched.
"""

import dataclasses

import torch
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for
from lthlib.core.validation import at_least, number
from lthlib.data.datasets import Dataset, Split


def noisy_labels(dataset: Dataset, share: float, seed: int = 0, validation: bool = True) -> Dataset:
    """The data set with a `share` of its training labels, 0 to below 1, replaced by wrong ones.

    Which examples, and which of the other classes each gets, is drawn uniformly with `seed`: symmetric
    label noise, one of three kinds in the code of He et al. (2022), arXiv 2206.08684. Exactly the
    nearest whole number of labels is wrong, and none of them is right by chance. With `validation`, that
    split's labels are replaced at the same share, as they would be where both come from one source; test
    labels stay clean. Compare `targets` with the original's to see which were replaced. A share of 0
    gives the labels as they are. Raises LotteryError for a share out of range, or targets [N] that are
    no class numbers of two classes or more.
    """
    share = number("share", share, lambda x: 0 <= x < 1, "the share of labels to replace, from 0 to below 1, such as 0.2")
    at_least("seed", seed, 0)
    _check_classes(dataset)
    if dataset.classes < 2:
        raise LotteryError(f"data set {dataset.name!r} has one class: no label of it can be wrong.")
    changed = {"train": _with_wrong(dataset.train, share, dataset.classes, seed_for("noise", seed, "train"))}
    if validation:
        of_validation = seed_for("noise", seed, "validation")
        changed["validation"] = _with_wrong(dataset.validation, share, dataset.classes, of_validation)
    return dataclasses.replace(dataset, name=f"{dataset.name}-noise{100 * share:g}", **changed)


def fewer_examples(dataset: Dataset, count: int, seed: int = 0) -> Dataset:
    """The data set with `count` of its training examples, each class as often as its share allows.

    Drawn with `seed`; of one seed, the examples of a smaller count are among those of a larger one. They stay
    in their order. Validation and test splits stay whole. Raises LotteryError for a count that is not between
    1 and what there is, or targets that are no class numbers.
    """
    _check_classes(dataset)
    whole = len(dataset.train)
    if at_least("count", count, 1) > whole:
        has = f"data set {dataset.name!r} has {whole} training examples"
        raise LotteryError(f"count is {count}, but {has}: ask for at most these.")
    kept = _spread_over_classes(dataset.train.targets, seed_for("fewer", seed))[:count].sort().values
    fewer = Split(dataset.train.inputs[kept], dataset.train.targets[kept])
    return dataclasses.replace(dataset, name=f"{dataset.name}-{count}", train=fewer)


def _check_classes(dataset: Dataset) -> None:
    if dataset.train.targets.is_floating_point() or dataset.train.targets.dim() != 1:
        shape = list(dataset.train.targets.shape)
        problem = f"data set {dataset.name!r} has targets {shape} that are no class numbers"
        raise LotteryError(f"{problem}: give one whose examples have a class each.")


def _with_wrong(split: Split, share: float, classes: int, seed: int) -> Split:
    """The split with this share of its labels replaced by one of the other classes."""
    random = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(split), generator=random)[: round(share * len(split))]
    # A step of 1 to classes - 1 around the circle of classes: each of the others is as likely, and never the
    # label.
    steps = torch.randint(1, classes, (len(chosen),), generator=random)
    targets = split.targets.clone()
    targets[chosen] = (targets[chosen] + steps) % classes
    return Split(split.inputs, targets)


def _spread_over_classes(targets: Tensor, seed: int) -> Tensor:
    """All places [N] in an order of which every beginning has each class about as often as the whole has."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    when = torch.empty(len(targets))
    for number_of_class in targets.unique():
        own = order[targets[order] == number_of_class]
        when[own] = (torch.arange(len(own)) + 0.5) / len(own)  # evenly over the whole order
    return order[when[order].argsort(stable=True)]
