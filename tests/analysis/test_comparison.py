import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lthlib
from lthlib import analysis, lottery, tasks
from lthlib.core.errors import LotteryError
from lthlib.storage.store import COLUMNS


def network(method, trial, level, validation, test, redraw=0):
    """Rows of one network: validation losses at 0, 10, 20; test accuracies at early stop and at the end."""
    once = ("t", "id", "iterative", method, trial, redraw, level, 0.8**level)
    rows = [(*once, 10 * i, "validation", loss, 0.5, 1.0) for i, loss in enumerate(validation)]
    stop = 10 * min(range(3), key=lambda i: validation[i])
    for split, (early, late) in (("test", test), ("train", (0.9, 1.0))):
        rows += [(*once, 20, split, 0.1, late, 1.0)] + ([(*once, stop, split, 0.1, early, 1.0)] if stop != 20 else [])
    return rows


@pytest.fixture
def table():
    rows = (
        network("iterative", 0, 0, (3, 1, 2), (0.90, 0.95))
        + network("iterative", 1, 0, (3, 2, 1), (None, 0.80))
        + network("iterative", 0, 1, (3, 1, 1), (0.92, 0.91))
        + network("iterative", 1, 1, (1, 2, 3), (0.70, 0.85))
        + network("reinit", 0, 1, (3, 2, 1), (None, 0.90), redraw=0)
        + network("reinit", 0, 1, (3, 2, 1), (None, 0.80), redraw=1)
        + network("reinit", 1, 1, (3, 2, 1), (None, 0.75), redraw=0)
    )
    return pd.DataFrame(rows, columns=COLUMNS)


def test_summary_takes_the_first_minimum_of_the_validation_loss(table):
    rows = lthlib.summarise(table)
    tickets = rows[rows.method == "iterative"].set_index(["level", "trial"])
    assert tickets.early_stop.to_dict() == {(0, 0): 10, (0, 1): 20, (1, 0): 10, (1, 1): 0}
    assert tickets.test_accuracy.to_dict() == {(0, 0): 0.90, (0, 1): 0.80, (1, 0): 0.92, (1, 1): 0.70}
    assert tickets.final_test_accuracy.to_dict() == {(0, 0): 0.95, (0, 1): 0.80, (1, 0): 0.91, (1, 1): 0.85}


def test_compare_averages_redraws_and_counts_trials(table):
    row = lthlib.compare(table, "reinit").loc[1]
    assert row.points == pytest.approx(100 * ((0.92 - 0.85) + (0.70 - 0.75)) / 2)
    assert (row.better, row.trials, row.density) == (1, 2, 0.8)
    dense = lthlib.compare(table, "dense").loc[1]
    assert dense.points == pytest.approx(100 * ((0.92 - 0.90) + (0.70 - 0.80)) / 2) and dense.better == 1
    earlier = lthlib.compare(table, "reinit", "early_stop").loc[1]
    assert earlier.points == pytest.approx((10 - 20 + 0 - 20) / 2) and earlier.better == 2


def test_levels_and_sentence(table):
    shown = lthlib.levels(table)
    assert shown.columns.tolist() == ["weights remaining (%)", "iterative", "reinit"]
    assert shown.loc[1, "iterative"] == "81.0 (70.0 to 92.0)" and shown.loc[0, "reinit"] == ""
    few = "(2 trials; fewer than 3 have no bounds)"
    assert lthlib.sentence(table, 0.1) == f"no verdict on ticket and reinit at 80.0 %: +1.0 points {few}"
    assert analysis.nearest_level(table, 0.95) == 1 and "at 80.0 %" in lthlib.sentence(table, 0.95)


def test_a_control_that_is_not_there(table):
    with pytest.raises(LotteryError, match="unknown measure 'accuracy'"):
        lthlib.compare(table, "dense", "accuracy")
    with pytest.raises(LotteryError, match="no control 'shuffle'"):
        lthlib.compare(table, "shuffle")


def diverge(table, trial, level=0, method="iterative"):
    """The table with one network's last validation loss no number."""
    of = (table.trial == trial) & (table.level == level) & (table.method == method) & (table.split == "validation")
    last = table[of].groupby("redraw").tail(1).index
    return table.assign(loss=table.loss.mask(table.index.isin(last)))


