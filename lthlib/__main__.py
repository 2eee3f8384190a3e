"""The command line: `python -m lthlib hunt --task lenet-digits --controls reinit`, and more: `python -m lthlib --help`."""

import argparse
import json
import sys
from pathlib import Path

import lthlib
from lthlib import arena, settings, tasks
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.progress import notice
from lthlib.lessons import handouts, translations
from lthlib.papers import reproduction
from lthlib.pruning import registry
from lthlib.sweeps import config, runner

JSON_FIELDS = (
    *("task", "method", "trial", "redraw", "level", "density", "early_stop"),
    *("test_accuracy", "final_test_accuracy", "final_train_accuracy", "seconds"),
)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and exits with status 2."""

    def error(self, message: str):
        raise LotteryError(f"{message}: see `{self.prog} --help`.")


def parser() -> argparse.ArgumentParser:
    """The parser of `python -m lthlib`. What is not given is taken from the profile."""
    top = _Parser(prog="python -m lthlib", description="Lottery tickets: find them, train them, see whether they win.")
    commands = top.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")
    _add_hunt(commands)
    _add_translate(commands)
    _add_handout(commands)
    _add_batch(commands)
    _add_atlas(commands)
    _add_report(commands)
    _add_arena(commands)
    return top


def _add_hunt(commands) -> None:
    hunt = commands.add_parser(
        "hunt",
        help="find tickets and train their controls",
        description="Find tickets, train their controls, and print the table of levels. Finished networks are kept in the "
        "results folder and never trained again: an interrupted hunt goes on where it stopped.",
    )
    hunt.add_argument("--task", required=True, help=f"one of {', '.join(tasks.TASKS)}")
    hunt.add_argument("--profile", default="quick", help="smoke (seconds), quick (default) or paper (the paper's numbers)")
    hunt.add_argument("--schedule", default="iterative", help=f"iterative (default), {', '.join(settings.SCHEDULES[1:])}")
    hunt.add_argument("--levels", type=int, metavar="N", help="prune rounds: levels 0 (dense) to N are trained")
    hunt.add_argument("--rate", type=float, metavar="R", help="share of the surviving weights removed in a round (0.2)")
    hunt.add_argument("--trials", type=int, metavar="N", help="repetitions, each with its own seed")
    hunt.add_argument("--iterations", type=int, metavar="N", help="optimiser steps of each training")
    hunt.add_argument("--rewind", type=int, metavar="K", help="iteration whose weights pruned networks are reset to (0)")
    hunt.add_argument("--score", help=f"pruning criterion: {', '.join(settings.SCORES)}")
    hunt.add_argument("--scope", help=f"how rates are shared out: {', '.join(settings.SCOPES)}")
    hunt.add_argument("--structure", help=f"what is removed as one: {', '.join(settings.STRUCTURES)}")
    hunt.add_argument("--source", metavar="T/ID", help="task/identity of the hunt whose masks schedule transferred takes")
    hunt.add_argument("--controls", default="", metavar="A,B", help=f"any of {', '.join(settings.CONTROLS)}")
    hunt.add_argument("--redraws", type=int, metavar="N", help="networks of each control in a trial")
    hunt.add_argument("--seed", type=int, metavar="N", help="changes every random number of the hunt (0)")
    hunt.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, cuda, cuda:1, mps")
    hunt.add_argument("--workers", type=int, metavar="N", help="processes on a CPU (all cores)")
    hunt.add_argument("--results", metavar="DIR", help="results folder (LTHLIB_RESULTS, or results/)")
    hunt.add_argument("--json", action="store_true", help="print one JSON object a network and nothing else")
    hunt.set_defaults(run=run_hunt)


def _add_translate(commands) -> None:
    translate = commands.add_parser(
        "translate",
        help="write the lessons in another language",
        description="Write the lessons that are translated into a language as notebooks: the same code, other prose.",
    )
    translate.add_argument("--language", required=True, help=", ".join(f"{c} ({n})" for c, n in translations.LANGUAGES.items()))
    translate.add_argument("--to", metavar="DIR", help="folder for the notebooks (lessons-LANGUAGE, where you are)")
    translate.add_argument("--update", action="store_true", help="for translators: bring the catalogues up to date instead")
    translate.set_defaults(run=run_translate)


def _add_handout(commands) -> None:
    handout = commands.add_parser(
        "handout",
        help="for teachers: lessons without solutions, and the solutions",
        description="Write every lesson without its solutions, and all solutions as one Markdown file, made from the lessons.",
    )
    handout.add_argument("--language", default="en", help=f"en (default), {', '.join(translations.LANGUAGES)}")
    handout.add_argument("--to", default="handout", metavar="DIR", help="folder for them (handout, where you are)")
    handout.set_defaults(run=run_handout)


def _add_batch(commands) -> None:
    parser = commands.add_parser(
        "batch",
        help="notebooks x parameters, through papermill, resumable",
        description="Carry out the sweep of a YAML file (lthlib/sweeps/config.py shows one). What is done is not repeated. The "
        "exit status is 1 if a run failed.",
    )
    parser.add_argument("file", metavar="FILE.yaml")
    parser.add_argument("--engine", default="local", help="local (default) or ray")
    parser.add_argument("--budget", metavar="T", help="stop in time, such as 9m or 1h30m, to be continued")
    parser.add_argument("--dry-run", action="store_true", help="list what would run, and how long it may take")
    parser.set_defaults(run=run_batch)


def _add_atlas(commands) -> None:
    parser = commands.add_parser(
        "atlas",
        help="compute what the shipped results at the papers' scale lack",
        description="Carry out the papers' experiments in the order that gives most evidence first, and add them to "
        "data/atlas/. Stops when the budget is over; the same command goes on from there.",
    )
    parser.add_argument("--budget", metavar="T", help="such as 25m or 8h (all that is lacking)")
    parser.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, cuda, cuda:1, mps")
    parser.add_argument("--tasks", metavar="A,B", help="these alone")
    parser.add_argument("--trials", type=int, default=5, metavar="N", help="of each experiment (5, as in the papers)")
    parser.add_argument("--results", metavar="DIR", help="results folder (LTHLIB_RESULTS, or results/)")
    parser.add_argument("--dry-run", action="store_true", help="list the experiments, and how many trials each lacks")
    parser.set_defaults(run=run_atlas)


def _add_report(commands) -> None:
    parser = commands.add_parser(
        "report",
        help="every claim of the papers beside what was measured",
        description="Write report.html and report.md: the papers' claims, what the results folder and the atlas say of them, "
        "and verdicts by a stated rule.",
    )
    parser.add_argument("results", metavar="DIR", help="a results folder")
    parser.add_argument("--to", metavar="DIR", help="folder for the report (the results folder)")
    parser.set_defaults(run=run_report)


def _add_arena(commands) -> None:
    parser = commands.add_parser(
        "arena",
        help="a pruning criterion of yours beside the built-in methods",
        description="Run a criterion under the standard protocol, with sanity checks, and print the leaderboard. It comes from "
        "an installed package (entry point in the group lthlib.pruning.registry), from FILE.py, or is one of lthlib's.",
    )
    parser.add_argument("--score", required=True, help=f"the criterion, or one of {', '.join(settings.SCORES)}")
    parser.add_argument("--file", metavar="FILE.py", help="where it is defined, under @lthlib.score")
    parser.add_argument("--schedule", default="oneshot", help=f"oneshot (default), {', '.join(settings.SCHEDULES)}")
    parser.add_argument("--scope", default="uniform", help=", ".join(arena.SCOPES))
    parser.add_argument("--tasks", default=",".join(arena.TASKS), metavar="A,B", help=f"({', '.join(arena.TASKS)})")
    parser.add_argument("--profile", default="quick", help="smoke, quick (default) or paper")
    parser.add_argument("--levels", type=int, default=arena.LEVELS, metavar="N", help=f"of half the weights ({arena.LEVELS})")
    parser.add_argument("--trials", type=int, default=arena.TRIALS, metavar="N", help=f"repetitions ({arena.TRIALS})")
    parser.add_argument("--budget", type=int, metavar="N", help="iterations that a ticket may take, its search included")
    parser.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, cuda, cuda:1, mps")
    parser.add_argument("--results", metavar="DIR", help="results folder (LTHLIB_RESULTS, or results/)")
    parser.set_defaults(run=run_arena)


def run_hunt(options: argparse.Namespace) -> None:
    """Carry out `hunt` and print its result on standard output."""
    arguments = {name: value for name, value in vars(options).items() if name not in ("command", "json", "run")}
    table = lthlib.hunt(**arguments)
    if options.json:
        for row in lthlib.summarise(table)[list(JSON_FIELDS)].to_dict("records"):
            print(json.dumps(row))
        return
    trials = table.trial.nunique()
    print(f"\n{options.task}: test accuracy at early stop in percent, mean (min to max) over {trials} trials\n")
    print(lthlib.levels(table).to_string())
    for control in [name for name in settings.CONTROLS if name != "dense" and name in set(table.method)]:
        print(f"\nticket against {control}: points (mean difference), and in how many trials the ticket is better\n")
        print(lthlib.compare(table, control).to_string(formatters={"density": "{:.4f}".format, "points": "{:+.2f}".format}))


def run_translate(options: argparse.Namespace) -> None:
    """Carry out `translate`: write a notebook for each catalogue of the language, or bring the catalogues up to date."""
    lessons = translations.lessons(options.language)
    folder = Path(options.to or f"lessons-{options.language}")
    for lesson in lessons:
        if options.update:
            print(translations.update(lesson, options.language))
            continue
        book = json.dumps(translations.translate(lesson, options.language), ensure_ascii=False, indent=1)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / lesson.name, f"{book}\n".encode())
        print(folder / lesson.name)


def run_handout(options: argparse.Namespace) -> None:
    """Carry out `handout`, and print the paths of what was written."""
    print(*handouts.write(options.to, options.language), sep="\n")


def run_batch(options: argparse.Namespace) -> int:
    """Carry out `batch`, print the runs as a table, and return the exit status."""
    budget = runner.seconds(options.budget) if options.budget else None
    sweep = config.read(options.file)
    if options.dry_run:
        planned = runner.plan(sweep)
        todo = planned[planned.state != runner.DONE]
        print(planned.to_string(index=False, na_rep="?", float_format="{:.0f}".format))
        unknown = f", and {todo.seconds.isna().sum()} runs of unknown length" if todo.seconds.isna().any() else ""
        print(f"\n{len(todo)} of {len(planned)} to run: about {todo.seconds.sum():.0f} seconds one after the other{unknown}.")
        return 0
    outcome = runner.carry_out(sweep, options.engine, budget)
    print(runner.summary(sweep, outcome).to_string(index=False, na_rep="", float_format="{:.0f}".format))
    done, failed, left = (outcome.count(state) for state in (runner.DONE, runner.FAILED, runner.LEFT))
    rest = f", {left} left: the same command goes on from there" if left else ""
    print(f"\n{done} of {len(sweep.runs)} done, {failed} failed{rest}.")
    return 1 if failed else 0


def run_atlas(options: argparse.Namespace) -> None:
    """Carry out `atlas`, and print the files that were written."""
    tasks = [name.strip() for name in options.tasks.split(",")] if options.tasks else None
    if options.dry_run:
        for experiment, trials in reproduction.missing(trials=options.trials, tasks=tasks):
            told = ", ".join(f"{name} {value}" for name, value in experiment.changes.items())
            print(f"{experiment.task}{f' ({told})' if told else ''}: {trials} of {options.trials} trials to do")
        return
    budget = runner.seconds(options.budget) if options.budget else None
    written = reproduction.fill(budget, device=options.device, results=options.results, tasks=tasks, trials=options.trials)
    print(*written or ["Nothing was added."], sep="\n")


def run_report(options: argparse.Namespace) -> None:
    """Carry out `report`, and print the paths of what was written."""
    from lthlib.papers import report  # here, since it draws: matplotlib would delay every other command

    print(*report.write(options.results, options.to), sep="\n")


def run_arena(options: argparse.Namespace) -> None:
    """Carry out `arena`, and print the leaderboard and the checks."""
    if options.file:
        registry.read_file(options.file)
    method = arena.Method(options.score, options.schedule, options.scope)
    names = ("profile", "levels", "trials", "budget", "device", "results")
    chosen = [name.strip() for name in options.tasks.split(",")]
    outcome = arena.compete(method, tasks=chosen, **{name: getattr(options, name) for name in names})
    print("\nTest accuracy at early stop (%), mean with 95 % interval; over random in points; iterations behind one ticket\n")
    print(arena.leaderboard(outcome).to_string(float_format="{:.1f}".format, na_rep="?"))
    print(f"\nSanity checks of {method.name}: ticket minus control, points\n")
    print(arena.checks(outcome).to_string(float_format="{:+.1f}".format, na_rep="?"))


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 2 for bad input with one sentence on standard error, 130 if stopped."""
    try:
        options = parser().parse_args(arguments)
        return options.run(options) or 0
    except LotteryError as error:
        notice(f"lthlib: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has left
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
