"""Carrying out a sweep: what is not done yet, on this machine or a Ray cluster, within a budget, after any interruption.

A run is done when its result.json is there (see `execute`). Nothing else is kept, so nothing can disagree with it.
"""

import contextlib
import json
import os
import queue
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import joblib
import pandas as pd
import torch
from filelock import FileLock, Timeout

from lthlib.core.errors import LotteryError
from lthlib.core.progress import bar
from lthlib.sweeps import worker
from lthlib.sweeps.config import Run, Sweep
from lthlib.sweeps.worker import DONE, FAILED

LEFT = "left for later"


@dataclass
class Outcome:
    """How the runs of a sweep stand: a word for each, and why those that failed did."""

    states: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def count(self, state: str) -> int:
        return sum(here == state for here in self.states.values())


def carry_out(sweep: Sweep, engine: str = "local", budget: float | None = None, progress: bool = True) -> Outcome:
    """Do what is not done yet of a sweep. `budget` is in seconds: no run is started that is expected to end after it, and those
    that are under way then are stopped, to be gone on with next time. A failed run does not stop the others.

    Raises LotteryError where the output cannot be written, another batch works on it, or the engine is not to be had.
    """
    engines = {"local": _local, "ray": _ray}
    if engine not in engines:
        raise LotteryError(f"unknown engine {engine!r}: choose one of {', '.join(engines)}.")
    outcome = Outcome({run.key: DONE if worker.result(run) else LEFT for run in sweep.runs})
    todo = [run for run in sweep.runs if outcome.states[run.key] == LEFT]
    deadline = None if budget is None else time.monotonic() + budget
    with _alone(sweep), contextlib.closing(bar(len(todo), progress)) as shown:
        past = _past(sweep)
        in_time = lambda run: deadline is None or time.monotonic() + (_expected(run, past) or 0) <= deadline  # noqa: E731
        for run, finished in engines[engine](sweep, todo, in_time, deadline) if todo else ():
            outcome.states[run.key] = finished
            if finished == FAILED:
                outcome.reasons[run.key] = _reason(run)
            shown.update(1)
    return outcome


def plan(sweep: Sweep) -> pd.DataFrame:
    """What a batch would do: each run, how it stands, and the seconds it may take, judged by finished runs of its notebook."""
    past = _past(sweep)
    rows = [(run.name, DONE if worker.result(run) else "to run", _expected(run, past)) for run in sweep.runs]
    return pd.DataFrame(rows, columns=["run", "state", "seconds"])


def summary(sweep: Sweep, outcome: Outcome) -> pd.DataFrame:
    """The runs of a sweep as a table: name, state, seconds it took, and why it failed."""
    rows = []
    for run in sweep.runs:
        found = worker.result(run)
        rows.append(
            (run.name, outcome.states[run.key], found and found["seconds"], outcome.reasons.get(run.key, ""), str(run.folder))
        )
    return pd.DataFrame(rows, columns=["run", "state", "seconds", "why", "folder"])


