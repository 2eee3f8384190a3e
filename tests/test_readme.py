"""The README's table of paper-scale results is what the shipped atlas gives. `python -m tests.test_readme` prints it."""

import re

import hypothesis
import pandas as pd
import pytest
from hypothesis import given

import lthlib
from lthlib import analysis
from lthlib.core.percent import percent
from lthlib.papers import claims, report
from lthlib.storage import atlas
from tests.analysis.test_sentences import check_row, check_speed, tables, unhurried
from tests.conftest import ROOT

HEADLINES = [
    "lenet-better-at-13",
    "lenet-level-at-3.6",
    "lenet-better-than-reinit",
    "lenet-earlier-at-21",
    "lenet-sooner-than-reinit",
    "tickets-faster-above",
]
DENSITY = 0.211  # at which the sentence below the table speaks of speed


def iterative(task: str):
    """The shipped tickets of a task and their controls, iteratively pruned at the usual rate."""
    table = atlas.read(task)
    return table[table.schedule == "iterative"].reset_index(drop=True)


def block() -> str:
    """Markdown between the README's two markers."""
    whole = f"The whole report, from the shipped results alone: {report.summary(report.measured())}"
    return "\n".join([*comparison(iterative("lenet-mnist")), "", whole])


def comparison(table) -> list[str]:
    """The table of headline claims, and under it, in italics, what a hunt of LeNet says besides."""
    rows = lthlib.beside_paper(dict.fromkeys(HEADLINES, table))
    lines = ["| claim | the paper | here | 95 % bounds | trials | verdict |", "|---|---|---|---|---|---|"]
    for row in rows.to_dict("records"):
        paper = row["the paper"].removesuffix(" (lenet-mnist)")
        cells = (row["claim"].rstrip("."), paper, row["here"], row["95 % bounds"], row["trials"], row["verdict"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    [place] = set(rows.on)
    speed = analysis.iterations_to_reach(table).loc[analysis.nearest_level(table, DENSITY)]
    caption = (
        f"LeNet-300-100 on MNIST at the paper's setting ({place}), shipped in `data/atlas/`. Of the bounds, the mean over "
        "trials lies above the first and below the second with 95 % confidence each. How much less accurate is still as good: "
        f"{analysis.margin_of(table)}. {analysis.how_far(analysis.matching(table))}. "
        "Early stop, the paper's measure of speed, varies much between trials. A steadier one, the iterations to the dense "
        f"network's validation accuracy less the margin, says of the ticket at {percent(speed.density)}: "
        f"{analysis.against_dense(speed)}."
    )
    return [*lines, "", f"*{caption}*"]


@pytest.mark.skipif(atlas.read("lenet-mnist").empty, reason="no paper-scale results of lenet-mnist are shipped")
def test_the_readmes_numbers_are_the_atlas():
    readme = (ROOT / "README.md").read_text()
    shown = readme.split("<!-- atlas -->\n")[1].split("\n<!-- end of atlas -->")[0]
    assert shown == block(), "run `python -m tests.test_readme` and put what it prints between the README's atlas markers"


@hypothesis.settings(unhurried, max_examples=20)
@given(tables())
def test_no_row_or_sentence_of_the_readme_denies_its_bounds(table):
    """Whatever the atlas may hold one day: the same checks as those of every sentence, on tables at random."""
    *lines, _, caption = comparison(table)
    for name, line in zip(HEADLINES, lines[2:]):
        _, claim, _, here, bounds, trials, verdict, _ = line.split(" | ") if line.startswith(" ") else re.split(r" ?\| ?", line)
        row = {"here": here, "95 % bounds": bounds, "trials": int(trials), "verdict": verdict}
        check_row(claims.find(name), pd.Series(row))
        assert claim == claims.find(name).claim.rstrip(".")
    check_speed(caption.rpartition("%: ")[2].rstrip(".*"), "dense")


def test_the_readmes_own_network_and_data_run(monkeypatch):
    text = (ROOT / "README.md").read_text()
    [example] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "make_moons" in block]
    exec(example.replace("levels=5)", "levels=1, trials=1, iterations=20, progress=False)"), space := {})
    assert set(space["table"].level) == {0, 1}


if __name__ == "__main__":
    print(block())
