"""Which two networks are copies of one state: the numbers of docs/decisions/0010-instability.md.

`python -m tests.bench.instability` trains them in lesson 9's quick setting and prints them as a table; 5 trials take
about 12 minutes on two cores. Pairs of trained networks, all from the same theta_k of the same trial:

    restarted, same order    the dense run, and the same run with a fresh optimiser from k on: the optimiser's restart alone
    dense run and fork       the dense run and its fork: the restart, and another order of the data (what was compared until now)
    two forks                a fresh optimiser at k in both, two orders (what is compared now)
    optimiser kept           two orders from k on, each with the optimiser state that the dense run has at k
    ticket and fork          of a pruned network: both start at k with a fresh optimiser
"""

import argparse
from collections.abc import Iterator

import pandas as pd
import torch

import lthlib
from lthlib import lottery, tasks
from lthlib.analysis import mode_connectivity
from lthlib.core.processes import one_thread
from lthlib.core.seeds import seed_for
from lthlib.lottery.controls import Place
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Task
from lthlib.training import engine
from lthlib.training.randomness import batch_order
from lthlib.training.stack import Stack, Ticket

State = dict[str, torch.Tensor]


def lesson_9(task: Task) -> dict:
    """What lesson 9 asks for at profile quick: six tenths of the usual training, two rounds of 75 %."""
    usual = tasks.resolve(task, "quick")[0].recipe
    shorter = {"iterations": round(0.6 * usual.iterations), "milestones": [round(0.6 * at) for at in usual.milestones]}
    return {"levels": 2, "rate": 0.75, **shorter}


def switched(task: Task, ticket: Ticket, recipe: Recipe, k: int, order: int) -> State:
    """The weights at the end of one training that sees the data in the ticket's order up to iteration k, and
    from then on as the seed `order` says: the optimiser keeps its state. Without augmentation."""
    splits, orders = task.dataset.train, [(ticket.order_seed, 0, k), (order, k, recipe.iterations)]
    batches = torch.cat([batch_order(len(splits), recipe.batch_size, *part) for part in orders if part[1] < part[2]])
    with one_thread():
        stack = Stack(task.build(), [ticket], recipe, splits, torch.device("cpu"), task.objective)
        for iteration, batch in enumerate(batches):
            stack.step(batch[None], None, iteration)
    return {name: tensor[0].clone() for name, tensor in stack.state().items()}


def pairs(task: Task, setting: Setting, store: Store, trial: int, levels: int) -> Iterator[tuple[str, int, State, State]]:
    """Of one trial and rewind point every pair: its name, level, and the weights of both networks."""
    hunt = lottery.Hunt(task, setting, task.build(), store)
    place = Place(hunt, Key(TICKET, trial, 0), hunt.next_mask(trial, 0))
    dense, *forks = (hunt.weights(Key(name, trial, 0, redraw)) for name, redraw in ((TICKET, 0), ("fork", 0), ("fork", 1)))
    if setting.rewind:
        restarted = engine.train([place.from_theta_k()], setting.recipe, task.dataset, model=hunt.network, device="cpu")
        yield "restarted, same order", 0, dense, next(restarted)[1].weights
        yield "dense run and fork", 0, dense, forks[0]
        seeds = [seed_for("kept", trial, copy) for copy in range(2)]
        yield "optimiser kept", 0, *(switched(task, place.ticket(), setting.recipe, setting.rewind, seed) for seed in seeds)
    yield "two forks", 0, *forks
    for level in range(1, levels + 1):
        yield "ticket and fork", level, *(hunt.weights(Key(name, trial, level)) for name in (TICKET, "fork"))


def distance(a: State, b: State) -> float:
    """The L2 distance of two networks, over all parameters; running statistics are left out."""
    return (
        sum(float((a[name] - b[name]).double().square().sum()) for name in a if "running" not in name and "num_" not in name)
        ** 0.5
    )


def measured(task: Task, rewinds: list[int], trials: int, points: int, results: str | None, **chosen) -> pd.DataFrame:
    """A row for each pair: k, pair, weights remaining (%), trial, distance, and instability in points."""
    rows, store = [], Store(results)
    asked = {**chosen, "trials": trials, "controls": "fork", "results": results, "device": "cpu"}
    for k in rewinds:
        lthlib.hunt(task, "quick", rewind=k, **{**asked, "levels": 0}, redraws=2)
        table = lthlib.hunt(task, "quick", rewind=k, **asked, redraws=1)
        setting, share = store.find(f"{task.name}/{table.setting.iloc[0]}"), 100 * table.groupby("level").density.mean()
        for trial in range(trials):
            for name, level, a, b in pairs(task, setting, store, trial, chosen["levels"]):
                barrier = mode_connectivity.barrier(mode_connectivity.path(task, a, b, points=points, device="cpu"))
                rows.append((k, name, round(share[level], 1), trial, distance(a, b), barrier))
    return pd.DataFrame(rows, columns=["k", "pair", "weights", "trial", "distance", "instability"])


def spans(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean and range over trials, and in how many of them the instability is below 2 points."""
    groups = rows.groupby(["k", "weights", "pair"], sort=False)
    shown = groups[["distance", "instability"]].agg(lambda each: f"{each.mean():.1f} ({each.min():.1f} to {each.max():.1f})")
    return shown.assign(stable=groups.instability.agg(lambda each: f"{(each < mode_connectivity.STABLE).sum()} of {len(each)}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="vgg7-cluttered")
    parser.add_argument("--rewinds", type=int, nargs="+", default=[0, 4, 12, 40])
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--points", type=int, default=11)
    parser.add_argument("--results", default="results/instability")
    given = parser.parse_args()
    task = tasks.find_task(given.task)
    print(spans(measured(task, given.rewinds, given.trials, given.points, given.results, **lesson_9(task))).to_string())


if __name__ == "__main__":
    main()
