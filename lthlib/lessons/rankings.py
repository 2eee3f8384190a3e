"""The arena's tables in words, for lessons 16 and 17."""

import pandas as pd
from pandas.io.formats.style import Styler

from lthlib.analysis.evidence import AS_GOOD, BETTER, INCONCLUSIVE
from lthlib.analysis.sentences import decimals


def in_words(row: pd.Series) -> str:
    """A row of `arena.scope_gains`, `duel` or `against_dense`, with its bounds: "+8.4 (+6.9 to +10.0), better"."""
    points, low, high = (round(number, 9) + 0.0 for number in (row.points, row.low, row.high))  # no -0.000000
    digits = decimals([(number, 0.0) for number in (points, low, high)])
    bounds = "" if pd.isna(low) else f" ({low:+.{digits}f} to {high:+.{digits}f})"
    return f"{points:+.{digits}f}{bounds}, {row.verdict}"


def as_grid(table: pd.DataFrame, rows: list[str] | None = None) -> pd.DataFrame:
    """Such a table in words, with its last index as columns, in the order of the table. Of one task and
    density only the level before the last is left as index. `rows` gives these another order."""
    words = table.apply(in_words, axis=1)
    columns = words.index.get_level_values(-1).unique()
    words.index = words.index.droplevel([name for name in words.index.names[:-2] if _is_single(words.index, name)])
    return words.unstack(sort=False).reindex(columns=columns, index=rows)


def styled(ranking: pd.DataFrame) -> Styler:
    """A ranking of one task and density with one decimal; what is not there is empty."""
    shown = ranking.droplevel(["task", "weights remaining (%)"]).rename(columns={"needed": "trials needed"})
    whole = ["trials needed", "iterations", "trials"]
    return shown.style.format(na_rep="", precision=1).format("{:,.0f}", na_rep="", subset=whole)


def duel_in_words(duel: pd.DataFrame) -> str:
    """From which difference to which `arena.duel` goes by the scopes of the two, and what it is under one."""
    own = duel.droplevel(["task", "weights remaining (%)"])
    low, high = own.loc[own.points.idxmin()], own.loc[own.points.idxmax()]
    same = "; ".join(f"{a} {in_words(row)}" for (a, b), row in own.iterrows() if a == b)
    return (
        f"From **{low.points:+.1f}** points ({' against '.join(low.name)}) to **{high.points:+.1f}** "
        f"({' against '.join(high.name)}), over {high.trials} trials. Under one scope: {same}."
    )


def scopes_in_words(board: pd.DataFrame, gains: pd.DataFrame) -> str:
    """What a scope is worth beside a method in the rankings of `board`, an `arena.leaderboard` of one task
    and density; for how many rows of `gains`, an `arena.scope_gains`, that was shown."""
    worth, span = worths_and_spans(board)
    return (
        f"From its worst scope to its best a method gains **{worth.min():.1f} to {worth.max():.1f}** points. Under one scope, "
        f"the first and the last of {len(worth)} methods are **{span.min():.1f} to {span.max():.1f}** points apart. "
        f"{(gains.verdict == BETTER).sum()} of the {len(gains)} differences above are *better*."
    )


def tied(gains: pd.DataFrame) -> str:
    """Which verdict each method has in the rows of `arena.scope_gains` for one pair of scopes: "better: a; b.
    Inconclusive: c"."""
    by_verdict = gains.reset_index().groupby("verdict", sort=False).method
    told = [f"{verdict}: {'; '.join(names)}" for verdict, names in by_verdict]
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in told)


def worths_and_spans(board: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Of an `arena.leaderboard` of one task and density, in points: what a method's best scope is better
    than its worst, by method; how far first and last are apart, by scope."""
    means = board.reset_index().pivot(index="method", columns="scope", values="mean")
    return means.max(axis=1) - means.min(axis=1), means.max() - means.min()


def best_in_words(best: pd.DataFrame, board: pd.DataFrame, dense: float) -> str:
    """Who is first in `arena.best_of_scopes`, what that leaves open, and by how much choosing the scope on
    the test values of `board` would have flattered; `dense` is in percent."""
    first, own = best.iloc[0], best.set_index("method")["mean"]
    flattery = board["mean"].groupby(board.method).max().sub(own).round(2)
    raised = f"a mean by up to {flattery.max():.1f} points ({flattery.idxmax()}), by {flattery.mean():.1f} on average"
    named = {word: "; ".join(best.method[best.verdict == word]) or "none" for word in (AS_GOOD, INCONCLUSIVE)}
    return (
        f"First: **{first.method}** under {first.scope}, {first['mean']:.1f} % (dense: {dense:.1f} %), over {first.trials} "
        f"trials. As good: {named[AS_GOOD]}. Inconclusive: {named[INCONCLUSIVE]}. Choosing the scope by test accuracy would "
        f"have raised {raised if flattery.max() > 0 else 'no mean'}."
    )


def budget_in_words(board: pd.DataFrame, best: pd.DataFrame, budget: int) -> str:
    """Who is first for so many iterations, where the scope is given, and where it has to be found."""
    affordable, searched = board[board.iterations <= budget].reset_index(), best[best.iterations <= budget]
    given = affordable.drop_duplicates("scope")
    known = "; ".join(f"{row.scope} **{row.method}** ({row['mean']:.1f} %)" for _, row in given.iterrows())
    found = f"**{searched.method.iloc[0]}** ({searched['mean'].iloc[0]:.1f} %)" if len(searched) else "no method"
    dear = "; ".join(best.method[best.iterations > budget])
    start = f"With {budget:,} iterations a ticket, where the scope is given: {known or 'no method'}."
    return f"{start} Where it has to be found: {found}; too expensive then: {dear or 'none'}."


def by_task(found: pd.DataFrame, trainings: dict[str, int]) -> pd.DataFrame:
    """`arena.against_dense` of several tasks in words: a row for each method, a column for each task, and the
    price of a ticket in trainings of the dense network, which take so many iterations each by task."""
    told = found.apply(lambda row: f"{row.scope}: {in_words(row)}", axis=1)
    grid = told.droplevel("weights remaining (%)").unstack("task", sort=False)
    price = found.iterations / found.index.get_level_values("task").map(trainings)
    grid.insert(0, "price (trainings)", price.groupby(level="method").mean().round(1))
    return grid.rename_axis(columns=None)


def _is_single(index: pd.MultiIndex, name: str) -> bool:
    return index.get_level_values(name).nunique() == 1
