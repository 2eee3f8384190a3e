"""What the page says of a level, in the library's own sentences: all of them are worked out before a reader
chooses, by the rules of `analysis.evidence`, for all trials together and for each by itself."""

import math

import pandas as pd

from lthlib.analysis import sentences
from lthlib.analysis.catalogue import Group
from lthlib.analysis.comparison import compare, early_stop_ratio, margin_of, matching
from lthlib.analysis.evidence import NONE
from lthlib.core.errors import LotteryError
from lthlib.pages.looks import name_of
from lthlib.storage.networks import summarise

Finding = dict[str, str]  # method (whose button shows it; "" is always shown), about, verdict, text


def of_group(group: Group, trials: list[int], levels: list[int]) -> list[list[list[Finding]]]:
    """Findings [choice of trials][level]: the first choice is all trials, then each of them."""
    networks = summarise(group.table)
    rows = []
    for trial in [None, *trials]:
        table, part = group.table, networks
        if trial is not None:
            table, part = table[table.trial == trial], part[part.trial == trial]
        by_level = _pruned(group, table, part)
        dense = [_about("", "the dense network", NONE, _dense(part[part.setting == group.setting]))]
        rows.append([by_level.get(level, []) if level else dense for level in levels])
    return rows


def overall(group: Group) -> list[str]:
    """What holds of all levels together: how far down tickets match and win, and by which margin."""
    own = group.table[group.table.setting == group.setting]
    verdicts = matching(own)
    far = [f"{sentences.how_far(verdicts, verdict)}." for verdict in ("matching", "winning")]
    margin = margin_of(own)
    rule = f"How much less accurate is still as good: {margin}."
    return [*far, "No verdict without a margin." if math.isnan(margin.value) else rule]


def _pruned(group: Group, table: pd.DataFrame, networks: pd.DataFrame) -> dict[int, list[Finding]]:
    """By level above 0: the ticket against its dense network in accuracy and early stop, then against each
    other method."""
    ticket, own = group.methods[0], networks[networks.setting == group.setting]
    found: dict[int, list[Finding]] = {}
    if own.empty:
        return found
    margin = margin_of(table[table.setting == group.setting]).value
    words = lambda row: sentences.against(row, "dense", margin)  # noqa: E731
    _add(found, "", "ticket and dense", lambda: compare(own, "dense"), words)
    stops = lambda: early_stop_ratio(table[table.setting == group.setting])  # noqa: E731
    _add(found, "", "early stop", stops, sentences.against_dense)
    for method in group.methods:
        if method == ticket:
            continue
        name = name_of(method)
        other = networks[(networks.method == method) & (networks.setting != group.setting)]
        control: str | pd.DataFrame = method if other.empty else other
        words = lambda row, name=name: sentences.against(row, name, margin)  # noqa: E731
        _add(found, method, f"ticket and {name}", lambda control=control: compare(own, control), words)
    return found


def _add(found: dict[int, list[Finding]], method: str, about: str, rows, words) -> None:
    """Add a finding to each level above 0 of a table, where there is one to be had."""
    try:
        compared = rows()
    except (LotteryError, KeyError):  # pruned at other rates, or without a dense network that has learned
        return
    for level, row in compared.iterrows():
        if level:
            found.setdefault(int(level), []).append(_about(method, about, row.verdict, words(row)))


def _about(method: str, about: str, verdict: str, text: str) -> Finding:
    return {"method": method, "about": about, "verdict": verdict, "text": f"{text}."}


def _dense(networks: pd.DataFrame) -> str:
    """The dense networks in numbers."""
    dense = networks[(networks.level == 0) & (networks.method == networks.schedule)]
    dense = dense.dropna(subset="early_stop")
    if dense.empty:
        return "its training diverged"
    accuracies, stops = 100 * dense.test_accuracy, dense.early_stop
    if len(dense) == 1:
        return f"test accuracy {accuracies.iloc[0]:.1f} % at early stop, iteration {stops.iloc[0]:,.0f}"
    spread = f"{accuracies.min():.1f} to {accuracies.max():.1f}; {len(dense)} trials"
    mean = f"test accuracy {accuracies.mean():.1f} % ({spread}) at early stop"
    return f"{mean}, on average at iteration {stops.mean():,.0f}"
