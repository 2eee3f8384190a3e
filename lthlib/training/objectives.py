"""What training minimises and what is scored: from a network's outputs and the targets to a loss and a score
per example.

An objective is a function (outputs [N, ...], targets [N, ...]) -> (losses [N], scores [N]). Training
minimises the mean loss of a batch, the mean loss over the validation split decides early stop, and the mean
score, from 0 to 1, is the column `accuracy` of every table. A function of your own will do; the score needs
no gradient.

An objective may be an object that has a method `weigh(targets [N, ...]) -> (weights of losses [N], weights
of scores [N])` as well. Then every mean, over a batch or over a split, is a weighted one.
"""

# pyright: reportReturnType=false
# (torch's split has no length; this source is part of users' fingerprints and stays as it is)

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lthlib.core.errors import LotteryError
from lthlib.core.validation import number, plain

Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def classification(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of logits [N, classes] for class numbers [N], and whether the largest logit is the class's."""
    return functional.cross_entropy(outputs, targets, reduction="none"), (outputs.argmax(1) == targets).float()


def next_token(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Of logits [N, T, vocabulary] for the tokens [N, T] that come next: cross-entropy in nats per token, whose exponential is
    the perplexity, and the share of tokens for which the largest logit is right. Both are means over the window."""
    losses = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view(targets.shape).mean(1), (outputs.argmax(2) == targets).float().mean(1)


def autoencoder(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The negative evidence lower bound in nats per image (Kingma & Welling 2014, arXiv 1312.6114, section 2.3).

    `outputs` [N, P + 2 L] are a logit for each of the P pixels of `targets` [N, P], from 0 to 1, then the L means and the L
    logarithms of the variances of the code. A pixel is a Bernoulli variable, its prior on the code a standard normal one. The
    score is the share of pixels that are on the right side of one half. In evaluation a network gives the reconstruction from
    the code's mean alone, so that its loss there is one fixed number and no longer a bound.
    """
    logits, mean, log_variance = parts(outputs, targets.shape[1])
    reconstruction = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    return reconstruction + divergence(mean, log_variance), ((logits > 0) == (targets >= 0.5)).float().mean(1)


def parts(outputs: Tensor, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs of an autoencoder [N, P + 2 L], taken apart: logits [N, P], means [N, L], logarithms of variances [N, L]."""
    codes = (outputs.shape[1] - pixels) // 2
    return outputs.split([pixels, codes, codes], dim=1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence [N] of normal codes [N, L] from the standard normal, in nats (Kingma & Welling, appendix B)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def with_auxiliary(weight: float = 0.3) -> Objective:
    """The objective of classifiers that in training give the logits [N, classes] of auxiliary heads as well, as torchvision's
    GoogLeNet and Inception do: a tuple, the main logits first. Their cross-entropies are added to the main one times `weight`
    (Szegedy et al. 2015, arXiv 1409.4842, section 5). In evaluation, where the network gives its main logits alone, it is
    `classification`."""
    return functools.partial(_classification_with_auxiliary, weight=weight)


def _classification_with_auxiliary(outputs, targets: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    main, *others = (outputs,) if isinstance(outputs, Tensor) else outputs
    losses, scores = classification(main, targets)
    others = [functional.cross_entropy(logits, targets, reduction="none") for logits in others if logits is not None]
    return losses + weight * sum(others), scores


def misfit(objective: Objective, outputs, targets: Tensor, classes: Callable[[], int]) -> str:
    """What is wrong with a network's outputs for these targets, as half a sentence; empty where the objective can use them.

    `classes` gives the number of classes (or tokens), and is asked by objectives that have some alone.
    """
    shape = list(outputs.shape) if isinstance(outputs, Tensor) else None
    if objective is classification and (shape is None or _wants(shape, [len(targets)], classes())):
        return f"it must give one row each with a number for every class, and the labels name {classes()} (0 to {classes() - 1})."
    if objective is next_token and (shape is None or _wants(shape, list(targets.shape), classes())):
        return (
            f"objective next_token needs {[*targets.shape, classes()]} or more in the last place: for every one of the "
            f"{targets.shape[-1]} places of a window a number for every token, and the targets name {classes()}."
        )
    if objective is autoencoder:
        pixels = targets[0].numel()
        if shape is None or len(shape) != 2 or shape[0] != len(targets) or shape[1] <= pixels or (shape[1] - pixels) % 2:
            return (
                f"objective autoencoder needs one row each with a logit for every one of the {pixels} pixels, then the means "
                "and the logarithms of the variances of the code, equally many."
            )
    return "" if objective in SHIPPED else _misfit_of_own(objective, outputs, targets)


def _wants(shape: list[int], lead: list[int], classes: int) -> bool:
    """Whether a shape is other than `lead` and then at least so many classes."""
    return len(shape) != len(lead) + 1 or shape[:-1] != lead or shape[-1] < classes


def _misfit_of_own(objective: Objective, outputs, targets: Tensor) -> str:
    """The same for an objective of the user's, which is tried."""
    try:
        found = objective(outputs, targets)
    except Exception as error:  # whatever a user's function raises
        return f"the objective cannot use them ({type(error).__name__}: {' '.join(str(error).split())}): make the two fit."
    pair = isinstance(found, (tuple, list)) and len(found) == 2
    shapes = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in found] if pair else []
    if shapes != [[len(targets)]] * 2:
        what = f"gave {' and '.join(map(str, shapes))}" if pair else f"gave {type(found).__name__}"
        return f"the objective {what}: it must return two tensors, a loss and a score for each of the {len(targets)} examples."
    return "" if torch.isfinite(found[0]).all() else "the objective's loss is not finite for them: look for a logarithm of zero."


SHIPPED = (classification, next_token, autoencoder)


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of logits [N, classes] for class numbers [N], or of logits [N, T, classes] for tokens
    [N, T], with torch's options.

    Losses and accuracies are means over *counted* labels, those other than `ignore_index`: over all of a
    batch in training, over all of a split in measurements, however they are shared out among examples. A loss
    counts by its class's weight, so that the mean is torch's, which divides by the sum of these weights; an
    accuracy counts each counted label once. A batch without any has the loss 0 and moves nothing but weight
    decay and momentum. Of a class of weight 0 nothing counts in the loss.

    class_weights    a number, 0 or more, for each class; none weighs all alike
    ignore_index     the label of what does not count, such as padding
    label_smoothing  the share of each label that is spread over all classes (Szegedy et al. 2016, arXiv
                     1512.00567, section 7), also in validation and test losses; the field of that name in
                     `lthlib.Recipe` smooths in training alone

    Raises LotteryError for a value out of range.
    """

    class_weights: tuple[float, ...] = ()
    ignore_index: int = -100
    label_smoothing: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "ignore_index", plain(self.ignore_index))
        object.__setattr__(self, "label_smoothing", plain(self.label_smoothing))
        try:
            if isinstance(self.class_weights, (dict, str)):
                raise TypeError("one number for each class, in their order")
            weights = tuple(float(weight) for weight in plain(self.class_weights))
        except (TypeError, ValueError) as error:
            raise LotteryError(f"class_weights is {self.class_weights!r}: give a number for each class.") from error
        if weights and not (0 < sum(weights) < float("inf") and min(weights) >= 0):
            raise LotteryError(f"class_weights is {list(weights)}: give numbers of 0 or more, one of them above 0.")
        if isinstance(self.ignore_index, bool) or not isinstance(self.ignore_index, int):
            raise LotteryError(f"ignore_index is {self.ignore_index!r}: give a whole number, such as -100.")
        number("label_smoothing", self.label_smoothing, lambda x: 0 <= x < 1, "a share from 0 to below 1, such as 0.1")
        object.__setattr__(self, "class_weights", weights)

    def __call__(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and accuracy [N]: means over the counted labels of each example, 0 where there are none."""
        logits, labels = outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1)
        options = {"ignore_index": self.ignore_index, "label_smoothing": self.label_smoothing, "reduction": "none"}
        losses = functional.cross_entropy(logits, labels, self._by_class(logits), **options)
        right = (logits.argmax(1) == labels) & (labels != self.ignore_index)
        totals = (part.view(len(targets), -1).sum(1) for part in (losses, right.float()))
        return tuple(total / (weight + (weight == 0)) for total, weight in zip(totals, self.weigh(targets)))

    def weigh(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What an example counts in a mean of losses [N], the sum of its labels' class weights, and in a mean
        of accuracies [N], its number of counted labels."""
        counted = (targets != self.ignore_index).view(len(targets), -1)
        count = counted.float()
        by_class = self._by_class(count)
        if by_class is None:
            return count.sum(1), count.sum(1)
        labels = targets.view(len(targets), -1).where(counted, 0)
        return (by_class[labels] * count).sum(1), count.sum(1)

    def misfit(self, outputs, targets: Tensor) -> str:
        """What is wrong with outputs for the first few of a split's targets, or with the targets themselves,
        as half a sentence; empty where nothing is."""
        if targets.is_floating_point():
            return "objective CrossEntropy needs targets that are class numbers, int64."
        counted = targets[targets != self.ignore_index]
        if not len(counted):
            return f"no label of this split counts, since all are {self.ignore_index}, the ignore_index."
        lowest, classes = int(counted.min()), int(counted.max()) + 1
        if lowest < 0:
            return f"there is the label {lowest}, but classes are numbered from 0 (ignore_index is {self.ignore_index})."
        shape = list(outputs.shape) if isinstance(outputs, Tensor) else None
        if not shape or _wants(shape, [shape[0], *targets.shape[1:]], classes):
            wanted = ", ".join(map(str, ("N", *targets.shape[1:], classes)))
            return f"objective CrossEntropy needs [{wanted}], or more in the last place: a number for every class of a label."
        if self.class_weights and len(self.class_weights) != shape[-1]:
            return f"class_weights has {len(self.class_weights)} numbers: give one for each of the {shape[-1]} classes."
        return ""

    def _by_class(self, like: Tensor) -> Tensor | None:
        """The class weights; filled in on the device, where a captured step may copy nothing to."""
        if not self.class_weights:
            return None
        return torch.stack([like.new_full((), weight) for weight in self.class_weights])


def smoothed(objective: Objective, share: float) -> Objective:
    """The objective with this share of each label spread over all classes.

    Raises LotteryError for an objective that has no classes to spread it over, or smooths already.
    """
    if not share:
        return objective
    if objective is classification or objective is next_token:
        return CrossEntropy(label_smoothing=share)
    if isinstance(objective, CrossEntropy) and not objective.label_smoothing:
        return dataclasses.replace(objective, label_smoothing=share)
    problem, advice = "has no class labels to smooth", "leave it out"
    if isinstance(objective, CrossEntropy):
        problem, advice = f"smooths by {objective.label_smoothing!r} itself", "choose one of the two"
    raise LotteryError(f"label_smoothing is {share!r}, but the task's objective {problem}: {advice}.")


def misfit_of_labels(objective: Objective, outputs, targets: Tensor) -> str:
    """`misfit` for what only all targets of a split show, such as labels that no output stands for."""
    return objective.misfit(outputs, targets) if isinstance(objective, CrossEntropy) else ""


def mean_weights(objective: Objective, targets: Tensor) -> tuple[Tensor, Tensor] | None:
    """What an example counts on average, for losses [R, 1] and scores [R, 1] with targets [R, N, ...]: 1
    where nothing counts, None where all examples count alike."""
    if not hasattr(objective, "weigh"):
        return None
    found = objective.weigh(targets.flatten(0, 1))
    means = (weights.view(len(targets), -1).mean(1, keepdim=True) for weights in found)
    return tuple(mean + (mean == 0) for mean in means)


def mean_loss(objective: Objective, outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of a batch of outputs [N, ...] and targets [N, ...]: what training minimises."""
    losses, usual = objective(outputs, targets)[0], mean_weights(objective, targets.unsqueeze(0))
    if usual is None:
        return losses.mean()
    return (losses * objective.weigh(targets)[0]).mean() / usual[0].squeeze()
