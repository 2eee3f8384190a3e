"""The arena: one protocol for all, budgets in iterations, and sanity checks that catch what they should."""

import numpy as np
import pandas as pd
import pytest
import torch

import lthlib
from lthlib import analysis, arena, tasks
from lthlib.__main__ import main
from lthlib.analysis import training_cost
from lthlib.core.errors import LotteryError

SMALL = {"profile": "smoke", "levels": 2, "trials": 3, "iterations": 40, "evaluate_every": 20, "progress": False}


pytestmark = pytest.mark.usefixtures("no_criterion_is_left_behind")


def horoscope(*, weights):
    """Looks at no weight, only at its place."""
    return {name: torch.sin(torch.arange(w.numel(), dtype=torch.float64)).view_as(w) for name, w in weights.items()}


def test_a_score_that_ignores_the_weights_is_flagged_and_a_good_one_is_not(blobs):
    """Where all that counts is which input is read, magnitude finds it and its shuffled mask does not."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(900, 60, generator=generator)
    targets = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    data = lthlib.data.from_arrays("needles", inputs[:600], targets[:600], inputs[600:], targets[600:])
    task = lthlib.Task("needles-own", data, lambda _: torch.nn.Sequential(
        torch.nn.Linear(60, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3)
    ))  # fmt: skip
    options = {**SMALL, "rate": 0.75, "trials": 5, "iterations": 300, "learning_rate": 0.005}
    outcome = arena.compete(arena.Method(horoscope), arena.Method("magnitude"), against=[], tasks=task, **options)
    verdicts = arena.checks(outcome).verdict
    assert verdicts["needles-own", "horoscope, oneshot", "shuffle"] == "flagged"
    assert verdicts["needles-own", "magnitude, oneshot", "shuffle"] == "passed"
    assert verdicts["needles-own", "magnitude, oneshot", "invert"] == "passed"


def test_all_methods_run_at_the_same_densities(own_task):
    outcome = arena.compete(arena.Method(horoscope), tasks=own_task, **SMALL)
    tickets = outcome[(outcome.method == outcome.schedule) & (outcome.level > 0)]
    assert set(tickets.entry) == {"horoscope, oneshot", *(method.name for method in arena.BUILT_IN)}
    assert (tickets.groupby("level").density.agg(np.ptp) < 0.015).all()
    checked = outcome[outcome.method.isin(arena.CHECKS)]
    assert set(checked.entry) == {"horoscope, oneshot"} and set(checked.method) == set(arena.CHECKS)


def test_leaderboard_ranks_by_mean_and_pairs_with_random(own_task):
    outcome = arena.compete(arena.Method(horoscope), tasks=own_task, **SMALL)
    board = arena.leaderboard(outcome).reset_index()
    for _, here in board.groupby("weights remaining (%)"):
        assert here["mean"].is_monotonic_decreasing and here["rank"].tolist() == list(range(1, len(here) + 1))
    row = board[(board.method == "snip, untrained")].iloc[0]
    level_1 = outcome[(outcome.level == 1) & (outcome.method == outcome.schedule)].set_index(["entry", "trial"]).test_accuracy
    own = 100 * level_1["snip, untrained"]
    difference = own - 100 * level_1["random, untrained"]
    assert row["mean"] == pytest.approx(own.mean()) and (row.low, row.high) == pytest.approx(analysis.bounds(own))
    assert row["over random"] == pytest.approx(difference.mean())
    assert (row.over_low, row.over_high) == pytest.approx(analysis.bounds(difference)) and row.trials == 3


def spent(task="lenet-digits", level=3, **chosen):
    return training_cost.iterations_spent(tasks.resolve(tasks.find_task(task), "quick", iterations=1000, **chosen)[0], level)


def test_iterations_spent():
    assert spent(level=0) == 1000
    assert spent() == 4000 and spent(rewind=100) == 1000 + 3 * 900
    assert spent(schedule="continued") == spent(schedule="finetuned") == 4000
    assert spent(schedule="oneshot") == 2000 == spent(schedule="oneshot", level=1)
    assert spent(schedule="untrained") == 1000 == spent(schedule="untrained", rewind=300)
    assert spent(schedule="untrained", score="snip") == 1001
    assert spent(schedule="untrained", score="synflow") == 1100
    assert spent(score="snip") == 4003


def test_spent_is_what_the_engine_trained(own_task):
    """Counted in the histories: the last iteration less the first, over all networks that a ticket needs."""
    for schedule in ("iterative", "oneshot"):
        options = {"rewind": 10, "iterations": 40, "evaluate_every": 10, "levels": 2, "trials": 1, "progress": False}
        table = lthlib.hunt(own_task, schedule=schedule, **options)
        steps = table.groupby("level").iteration.agg(np.ptp)
        needed = steps.sum() if schedule == "iterative" else steps[0] + steps[2]
        setting = tasks.resolve(own_task, "quick", schedule=schedule, rewind=10, iterations=40, evaluate_every=10)[0]
        assert training_cost.iterations_spent(setting, 2) == needed


def test_a_budget_ends_the_way_down(own_task):
    outcome = arena.compete(arena.Method("movement"), tasks=own_task, budget=100, **SMALL)
    deepest = outcome.groupby("entry")["level"].max()
    assert deepest["magnitude, iterative"] == 1 and deepest["movement, oneshot"] == 2, "80 and 120; always 80"
    assert "synflow, untrained" not in deepest, "its hundred rounds are more than the budget"
    with pytest.raises(LotteryError, match="the budget is 70 iterations, and a ticket of 'movement, oneshot' .* takes 80"):
        arena.compete(arena.Method("movement"), tasks=own_task, budget=70, **SMALL)


def test_smallest_matching_is_the_end_of_the_unbroken_run():
    rows = []
    for entry, accuracies in (("good", [0.8, 0.81, 0.805, 0.3]), ("bad", [0.8, 0.2, 0.8, 0.8])):
        for level, accuracy in enumerate(accuracies):
            for trial in range(4):
                value = accuracy + 0.01 * (trial - 1.5) * (-1) ** level
                measures = dict.fromkeys(analysis.MEASURES, value) | {"early_stop": 100}
                row = {"task": "t", "setting": "s", "schedule": "oneshot", "method": "oneshot", "trial": trial, "redraw": 0}
                rows.append(row | measures | {"level": level, "density": 0.5**level, "entry": entry, "spent": 10 * level})
    found = arena.smallest_matching(pd.DataFrame(rows))
    assert found.density["t", "good"] == 0.25 and found.iterations["t", "good"] == 20 and found.trials["t", "good"] == 4
    assert np.isnan(found.density["t", "bad"]) and np.isnan(found.iterations["t", "bad"])


def test_smallest_matching_takes_what_compete_gives(own_task):
    outcome = arena.compete(arena.Method("movement"), against=[arena.BASELINE], tasks=own_task, **SMALL)
    assert list(arena.smallest_matching(outcome).index.get_level_values("method")) == ["movement, oneshot", "random, untrained"]


def a_made_up_outcome(differences):
    rows = []
    for trial, difference in enumerate(differences):
        for method, value in (("oneshot", 0.5 + difference), *((check, 0.5) for check in arena.CHECKS)):
            rows.append(("t", "mine, oneshot", "oneshot", method, trial, 1, value, True))
    columns = ["task", "entry", "schedule", "method", "trial", "level", "test_accuracy", "entered"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.05, 0.06, 0.055], "passed"),
        ([0.05, -0.06, 0.01], "flagged"),
        ([-0.05, -0.06, -0.055], "flagged"),
        ([0.05, 0.06], "cannot tell"),
    ],
)
def test_verdicts_of_the_checks(differences, verdict):
    assert set(arena.checks(a_made_up_outcome(differences)).verdict) == {verdict}


def test_what_cannot_enter_is_told_why(own_task):
    with pytest.raises(LotteryError, match="unknown score 'magnitud'.*did you mean 'magnitude'"):
        arena.Method("magnitud")
    with pytest.raises(LotteryError, match="unknown scope of the arena 'layer'"):
        arena.Method("magnitude", scope="layer")
    with pytest.raises(LotteryError, match="unknown schedule 'once'"):
        arena.Method("magnitude", "once")
    with pytest.raises(LotteryError, match="one is there twice"):
        arena.compete(arena.Method("movement"), arena.Method("movement"), tasks=own_task, **SMALL)


def test_the_command(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import lthlib\n\n\n@lthlib.score\ndef mine(*, weights, start):\n"
        "    return {name: (weights[name] * start[name]).abs() for name in weights}\n"
    )
    options = ["--tasks", "lenet-digits", "--profile", "smoke", "--levels", "1", "--trials", "2"]
    options += ["--results", str(tmp_path / "r")]
    assert main(["arena", "--score", "mine", "--file", str(file), *options]) == 0
    out = capsys.readouterr().out
    assert "mine, oneshot" in out and "synflow, untrained" in out and out.count("cannot tell") == 3
    assert main(["arena", "--score", "mine", "--file", str(tmp_path / "none.py"), *options]) == 2
    assert "there is no file" in capsys.readouterr().err
    file.write_text("x = 1\n")
    assert main(["arena", "--score", "another", "--file", str(file), *options]) == 2
    assert "registers no criterion" in capsys.readouterr().err
    file.write_text("1 / 0\n")
    assert main(["arena", "--score", "another", "--file", str(file), *options]) == 2
    assert "stops with ZeroDivisionError" in capsys.readouterr().err
