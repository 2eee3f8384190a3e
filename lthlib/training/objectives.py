"""What training minimises and what is scored: from a network's outputs and the targets to a loss and a score
per example.

An objective is a function (outputs [N, ...], targets [N, ...]) -> (losses [N], scores [N]). Training
minimises the mean loss of a batch, the mean loss over the validation split decides early stop, and the mean
score, from 0 to 1, is the column `accuracy` of every table. A function of your own will do; the score needs
no gradient.
"""

# pyright: reportReturnType=false
# (torch's split has no length; this source is part of users' fingerprints and stays as it is)

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

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
