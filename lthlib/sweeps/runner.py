"""Carrying out a sweep: on this machine or a Ray cluster, within a budget, and again after any interruption.
A run is done when its result.json exists (see `worker`); nothing else is kept that could disagree with it."""

import contextlib
import json
import math
import os
import queue
import re
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import joblib
import pandas as pd
import torch
from filelock import Timeout

from lthlib.analysis import timing
from lthlib.core import locks, processes
from lthlib.core.errors import LotteryError
from lthlib.core.progress import bar
from lthlib.core.validation import one_of
from lthlib.lottery import level_keys
from lthlib.sweeps import worker
from lthlib.sweeps.config import Run, Sweep, hunts
from lthlib.sweeps.worker import DONE, FAILED
from lthlib.training import cluster

LEFT, TO_RUN = "left for later", "to run"
FINISHED = "finished runs like it"
_States = Iterator[tuple[Run, str]]  # each run as it ends, with its state


@dataclass
class Outcome:
    """How the runs of a sweep stand: a word for each, and why those that failed did."""

    states: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def count(self, state: str) -> int:
        return list(self.states.values()).count(state)


def carry_out(sweep: Sweep, engine: str = "local", budget: float | None = None, progress=True) -> Outcome:
    """Do what is not done yet of a sweep; a failed run does not stop the others. `budget` is in seconds: a
    run expected to end after it does not start, and one that still runs then is stopped, to be continued next
    time. Raises LotteryError if the output is in use or cannot be written, or the engine is not available."""
    carry_on = check_engine(engine)
    outcome = Outcome({run.key: DONE if worker.result(run) else LEFT for run in sweep.runs})
    todo = [run for run in sweep.runs if outcome.states[run.key] == LEFT]
    deadline = math.inf if budget is None else time.monotonic() + budget
    with _alone(sweep), contextlib.closing(bar(len(todo), progress)) as watch:
        expected = _expected_seconds(sweep)
        latest = {run.key: deadline - (expected[run.key] or 0) for run in todo}  # moment to start at
        for run, state in carry_on(sweep, todo, latest, deadline) if todo else ():
            outcome.states[run.key] = state
            if state == FAILED:
                outcome.reasons[run.key] = _reason(run)
            watch.update(1)
    return outcome


def check_engine(engine: str) -> Callable[..., _States]:
    """What carries runs out under this name. Raises LotteryError for a name that is none."""
    engines = {"local": _local, "ray": _ray}
    one_of("engine", engine, engines)
    return engines[engine]


def plan(sweep: Sweep) -> pd.DataFrame:
    """What a batch would do: each run, how it stands, its seconds (NaN where nothing tells), and from what they
    are judged: finished runs of its notebook, profile and task, or else the pace of the task's networks, by
    which the tickets of its own hunt alone take so long."""
    expected, runs = _expected_seconds(sweep), []
    for run in sweep.runs:
        seconds, source = expected[run.key], FINISHED
        if seconds is None:
            seconds, source = _seconds_of_tickets(run, sweep)
        runs.append((run.name, DONE if worker.result(run) else TO_RUN, seconds, source))
    return pd.DataFrame(runs, columns=["run", "state", "seconds", "from"]).astype({"seconds": float})


def in_words(plan: pd.DataFrame) -> str:
    """How much of a `plan` is to be run, and how long that may take, in a sentence."""
    todo = plan[plan.state != DONE]
    unknown, known = todo[todo.seconds.isna()], todo.dropna(subset="seconds")
    if todo.empty:
        length = "nothing is left to do"
    elif known.empty:
        length = "how long is unknown, since neither such a run nor a network of its task is finished"
    else:
        alone = " (of some the tickets alone)" if (known["from"] != FINISHED).any() else ""
        length = f"{timing.about(known.seconds.sum())} one after the other{alone}"
        length += f", and {len(unknown)} runs of unknown length" if len(unknown) else ""
    return f"{len(todo)} of {len(plan)} to run: {length}."


def summary(sweep: Sweep, outcome: Outcome) -> pd.DataFrame:
    """The runs of a sweep as a table: name, state, seconds it took, why it failed, and its folder."""
    runs = []
    for run in sweep.runs:
        took = (worker.result(run) or {}).get("seconds")
        why = outcome.reasons.get(run.key, "")
        runs.append((run.name, outcome.states[run.key], took, why, str(run.folder)))
    return pd.DataFrame(runs, columns=["run", "state", "seconds", "why", "folder"])


def seconds(text: str) -> float:
    """A length of time such as "90", "90s", "9m" or "1h30m", in seconds. Raises LotteryError for others, and
    for no time at all."""
    parts = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s?)?", text.strip())
    hours, minutes, rest = (int(part or 0) for part in parts.groups()) if parts else (0, 0, 0)
    if not (length := 3600 * hours + 60 * minutes + rest):
        raise LotteryError(f"budget is {text!r}: give a time such as 90s, 9m or 1h30m.")
    return length


def _local(sweep: Sweep, todo: list[Run], latest: dict[str, float], deadline: float) -> _States:
    """Runs in processes on this machine, as many at a time as it has slots."""
    slots, stop = queue.SimpleQueue(), threading.Event()
    environments = _slots(sweep)
    for environment in environments:
        slots.put(environment)

    def one(run: Run) -> str:
        if stop.is_set() or time.monotonic() > latest[run.key]:
            return LEFT
        environment = slots.get()
        try:
            return _wait(_started(run, sweep.timeout, environment), run, deadline, stop)
        finally:
            slots.put(environment)

    pool = ThreadPoolExecutor(len(environments))
    try:
        jobs = {pool.submit(one, run): run for run in todo}
        for job in as_completed(jobs):
            yield jobs[job], job.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _started(run: Run, timeout: int, environment: dict[str, str] | None = None) -> subprocess.Popen | None:
    """The run's process; None where there is no room for one, or for its parameters: then the run has failed,
    and others go on."""
    try:
        return worker.start(run, timeout, environment)
    except OSError as error:
        worker.fail(run, f"its process could not be started ({error.strerror or error})")
        return None