def test_nothing_is_measured_of_a_network_that_diverged(table):
    rows = lthlib.summarise(diverge(table, trial=0, level=1)).set_index(["method", "trial", "redraw", "level"])
    assert rows.diverged.sum() == 1 and rows.diverged["iterative", 0, 0, 1]
    assert rows.loc[("iterative", 0, 0, 1), list(analysis.LABELS)].isna().all()
    sound = lthlib.summarise(table).set_index(rows.index.names)
    pd.testing.assert_frame_equal(rows[~rows.diverged], sound.drop(("iterative", 0, 0, 1)), check_dtype=False)


def test_what_diverged_is_in_no_mean_and_no_comparison(table):
    gone = diverge(table, trial=0, level=1)
    shown = lthlib.levels(gone)
    assert shown.loc[1, "iterative"] == "70.0 (70.0 to 70.0), 1 diverged" and shown.loc[1, "reinit"] == "81.7 (75.0 to 90.0)"
    assert lthlib.compare(gone, "reinit").loc[1, ["points", "trials"]].tolist() == pytest.approx([-5.0, 1])
    assert lthlib.sentence(gone, 0.8).endswith("at 80.0 %: -5.0 points (1 trial; fewer than 3 have no bounds)")
    all_gone = diverge(gone, trial=1, level=1)
    assert lthlib.levels(all_gone).loc[1, "iterative"] == "2 diverged"
    assert analysis.describe(all_gone).split(". ")[2].startswith("Ticket: diverged")
    with pytest.raises(LotteryError, match="level 1 training diverged in every pair"):
        lthlib.sentence(all_gone, 0.8)


def test_a_network_that_diverged_is_counted_and_wins_nothing():
    rows = trials((10, 20, 30, 40), (0.95,) * 4, (40, 50, 60, 70), (0.89, 0.9, 0.91, 0.9))
    won = analysis.matching(diverge(rows, trial=3, level=1)).loc[1]
    assert (won.verdict, won.trials, won.left_out) == ("winning", 3, 1) and won.percent == pytest.approx(100 * 20 / 50)
    lost = analysis.matching(diverge(rows, trial=3), margin=2).loc[1]
    assert (lost.verdict, lost.trials, lost.left_out) == ("winning", 3, 1), "a trial without its dense network is set aside too"
    for trial in range(4):
        rows = diverge(rows, trial, level=1)
    lost = analysis.matching(rows)
    assert lost.verdict.tolist() == ["none"] and lost.trials.tolist() == [0] and lost.density.tolist() == [0.8]
    assert lost.left_out.tolist() == [4] and analysis.smallest(lost) is None
    assert lthlib.compare(rows, "dense").empty and lthlib.early_stop_ratio(rows).empty


@pytest.mark.parametrize(
    ("dense", "stops", "verdict"),
    [
        ((0.89, 0.90, 0.91), (40, 50, 60), "winning"),
        ((0.51, 0.52, 0.50), (40, 50, 60), "none"),  # half of the labels are right before training as well
        ((0.89, 0.50, 0.91), (40, 50, 60), "none"),  # one did not learn: whatever comes is as good
        ((0.89, 0.90, 0.91), (40, 0, 60), "none"),  # the loss has only grown
    ],
)
def test_beside_a_network_that_learned_nothing_no_ticket_wins(dense, stops, verdict):
    rows = trials((10, 10, 10), dense, stops, dense)
    assert analysis.matching(rows).verdict.tolist() == [verdict]
    assert analysis.matching(lthlib.summarise(rows)).verdict.tolist() == [verdict], "nor by its summary"


def test_by_the_loss_a_network_learns_whatever_its_accuracy_says():
    rows = losses((1.0, 1.1, 1.2), (1.0, 1.1, 1.2)).assign(accuracy=0.5)
    assert lthlib.matching(rows, measure="test_loss").verdict.tolist() == ["winning"]
    assert lthlib.matching(rows).verdict.tolist() == ["none"]


