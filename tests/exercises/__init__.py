"""What the tests of exercises share: the lessons' own solutions, and which check goes with which function."""

import functools
import importlib
import re

import numpy as np

from lthlib.lottery import early_bird
from lthlib.pruning import masks
from tests.notebooks import LESSONS, cells, solutions

NUMBERS = [int(path.stem[:2]) for path in LESSONS]


def path_of(lesson):
    """The notebook of a lesson, by its number."""
    return LESSONS[NUMBERS.index(lesson)]


@functools.cache
def solutions_of(lesson):
    return solutions(path_of(lesson), early_bird=early_bird, masks=masks, np=np)


def checks_of(lesson):
    """The checks in a lesson's module, by name."""
    module = importlib.import_module(f"lthlib.exercises.lesson_{lesson:02}")
    return {name: check for name, check in vars(module).items() if name.startswith("check_")}


def calls_of(lesson):
    """What the lesson's notebook calls: functions that readers write, with the name of each one's check."""
    code = "\n".join(source for _, source in cells(path_of(lesson), "code"))
    return {function: check for check, function in re.findall(r"\b\w+\.(check_\w+)\((\w+)\)", code)}
