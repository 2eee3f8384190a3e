"""The command line: `python -m lthlib hunt --task lenet-digits`, and more: `python -m lthlib --help`. Each
command is one function that adds its options, and one that carries it out."""

import argparse
import io
import json
import sys
from collections.abc import Callable

import pandas as pd

import lthlib
from lthlib import analysis, arena, settings, tasks
from lthlib.analysis import spreadsheet, timing
from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded
from lthlib.core.percent import percent, rounded
from lthlib.core.progress import notice
from lthlib.core.validation import at_least
from lthlib.lessons import handouts, translations
from lthlib.lottery.controls import CONTROLS
from lthlib.papers import reproduction
from lthlib.pruning import registry
from lthlib.storage import export
from lthlib.storage.store import Store
from lthlib.sweeps import config, runner
from lthlib.training import engine

JSON_FIELDS = [
    *("task", "method", "trial", "redraw", "level", "density", "early_stop"),
    *("test_accuracy", "final_test_accuracy", "final_train_accuracy", "seconds"),
]
LONGEST = 1000  # characters of a sentence: a value may be a megabyte


def _iterations(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _levels(text: str) -> tuple[int, ...]:
    return _iterations(text)


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


_iterations.__name__, _levels.__name__ = "list of iterations", "list of levels"  # so argparse's message says it
_seeds.__name__ = "list of seeds"
# Fields of Recipe that have an option, beside `iterations`: type, metavar, help. Defaults are the profile's.
RECIPE = {
    "optimizer": (str, "O", ", ".join(settings.OPTIMIZERS)),
    "learning_rate": (float, "R", "of the optimiser; the peak of a schedule"),
    "learning_rate_schedule": (str, "S", ", ".join(settings.LEARNING_RATE_SCHEDULES)),
    "warmup": (int, "N", "iterations in which the learning rate rises to its peak"),
    "milestones": (_iterations, "N,M", "iterations at which schedule steps divides the learning rate by ten"),
    "momentum": (float, "M", "of sgd, such as 0.9"),
    "weight_decay": (float, "W", "an L2 penalty with sgd and adam, decoupled with adamw"),
    "gradient_clip": (float, "G", "largest norm of a gradient, such as 1.0"),
    "label_smoothing": (float, "L", "share of each label spread over all classes in training, such as 0.1"),
    "batch_size": (int, "N", "examples of a step"),
}
DEVICE = {"default": "auto", "metavar": "D", "help": "auto (default), cpu, cuda, cuda:1, mps"}
RESULTS = {"metavar": "DIR", "help": "results folder (LTHLIB_RESULTS, or results/)"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 2 for bad input (a sentence says what), 130 if stopped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may hold what the terminal cannot print
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(arguments)
        _check_texts(options)
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except LotteryError as error:
        return _refused(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has left
        sys.stderr.close()
        return 0
    except MemoryError:
        return _refused("there is not enough memory for this: ask for less, or use a larger machine.")
    except OSError as error:
        what = "the output" if error.filename is None else repr(str(error.filename))
        reason = error.strerror or str(error)
        return _refused(f"{what} cannot be used ({reason}): give another path, or mend what is there.")


def _refused(sentence: str) -> int:
    """Say in one line of at most LONGEST characters why nothing was done, and return the status for that."""
    line = " ".join(sentence.split())
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
    notice("lthlib: " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))
    return 2


def _check_texts(options: argparse.Namespace) -> None:
    """Raise LotteryError where a value holds the one character that no name of a file or a task can hold."""
    for name, value in vars(options).items():
        if isinstance(value, str) and "\0" in value:
            raise LotteryError(f"{name} is {value!r}, which holds a NUL character: leave that out.")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and exits with status 2."""

    def error(self, message: str):
        raise LotteryError(f"{message}: see `{self.prog} --help`.")


def parser() -> argparse.ArgumentParser:
    """The parser of `python -m lthlib`. What is not given is taken from the profile."""
    about = "Lottery tickets: find them, train them, see whether they win."
    top = _Parser(prog="python -m lthlib", description=about)
    commands = top.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")
    for add_options in (_hunt, _tasks, _results, _translate, _handout, _batch, _atlas, _report, _arena, _export):
        add_options(commands)
    return top


def _command(commands, run: Callable, summary: str, about: str) -> Callable:
    """Add the command that the function `run_NAME` carries out; what is returned adds an option to it."""
    command = commands.add_parser(run.__name__.removeprefix("run_"), help=summary, description=about)
    command.set_defaults(run=run)
    return command.add_argument


def _hunt(commands) -> None:
    about = """Find tickets, train their controls, and print the table of levels. Finished networks are kept
    in the results folder and never trained again: an interrupted hunt goes on where it stopped."""
    add = _command(commands, run_hunt, "find tickets and train their controls", about)
    add("--task", required=True, help=f"one of {', '.join(tasks.TASKS)}")
    add("--profile", default="quick", help="smoke (seconds), quick (default) or paper (the paper's numbers)")
    add("--schedule", default="iterative", help=f"iterative (default), {', '.join(settings.SCHEDULES[1:])}")
    add("--levels", type=int, metavar="N", help="prune rounds: levels 0 (dense) to N are trained")
    add("--rate", type=float, metavar="R", help="share of the surviving weights removed in a round (0.2)")
    add("--trials", type=int, metavar="N", help="repetitions, each with its own seed")
    add("--iterations", type=int, metavar="N", help="optimiser steps of each training")
    for name, (kind, metavar, about) in RECIPE.items():
        add(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=about)
    add("--rewind", type=int, metavar="K", help="iteration whose weights pruned networks are reset to (0)")
    add("--score", help=f"pruning criterion: {', '.join(registry.SCORES)}")
    add("--scope", help=f"how rates are shared out: {', '.join(settings.SCOPES)}")
    add("--structure", help=f"what is removed as one: {', '.join(settings.STRUCTURES)}")
    add("--source", metavar="T/ID", help="task/identity of the hunt whose masks schedule transferred takes")
    add("--mask", metavar="FILE", help="a safetensors file of 0 and 1 by weight: level 1 has this mask of your own")
    add("--controls", default="", metavar="A,B", help=f"any of {', '.join(CONTROLS)}")
    add("--redraws", type=int, metavar="N", help="networks of each control in a trial")
    add("--seed", type=_seeds, metavar="N,M", help="changes every random number (0); the trials of several are pooled")
    add("--device", **DEVICE)
    add("--workers", type=int, metavar="N", help="processes on a CPU (all cores)")
    add("--sparse", default="auto", help=f"{' or '.join(engine.SPARSE)}: off multiplies the zeros too, to compare (auto)")
    add("--results", **RESULTS)
    add("--json", action="store_true", help="print one JSON object a network and nothing else")
    add("--csv", metavar="FILE", help="also write a row a network, with what its setting is; - prints that and nothing else")


def run_hunt(options: argparse.Namespace) -> None:
    """Carry out `hunt`, and print the levels of tickets and controls, or a JSON object or a CSV row a network."""
    arguments = {name: value for name, value in vars(options).items() if name not in ("command", "json", "csv", "run", "seed")}
    if options.json and options.csv == spreadsheet.SCREEN:
        raise LotteryError("--json and --csv - both print the networks: leave one out, or name a file for --csv.")
    spreadsheet.check(options.csv)
    hunts = [lthlib.hunt(**arguments, seed=seed) for seed in _checked_seeds(options.seed)]
    table = hunts[0] if len(hunts) == 1 else lthlib.pool_seeds(hunts, options.results)
    if options.csv is not None:
        spreadsheet.write(spreadsheet.networks(pd.concat(hunts, ignore_index=True), options.results), options.csv)
    if options.json:
        for network in lthlib.summarise(table)[JSON_FIELDS].to_dict("records"):
            print(json.dumps({name: None if pd.isna(value) else value for name, value in network.items()}))
    if options.json or options.csv == spreadsheet.SCREEN:
        return
    accuracy, trials = "test accuracy at early stop in percent, mean (min to max)", table.trial.nunique()
    print(f"\n{options.task}: {accuracy} over {trials} trials")
    for name, setting in analysis.settings_of(pd.concat(hunts), options.results).items():
        print(f"setting {name}: {tasks.in_words(setting)}")
    print(f"\n{lthlib.levels(table).to_string()}")
    columns = "points (mean difference), and in how many trials the ticket is better"
    form = {"density": lambda share: rounded(share, 4), "points": "{:+.2f}".format}
    for control in CONTROLS:
        if control in set(table.method) - {"dense"}:
            print(f"\nticket against {control}: {columns}\n")
            print(lthlib.compare(table, control).to_string(formatters=form))


def _checked_seeds(seeds: tuple[int, ...] | None) -> list[int | None]:
    """The seeds of the hunts; None is the default one. Raises LotteryError before the first of several."""
    for seed in seeds or ():
        at_least("seed", seed, 0)
        if seeds.count(seed) > 1:
            raise LotteryError(f"seed {seed} is there twice: give each seed once, or its trials count twice.")
    return list(seeds or [None])


def _tasks(commands) -> None:
    about = "List the tasks, and how many parameters of each network may be pruned (? without its data)."
    _command(commands, run_tasks, "the tasks, and what of each may be pruned", about)


def run_tasks(options: argparse.Namespace) -> None:
    """Carry out `tasks`: print one line a task."""
    table = tasks.overview()
    for column, form in {"prunable": "{:,}".format, "parameters": "{:,}".format, "share": percent}.items():
        table[column] = table[column].astype(object).map(form, na_action="ignore")
    print(table.to_string(na_rep="?"))


def _results(commands) -> None:
    about = """List the settings of a results folder: a row each, with profile, seed, rate, scope, score, whatever
    else they differ in, and what they change of the profile. With --csv, write a row for every trained network
    to a file instead, with the same columns."""
    add = _command(commands, run_results, "what a results folder holds, as a list or a CSV file", about)
    add("results", metavar="DIR", nargs="?", help=RESULTS["help"])
    add("--csv", metavar="FILE", help="one row a network: settings, accuracies, early stop, seconds; - prints it")
    add("--manifest", action="store_true", help="what networks were made with: versions, commit, device, start, seconds")


def run_results(options: argparse.Namespace) -> None:
    """Carry out `results`: print the settings, or what they were made with; or write the networks, or the
    latter, as CSV, and print the file's path."""
    spreadsheet.check(options.csv)
    if options.manifest:
        rows = Store(options.results, writable=False).manifests()
    elif options.csv is None:
        rows = analysis.overview(options.results)
    else:
        rows = spreadsheet.networks(lthlib.results(options.results), options.results)
    if options.csv is None:
        print(rows.to_string(index=False) if len(rows) else "Nothing is stored there yet.")
        return
    spreadsheet.write(rows, options.csv)
    if options.csv != spreadsheet.SCREEN:
        print(expanded(options.csv))


def _translate(commands) -> None:
    about = "Write the lessons that are translated into a language as notebooks: the same code, other prose."
    add = _command(commands, run_translate, "write the lessons in another language", about)
    add("--language", required=True, help=", ".join(f"{c} ({n})" for c, n in translations.LANGUAGES.items()))
    add("--to", metavar="DIR", help="folder for the notebooks (lessons-LANGUAGE, where you are)")
    add("--update", action="store_true", help="for translators: bring the catalogues up to date instead")


def run_translate(options: argparse.Namespace) -> None:
    """Carry out `translate`: write a notebook for each catalogue of a language, or update them."""
    language = options.language
    if options.update:
        paths = [translations.update(lesson, language) for lesson in translations.lessons(language)]
    else:
        folder = f"lessons-{language}" if options.to is None else options.to
        paths = translations.write_all(folder, language)
    print(*paths, sep="\n")


def _handout(commands) -> None:
    about = "Write every lesson without its solutions, and all solutions as one Markdown file, made from the lessons."
    add = _command(commands, run_handout, "for teachers: lessons without solutions, and the solutions", about)
    add("--language", default="en", help=f"en (default), {', '.join(translations.LANGUAGES)}")
    add("--to", default="handout", metavar="DIR", help="folder for them (handout, where you are)")


def run_handout(options: argparse.Namespace) -> None:
    """Carry out `handout`, and print the paths of what was written."""
    print(*handouts.write(options.to, options.language), sep="\n")


def _batch(commands) -> None:
    about = """Carry out the sweep of a YAML file (lthlib/sweeps/config.py shows one). What is done is not
    repeated. The exit status is 1 if a run failed."""
    add = _command(commands, run_batch, "notebooks x parameters, through papermill, resumable", about)
    add("file", metavar="FILE.yaml")
    add("--engine", default="local", help="local (default) or ray")
    add("--budget", metavar="T", help="stop in time, such as 9m or 1h30m, to be continued")
    add("--dry-run", action="store_true", help="list what would run, and how long it may take")


def run_batch(options: argparse.Namespace) -> int:
    """Carry out `batch`, print the runs as a table, and return the exit status."""
    budget = _budget(options)
    runner.check_engine(options.engine)
    sweep = config.read(options.file)
    if options.dry_run:
        plan = runner.plan(sweep)
        shown = plan.assign(seconds=plan.seconds.map(timing.about))
        print(f"{shown.to_string(index=False)}\n\n{runner.in_words(plan)}")
        return 0
    outcome = runner.carry_out(sweep, options.engine, budget)
    print(runner.summary(sweep, outcome).to_string(index=False, na_rep="", float_format="{:.0f}".format))
    done, failed, left = (outcome.count(state) for state in (runner.DONE, runner.FAILED, runner.LEFT))
    rest = f", {left} left: the same command goes on from there" if left else ""
    print(f"\n{done} of {len(sweep.runs)} done, {failed} failed{rest}.")
    return 1 if failed else 0


def _atlas(commands) -> None:
    about = """Carry out the papers' experiments in the order that gives most evidence first, and add them to
    data/atlas/. What is there is not trained again. Stops when the budget is over; the same command goes on
    from there."""
    add = _command(commands, run_atlas, "compute what the shipped results at the papers' scale lack", about)
    add("--budget", metavar="T", help="such as 25m or 8h (all that is lacking)")
    add("--device", **DEVICE)
    add("--tasks", metavar="A,B", help="these alone")
    add("--trials", type=int, default=5, metavar="N", help="of each experiment (5, as in the papers)")
    add("--results", **RESULTS)
    add("--dry-run", action="store_true", help="list the experiments: what is shipped, what is to train, how long it takes")


def run_atlas(options: argparse.Namespace) -> None:
    """Carry out `atlas`, and print the files that were written."""
    chosen = {"tasks": None if options.tasks is None else _names(options.tasks), "trials": options.trials}
    budget = _budget(options)
    if options.dry_run:
        engine.check(options.device, None)
        print(*reproduction.missing(**chosen, results=options.results), sep="\n")
        return
    files = reproduction.fill(budget, device=options.device, results=options.results, **chosen)
    print(*files or ["Nothing was added."], sep="\n")


def _report(commands) -> None:
    about = """Write report.html, report.md and report.json: every claim of the papers beside what the shipped
    atlas and a results folder, if one is named, say of it, with bounds and a verdict by a stated rule. Takes any
    folder of hunts, lessons or sweeps."""
    add = _command(commands, run_report, "every claim of the papers beside what was measured", about)
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


def _arena(commands) -> None:
    about = """Run a criterion and the built-in methods under the standard protocol, each under every scope,
    with sanity checks, and print the rankings. It comes from an installed package (entry point in the group
    lthlib.scores), from FILE.py, or is one of lthlib's."""
    add = _command(commands, run_arena, "a pruning criterion of yours beside the built-in methods", about)
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
    outcome = arena.compete(method, tasks=_names(options.tasks), scopes=_names(options.scopes), **arguments)
    columns = "mean with 95 % bounds, mean difference to the first in points, iterations behind one ticket"
    print(f"\nTest accuracy at early stop (%) under each scope: {columns}\n")
    print(arena.leaderboard(outcome).to_string(float_format="{:.1f}".format, na_rep=""))
    print("\nEach method under the scope that its validation accuracy chooses: iterations for all scopes together\n")
    print(arena.best_of_scopes(outcome).to_string(float_format="{:.1f}".format, na_rep=""))
    print(f"\nSanity checks of {method.name}: ticket minus control, points\n")
    print(arena.checks(outcome).to_string(float_format="{:+.1f}".format, na_rep="?"))
    print("\nVerdicts are corrected for the size of their table (Holm); each pair of bounds stands by itself.")


def _export(commands) -> None:
    about = """Write a trained ticket of a stored hunt as a file for other tools: .safetensors or .pt (all
    weights, exactly zero where pruned), or .onnx (the network itself)."""
    add = _command(commands, run_export, "take a ticket with you, as a file", about)
    add("setting", metavar="SETTING", help="task/identity of the hunt; a task will do that has one setting there")
    add("--trial", type=int, default=0, metavar="N", help="which repetition (0)")
    add("--level", type=int, required=True, metavar="N", help="after how many prune rounds")
    add("--at", default="early_stop", help="early_stop (default), whose accuracy is reported, or end")
    add("--to", required=True, metavar="FILE", help=f"ends in {', '.join(export.SUFFIXES)}")
    add("--force", action="store_true", help="overwrite FILE")
    add("--results", **RESULTS)


def run_export(options: argparse.Namespace) -> None:
    """Carry out `export`, and print the path of the file, and what is in it."""
    path = export.check_path(options.to, options.force)
    ticket = export.ticket(options.setting, options.level, options.trial, options.at, options.results)
    network = example = None
    if path.suffix == ".onnx":
        if (name := ticket.about["task"]) not in tasks.TASKS:
            fix = "write it from Python, with lthlib.export, or choose .safetensors"
            raise LotteryError(f"the network of task {name!r} is your own: {fix}.")
        network, example = tasks.TASKS[name].build(), tasks.TASKS[name].dataset.train.inputs[:2]
    print(ticket.save(path, network, example, options.force))
    density, accuracy = (100 * float(ticket.about[share]) for share in ("density", "test_accuracy"))
    at = f"{options.at.replace('_', ' ')} (iteration {ticket.about['iteration']})"
    print(f"{density:.2f} % of the weights; test accuracy at {at} {accuracy:.2f} %")


def _budget(options: argparse.Namespace) -> float | None:
    return None if options.budget is None else runner.seconds(options.budget)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
