"""Lottery tickets: find them, train them, and see whether they win.

    import lthlib
    table = lthlib.hunt("lenet-digits", controls="reinit")
    lthlib.levels(table)

The rooms, from the ground up, are described in lthlib/README.md; imports only ever point down.
"""

from lthlib import atlas, claims
from lthlib.claims import beside_paper, effect
from lthlib.errors import LotteryError
from lthlib.lottery import hunt, results
from lthlib.scores import SCORES, score
from lthlib.settings import Extent, Recipe, Setting
from lthlib.tables import compare, levels, matching, sentence, speedup, summarise
from lthlib.tasks import TASKS, Task

__all__ = [
    *("hunt", "results", "summarise", "levels", "compare", "speedup", "matching", "sentence", "beside_paper", "effect"),
    *("atlas", "claims"),
    *("SCORES", "score", "TASKS", "Task", "Recipe", "Setting", "Extent", "LotteryError"),
]
__version__ = "0.1.0"

# Where the lessons' Colab badges and set-up cells point; a test keeps them alike.
REPOSITORY = "your_org/lottery-ticket-lessons"