def test_small_densities_are_no_zeros(table):
    rows = table.assign(density=table.density.where(table.level == 0, 0.00018))
    assert lthlib.levels(rows)["weights remaining (%)"].tolist() == [100.0, 0.018]
    assert "reinit at 0.018 %:" in lthlib.sentence(rows, 0.1)


def test_settings_are_not_averaged_and_rows_may_be_put_together(table):
    both = pd.concat([table, table.assign(setting="other")])
    assert len(lthlib.summarise(both)) == 2 * len(lthlib.summarise(table))
    for function in (lthlib.compare, lthlib.levels):
        with pytest.raises(LotteryError, match="2 settings"):
            function(both)


def test_empty_table():
    assert lthlib.summarise(pd.DataFrame(columns=COLUMNS)).empty


def test_gap_and_validation_accuracy(table):
    rows = lthlib.summarise(table).set_index(["method", "trial", "redraw", "level"])
    assert rows.gap["iterative", 0, 0, 0] == pytest.approx(1.0 - 0.95) and set(rows.validation_accuracy) == {0.5}
    gap = lthlib.compare(table, "dense", "gap").loc[1]
    assert gap.points == pytest.approx(100 * ((0.95 - 0.91) + (0.80 - 0.85)) / 2) and gap.better == 1
    assert lthlib.levels(table, "gap").loc[0, "iterative"] == "12.5 (5.0 to 20.0)"


def test_the_loss_is_shown_as_it_is_and_lower_is_better(table):
    loss = table.split.eq("test") & table.method.eq("iterative")
    table.loc[loss & (table.level == 1), "loss"] = 0.04
    rows = lthlib.summarise(table).set_index(["method", "trial", "redraw", "level"])
    assert rows.test_loss["iterative", 0, 0, 0] == 0.1 and rows.test_loss["iterative", 1, 0, 1] == 0.04
    found = lthlib.compare(table, "dense", "test_loss").loc[1]
    assert (found.points, found.better) == (pytest.approx(-0.06), 2)
    assert lthlib.levels(table, "test_loss").loc[1, "iterative"] == "0.040 (0.040 to 0.040)"
    assert "lowest 0.040" in analysis.describe(table, "test_loss")


def test_the_loss_at_early_stop_is_not_that_at_the_end():
    rows = network("iterative", 0, 0, (3, 1, 2), (0.90, 0.95))
    rows = [(*row[:-3], 0.7 if (row[9], row[8]) == ("test", 10) else row[-3], *row[-2:]) for row in rows]
    assert lthlib.summarise(pd.DataFrame(rows, columns=COLUMNS)).test_loss.tolist() == [0.7]


def losses(tickets, dense):
    """A trial for each pair of test losses, of a ticket and its dense network; every accuracy is the same."""
    rows = trials((50,) * len(tickets), (0.9,) * len(tickets), (50,) * len(tickets), (0.9,) * len(tickets))
    for trial, pair in enumerate(zip(dense, tickets)):
        for level, loss in enumerate(pair):
            rows.loc[(rows.trial == trial) & (rows.level == level) & (rows.split == "test"), "loss"] = loss
    return rows


@pytest.mark.parametrize(
    ("tickets", "verdict"), [((1.0, 1.1, 1.2), "winning"), ((0.5, 0.6, 0.7), "winning"), ((2.0, 2.1, 2.2), "worse")]
)
def test_matching_by_the_loss(tickets, verdict):
    table = losses(tickets, (1.0, 1.1, 1.2))
    assert lthlib.matching(table, measure="test_loss").verdict.tolist() == [verdict]
    assert lthlib.matching(table, margin=1).verdict.tolist() == ["winning"], "by accuracy nothing differs"


