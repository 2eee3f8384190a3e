"""The command that compares pruning criteria: arena."""

import argparse

from lthlib import arena, settings
from lthlib.commands.base import DEVICE, RESULTS, command, names_in
from lthlib.pruning import registry


def _levels(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


_levels.__name__ = "list of levels"  # so argparse's message says it


def add_arena(commands) -> None:
    """Add the command `arena` with its options."""
    about = """Run a criterion and the built-in methods under the standard protocol, each under every scope,
    with sanity checks, and print the rankings. It comes from an installed package (entry point in the group
    lthlib.scores), from FILE.py, or is one of lthlib's."""
    add = command(commands, run_arena, "a pruning criterion of yours beside the built-in methods", about)
    add("--score", required=True, help=f"the criterion, or one of {', '.join(registry.SCORES)}")
    add("--file", metavar="FILE.py", help="where it is defined, under @lthlib.score")
    add("--schedule", default="oneshot", help=f"oneshot (default), {', '.join(settings.SCHEDULES)}")
    add("--scopes", default=",".join(arena.SCOPES), metavar="A,B", help=f"of every method ({', '.join(arena.SCOPES)})")
    add("--tasks", default=",".join(arena.TASKS), metavar="A,B", help=f"({', '.join(arena.TASKS)})")
    add("--profile", default="quick", help="smoke, quick (default) or paper")
    add("--levels", type=int, default=arena.LEVELS, metavar="N", help=f"rounds of half the weights ({arena.LEVELS})")
    add("--only", type=_levels, metavar="N,M", help="levels to compare methods at (the last alone)")
    add("--trials", type=int, default=arena.TRIALS, metavar="N", help=f"repetitions ({arena.TRIALS})")
    add("--budget", type=int, metavar="N", help="iterations that a ticket may take, its search included")
    add("--device", **DEVICE)
    add("--results", **RESULTS)


def run_arena(options: argparse.Namespace) -> None:
    """Carry out `arena`, and print the rankings and the checks."""
    if options.file is not None:
        registry.read_file(options.file)
    method = arena.Method(options.score, options.schedule)
    names = ("profile", "levels", "only", "trials", "budget", "device", "results")
    arguments = {name: getattr(options, name) for name in names}
    outcome = arena.compete(method, tasks=names_in(options.tasks), scopes=names_in(options.scopes), **arguments)
    columns = "mean with 95 % bounds, mean difference to the first in points, iterations behind one ticket"
    print(f"\nTest accuracy at early stop (%) under each scope: {columns}\n")
    print(arena.leaderboard(outcome).to_string(float_format="{:.1f}".format, na_rep=""))
    print("\nEach method under the scope that its validation accuracy chooses: iterations for all scopes together\n")
    print(arena.best_of_scopes(outcome).to_string(float_format="{:.1f}".format, na_rep=""))
    print(f"\nSanity checks of {method.name}: ticket minus control, points\n")
    print(arena.checks(outcome).to_string(float_format="{:+.1f}".format, na_rep="?"))
    print("\nVerdicts are corrected for the size of their table (Holm); each pair of bounds stands by itself.")
