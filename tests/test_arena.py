"""The arena: one protocol for all, budgets in iterations, and sanity checks that catch what they should."""

import numpy as np
import pandas as pd
import pytest
import torch

import lthlib
from lthlib import analysis, arena, tasks
from lthlib.__main__ import main
from lthlib.analysis import families, training_cost
from lthlib.core.errors import LotteryError

SMALL = {"profile": "smoke", "levels": 2, "trials": 3, "iterations": 40, "evaluate_every": 20, "progress": False, "workers": 1}


pytestmark = pytest.mark.usefixtures("no_criterion_is_left_behind")


def horoscope(*, weights):
    """Looks at no weight, only at its place."""
    return {name: torch.sin(torch.arange(w.numel(), dtype=torch.float64)).view_as(w) for name, w in weights.items()}


def made_up(accuracies, tests=None, entered=(), methods=("oneshot",)):
    """An outcome of task "t" at 25 %: by (entry, scope) a validation accuracy a trial, and a test accuracy unless it is
    the same; dense networks of 0.9 on average."""
    rows = []
    for (entry, scope), values in accuracies.items():
        for trial, validation in enumerate(values):
            test = validation if tests is None else tests[entry, scope][trial]
            for level, (here, there) in enumerate([(0.9 + 0.01 * (trial - 1.5), 0.9), (test, validation)]):
                measures = dict.fromkeys(analysis.MEASURES, here) | {"validation_accuracy": there, "early_stop": 100}
                row = {"task": "t", "setting": entry + scope, "schedule": "oneshot", "redraw": 0, "trial": trial, "level": level}
                row |= measures | {"density": 0.25**level, "entry": entry, "scope": scope, "entered": entry in entered}
                row |= {"spent": [100, 200][level], "shared": [0, 100][level], "validation_loss": 1 - there}
                rows += [row | {"method": method} for method in (methods if level else ("oneshot",))]
    return pd.DataFrame(rows)


STEADY = np.array([0.0, 0.01, -0.01, 0.005])
TWO = {
    ("a", "uniform"): 0.50 + STEADY, ("a", "global"): 0.60 + STEADY,
    ("b", "uniform"): 0.55 + STEADY[::-1], ("b", "global"): 0.58 + STEADY[::-1],
}  # fmt: skip