def trials(stops, accuracies, dense_stops, dense_accuracies, level=1):
    """A ticket and its dense network a trial, with early stops of 10, 20 ... 90 and test accuracies at early stop."""
    rows = []
    for trial, (stop, accuracy, dense_stop, dense) in enumerate(zip(stops, accuracies, dense_stops, dense_accuracies)):
        for at, when, value in ((0, dense_stop, dense), (level, stop, accuracy)):
            once = ("t", "id", "iterative", "iterative", trial, 0, at, 0.8**at)
            rows += [(*once, i, "validation", float(i != when), 0.5, 1.0) for i in range(0, 100, 10)]
            rows += [(*once, i, split, 0.1, value, 1.0) for split in ("test", "train") for i in (when, 90)]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_early_stop_is_a_ratio_of_means_with_paired_bounds():
    rows = trials((10, 40, 20), (0.9,) * 3, (40, 10, 40), (0.9,) * 3)
    row = lthlib.early_stop_ratio(rows).loc[1]
    assert row.percent == pytest.approx(100 * 70 / 90) and (row.trials, row.never) == (3, 0)
    shares = np.array([10, 40, 20]) / (70 / 3) - np.array([40, 10, 40]) / (90 / 3)
    half = stats.t.ppf(0.95, 2) * shares.std(ddof=1) / 3**0.5
    assert (row.low, row.high) == pytest.approx((row.percent * np.exp(-half), row.percent * np.exp(half)))
    assert row.verdict == "inconclusive"


def test_a_network_that_never_learned_counts_with_its_whole_run():
    row = lthlib.early_stop_ratio(trials((10, 0, 20), (0.9,) * 3, (40, 10, 40), (0.9,) * 3)).loc[1]
    assert row.percent == pytest.approx(100 * (10 + 90 + 20) / 90) and (row.trials, row.never) == (3, 1)
    assert "3 trials; 1 network never learned)" in analysis.against_dense(row)


def test_early_stops_by_their_verdict():
    for stops, verdict in (((10, 10, 20), "better"), ((40, 50, 60), "as good"), ((80, 90, 90), "worse")):
        row = lthlib.early_stop_ratio(trials(stops, (0.9,) * 3, (40, 50, 60), (0.9,) * 3)).loc[1]
        assert row.verdict == verdict, stops
    with pytest.raises(LotteryError, match="margin is 1: give how many times"):
        lthlib.early_stop_ratio(trials((10,), (0.9,), (40,), (0.9,)), margin=1)


def learning(trial, level, accuracies):
    """Rows of a network whose validation accuracy is measured every 10 iterations, and whose loss is lowest last."""
    once = ("t", "id", "iterative", "iterative", trial, 0, level, 0.8**level)
    rows = [(*once, 10 * i, "validation", 1.0 - i / 100, accuracies[i], 1.0) for i in range(len(accuracies))]
    return rows + [(*once, 10 * (len(accuracies) - 1), split, 0.1, accuracies[-1], 1.0) for split in ("test", "train")]


def test_iterations_to_reach_the_accuracy_of_dense_less_the_margin():
    rows = []
    for trial in range(3):
        rows += learning(trial, 0, (0.1, 0.3, 0.6, 0.85, 0.90)) + learning(trial, 1, (0.1, 0.86, 0.7, 0.7, 0.7))
    table = pd.DataFrame(rows, columns=COLUMNS)
    row = analysis.iterations_to_reach(table, below=5).loc[1]
    assert row.percent == pytest.approx(100 * 10 / 30) and (row.verdict, row.never) == ("better", 0)
    row = analysis.iterations_to_reach(table, below=1).loc[1]
    assert row.percent == 100 and row.never == 3, "never there: the whole run, 40 of dense's 40 iterations"
    with pytest.raises(LotteryError, match="a summary has none"):
        analysis.iterations_to_reach(lthlib.summarise(table))


def test_bounds_are_students_one_sided():
    values = [0.3, 0.1, 0.7, 0.2]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.90)
    assert analysis.bounds(values) == pytest.approx((expected.low, expected.high))
    assert analysis.bounds([1, 1, 1]) == (1, 1)
    assert all(map(math.isnan, analysis.bounds([1, 2])))


DENSE = (0.89, 0.90, 0.91)  # standard deviation one point: a margin of two


