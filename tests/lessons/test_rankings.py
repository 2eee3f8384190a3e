"""The arena's tables in words: every number is the table's, every word its verdict."""

import numpy as np
import pandas as pd
import pytest

from lthlib import arena
from lthlib.lessons import rankings
from tests.test_arena import STEADY, TWO, made_up


def a_row(points, low, high, verdict):
    return pd.Series({"points": points, "low": low, "high": high, "verdict": verdict})


def test_a_row_shows_on_which_side_of_zero_its_bounds_are():
    assert rankings.in_words(a_row(8.44, 6.86, 10.02, "better")) == "+8.4 (+6.9 to +10.0), better"
    assert rankings.in_words(a_row(-0.42, -0.86, 0.02, "as good")) == "-0.42 (-0.86 to +0.02), as good"
    assert rankings.in_words(a_row(1.0, np.nan, np.nan, "none")) == "+1.0, none"
    tiny = a_row(5.6e-15, -0.271287, 0.271287, "as good")
    assert rankings.in_words(tiny) == "+0.0 (-0.3 to +0.3), as good"  # a mean of zero, but for rounding


def test_a_grid_has_the_order_of_the_table():
    duel = arena.duel(made_up(TWO), "a", "b", margin=2.5)
    grid = rankings.as_grid(duel)
    assert list(grid.index) == list(grid.columns) == ["uniform", "global"]
    assert grid.loc["uniform", "global"].startswith("-8.0 (") and grid.loc["global", "global"].startswith("+2.00 (+0.02")
    assert list(rankings.as_grid(duel, rows=["global", "uniform"]).index) == ["global", "uniform"]


def test_a_duel_names_both_ends_and_what_is_fair():
    words = rankings.duel_in_words(arena.duel(made_up(TWO), "a", "b", margin=2.5))
    assert "**-8.0** points (uniform against global) to **+5.0** (global against uniform), over 4 trials" in words
    assert "uniform -5.0 (" in words and "global +2.00 (+0.02" in words and "uniform -8.0" not in words


def test_what_a_scope_is_worth_beside_a_method():
    outcome = made_up(TWO)
    board, gains = arena.leaderboard(outcome, margin=2.5), arena.scope_gains(outcome, margin=2.5)
    worth, span = rankings.worths_and_spans(board)
    assert worth.to_dict() == pytest.approx({"a": 10, "b": 3}) and span.to_dict() == pytest.approx({"uniform": 5, "global": 2})
    words = rankings.scopes_in_words(board, gains)
    assert "gains **3.0 to 10.0** points" in words and "of 2 methods are **2.0 to 5.0** points apart" in words
    assert "2 of the 2 differences" in words
    assert rankings.tied(gains) == "Better: a; b."


def test_the_best_and_how_much_the_test_values_would_have_flattered():
    tests = {place: values + (0.2 if place == ("b", "uniform") else 0) for place, values in TWO.items()}
    outcome = made_up(TWO, tests)
    best, board = arena.best_of_scopes(outcome, margin=2.5), arena.leaderboard(outcome, margin=2.5)
    words = rankings.best_in_words(best, board, dense=90.0)
    assert words.startswith("First: **a** under global, 60.1 % (dense: 90.0 %), over 4 trials.")
    assert "up to 17.0 points (b), by 8.5 on average" in words, "75 under uniform, and 58 under the chosen global"
    same = made_up(TWO)
    assert "have raised no mean." in rankings.best_in_words(arena.best_of_scopes(same), arena.leaderboard(same), 90.0)


def test_a_budget_counts_the_search_for_the_scope():
    outcome = made_up(TWO)
    board, best = arena.leaderboard(outcome), arena.best_of_scopes(outcome)
    words = rankings.budget_in_words(board, best, 250)
    assert "uniform **b**" in words and "global **a**" in words, "200 for a ticket whose scope is given"
    assert "Where it has to be found: no method; too expensive then: a; b." in words, "300 for two scopes"
    assert "**a** (60.1 %); too expensive then: none." in rankings.budget_in_words(board, best, 300)


def test_tasks_side_by_side():
    dense = 0.9 + 0.01 * (np.arange(4) - 1.5)
    easy = {("a", "uniform"): dense + 0.001 * STEADY, ("b", "uniform"): dense - 0.1 + 0.001 * STEADY[::-1]}
    hard = {("a", "uniform"): dense - 0.2 + 0.001 * STEADY, ("b", "uniform"): dense - 0.3 + 0.001 * STEADY}
    outcomes = [made_up(easy), made_up(hard).assign(task="u")]
    found = pd.concat(arena.against_dense(outcome, margin=2.5) for outcome in outcomes)
    table = rankings.by_task(found, {"t": 100, "u": 100})
    assert list(table.columns) == ["price (trainings)", "t", "u"] and table["price (trainings)"].tolist() == [2.0, 2.0]
    assert table.t["a"].startswith("uniform: ") and table.t["a"].endswith("as good") and table.u["b"].endswith("worse")


def test_a_ranking_is_shown_without_holes():
    outcome = made_up(TWO)
    shown = rankings.styled(arena.leaderboard(outcome)).to_html() + rankings.styled(arena.best_of_scopes(outcome)).to_html()
    assert "nan" not in shown and "60.1" in shown and "trials needed" in shown