def _wait(process: subprocess.Popen | None, run: Run, deadline: float, stop: threading.Event) -> str:
    """Wait until the run has ended. When the budget is over or the batch is stopped, end it here."""
    while process and process.poll() is None:
        if stop.is_set() or time.monotonic() > deadline:
            processes.end(process.pid)  # with the kernel, and what the notebook has started
            process.wait()
            return LEFT
        time.sleep(0.1)
    return DONE if worker.result(run) else FAILED


def _slots(sweep: Sweep) -> list[dict[str, str]]:
    """The environment of each of the runs that share this machine: its cards, or its part of the cores."""
    if not sweep.gpus:
        count = min(sweep.workers or 1, len(sweep.runs))
        return [{"LOKY_MAX_CPU_COUNT": str(max(1, joblib.cpu_count() // count))}] * count
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    cards = visible.split(",") if visible else [str(card) for card in range(torch.cuda.device_count())]
    if len(cards) < sweep.gpus:
        asked = f"a run asks for {sweep.gpus:g} cards and {len(cards)} are here"
        raise LotteryError(f"{asked}: leave `gpus:` out, or ask for fewer.")
    if sweep.gpus >= 1:
        each = int(sweep.gpus)
        groups = [cards[start : start + each] for start in range(0, len(cards) - each + 1, each)]
    else:
        groups = [[card] for card in cards for _ in range(int(1 / sweep.gpus + 1e-9))]
    return [{"CUDA_VISIBLE_DEVICES": ",".join(group)} for group in groups[: sweep.workers]]


def _ray(sweep: Sweep, todo: list[Run], latest: dict[str, float], deadline: float) -> _States:
    """Runs on a Ray cluster, or on this machine where no cluster is running. Ray starts a lost worker's runs
    again. All machines see the output folder under the same path."""
    ray = cluster.connected()
    remote = ray.remote(num_cpus=1, num_gpus=sweep.gpus, max_retries=10)(_run_on_node)
    room = sweep.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting, jobs = list(todo), {}
    try:
        while waiting or jobs:
            while waiting and len(jobs) < room:
                run = waiting.pop(0)
                if time.monotonic() <= latest[run.key]:
                    jobs[remote.remote(run, sweep.timeout)] = run
                else:
                    yield run, LEFT
            ended, _ = ray.wait(list(jobs), timeout=0.5) if jobs else ([], [])
            for job in ended:
                run = jobs.pop(job)
                with contextlib.suppress(ray.exceptions.RayError):  # a run that Ray lost for good has failed
                    ray.get(job)
                yield run, DONE if worker.result(run) else FAILED
            if time.monotonic() > deadline:
                yield from ((run, LEFT) for run in [*jobs.values(), *waiting])
                return
    finally:
        for job in jobs:
            ray.cancel(job, force=True)


def _run_on_node(run: Run, timeout: int) -> int:
    """On a machine of the cluster: the run in a process of its own, which ends with Ray's worker. A run that
    another attempt has finished meanwhile is not repeated."""
    if worker.result(run):
        return 0
    process = _started(run, timeout)
    return process.wait() if process else 1


def _alone(sweep: Sweep):
    """A lock on the sweep's output. Raises LotteryError if another batch has it, or it cannot be written."""
    try:
        sweep.output.mkdir(parents=True, exist_ok=True)
        return locks.lock(sweep.output / ".batch", timeout=0)
    except Timeout as error:
        advice = "wait for it, or give this one another `output:`"
        raise LotteryError(f"another batch works on {sweep.output}: {advice}.") from error
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise LotteryError(f"{sweep.output} {reason}: give another `output:`.") from error


def _expected_seconds(sweep: Sweep) -> dict[str, float | None]:
    """What each run may take, by key: the median of finished runs of its notebook, profile and task, or None."""

    def kind(notebook: str, parameters: dict) -> tuple:
        return notebook, parameters.get("profile"), parameters.get("task")

    times = defaultdict(list)
    for path in sweep.output.glob("*/*/result.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            content = json.loads(path.read_bytes())
            times[kind(content["notebook"], content["parameters"])].append(float(content["seconds"]))
    medians = {kind: statistics.median(past) for kind, past in times.items()}
    return {run.key: medians.get(kind(run.notebook.name, run.parameters)) for run in sweep.runs}


def _seconds_of_tickets(run: Run, sweep: Sweep) -> tuple[float | None, str]:
    """What the tickets that a run's own hunt still lacks take at the pace of its task's networks, and where that
    is from; None and "" where no pace is known. Without a card the networks share the run's cores."""
    total, sources, results = 0.0, [], run.parameters.get("results") or None
    for setting, extent in hunts(run):
        pace = timing.pace(setting.task, setting.recipe.iterations, results)
        if pace is None:
            return None, ""
        tickets = [key for level in range(extent.levels + 1) for key in level_keys(level, extent, ())]
        total += len(timing.lacking(setting, tickets, results)) * setting.recipe.iterations * pace.seconds
        sources.append(f"its tickets alone, {pace}")
    at_once = 1 if sweep.gpus else max(1, joblib.cpu_count() // min(sweep.workers or 1, len(sweep.runs)))
    return (total / at_once, "; ".join(sources)) if sources else (None, "")


def _reason(run: Run) -> str:
    try:
        return (run.folder / "error.txt").read_text("utf-8").strip()
    except OSError:
        return f"its process was killed, or could not write to {run.folder}"