def seconds(text: str) -> float:
    """A length of time such as "90", "90s", "9m" or "1h30m", in seconds. Raises LotteryError for anything else."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    if not text.strip() or not found:
        raise LotteryError(f"budget is {text!r}: give a time such as 90s, 9m or 1h30m.")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + rest


def _local(sweep: Sweep, todo: list[Run], in_time: Callable[[Run], bool], deadline: float | None) -> Iterator[tuple[Run, str]]:
    """Runs in processes on this machine, as many at a time as it has slots."""
    slots, stop = queue.SimpleQueue(), threading.Event()
    environments = _slots(sweep)
    for environment in environments:
        slots.put(environment)

    def one(run: Run) -> str:
        if stop.is_set() or not in_time(run):
            return LEFT
        environment = slots.get()
        try:
            return _wait(worker.start(run, sweep.timeout, environment), run, deadline, stop)
        finally:
            slots.put(environment)

    pool = ThreadPoolExecutor(len(environments))
    try:
        asked = {pool.submit(one, run): run for run in todo}
        for finished in as_completed(asked):
            yield asked[finished], finished.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _wait(process, run: Run, deadline: float | None, stop: threading.Event) -> str:
    """Until the run has ended, its time is over, or the batch is stopped; in the last two cases it is ended here."""
    while process.poll() is None:
        if stop.is_set() or (deadline is not None and time.monotonic() > deadline):
            process.kill()
            process.wait()
            return LEFT
        time.sleep(0.1)
    return DONE if worker.result(run) else FAILED


def _slots(sweep: Sweep) -> list[dict[str, str]]:
    """The environment of each run that goes on at the same time: its share of the cards, or of the cores."""
    if not sweep.gpus:
        count = sweep.workers or 1
        return [{"LOKY_MAX_CPU_COUNT": str(max(1, joblib.cpu_count() // count))}] * count
    cards = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if os.environ.get("CUDA_VISIBLE_DEVICES") else None
    cards = cards or [str(card) for card in range(torch.cuda.device_count())]
    if len(cards) < sweep.gpus:
        raise LotteryError(f"a run asks for {sweep.gpus:g} cards and {len(cards)} are here: leave `gpus:` out, or ask for fewer.")
    if sweep.gpus >= 1:
        each = int(sweep.gpus)
        groups = [cards[start : start + each] for start in range(0, len(cards) - each + 1, each)]
    else:
        groups = [[card] for card in cards for _ in range(int(1 / sweep.gpus + 1e-9))]
    return [{"CUDA_VISIBLE_DEVICES": ",".join(group)} for group in groups[: sweep.workers or len(groups)]]


def _ray(sweep: Sweep, todo: list[Run], in_time: Callable[[Run], bool], deadline: float | None) -> Iterator[tuple[Run, str]]:
    """Runs on a Ray cluster, or on this machine as one where none is running. Ray starts a lost worker's runs again.

    All machines see the output folder under the same path.
    """
    try:
        import ray
    except ImportError as error:
        raise LotteryError('the engine "ray" is an extra: run `pip install "lthlib[ray]"`, or choose local.') from error
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS")
        ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=None if address else False)
    remote = ray.remote(num_cpus=1, num_gpus=sweep.gpus, max_retries=10)(_in_ray)
    asked = {}
    try:
        room = sweep.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting = list(todo)
        while waiting or asked:
            while waiting and len(asked) < room:
                run = waiting.pop(0)
                if in_time(run):
                    asked[remote.remote(run, sweep.timeout)] = run
                else:
                    yield run, LEFT
            ended, _ = ray.wait(list(asked), timeout=0.5) if asked else ([], [])
            for reference in ended:
                run = asked.pop(reference)
                with contextlib.suppress(ray.exceptions.RayError):  # a run that could not be had back has failed
                    ray.get(reference)
                yield run, DONE if worker.result(run) else FAILED
            if deadline is not None and time.monotonic() > deadline:
                yield from ((run, LEFT) for run in [*asked.values(), *waiting])
                return
    finally:
        for reference in asked:
            ray.cancel(reference, force=True)


def _in_ray(run: Run, timeout: int) -> int:
    """On a machine of the cluster: the run in a process of its own, which is gone when Ray's worker is. One that another attempt
    has finished meanwhile is not repeated."""
    return 0 if worker.result(run) else worker.start(run, timeout).wait()


@contextlib.contextmanager
def _alone(sweep: Sweep):
    """Hold the sweep's output, so that no two batches work on it. Raises LotteryError where one does, or it cannot be written."""
    try:
        sweep.output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(sweep.output / ".batch")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LotteryError(f"another batch works on {sweep.output}: wait for it, or give this one another `output:`.") from error
    except OSError as error:
        raise LotteryError(f"{sweep.output} cannot be written ({error.strerror}): give another `output:`.") from error
    try:
        yield
    finally:
        lock.release()


def _past(sweep: Sweep) -> dict[tuple, float]:
    """The median seconds of finished runs in the output folder, by notebook and profile."""
    found: dict[tuple, list[float]] = {}
    for path in sweep.output.glob("*/*/result.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(path.read_bytes())
            found.setdefault((content["notebook"], content["parameters"].get("profile")), []).append(content["seconds"])
    return {kind: statistics.median(times) for kind, times in found.items()}


def _expected(run: Run, past: dict[tuple, float]) -> float | None:
    return past.get((run.notebook.name, run.parameters.get("profile")))


def _reason(run: Run) -> str:
    try:
        return (run.folder / "error.txt").read_text().strip()
    except OSError:
        return "its process was killed"
