"""Whether a classifier's confidence can be believed: calibration error, reliability diagrams, temperature.

A prediction's *confidence* is the probability that softmax gives to the class that is predicted. A network is
calibrated if, of all predictions with confidence p, a share p is right (Guo et al. 2017, arXiv 1706.04599,
section 2). On so many examples that is estimated in bins of confidence:

    width     bins of one width between 0 and 1, as in Guo et al. (2017)
    mass      bins of equally many examples (Nixon et al. 2019, arXiv 1904.01685)

The expected calibration error, ECE, is the mean over examples of how far a bin's accuracy is from its mean
confidence. It is never negative, so that even a calibrated network has one above zero on a finite number of
examples: `error_by_chance` says how large, and numbers near it show nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn import functional

from lthlib.core.errors import LotteryError
from lthlib.core.processes import one_thread
from lthlib.core.validation import at_least, one_of
from lthlib.data import Split
from lthlib.tasks import Task

KINDS = ("width", "mass")
BINS = 10
COOLEST, HOTTEST = 0.02, 50.0  # temperatures that are looked at
BATCH = 1000  # examples that go through the network at once


@dataclass(frozen=True)
class Calibration:
    """What was measured of one network on one split. `accuracy`, `confidence` (its mean) and the calibration
    errors `by_width` and `by_mass` are shares, 0 to 1; `loss` is the negative log-likelihood in nats."""

    accuracy: float
    confidence: float
    by_width: float
    by_mass: float
    loss: float

    @property
    def overconfidence(self) -> float:
        """Mean confidence minus accuracy: above 0 where the network promises more than it keeps."""
        return self.confidence - self.accuracy


def logits(task: Task, weights: dict[str, Tensor], split: str | Split = "test") -> Tensor:
    """Outputs [N, classes] of a task's network with these weights (parameters and buffers by name) for every
    example of a split, in evaluation mode. Raises LotteryError for weights that are not the network's."""
    one_of("split", split, ("train", "validation", "test")) if isinstance(split, str) else None
    network, examples = task.build().eval(), getattr(task.dataset, split) if isinstance(split, str) else split
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise LotteryError(f"these are no weights of task {task.name!r}: load them from its own results.") from error
    with one_thread(), torch.no_grad():
        return torch.cat([network(part) for part in examples.inputs.split(BATCH)])


