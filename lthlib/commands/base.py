"""What the commands of the command line share: how one is added, its usual options, and lists in one
option."""

import argparse
from collections.abc import Callable

from lthlib.core.errors import LotteryError
from lthlib.sweeps import runner

DEVICE = {"default": "auto", "metavar": "D", "help": "auto (default), cpu, cuda, cuda:1, mps"}
RESULTS = {"metavar": "DIR", "help": "results folder (LTHLIB_RESULTS, or results/)"}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and exits with status 2."""

    def error(self, message: str):
        raise LotteryError(f"{message}: see `{self.prog} --help`.")


def command(commands, run: Callable, summary: str, about: str) -> Callable:
    """Add the command that the function `run_NAME` carries out; what is returned adds an option to it."""
    added = commands.add_parser(run.__name__.removeprefix("run_"), help=summary, description=about)
    added.set_defaults(run=run)
    return added.add_argument


def budget_of(options: argparse.Namespace) -> float | None:
    """Seconds of the option --budget, such as 9m; None where it is left out."""
    return None if options.budget is None else runner.seconds(options.budget)


def names_in(text: str) -> list[str]:
    """The names in a text with commas."""
    return [name.strip() for name in text.split(",")]
