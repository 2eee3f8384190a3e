"""Commands that find tickets, and say what was found: hunt, tasks, results, export."""

import argparse
import json

import pandas as pd

import lthlib
from lthlib import analysis, settings, tasks
from lthlib.analysis import spreadsheet, training_speed
from lthlib.commands.base import DEVICE, RESULTS, command
from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded
from lthlib.core.percent import percent, rounded
from lthlib.core.spans import spans
from lthlib.core.validation import at_least
from lthlib.lottery.controls import CONTROLS
from lthlib.pruning import registry
from lthlib.storage import export
from lthlib.storage.store import Store
from lthlib.training import engine

NOT_OF_THE_HUNT = ("command", "json", "csv", "run", "seed", "verbose")  # options that only say what is printed
JSON_FIELDS = [
    *("task", "method", "trial", "redraw", "level", "density", "early_stop"),
    *("test_accuracy", "final_test_accuracy", "final_train_accuracy", "seconds"),
]


def _iterations(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


_iterations.__name__ = "list of iterations"  # so argparse's message says it
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


def add_hunt(commands) -> None:
    """Add the command `hunt` with its options."""
    about = """Find tickets, train their controls, and print the table of levels. Finished networks are kept
    in the results folder and never trained again: an interrupted hunt goes on where it stopped."""
    add = command(commands, run_hunt, "find tickets and train their controls", about)
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
    add("--moves", metavar="M", help=f"under schedule untrained, how masks move in training: {', '.join(settings.MOVES)}")
    add("--source", metavar="T/ID", help="task/identity of the hunt whose masks schedule transferred takes")
    add("--mask", metavar="FILE", help="a safetensors file of 0 and 1 by weight: level 1 has this mask of your own")
    add("--controls", default="", metavar="A,B", help=f"any of {', '.join(CONTROLS)}")
    add("--redraws", type=int, metavar="N", help="networks of each control in a trial")
    add("--seed", type=_seeds, metavar="N,M", help="changes every random number (0); the trials of several are pooled")
    add("--device", **DEVICE)
    add("--workers", type=int, metavar="N", help="processes on a CPU (all cores)")
    add("--sparse", default="auto", help=f"{' or '.join(engine.SPARSE)}: off multiplies the zeros too, to compare (auto)")
    add("--engine", default="local", help="local (default) or ray: workers on the machines of a Ray cluster, see docs/cluster.md")
    add("--verbose", action="store_true", help="also say how each level is trained: which layers by their kept weights, and why")
    add("--results", **RESULTS)
    add("--json", action="store_true", help="print one JSON object a network and nothing else")
    add("--csv", metavar="FILE", help="also write a row a network, with what its setting is; - prints that and nothing else")


def run_hunt(options: argparse.Namespace) -> None:
    """Carry out `hunt`, and print the levels of tickets and controls, or a JSON object or a CSV row a
    network."""
    arguments = {name: value for name, value in vars(options).items() if name not in NOT_OF_THE_HUNT}
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
    if options.verbose:
        _say_how_trained(hunts[0], options)
    columns = "points (mean difference), and in how many trials the ticket is better"
    form = {"density": lambda share: rounded(share, 4), "points": "{:+.2f}".format}
    for control in CONTROLS:
        if control in set(table.method) - {"dense"}:
            print(f"\nticket against {control}: {columns}\n")
            print(lthlib.compare(table, control).to_string(formatters=form))


def _say_how_trained(table: pd.DataFrame, options: argparse.Namespace) -> None:
    """Print how the levels were trained, those alike in one line."""
    [setting, *_] = analysis.settings_of(table, options.results).values()
    task, store = tasks.find_task(options.task), Store(options.results, writable=False)
    ways = training_speed.ways_by_level(task, setting, store, int(table.level.max()), options.device, options.sparse)
    print("\nHow a training step is done:")
    for way in ways.unique():
        print(f"{spans(list(ways.index[ways == way]))}: {way}")


def _checked_seeds(seeds: tuple[int, ...] | None) -> list[int | None]:
    """The seeds of the hunts; None is the default one. Raises LotteryError before the first of several."""
    for seed in seeds or ():
        at_least("seed", seed, 0)
        if seeds.count(seed) > 1:
            raise LotteryError(f"seed {seed} is there twice: give each seed once, or its trials count twice.")
    return list(seeds or [None])


def add_tasks(commands) -> None:
    """Add the command `tasks` with its options."""
    about = "List the tasks, and how many parameters of each network may be pruned (? without its data)."
    command(commands, run_tasks, "the tasks, and what of each may be pruned", about)


def run_tasks(options: argparse.Namespace) -> None:
    """Carry out `tasks`: print one line a task."""
    table = tasks.overview()
    for column, form in {"prunable": "{:,}".format, "parameters": "{:,}".format, "share": percent}.items():
        table[column] = table[column].astype(object).map(form, na_action="ignore")
    print(table.to_string(na_rep="?"))


def add_results(commands) -> None:
    """Add the command `results` with its options."""
    about = """List the settings of a results folder: a row each, with profile, seed, rate, scope, score, whatever
    else they differ in, and what they change of the profile. With --csv, write a row for every trained network
    to a file instead, with the same columns."""
    add = command(commands, run_results, "what a results folder holds, as a list or a CSV file", about)
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


def add_export(commands) -> None:
    """Add the command `export` with its options."""
    about = """Write a trained ticket of a stored hunt as a file for other tools: .safetensors or .pt (all
    weights, exactly zero where pruned), or .onnx (the network itself)."""
    add = command(commands, run_export, "take a ticket with you, as a file", about)
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