def test_a_score_that_ignores_the_weights_is_flagged_and_a_good_one_is_not(blobs):
    """Where all that counts is which input is read, magnitude finds it and its shuffled mask does not."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(900, 60, generator=generator)
    targets = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    data = lthlib.data.from_arrays("needles", inputs[:600], targets[:600], inputs[600:], targets[600:])
    task = lthlib.Task("needles-own", data, lambda _: torch.nn.Sequential(
        torch.nn.Linear(60, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3)
    ))  # fmt: skip
    options = {**SMALL, "rate": 0.75, "trials": 5, "iterations": 300, "learning_rate": 0.005, "scopes": "uniform"}
    outcome = arena.compete(arena.Method(horoscope), arena.Method("magnitude"), against=[], tasks=task, **options)
    verdicts = arena.checks(outcome, margin=5).verdict
    assert verdicts["needles-own", "horoscope, oneshot", "shuffle"] in ("flagged", "inconclusive")
    assert verdicts["needles-own", "magnitude, oneshot", "shuffle"] == "passed"
    assert verdicts["needles-own", "magnitude, oneshot", "invert"] == "passed"


def test_every_method_runs_under_every_scope_at_the_same_densities(own_task):
    outcome = arena.compete(arena.Method(horoscope), tasks=own_task, only=(1, 2), **SMALL)
    tickets = outcome[(outcome.method == outcome.schedule) & (outcome.level > 0)]
    both = tickets.groupby(["entry", "scope"]).size()
    names = {"horoscope, oneshot", *(method.name for method in arena.BUILT_IN)}
    assert set(both.index) == {(name, scope) for name in names for scope in arena.SCOPES}
    assert set(both) == {SMALL["trials"] * 2}
    assert (tickets.groupby("level").density.agg(np.ptp) < 0.015).all()
    checked = outcome[outcome.method.isin(arena.CHECKS)]
    chosen = arena.chosen_scopes(outcome)["blobs-own", "horoscope, oneshot"]
    assert set(checked.entry) == {"horoscope, oneshot"} and set(checked.method) == set(arena.CHECKS)
    assert set(checked.scope) == {chosen} and set(checked.level) == {1, 2}
    dense = outcome[(outcome.level == 0) & (outcome.method == outcome.schedule)]
    assert (dense.groupby("trial").test_accuracy.nunique() == 1).all(), "all share the dense networks"


def test_only_the_levels_that_are_compared_are_trained(own_task, tmp_path):
    methods = [arena.Method("magnitude"), arena.Method("magnitude", "iterative")]
    outcome = arena.compete(against=methods, tasks=own_task, scopes="erk", results=tmp_path, **SMALL)
    assert set(outcome.level) == {0, 2}
    stored = lthlib.results(tmp_path).groupby("schedule")["level"].unique().map(set)
    assert stored["oneshot"] == {0, 2} and stored["iterative"] == {0, 1, 2}, "iterative pruning builds on level 1"


def test_leaderboard_ranks_within_a_scope_and_pairs_with_the_first():
    outcome = made_up(TWO)
    board = arena.leaderboard(outcome, margin=2.5)
    order = board.reset_index().groupby("scope").method.agg(list)
    assert order["uniform"] == ["b", "a"] and order["global"] == ["a", "b"]
    assert board.verdict["t", 25, "uniform", 1] == "best" and board["to best"]["t", 25, "uniform", 1] == 0
    second = board.loc["t", 25, "uniform", 2]
    own, difference = 100 * TWO["a", "uniform"], 100 * (TWO["a", "uniform"] - TWO["b", "uniform"])
    assert second["mean"] == pytest.approx(own.mean()) and (second.low, second.high) == pytest.approx(analysis.bounds(own))
    assert second["to best"] == pytest.approx(difference.mean()) and second.trials == 4 and second.iterations == 200
    p = families.turned(analysis.weigh(difference)).p_value(0)
    assert second.verdict == ("worse" if 2 * p < 0.05 else "inconclusive"), "either could have come first"


def test_a_loss_is_ranked_lowest_first():
    board = arena.leaderboard(made_up(TWO), "test_loss", margin=0.01)
    assert board.reset_index().groupby("scope").method.agg(list)["uniform"] == ["a", "b"]
    assert board["to best"]["t", 25, "uniform", 2] > 0


def test_the_scope_is_chosen_on_validation_and_the_test_value_reported():
    tests = {place: values[::-1] + (0.2 if place == ("a", "uniform") else 0) for place, values in TWO.items()}
    outcome = made_up(TWO, tests)
    assert arena.chosen_scopes(outcome).to_dict() == {("t", "a"): "global", ("t", "b"): "global"}
    best = arena.best_of_scopes(outcome)
    assert best.scope.tolist() == ["global", "global"], "though test accuracy is highest under uniform"
    assert best["mean"]["t", 25, 1] == pytest.approx(100 * tests["a", "global"].mean())
    assert set(best.iterations) == {100 + 2 * 100}, "the dense network once, and a ticket of each scope"
    outcome.loc[outcome.scope == "uniform", "validation_loss"] = 0.01
    assert set(arena.chosen_scopes(outcome, "test_loss")) == {"uniform"}


def test_a_scope_whose_networks_diverge_is_not_chosen():
    outcome = made_up(TWO)
    lost = (outcome.entry == "a") & (outcome.scope == "global") & (outcome.level == 1) & (outcome.trial < 3)
    outcome.loc[lost, [*analysis.MEASURES, "validation_loss"]] = float("nan")
    assert arena.chosen_scopes(outcome)["t", "a"] == "uniform" == arena.chosen_scopes(outcome, "test_loss")["t", "a"]
    assert arena.leaderboard(outcome).xs("global", level="scope").set_index("method").trials["a"] == 1


def test_what_a_scope_is_worth_and_what_an_unfair_comparison_says():
    outcome = made_up(TWO)
    gains = arena.scope_gains(outcome, margin=2.5)
    assert gains.points.to_dict() == pytest.approx({("t", 25, "a", "global"): 10, ("t", 25, "b", "global"): 3})
    assert set(gains.verdict) == {"better"}
    back = arena.scope_gains(outcome, "global", margin=2.5)
    assert back.points["t", 25, "a", "uniform"] == pytest.approx(-10) and back.verdict["t", 25, "a", "uniform"] == "worse"
    points = arena.duel(outcome, "a", "b", margin=2.5).points["t", 25]
    assert points.to_dict() == pytest.approx(
        {("uniform", "uniform"): -5, ("uniform", "global"): -8, ("global", "uniform"): 5, ("global", "global"): 2}
    )
    with pytest.raises(LotteryError, match="unknown scope of this arena 'erk'.*uniform, global"):
        arena.scope_gains(outcome, "erk")
    with pytest.raises(LotteryError, match="unknown method of this arena 'c'"):
        arena.duel(outcome, "a", "c")


def test_against_dense_is_the_chosen_scope_less_the_dense_network_of_the_trial():
    outcome = made_up({place: values for place, values in TWO.items() if place[0] == "a"})
    found = arena.against_dense(outcome, margin=2.5)
    dense = 0.9 + 0.01 * (np.arange(4) - 1.5)
    difference = 100 * (TWO["a", "global"] - dense)
    row = found.loc["t", 25, "a"]
    assert row.points == pytest.approx(difference.mean()) and (row.low, row.high) == pytest.approx(analysis.bounds(difference))
    assert row.scope == "global" and row.verdict == "worse" and row.iterations == 200 and row.trials == 4
    matched = made_up({("a", "uniform"): dense + 0.001 * STEADY})
    assert arena.against_dense(matched, margin=2.5).verdict.tolist() == ["as good"]


def test_against_dense_says_nothing_of_a_dense_network_that_has_not_learned():
    outcome = made_up(TWO)
    outcome.loc[outcome.level == 0, "early_stop"] = 0
    found = arena.against_dense(outcome, margin=2.5)
    assert set(found.verdict) == {"none"} and found.points.isna().all()


def test_the_tables_take_what_compete_gives(own_task):
    methods = [arena.Method("snip", "untrained"), arena.BASELINE]
    outcome = arena.compete(arena.Method("movement"), against=methods, tasks=own_task, only=(1, 2), **SMALL)
    names = {"movement, oneshot", "snip, untrained", "random, untrained"}
    for table, rows in ((arena.leaderboard(outcome), 18), (arena.best_of_scopes(outcome), 6)):
        assert len(table) == rows and set(table.method) == names and set(table.trials) == {3}
    dense, gains = arena.against_dense(outcome), arena.scope_gains(outcome)
    assert len(dense) == 6 and len(gains) == 12
    shares = [set(table.index.get_level_values(arena.WEIGHTS)) for table in (arena.leaderboard(outcome), dense, gains)]
    assert len(shares[0]) == 2 and shares[0] == shares[1] == shares[2]
    assert arena.leaderboard(outcome, "test_loss").verdict.notna().all()
    assert set(arena.checks(outcome).verdict) <= {"passed", "flagged", "inconclusive"}


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


def test_a_budget_leaves_out_what_it_does_not_pay_for(own_task):
    options = {"tasks": own_task, "scopes": "global", "only": (1, 2), **SMALL}
    outcome = arena.compete(arena.Method("movement"), budget=100, **options)
    deepest = outcome.groupby("entry")["level"].max()
    assert deepest["magnitude, iterative"] == 1 and deepest["movement, oneshot"] == 2, "80 and 120; always 80"
    assert "synflow, untrained" not in deepest, "its hundred rounds are more than the budget"
    with pytest.raises(LotteryError, match="the budget is 70 iterations, and a ticket of 'movement, oneshot' .* takes 80"):
        arena.compete(arena.Method("movement"), budget=70, **options)


def a_made_up_check(differences):
    ticket, nothing = 0.5 + np.array(differences), np.full(len(differences), 0.5)
    outcome = made_up({("mine, oneshot", "erk"): nothing}, entered=["mine, oneshot"], methods=("oneshot", *arena.CHECKS))
    own = (outcome.method == "oneshot") & (outcome.level == 1)
    outcome.loc[own, "test_accuracy"] = ticket
    return outcome


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.05, 0.06, 0.055], "passed"),
        ([0.05, -0.06, 0.01], "inconclusive"),
        ([-0.05, -0.06, -0.055], "flagged"),
        ([0.001, -0.001, 0.0005], "flagged"),
        ([0.05, 0.06], "none"),
        ([0.050, 0.020, 0.022], "inconclusive"),  # by itself p is 0.043, and there are three checks
    ],
)
def test_verdicts_of_the_checks(differences, verdict):
    assert set(arena.checks(a_made_up_check(differences), margin=1).verdict) == {verdict}


def test_what_cannot_enter_is_told_why(own_task):
    with pytest.raises(LotteryError, match="unknown score 'magnitud'.*did you mean 'magnitude'"):
        arena.Method("magnitud")
    with pytest.raises(LotteryError, match="unknown schedule 'once'"):
        arena.Method("magnitude", "once")
    for wrong, says in (
        ({"scopes": "layer"}, "unknown scope of the arena 'layer'"),
        ({"scopes": []}, "name at least one of uniform"),
        ({"only": 3}, "only is 3: name levels to compare, from 1 to 2"),
        ({"only": ()}, "name levels to compare, from 1 to 2"),
        ({"only": 0}, "a level to compare is 0"),
    ):
        with pytest.raises(LotteryError, match=says):
            arena.compete(arena.Method("movement"), tasks=own_task, **{**SMALL, **wrong})
    with pytest.raises(LotteryError, match="one is there twice"):
        arena.compete(arena.Method("movement"), arena.Method("movement"), tasks=own_task, **SMALL)


def test_the_command(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import lthlib\n\n\n@lthlib.score\ndef mine(*, weights, start):\n"
        "    return {name: (weights[name] * start[name]).abs() for name in weights}\n"
    )
    options = ["--tasks", "lenet-digits", "--profile", "smoke", "--levels", "1", "--trials", "2"]
    options += ["--results", str(tmp_path / "r"), "--scopes", "global,erk"]
    assert main(["arena", "--score", "mine", "--file", str(file), *options]) == 0
    out = capsys.readouterr().out
    assert "mine, oneshot" in out and "synflow, untrained" in out and out.count("none") >= 3, "two trials have no verdict"
    assert "global" in out and "erk" in out and "uniform" not in out
    assert main(["arena", "--score", "movement", *options, "--only", "2"]) == 2
    assert "name levels to compare, from 1 to 1" in capsys.readouterr().err
    assert main(["arena", "--score", "mine", "--file", str(tmp_path / "none.py"), *options]) == 2
    assert "there is no file" in capsys.readouterr().err
    file.write_text("x = 1\n")
    assert main(["arena", "--score", "another", "--file", str(file), *options]) == 2
    assert "registers no criterion" in capsys.readouterr().err
    file.write_text("1 / 0  # of another size than the file before, or its bytecode is found\n")
    assert main(["arena", "--score", "another", "--file", str(file), *options]) == 2
    assert "stops with ZeroDivisionError" in capsys.readouterr().err
