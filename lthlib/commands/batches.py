"""The command that carries out many runs: batch."""

import argparse

from lthlib.analysis import timing
from lthlib.commands.base import budget_of, command
from lthlib.sweeps import config, runner


def add_batch(commands) -> None:
    """Add the command `batch` with its options."""
    about = """Carry out the sweep of a YAML file (lthlib/sweeps/config.py shows one). What is done is not
    repeated. The exit status is 1 if a run failed."""
    add = command(commands, run_batch, "notebooks x parameters, through papermill, resumable", about)
    add("file", metavar="FILE.yaml")
    add("--engine", default="local", help="local (default) or ray")
    add("--budget", metavar="T", help="stop in time, such as 9m or 1h30m, to be continued")
    add("--dry-run", action="store_true", help="list what would run, and how long it may take")


def run_batch(options: argparse.Namespace) -> int:
    """Carry out `batch`, print the runs as a table, and return the exit status."""
    budget = budget_of(options)
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
