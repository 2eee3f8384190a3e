"""Claims beside what was measured: one row a claim, whose numbers and verdict agree."""

import numpy as np
import pandas as pd
import pytest

import lthlib
from lthlib.core.errors import LotteryError
from lthlib.core.language import spoken
from lthlib.papers.beside import COLUMNS, to_show
from tests.papers.tables import hunted


def test_beside_the_paper():
    table = hunted((0.92, 0.94, 0.96)).assign(task="lenet-mnist")
    shown = lthlib.beside_paper(
        {
            "lenet-better-at-51": table.assign(density=table.density.where(table.level == 0, 0.5)),
            "lenet-better-at-13": table,
            "conv2-dropout-gain": [-1.0, -1.1, -1.2],
            "lenet-pruned-at-initialisation": [-1.0, -1.1],
            "lenet-smaller-gap": lthlib.effect(table, "lenet-smaller-gap", density=0.8),
            "init-pruning-beats-random": pd.Series([1.0, 1.1, 1.2]),
        }
    )
    assert shown.columns.tolist() == COLUMNS and shown.index[0] == "lenet-better-at-51" and shown.index.name == "id"
    better = shown.loc["lenet-better-at-51"]
    half = 2.919986 * 2 / 3**0.5  # Student's t, 95 % one-sided, for 2 degrees of freedom, from a printed table
    assert better.here == "+4.00 points at 50 %" and better["95 % bounds"] == f"+{4 - half:.2f} to +{4 + half:.2f}"
    assert better.verdict == "reproduced" and better.on == "lenet-mnist, 20 iterations" and better.trials == 3
    assert better["the paper"] == "above 0 points (no number printed) at 51.3 % (lenet-mnist)"
    assert better.claim == lthlib.claims.find("lenet-better-at-51").claim
    assert (
        shown.here["lenet-better-at-13"] == "no such level"
        and shown.verdict["lenet-better-at-13"] == "no verdict (no such level)"
    )
    assert shown.loc["conv2-dropout-gain", ["verdict", "on"]].tolist() == ["contradicted", "not said"]
    assert shown.loc["lenet-pruned-at-initialisation", ["95 % bounds", "verdict"]].tolist() == [
        "none: fewer than 3 trials",
        "no verdict (fewer than 3 trials)",
    ]
    assert "at 80 %" in shown.here["lenet-smaller-gap"]
    assert shown.verdict["init-pruning-beats-random"] == "reproduced" and "several" in shown["the paper"].iloc[-1]


def test_values_say_nothing_of_the_papers_own_task_unless_told_where_they_are_from():
    values = {"lenet-better-than-reinit": [0.4, 0.5, 0.6]}
    assert lthlib.beside_paper(values).verdict.item() == "same direction"
    assert lthlib.beside_paper(values, on="lenet-digits").verdict.item() == "same direction"
    told = lthlib.beside_paper(values, on="lenet-mnist").iloc[0]
    assert told.verdict == "reproduced" and told.on == "lenet-mnist"
    with pytest.raises(LotteryError, match="did you mean 'lenet-mnist'"):
        lthlib.beside_paper(values, on="lenet-mnst")


def test_an_effect_keeps_its_evidence_and_a_changed_one_does_not():
    table = pd.concat([hunted((0.92, 0.94, 0.96)), hunted((0.94,) * 3, level=2).query("level > 0")], ignore_index=True)
    effect = lthlib.effect(table, "lenet-better-at-51", density=0.8)
    whole = lthlib.beside_paper({"lenet-better-at-51": effect}).iloc[0]
    pooled = lthlib.compare(table, "dense").loc[1]
    assert whole["95 % bounds"] == f"{pooled.low:+.2f} to {pooled.high:+.2f}", "pooled over both levels"
    part = lthlib.beside_paper({"lenet-better-at-51": effect.iloc[:2]}).iloc[0]
    assert part.trials == 2 and part.verdict == "no verdict (fewer than 3 trials)"


def test_margins_and_levels_are_shown_beside_the_bounds():
    shown = lthlib.beside_paper({"init-pruning-shuffled": [-0.1, 0.1, 0.0]}, on="lenet-mnist1d").iloc[0]
    assert shown["95 % bounds"].endswith("(margin 2.5)") and shown.verdict == "as good"
    level = lthlib.beside_paper({"vgg19-no-ticket-at-0.1": [-0.1, 0.1, 0.0]}).iloc[0]
    assert level["95 % bounds"].endswith("(within 0.5)")


def test_numbers_have_as_many_decimals_as_it_takes_to_see_their_side():
    shown = lthlib.beside_paper({"lenet-better-than-reinit": [0.0031, 0.0030, 0.0029]}, on="lenet-mnist").iloc[0]
    assert shown.here == "+0.003 points" and shown["95 % bounds"] == "+0.003 to +0.003"
    speed = lthlib.beside_paper({"lenet-earlier-at-21": [99.8, 99.81, 99.79]}, on="lenet-mnist").iloc[0]
    assert speed.here == "99.8 % of dense's iterations" and speed.verdict == "same direction"


@pytest.mark.parametrize(
    ("values", "says"),
    [(["a", "b"], "no numbers"), ([1.0, np.inf], "is inf: give numbers finite"), (pd.DataFrame({"n": [1]}), "columns n")],
)
def test_what_is_no_values_is_refused(values, says):
    with pytest.raises(LotteryError, match=says):
        lthlib.beside_paper({"lenet-better-at-13": values})


def test_ratios_are_above_zero_and_nothing_is_a_row_without_a_level():
    with pytest.raises(LotteryError, match="is -1: give numbers above zero"):
        lthlib.beside_paper({"early-bird-energy": [2.0, -1.0]})
    assert lthlib.beside_paper({"lenet-better-at-13": []}).here.item() == "no such level"
    assert lthlib.beside_paper({}).columns.tolist() == COLUMNS


def test_the_table_is_english_and_is_shown_in_the_language_that_is_on():
    values = {
        "lenet-better-than-reinit": [0.4, 0.5, 0.6],
        "lenet-earlier-at-21": [60.0, 110.0, 95.0],
        "lenet-better-at-13": [0.1],
    }
    english = lthlib.beside_paper(values, on="lenet-mnist")
    assert to_show(english) is english
    with spoken("ja"):
        table = lthlib.beside_paper(values, on="lenet-mnist")
        shown = to_show(table)
    pd.testing.assert_frame_equal(table, english)
    assert shown.columns.tolist() == ["主張", "論文", "ここでの結果", "測った場所", "95 %の下界と上界", "試行", "判定"]
    assert shown.loc["lenet-better-than-reinit", "判定"] == "再現"
    assert shown.loc["lenet-earlier-at-21", "判定"].startswith("判定できない（約")
    assert shown.loc["lenet-better-at-13", "判定"] == "判定なし（3試行未満）"
    assert shown.loc["lenet-better-at-13", "論文"] == "+0.3ポイント超（密度13.5 %）（lenet-mnist）"
