"""The exercises of lesson 12: wrong answers are told why."""

import itertools

import pytest
import torch

from lthlib.exercises import lesson_12 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.pruning import masks
from tests.exercises import solutions_of
from tests.notebooks import LESSONS, printed

SOLUTIONS = solutions_of(12)


def test_the_librarys_own_shuffle_is_right(capsys):
    exercises.check_shuffle(masks.shuffle)
    assert "Right" in capsys.readouterr().out


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def flat(mask, seed, order):
    """Every layer's entries in the order that `order` gives for their number."""
    return {name: kept.flatten()[order(kept.numel(), seed)].view_as(kept) for name, kept in mask.items()}


def by_rows(mask, seed):
    generator = drawn(seed)
    return {name: kept[torch.randperm(len(kept), generator=generator)] for name, kept in mask.items()}


def by_columns(mask, seed):
    generator = drawn(seed)
    return {name: kept[:, torch.randperm(kept.shape[1], generator=generator)] for name, kept in mask.items()}


def by_blocks(mask, seed):
    generator = drawn(seed)
    return {
        name: kept[torch.randperm(len(kept), generator=generator)][:, torch.randperm(kept.shape[1], generator=generator)]
        for name, kept in mask.items()
    }


def across_layers(mask, seed):
    pool = torch.cat([kept.flatten() for kept in mask.values()])
    pool = pool[torch.randperm(len(pool), generator=drawn(seed))]
    parts = pool.split([kept.numel() for kept in mask.values()])
    return {name: part.view_as(kept) for (name, kept), part in zip(mask.items(), parts)}


def in_chunks(mask, seed):
    generator, order = drawn(seed), lambda n: torch.randperm(n // 10, generator=generator)
    return {name: kept.reshape(-1, 10)[order(kept.numel())].reshape(kept.shape) for name, kept in mask.items()}


def globally_seeded(mask, seed):
    torch.manual_seed(seed)
    return {name: kept.flatten()[torch.randperm(kept.numel())].view_as(kept) for name, kept in mask.items()}


def in_place(mask, seed):
    shuffled = masks.shuffle(mask, seed)
    for name in mask:
        mask[name].copy_(shuffled[name])
    return mask


def as_numbers(mask, seed):
    return {name: kept * 0.5 for name, kept in masks.shuffle(mask, seed).items()}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (by_rows, "counts in columns are unchanged"),
        (by_columns, "counts in rows are unchanged"),
        (by_blocks, "whole columns|whole rows"),
        (lambda mask, seed: SOLUTIONS["keep_inputs"](mask, seed), "entries inside columns"),
        (across_layers, "the layers' shares"),
        (lambda mask, seed: mask, "nothing has moved"),
        (globally_seeded, "global generator"),
        (lambda mask, seed: masks.shuffle(mask, 0), "use the seed"),
        (lambda mask, seed: masks.shuffle(mask, _count()), "two different"),
        (lambda m, seed: flat(m, seed, lambda n, s: torch.randperm(n, generator=drawn(s))), "are shuffled alike"),
        (in_chunks, "stay together"),
        (in_place, "passed in has changed"),
        (as_numbers, "only True and False"),
        (lambda mask, seed: {"fc1.weight": mask["fc1.weight"]}, "every layer"),
    ],
)
def test_wrong_shuffles_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_shuffle(wrong)


_calls = itertools.count()


def _count():
    return next(_calls)


def chained(weights, density, rounds):
    left, found = weights, []
    for _ in range(rounds):
        left = round(left * density ** (1 / rounds))
        found.append(left)
    return found


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda w, d, r: [round(w * (1 - (1 - d) * k / r)) for k in range(1, r + 1)], "equally many weights"),
        (chained, "what is rounded adds up"),
        (lambda w, d, r: [w * d ** (k / r) for k in range(1, r + 1)], "round to whole"),
        (lambda w, d, r: [round(w * d ** (k / r)) for k in range(r)], "after round 1"),
        (lambda w, d, r: [round(w * d ** (k / r)) for k in range(r + 1)], "one for each round"),
        (lambda w, d, r: [round(w * d**k) for k in range(1, r + 1)], "after round 1"),
    ],
)
def test_wrong_schedules_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_remaining(wrong)


def inside_rows(mask, seed):
    generator = drawn(seed)
    return {n: torch.stack([row[torch.randperm(len(row), generator=generator)] for row in kept]) for n, kept in mask.items()}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (masks.shuffle, "gained or lost"),
        (by_rows, "rows have moved as wholes"),
        (inside_rows, "inputs are the columns"),
        (lambda mask, seed: mask, "nothing has moved"),
        (lambda mask, seed: SOLUTIONS["keep_inputs"](mask, 5), "use the seed"),
        (lambda mask, seed: SOLUTIONS["keep_inputs"](mask, _count()), "two different"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_keep_inputs(wrong)


MENDS = {  # of the shuffle that the lesson prints, each of its three bugs
    "seed": [("manual_seed(0)", "manual_seed(seed)")],
    "global": [
        ("torch.manual_seed", "generator = torch.Generator().manual_seed"),
        ("len(kept))", "len(kept), generator=generator)"),
    ],
    "rows": [("kept[torch", "kept.flatten()[torch"), ("len(kept)", "kept.numel()"), ("]", "].view_as(kept)")],
}


@pytest.mark.parametrize(
    ("mended", "says"),
    [
        ((), "global generator"),
        (("seed",), "global generator"),
        (("seed", "rows"), "global generator"),
        (("global",), "counts in columns are unchanged"),
        (("seed", "global"), "counts in columns are unchanged"),
        (("global", "rows"), "use the seed"),
        (("seed", "global", "rows"), None),
    ],
)
def test_the_shuffle_with_three_bugs_is_caught_until_the_last_is_mended(mended, says, capsys):
    broken = printed(LESSONS[12], "shuffle")
    for bug in mended:
        for wrong, right in MENDS[bug]:
            assert broken.count(wrong) == 1, (bug, wrong)
            broken = broken.replace(wrong, right)
    exec(broken, space := {"torch": torch})
    if says is None:
        exercises.check_shuffle(space["shuffle"])
        assert "Right" in capsys.readouterr().out
    else:
        with pytest.raises(WrongAnswer, match=says):
            exercises.check_shuffle(space["shuffle"])
