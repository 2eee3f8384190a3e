"""Checks for lesson 21's exercises: labels made wrong, how far a ticket moved, the expected calibration
error."""

import math

import numpy as np
import torch
from torch import Tensor

from lthlib.exercises.checking import Answer, exercise, need, same

CLOSE = 1e-5


@exercise(lesson=21)
def check_make_wrong(make_wrong: Answer) -> str:
    """`make_wrong(labels, share, classes, seed)` gives labels of which exactly this share is wrong."""
    labels = torch.arange(1000) % 10
    wrong = make_wrong(labels, 0.4, 10, 0)
    need(
        isinstance(wrong, Tensor) and wrong.shape == labels.shape,
        "return a tensor with one label for each example.",
    )
    need(same(make_wrong.given[0], labels), "the labels that were passed in have changed: work on a copy.")
    need(
        not wrong.is_floating_point() and int(wrong.min()) >= 0 and int(wrong.max()) < 10,
        "labels are whole numbers from 0 to 9.",
    )
    count = int((wrong != labels).sum())
    advice = "a label that is drawn from all classes is the right one in one case of ten"
    need(not 340 <= count <= 380, f"{count} of 1,000 labels are wrong, and 400 should be: {advice}.")
    need(
        count == 400,
        f"{count} of 1,000 labels are wrong, and exactly 400 should be: choose so many examples without repeats.",
    )
    steps = ((wrong - labels) % 10)[wrong != labels].bincount(minlength=10)[1:]
    problem = "of the nine other classes some are never given, or much more often than others"
    need(int(steps.min()) >= 20 and int(steps.max()) <= 80, f"{problem}: each should be as likely.")
    _need_spread_out(wrong != labels)
    need(
        torch.equal(make_wrong(labels, 0.4, 10, 0), wrong),
        "seed 0 gave two different results: draw from the seed alone.",
    )
    other = make_wrong(labels, 0.4, 10, 1)
    need(
        not torch.equal(other != labels, wrong != labels),
        "seeds 0 and 1 choose the same examples: draw them from the seed.",
    )
    for classes, share in ((2, 0.5), (3, 0.0), (5, 0.2)):
        few = torch.arange(100) % classes
        answer = make_wrong(few, share, classes, 7)
        found = int((answer != few).sum())
        need(
            found == round(100 * share),
            f"{classes} classes, share {share:g}: {found} of 100 labels are wrong.",
        )
        need(
            int(answer.min()) >= 0 and int(answer.max()) < classes,
            f"{classes} classes: a label is out of range.",
        )
    return "Right: so many, all of them wrong, each other class as likely, and the seed decides."


@exercise(lesson=21)
def check_how_far(how_far: Answer) -> str:
    """`how_far(theta_0, trained, mask)` is the L2 distance that the weights of a ticket moved in training."""
    for seed, kept in ((1, 0.5), (2, 0.05), (3, 1.0)):
        theta_0, trained, mask = _ticket(seed, kept)
        answer = how_far(theta_0, trained, mask)
        need(same(how_far.given, [theta_0, trained, mask]), "an argument has changed: work on new tensors.")
        moved = {name: (trained[name] - theta_0[name]) * mask.get(name, 1) for name in theta_0}
        squares = {name: float(change.square().sum()) for name, change in moved.items()}
        naive = math.sqrt(sum(float((trained[name] - theta_0[name]).square().sum()) for name in theta_0))
        right, without = math.sqrt(sum(squares.values())), math.sqrt(sum(squares[name] for name in mask))
        value = float(answer)
        problem = "a pruned weight began at zero, since the ticket is mask * theta_0, and it ends at zero"
        need(kept == 1 or abs(value - naive) > CLOSE, f"{problem}: it has not moved.")
        need(
            abs(value - without) > CLOSE,
            "the biases are missing: no mask has their names, and they are trained too.",
        )
        need(abs(value - right**2) > CLOSE, "this is the square of the distance: take its root at the end.")
        layers = sum(math.sqrt(square) for square in squares.values())
        need(
            abs(value - layers) > CLOSE,
            "distances of layers do not add up: add their squares, then take one root.",
        )
        need(abs(value - right) < CLOSE, f"on one of our tickets the distance is {right:.4f}, not {value:.4f}.")
    return "Right: over everything that could move, and nothing else."


