"""The tables of docs/reproduction.md are what the shipped atlas gives. `python -m tests.papers.test_reproduction_page`
writes them into it."""

import functools

import pandas as pd
import pytest

import lthlib
from lthlib import analysis
from lthlib.core.percent import percent
from lthlib.lessons import reporting
from lthlib.papers import report
from lthlib.storage import atlas
from tests.conftest import ROOT
from tests.test_readme import iterative

PAGE = ROOT / "docs" / "reproduction.md"
BEGIN, END = "<!-- {} -->\n", "\n<!-- end of {} -->"
PLACE = "lenet-mnist, 50,000 iterations"
COLUMNS = ["claim", "the paper", "here", "95 % bounds", "trials", "verdict"]
RANGES = {"21.1 to 2.9 %": (0.2131, 0.028), "2.9 % and below": (0.029, 0.0)}
LEVELS = (0.513, 0.211, 0.135)  # densities that the paper looks at


def hunt() -> pd.DataFrame:
    """The shipped tickets of LeNet on MNIST at the paper's setting, iteratively pruned, with their controls."""
    return iterative("lenet-mnist")


def markdown(rows: list[list], columns: list[str]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def claims() -> str:
    """Every claim that the shipped results of this place were measured for."""
    rows = report.measured()
    rows = rows[(rows.on == PLACE) & (rows.verdict != "")]
    return markdown(rows[COLUMNS].values.tolist(), COLUMNS)


def at_the_end(table: pd.DataFrame) -> str:
    """Accuracy against dense, at early stop and at the end of training."""
    margin, rows = analysis.margin_of(table).value, []
    for method in ("ticket", "reinit"):
        for words, densities in RANGES.items():
            measures = ("test_accuracy", "final_test_accuracy")
            found = [analysis.over_range(table, densities, "dense", measure, method) for measure in measures]
            rows.append([f"{method} minus dense, {words}", *(reporting.judged(gain, margin) for gain in found)])
    return markdown(rows, ["mean over the range", "at early stop", "at iteration 50,000"])


def speed(table: pd.DataFrame) -> str:
    """Early stop against dense, and the steadier measure of speed."""
    stops, reached, rows = analysis.early_stop_ratio(table), analysis.iterations_to_reach(table), []
    for density in LEVELS:
        level = analysis.nearest_level(table, density)
        row = stops.loc[level]
        rows.append([percent(row.density), analysis.against_dense(row), analysis.against_dense(reached.loc[level])])
    columns = [
        "weights remaining",
        "early stop (minimum validation loss)",
        "iterations to dense's validation accuracy less the margin",
    ]
    return markdown(rows, columns)


@functools.cache
def blocks() -> dict[str, str]:
    """The computed parts of the page, by the name of their markers."""
    table = hunt()
    return {"claims": claims(), "at the end": at_the_end(table), "speed": speed(table)}


def write() -> None:
    """Put the computed parts between their markers."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in blocks().items():
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = page.split(begin)
        page = before + begin + text + end + rest.split(end)[1]
    PAGE.write_text(page, encoding="utf-8")


@pytest.mark.skipif(atlas.read("lenet-mnist").empty, reason="no paper-scale results of lenet-mnist are shipped")
@pytest.mark.parametrize("name", ["claims", "at the end", "speed"])
def test_the_pages_tables_are_the_atlas(name):
    page = PAGE.read_text(encoding="utf-8")
    shown = page.split(BEGIN.format(name))[1].split(END.format(name))[0]
    assert shown == blocks()[name], "run `python -m tests.papers.test_reproduction_page`"


@pytest.mark.skipif(hunt().empty, reason="no paper-scale results of lenet-mnist are shipped")
def test_what_the_page_says_in_words_is_what_its_tables_say():
    """The prose names verdicts; if the atlas grows and one changes, the prose has to follow."""
    table, margin = hunt(), analysis.margin_of(hunt()).value
    middle, last = RANGES.values()

    def verdict(*given):
        return analysis.over_range(table, *given).verdict(margin)

    assert verdict(middle, "dense", "test_accuracy", "reinit") == "inconclusive"
    assert verdict(middle, "dense", "final_test_accuracy", "reinit") == "worse"
    assert verdict(last, "dense", "test_accuracy") == "inconclusive"
    assert verdict(last, "dense", "final_test_accuracy") == "worse"
    level = analysis.nearest_level(table, 0.211)
    assert lthlib.early_stop_ratio(table).loc[level].verdict == "as good", "no later, and not shown to be sooner"
    assert analysis.iterations_to_reach(table).loc[level].verdict == "better"


if __name__ == "__main__":
    write()