@pytest.mark.parametrize(
    ("accuracies", "stops", "accuracy", "verdict"),
    [
        ((0.91, 0.92, 0.93), (10, 20, 30), "better", "winning"),  # better and earlier
        ((0.89, 0.90, 0.91), (40, 50, 60), "as good", "winning"),  # the same
        ((0.885, 0.895, 0.905), (40, 50, 60), "as good", "winning"),  # surely worse, by less than the margin
        ((0.90, 0.89, 0.89), (40, 50, 60), "inconclusive", "inconclusive"),  # 0.7 points worse, or 3
        ((0.86, 0.87, 0.88), (40, 50, 60), "worse", "worse"),  # 3 points worse
        ((0.91, 0.92, 0.93), (80, 90, 90), "better", "matching"),  # better and later
        ((0.91, 0.92, 0.93), (10, 90, 90), "better", "matching"),  # better, and not shown to be no later
    ],
)
def test_matching_and_winning(accuracies, stops, accuracy, verdict):
    rows = trials(stops, accuracies, (40, 50, 60), DENSE)
    row = analysis.matching(rows).loc[1]
    assert (row.accuracy, row.verdict) == (accuracy, verdict) and row.trials == 3 and row.density == pytest.approx(0.8)
    difference = [100 * (a - b) for a, b in zip(accuracies, DENSE)]
    assert row.points == pytest.approx(sum(difference) / 3)
    assert (row.points_low, row.points_high) == pytest.approx(analysis.bounds(difference))
    assert row.percent == pytest.approx(100 * sum(stops) / 150)
    assert math.isnan(row.needed) == (accuracy != "inconclusive")


def test_a_margin_is_the_callers_the_tasks_or_the_runs_own():
    rows = trials((40, 50, 60), (0.885, 0.895, 0.905), (40, 50, 60), DENSE)
    assert analysis.matching(rows).attrs["margin"] == "margin 2 points (two standard deviations of this run's own dense networks)"
    assert analysis.matching(rows.assign(task="lenet-digits")).attrs["margin"] == "margin 0.8 points (fixed before the run)"
    assert analysis.matching(rows, margin=0.4).accuracy.tolist() == ["worse"]
    for wrong in (0, -1, float("nan"), True, "2"):
        with pytest.raises(LotteryError, match="margin is .*: give how much worse is still no matter"):
            analysis.matching(rows, margin=wrong)


def test_fewer_than_three_trials_have_no_verdict_and_controls_can_be_asked():
    for count in (1, 2):
        rows = trials((10, 20)[:count], (0.95, 0.95)[:count], (40, 50)[:count], (0.9, 0.91)[:count])
        assert analysis.matching(rows).verdict.tolist() == ["none"]
    rows = trials((10, 20, 30), (0.8, 0.8, 0.8), (40, 50, 60), DENSE)
    both = pd.concat([rows, rows[rows.level == 1].assign(method="reinit", accuracy=0.95)])
    assert analysis.matching(both).verdict.tolist() == ["worse"]
    assert analysis.matching(both, method="reinit").verdict.tolist() == ["winning"]
    assert analysis.matching(both, "reinit").verdict.tolist() == ["worse"]


def curve(*points, spread=0.01):
    """A hunt of three trials whose tickets are so many points above dense, level by level from the top."""
    rows = []
    for level, above in enumerate(points, 1):
        tickets = [0.8 + above / 100 + wobble for wobble in (-spread, spread, 0)]
        both = trials((40, 50, 60), tickets, (40, 50, 60), (0.8, 0.8, 0.8), level)
        rows.append(both if level == 1 else both[both.level > 0])
    return pd.concat(rows, ignore_index=True)


def test_the_spread_of_a_curve_is_pooled():
    rows = curve(0, 0, 0)
    row = analysis.compare(rows, "dense", margin=1).loc[1]
    degrees = 3 * 2 / (1 + 2 * 0.25)  # three levels that share their dense networks
    assert row.high == pytest.approx(stats.t.ppf(0.95, degrees) * 1.0 / 3**0.5)
    alone = analysis.compare(curve(0), "dense", margin=1).loc[1]
    assert alone.high == pytest.approx(stats.t.ppf(0.95, 2) * 1.0 / 3**0.5)


