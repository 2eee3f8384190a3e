"""Commands about the papers: reproduce, atlas, report."""

import argparse
import json

from lthlib.commands.base import DEVICE, RESULTS, budget_of, command, names_in
from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded
from lthlib.papers import reproduction
from lthlib.training import engine


def add_reproduce(commands) -> None:
    """Add the command `reproduce` with its options."""
    about = """Draw a figure of Frankle & Carbin (2019) from the networks of its experiments, at the paper's setting: say
    what is shipped, train what is missing (into the results folder), and draw it with the paper's numbers marked.
    The same command goes on where it stopped. With --from-scratch, train one trial anew and compare it with the
    shipped one instead."""
    add = command(commands, run_reproduce, "a figure of the paper, from what is shipped and trained", about)
    add("figure", metavar="FIGURE", help=", ".join(figures_of_the_paper()))
    add("--as-shipped", action="store_true", help="train nothing: draw what is shipped and stored")
    add("--from-scratch", action="store_true", help="train the first trial anew, in a folder of its own, and compare it")
    add("--levels", type=int, metavar="N", help="with --from-scratch: prune rounds to compare (all)")
    add("--trials", type=int, default=5, metavar="N", help="of each experiment (5, as in the paper)")
    add("--budget", metavar="T", help="for training, such as 25m or 8h (all that is lacking)")
    add("--to", metavar="FILE.png", help="where the figure goes (FIGURE.png, where you are)")
    add("--device", **DEVICE)
    add("--results", **RESULTS)


def figures_of_the_paper() -> list[str]:
    """The names of the figures, which are listed without the libraries that draw them."""
    return ["figure-1", "figure-3", "figure-4", "figure-5"]


def run_reproduce(options: argparse.Namespace) -> None:
    """Carry out `reproduce`: print what is there, and the path of the figure, or the comparison."""
    from lthlib.papers import figures  # here, since it draws: matplotlib would delay every other command

    figure, budget = figures.find(options.figure), budget_of(options)
    to = expanded(options.to or f"{options.figure}.png")
    if to.suffix != ".png":
        raise LotteryError(f"--to is {options.to!r}: give a file that ends in .png.")
    experiments = list(figure.experiments)
    print(f"{options.figure}: {figure.about}")
    print(*reproduction.missing(trials=options.trials, results=options.results, experiments=experiments), sep="\n")
    if options.from_scratch:
        rows = figures.from_scratch(figure, options.levels, options.device)
        print(f"\n{rows.to_string(index=False, float_format='{:+.2f}'.format)}\n\n{figures.in_words(rows)}")
        return
    if not options.as_shipped:
        chosen = {"experiments": experiments, "trials": options.trials, "results": options.results}
        reproduction.fill(budget, device=options.device, add=False, **chosen)
    print(figures.save(figure, to, options.results))


def add_atlas(commands) -> None:
    """Add the command `atlas` with its options."""
    about = """Carry out the papers' experiments in the order that gives most evidence first, and add them to
    data/atlas/. What is there is not trained again. Stops when the budget is over; the same command goes on
    from there."""
    add = command(commands, run_atlas, "compute what the shipped results at the papers' scale lack", about)
    add("--budget", metavar="T", help="such as 25m or 8h (all that is lacking)")
    add("--device", **DEVICE)
    add("--tasks", metavar="A,B", help="these alone")
    add("--trials", type=int, default=5, metavar="N", help="of each experiment (5, as in the papers)")
    add("--results", **RESULTS)
    add("--dry-run", action="store_true", help="list the experiments: what is shipped, what is to train, how long it takes")


def run_atlas(options: argparse.Namespace) -> None:
    """Carry out `atlas`, and print the files that were written."""
    chosen = {"tasks": None if options.tasks is None else names_in(options.tasks), "trials": options.trials}
    budget = budget_of(options)
    if options.dry_run:
        engine.check(options.device, None)
        print(*reproduction.missing(**chosen, results=options.results), sep="\n")
        return
    files = reproduction.fill(budget, device=options.device, results=options.results, **chosen)
    print(*files or ["Nothing was added."], sep="\n")


def add_report(commands) -> None:
    """Add the command `report` with its options."""
    about = """Write report.html, report.md and report.json: every claim of the papers beside what the shipped
    atlas and a results folder, if one is named, say of it, with bounds and a verdict by a stated rule. Takes any
    folder of hunts, lessons or sweeps."""
    add = command(commands, run_report, "every claim of the papers beside what was measured", about)
    add("results", metavar="DIR", nargs="?", help="a results folder (none: the atlas alone)")
    add("--to", metavar="DIR", help="folder for the report (the results folder, or else report, where you are)")
    add("--json", action="store_true", help="print each claim as a line of JSON, and write nothing")


def run_report(options: argparse.Namespace) -> None:
    """Carry out `report`, and print the paths of what was written, or the claims themselves."""
    from lthlib.papers import report  # here, since it draws: matplotlib would delay every other command

    if options.json:
        print(*map(json.dumps, report.as_json(report.measured(options.results))), sep="\n")
    else:
        print(*report.write(options.results, options.to), sep="\n")
