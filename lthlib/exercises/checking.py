"""What all checks share: the decorator `exercise`, and how a check says what is not right yet.

A check prints one line: "Right: ...", "Not yet: ..." with a diagnosis, or "Not tried yet". A wrong answer
does not stop a notebook, so that "Run all" reaches the end. In strict mode, `LTHLIB_STRICT=1`, it does:
tests run so, and so does a notebook whose solutions somebody wants to test.
"""

import functools
import os
import random
import traceback
from collections.abc import Callable, Sequence
from statistics import mean, median

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lthlib.core.language import mark, say
from lthlib.lessons import shown

LONGEST = 200  # characters of an error's own message that a line quotes
MASKS = mark("return masks of the layers' shapes that hold only True and False.")


class WrongAnswer(AssertionError):
    """One sentence on what is not right yet."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it: the sentence. The lines of the check would not help."""
        return [f"WrongAnswer: {self}"]


class NotTried(Exception):
    """The function that the reader is to write still returns None."""


class Answer:
    """The reader's function. It gets copies of its arguments, so what it does to them cannot mislead a
    check.

    `given` holds the copies of the latest call, for checks that forbid changing them; `raised` is the
    latest error of the function's own. Returning None counts as not tried: on the first call or, with
    `each_call`, on any, where a check has its examples in a loop.
    """

    def __init__(self, function: Callable, each_call: bool):
        self.function, self.may_be_none, self.each_call, self.given = function, False, each_call, []
        self.raised: Exception | None = None

    def __call__(self, *arguments, **named):
        arguments, named = copied(list(arguments)), copied(named)
        self.given = [*arguments, *named.values()]
        try:
            answer = self.function(*arguments, **named)
        except Exception as error:
            self.raised = error
            raise
        if answer is None and not self.may_be_none:
            raise NotTried
        self.may_be_none = not self.each_call
        return answer


def is_strict() -> bool:
    """Whether a wrong answer raises: `LTHLIB_STRICT` is set, and is neither empty nor 0."""
    return os.environ.get("LTHLIB_STRICT", "") not in ("", "0")


def exercise(lesson: int, each_call: bool = False) -> Callable:
    """Make a check of a function that tries an Answer, and returns a sentence or raises WrongAnswer.

    The check gets two attributes: `lesson`, and `right`, whether the latest answer passed, for cells that
    go on to use it. In strict mode a wrong answer raises WrongAnswer, and an error of the reader's
    function goes through.
    """

    def decorate(check: Callable[[Answer], str]) -> Callable[[Callable], None]:
        @functools.wraps(check)
        def checked(function: Callable) -> None:
            checked.right = False
            answer = Answer(function, each_call)
            try:
                sentence = check(answer)
            except NotTried:
                shown.line(shown.NOT_TRIED, say("`{name}` returns None.", name=_name(function))).show()
            except Exception as error:
                diagnosis = _diagnosis(error, answer)
                if is_strict() and (error is answer.raised or isinstance(error, WrongAnswer)):
                    raise
                if is_strict():
                    raise WrongAnswer(diagnosis) from error
                shown.line(shown.NOT_YET, diagnosis).show()
            else:
                checked.right = True
                shown.line(shown.RIGHT, sentence.removeprefix(f"{say('{word}:', word=say('Right'))} ")).show()

        checked.lesson, checked.right = lesson, False
        return checked

    return decorate


def _diagnosis(error: Exception, answer: Answer) -> str:
    """One sentence on what went wrong: a check's own, or which line of the reader's code raised what, or that
    the check could not read what the function returned."""
    message = " ".join(str(error).split())
    if isinstance(error, WrongAnswer):
        return message
    message = message[:LONGEST]
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if error is answer.raised:
        return say("{place} raises {error}.", place=_place(error, answer.function), error=what.rstrip("."))
    return say(
        "`{name}` returns something that the check cannot use ({error}); read again what is to be returned.",
        name=_name(answer.function),
        error=what,
    )


def _place(error: Exception, function: Callable) -> str:
    """The line of the reader's code that an error comes from: the innermost one in the function's
    notebook."""
    own = getattr(function, "__globals__", None)
    frames = [(frame, number) for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_globals is own]
    if not frames:
        return f"`{_name(function)}`"
    code, number = frames[-1][0].f_code, frames[-1][1]
    text = (traceback.FrameSummary(code.co_filename, number, code.co_name).line or "").strip()
    if text:
        return say("line {number} of the cell, `{text}`,", number=number, text=text)
    return say("`{name}`, in line {number} of the cell,", name=_name(function), number=number)


def _name(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)


def need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)


def need_tuple(answer, length: int, sentence: str) -> tuple:
    """The answer as a tuple of so many things; a list is as good. Anything else is told `sentence`."""
    need(isinstance(answer, (tuple, list)) and len(answer) == length, sentence)
    return tuple(answer)


def need_pair(answer, sentence: str) -> tuple:
    """The answer as a tuple of two things; a list is as good."""
    return need_tuple(answer, 2, sentence)


def need_layers(answer, mask: dict[str, Tensor]) -> None:
    named = isinstance(answer, dict) and set(answer) == set(mask)
    need(named, say("return a dictionary with a mask for every layer."))


def need_mask(mask, like, sentence=MASKS):
    shaped = isinstance(mask, Tensor) and mask.shape == like.shape
    need(shaped and bool(((mask == 0) | (mask == 1)).all()), say(sentence))


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


def trials_to_choose_from(names: Sequence, count: int = 100, trials: tuple[int, int] = (3, 6)) -> list[dict]:
    """`count` dictionaries from each name to values from 0.01 to 1, as many as `trials` says (from, to).
    The mean of one name is the best by 0.01 at least. Of every second dictionary another has the best
    median, of the others another would be the best without everybody's highest trial: other ways to choose
    than by the mean err."""
    draw, found, ways = random.Random(0), [], (median, lambda own: mean(sorted(own)[:-1]))
    while len(found) < count:
        values = {name: [round(1 - 0.99 * draw.random() ** 2, 2) for _ in range(draw.randint(*trials))] for name in names}
        means, others = ({name: way(own) for name, own in values.items()} for way in (mean, ways[len(found) % 2]))
        second, best = sorted(means.values())[-2:]
        if best - second > 0.01 and max(means, key=means.get) != max(others, key=others.get):
            found.append(values)
    return found
