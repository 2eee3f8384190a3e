import pandas as pd
import pytest

import lthlib
from lthlib import tables
from lthlib.errors import LotteryError
from lthlib.store import COLUMNS


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
    assert lthlib.sentence(table, 0.1) == "ticket better than reinit at 80.0 %: +1.0 points, better in 1 of 2 trials"
    assert tables.nearest_level(table, 0.95) == 1 and "at 80.0 %" in lthlib.sentence(table, 0.95)


def test_a_control_that_is_not_there(table):
    with pytest.raises(LotteryError, match="unknown measure 'accuracy'"):
        lthlib.compare(table, "dense", "accuracy")
    with pytest.raises(LotteryError, match="no control 'shuffle'"):
        lthlib.compare(table, "shuffle")


def test_a_diverged_network_stops_at_its_first_measurement(table):
    nan = table.assign(loss=float("nan"))
    assert set(lthlib.summarise(nan).early_stop) == {0}


def test_settings_are_not_averaged_and_rows_may_be_put_together(table):
    both = pd.concat([table, table.assign(setting="other")])
    assert len(lthlib.summarise(both)) == 2 * len(lthlib.summarise(table))
    for function in (lthlib.compare, lthlib.levels):
        with pytest.raises(LotteryError, match="2 settings"):
            function(both)


def test_empty_table():
    assert lthlib.summarise(pd.DataFrame(columns=COLUMNS)).empty