def test_how_far_down_in_order_and_anywhere():
    found = analysis.matching(curve(3, 3, -1, 3), margin=2)
    assert found.verdict.tolist() == ["winning", "winning", "inconclusive", "winning"]
    assert analysis.reach(found) == (pytest.approx(0.64), pytest.approx(0.512), "inconclusive")
    assert analysis.smallest(found) == pytest.approx(0.8**4)
    assert analysis.reach(found.head(2), "winning") == (pytest.approx(0.64), None, "")
    assert analysis.reach(found.tail(2)) == (None, pytest.approx(0.512), "inconclusive")
    assert analysis.smallest(analysis.matching(curve(-9, -9), margin=2)) is None
    with pytest.raises(LotteryError, match="unknown verdict 'neither'"):
        analysis.reach(found, "neither")


def test_anywhere_among_many_levels_takes_more_evidence_than_at_one():
    one, many = (analysis.matching(curve(*points), margin=2) for points in ((-0.2,), (-0.2, *[-9] * 9)))
    p_value = many.p_matching.iloc[0]
    assert analysis.holm(many.p_matching)[0] == pytest.approx(min(1, 10 * p_value))
    assert one.p_matching.iloc[0] < 0.15


def test_a_range_is_one_question():
    found = analysis.over_range(curve(3, 1, 2), (0.7, 0.5), "dense")
    assert found.mean == pytest.approx(1.5) and found.trials == 3 and found.verdict(1) == "as good"
    loss = analysis.over_range(losses((1.0, 1.1, 1.2), (1.5, 1.6, 1.7)), (0.9, 0.7), "dense", "test_loss")
    assert loss.mean == pytest.approx(0.5), "a lower loss is a gain"
    with pytest.raises(LotteryError, match="no level is from 0.4 to 0.3 of the weights: the levels are 0.8"):
        analysis.over_range(curve(1), (0.3, 0.4), "dense")


def test_two_hunts_are_compared_trial_by_trial(table):
    other = table.assign(setting="other", accuracy=table.accuracy - 0.02)
    row = lthlib.compare(table, other)
    assert row.points.tolist() == pytest.approx([2.0, 2.0]) and row.index.tolist() == [0, 1], "level 0 is compared as well"
    assert lthlib.compare(table, table).better.tolist() == [0, 0]
    control = lthlib.compare(table, other, method="reinit")
    assert control.points[1] == pytest.approx(row.points[1] - lthlib.compare(table, "reinit").points[1])
    with pytest.raises(LotteryError, match="differ in density"):
        lthlib.compare(table, table.assign(density=table.density**2))
    with pytest.raises(LotteryError, match="empty"):
        lthlib.compare(table.head(0), "dense")


def test_describe(table):
    text = analysis.describe(table)
    assert text == (
        "Test accuracy at early stop (%) against weights remaining. t, 2 trials; dense 85.0 (80.0 to 90.0). "
        "Ticket: highest 81.0 at 80 %, 81.0 at the sparsest, 80 %. "
        "Reinit: highest 81.7 at 80 %, 81.7 at the sparsest, 80 %."
    )
    several = analysis.describe({"a": table, "b": table.head(0)}, "early_stop")
    assert "a: t, 2 trials; dense 15 (10 to 20)." in several and several.endswith("b: no results.")
    assert " Ticket: lowest " in several, "of early stop and gap the lowest is named, without calling it good"


def test_layers_of_a_hunt(own_task, tmp_path):
    lottery.hunt(own_task, levels=2, trials=2, iterations=20, rate=0.5, progress=False, results=tmp_path)
    setting, extent = tasks.resolve(own_task, levels=2, trials=2, iterations=20, rate=0.5)
    rows = analysis.layers(setting, extent, tmp_path).set_index(["trial", "level", "layer"])
    assert len(rows) == 2 * 3 * 2
    assert rows.weights.xs("hidden.weight", level="layer").tolist() == [96, 48, 24] * 2
    assert rows.layer_density.xs("output.weight", level="layer").tolist() == [1.0] * 6, "the network keeps its output whole"
    assert rows.density[0, 2, "hidden.weight"] == (24 + 48) / (96 + 48)
