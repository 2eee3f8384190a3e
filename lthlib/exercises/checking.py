"""What all checks share: the decorator `exercise`, and how a check says what is not right yet."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor


class WrongAnswer(AssertionError):
    """One sentence on what is not right yet."""


class NotTried(Exception):
    """The function that the reader is to write still returns None."""


class Answer:
    """The reader's function. It gets copies of its arguments, so what it does to them cannot mislead a check.

    `given` holds the copies of the latest call, for checks that forbid changing them. Returning None counts
    as not tried: on the first call or, with `each_call`, on any, where a check has its examples in a loop.
    """

    def __init__(self, function: Callable, each_call: bool):
        self.function, self.may_be_none, self.each_call, self.given = function, False, each_call, []

    def __call__(self, *arguments, **named):
        arguments, named = copied(list(arguments)), copied(named)
        self.given = [*arguments, *named.values()]
        answer = self.function(*arguments, **named)
        if answer is None and not self.may_be_none:
            raise NotTried
        self.may_be_none = not self.each_call
        return answer


def exercise(lesson: int, each_call: bool = False) -> Callable:
    """Make a check of a function that tries an Answer, and returns a sentence or raises WrongAnswer."""

    def decorate(check: Callable[[Answer], str]) -> Callable[[Callable], None]:
        @functools.wraps(check)
        def checked(function: Callable) -> None:
            try:
                print(check(Answer(function, each_call)))
            except NotTried:
                print("Exercise not tried yet: the function returns None.")

        checked.lesson = lesson
        return checked

    return decorate


def need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)


def need_pair(answer, sentence: str) -> None:
    need(isinstance(answer, tuple) and len(answer) == 2, sentence)


def need_layers(answer, mask: dict[str, Tensor]) -> None:
    named = isinstance(answer, dict) and set(answer) == set(mask)
    need(named, "return a dictionary with a mask for every layer.")


def need_mask(mask, like, sentence="return masks of the layers' shapes that hold only True and False."):
    shaped = isinstance(mask, Tensor) and mask.shape == like.shape
    need(shaped and bool(((mask == 0) | (mask == 1)).all()), sentence)


def need_seeded(draw: Callable[[int], Tensor], first: Tensor, differs: str, repeats: str) -> None:
    """`draw(0)` must be `first` again, else `differs` is said; `draw(1)` must not, else `repeats` is."""
    need(torch.equal(draw(0), first), differs)
    need(not torch.equal(draw(1), first), repeats)


def same(a, b) -> bool:
    """Whether two tensors are equal, or two dictionaries or lists of tensors, entry by entry."""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return len(a) == len(b) and all(map(same, a, b))


def copied(value):
    """A copy of what a function could change; but a tensor that is to receive a gradient must be itself."""
    if isinstance(value, dict):
        return {name: copied(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [copied(entry) for entry in value]
    if isinstance(value, Tensor):
        return value if value.requires_grad else value.clone()
    return value.copy() if isinstance(value, (np.ndarray, pd.DataFrame)) else value