@exercise(lesson=21)
def check_ece(ece: Answer) -> str:
    """`ece(confidence, right, count)` is the expected calibration error in `count` bins of equal width."""
    random = np.random.default_rng(0)
    cases = [(np.array([0.95, 0.92, 0.99, 0.55]), np.array([1, 0, 1, 1]), 10)]
    for size, count in ((400, 10), (90, 15), (250, 4)):
        confidence = random.uniform(0.2, 1, size) ** 0.4
        cases.append((confidence, (random.random(size) < confidence**3).astype(int), count))
    over, under = random.uniform(0.61, 0.69, 50), random.uniform(0.81, 0.89, 50)
    cases.append((np.concatenate([over, under]), np.r_[np.arange(50) < 10, np.ones(50, bool)].astype(int), 10))
    for confidence, right, count in cases:
        value = float(ece(confidence, right, count))
        need(not math.isnan(value), "the answer is NaN: an empty bin has no mean, leave it out.")
        parts = _gaps(confidence, right, count)
        sizes, gaps = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
        wanted = float((sizes * np.abs(gaps)).sum() / sizes.sum())
        problem = "too sure in one bin and too modest in another cancel out"
        signed = abs(float((sizes * gaps).sum()) / sizes.sum())
        need(
            abs(signed - wanted) < CLOSE or abs(abs(value) - signed) > CLOSE,
            f"{problem}: take each bin's distance, without its sign.",
        )
        mean = float(np.abs(gaps).mean())
        problem = "a bin with one example counts as much as one with a hundred"
        need(
            abs(mean - wanted) < CLOSE or abs(value - mean) > CLOSE,
            f"{problem}: weigh each bin by its examples.",
        )
        all_bins = float(np.abs(gaps).sum() / count)
        need(
            abs(all_bins - wanted) < CLOSE or abs(value - all_bins) > CLOSE,
            "empty bins are in your mean: they say nothing.",
        )
        each = float(np.abs(confidence - right).mean())
        problem = "one prediction is right or wrong, never 80 % right"
        need(abs(value - each) > CLOSE, f"{problem}: compare means over a bin, not single predictions.")
        need(abs(value - 100 * wanted) > CLOSE, "give a share from 0 to 1, not percent.")
        need(
            abs(value - wanted) < CLOSE,
            f"on one of our networks the error is {wanted:.4f} in {count} bins, not {value:.4f}.",
        )
    return "Right: bin by bin, without signs, weighed by examples."


def _gaps(confidence: np.ndarray, right: np.ndarray, count: int) -> list[tuple[int, float]]:
    """For each bin that is not empty: its examples, and its accuracy minus its mean confidence."""
    number = np.clip(np.ceil(confidence * count) - 1, 0, count - 1)
    places = [np.flatnonzero(number == place) for place in range(count)]
    return [(len(p), float(right[p].mean() - confidence[p].mean())) for p in places if len(p)]


def _need_spread_out(chosen: Tensor) -> None:
    """The wrong labels must lie anywhere: in each quarter of the examples, and of each class."""
    quarters = chosen.view(4, 250).sum(1)
    need(int(quarters.min()) >= 60, "the wrong labels lie together: choose the examples at random.")
    by_class = chosen.view(100, 10).sum(0)
    need(int(by_class.min()) >= 15, "some class keeps nearly all of its labels: choose among all examples.")


def _ticket(seed: int, kept: float) -> tuple[dict, dict, dict]:
    """Initial weights, trained ones (zero where they are pruned) and the mask of a made-up network."""
    generator = torch.Generator().manual_seed(seed)
    sizes = {"fc1.weight": (6, 5), "fc1.bias": (6,), "output.weight": (3, 6), "output.bias": (3,)}
    double = {"generator": generator, "dtype": torch.float64}
    theta_0 = {name: torch.randn(size, **double) for name, size in sizes.items()}
    names = ("fc1.weight", "output.weight")
    mask = {name: torch.rand(sizes[name], generator=generator) < kept for name in names}
    moved = {name: start + torch.randn(start.shape, **double) for name, start in theta_0.items()}
    return theta_0, {name: end * mask[name] if name in mask else end for name, end in moved.items()}, mask