def confidences(outputs: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Of logits [N, classes] for class numbers [N]: each prediction's confidence [N], and whether it is
    right [N]."""
    _check(outputs, targets)
    highest, predicted = outputs.double().softmax(1).max(1)
    return highest.numpy(), (predicted == targets).numpy()


def bins(confidence: np.ndarray, right: np.ndarray, count: int = BINS, kind: str = "width") -> pd.DataFrame:
    """A reliability diagram: one row per bin that holds examples, from low to high confidence, with columns
    low and high (of "width" the bin's edges, which belongs to the one below; of "mass" its examples'
    lowest and highest), examples, confidence and accuracy (means, 0 to 1). Raises LotteryError for an
    unknown kind, or arrays that do not match."""
    confidence, right = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if confidence.shape != right.shape:
        shapes = f"{list(confidence.shape)} and {list(right.shape)}"
        raise LotteryError(f"confidence and right have shapes {shapes}: give one number of each for each example.")
    number, rows = _numbers(confidence, count, kind), []
    for place in np.unique(number):
        own = confidence[number == place]
        ends = (place / count, (place + 1) / count) if kind == "width" else (own.min(), own.max())
        rows.append((*ends, len(own), own.mean(), right[number == place].mean()))
    return pd.DataFrame(rows, columns=["low", "high", "examples", "confidence", "accuracy"])


def calibration_error(confidence: np.ndarray, right: np.ndarray, count: int = BINS, kind: str = "width") -> float:
    """The expected calibration error, 0 to 1: the mean over examples of the distance between the accuracy and
    the mean confidence of their bin (Guo et al. 2017, section 2). Raises LotteryError as `bins` does."""
    table = bins(confidence, right, count, kind)
    return float(np.average((table.accuracy - table.confidence).abs(), weights=table.examples))


def error_by_chance(
    confidence: np.ndarray, count: int = BINS, kind: str = "width", draws: int = 200, seed: int = 0
) -> tuple[float, float]:
    """The calibration error that these confidences would have if they could be believed: its mean, and what
    95 % of draws stay below. In each draw a prediction is right with the probability that it states, so
    that all of the error is chance (consistency resampling, Bröcker & Smith 2007). Raises LotteryError
    as `bins` does."""
    random, confidence = np.random.default_rng(seed), np.asarray(confidence, dtype=float)
    number = _numbers(confidence, count, kind)  # the same in every draw
    errors = []
    for _ in range(at_least("draws", draws, 1)):
        right = random.random(len(confidence)) < confidence
        gaps = np.bincount(number, weights=right - confidence)  # each bin's gap times its examples
        errors.append(np.abs(gaps).sum() / len(confidence))
    return float(np.mean(errors)), float(np.quantile(errors, 0.95))


def loss(outputs: Tensor, targets: Tensor, temperature: float = 1.0) -> float:
    """The mean negative log-likelihood in nats of class numbers [N] under logits [N, classes] that are
    divided by a temperature."""
    _check(outputs, targets)
    return float(functional.cross_entropy(outputs.double() / temperature, targets))


def fit_temperature(outputs: Tensor, targets: Tensor) -> float:
    """The temperature by which logits [N, classes] are divided so that the loss on these targets [N] is
    lowest (Guo et al. 2017, section 4.2). Fit it on validation examples, never on those that are judged.

    The loss is convex in one over the temperature, so its slope there crosses zero once at most; above 1
    the network was too sure. It is looked for from 0.02 to 50: a result at an end says that these
    examples set no limit, as where all predictions are right.
    """
    _check(outputs, targets)
    outputs = outputs.double()
    of_target = outputs.gather(1, targets[:, None])[:, 0]

    def slope(inverse: float) -> float:
        """Of the loss by one over the temperature: what the network expects of its logits, less what it
        gets."""
        expected = ((inverse * outputs).softmax(1) * outputs).sum(1)
        return float((expected - of_target).mean())

    hot, cool = 1 / HOTTEST, 1 / COOLEST
    if slope(hot) >= 0:
        return HOTTEST
    return COOLEST if slope(cool) <= 0 else 1 / float(brentq(slope, hot, cool))


def measure(outputs: Tensor, targets: Tensor, temperature: float = 1.0, count: int = BINS) -> Calibration:
    """Accuracy, confidence, both calibration errors and the loss of logits [N, classes], divided by a
    temperature, for class numbers [N]. A temperature never changes which class is predicted."""
    confidence, right = confidences(outputs / temperature, targets)
    errors = [calibration_error(confidence, right, count, kind) for kind in KINDS]
    return Calibration(float(right.mean()), float(confidence.mean()), *errors, loss(outputs, targets, temperature))


def of_networks(task: Task, states: Sequence[dict[str, Tensor]], labels: Tensor | None = None, count: int = BINS) -> pd.DataFrame:
    """What `measure` says of networks of a task on its test split: one row for each of `states` (parameters
    and buffers by name), in their order. Accuracy, confidence, overconfidence (their difference), the
    errors by_width and by_mass, and by_chance, the mean of `error_by_chance` in bins of equal mass, are
    in percent; loss is in nats.

    `labels` [N] are those of the validation split to fit each network's temperature on; without them it
    is 1. Raises LotteryError as `logits` does."""
    rows, targets = [], task.dataset.test.targets
    for state in states:
        hot = 1.0 if labels is None else fit_temperature(logits(task, state, "validation"), labels)
        outputs = logits(task, state, "test")
        found = measure(outputs, targets, hot, count)
        by_chance, _ = error_by_chance(confidences(outputs / hot, targets)[0], count, "mass")
        shares = {"accuracy": found.accuracy, "confidence": found.confidence}
        shares |= {"overconfidence": found.overconfidence}
        shares |= {"by_width": found.by_width, "by_mass": found.by_mass, "by_chance": by_chance}
        rows.append({name: 100 * share for name, share in shares.items()} | {"loss": found.loss, "temperature": hot})
    return pd.DataFrame(rows)


def _numbers(confidence: np.ndarray, count: int, kind: str) -> np.ndarray:
    """The number of each example's bin [N], from 0.

    Of one width, a bin holds what is above its lower edge and up to its upper one; 0 is in the first. Of
    equal mass, equal confidences stay together, in the bin of the first of them in order: else the order
    of the examples would change the result.
    """
    one_of("kind of bins", kind, KINDS)
    at_least("count", count, 1)
    if confidence.ndim != 1 or not len(confidence):
        shape = list(confidence.shape)
        raise LotteryError(f"confidence has shape {shape}: give one number for each example.")
    if kind == "width":
        above = np.searchsorted(np.linspace(0, 1, count + 1), confidence, side="left") - 1
        return np.clip(above, 0, count - 1)
    before = np.searchsorted(np.sort(confidence), confidence, side="left")  # how many are lower
    return before * count // len(confidence)


def _check(outputs: Tensor, targets: Tensor) -> None:
    if outputs.dim() != 2 or targets.dim() != 1 or len(outputs) != len(targets) or not len(targets):
        shapes = f"{list(outputs.shape)} and {list(targets.shape)}"
        wanted = "logits [N, classes] and class numbers [N]"
        raise LotteryError(f"outputs and targets have shapes {shapes}: give {wanted}.")
