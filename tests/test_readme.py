"""The README's table of paper-scale results is what the shipped atlas gives. `python -m tests.test_readme` prints it."""

import re

import pytest

import lthlib
from lthlib import analysis
from lthlib.core.percent import percent
from lthlib.papers import report
from lthlib.storage import atlas
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
    table = iterative("lenet-mnist")
    rows = lthlib.beside_paper(dict.fromkeys(HEADLINES, table))
    lines = ["| claim | the paper | here | 95 % bounds | trials | verdict |", "|---|---|---|---|---|---|"]
    for row in rows.to_dict("records"):
        paper = row["the paper"].removesuffix(" (lenet-mnist)")
        cells = (row["claim"].rstrip("."), paper, row["here"], row["95 % bounds"], row["trials"], row["verdict"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    [place] = set(rows.on)
    speed = analysis.iterations_to_reach(table).loc[analysis.nearest_level(table, DENSITY)]
    lines += [
        "",
        f"*LeNet-300-100 on MNIST at the paper's setting ({place}), shipped in `data/atlas/`. Of the bounds, the mean over "
        "trials lies above the first and below the second with 95 % confidence each. How much less accurate is still as good: "
        f"{analysis.margin_of(table)}. {matched(analysis.matching(table))} "
        f"Early stop, the paper's measure of speed, varies much between trials. A steadier one, the iterations to the dense "
        f"network's validation accuracy less the margin, says of the ticket at {percent(speed.density)}: "
        f"{analysis.against_dense(speed)}.*",
        "",
        f"The whole report, from the shipped results alone: {report.summary(report.measured())}",
    ]
    return "\n".join(lines)


def matched(verdicts) -> str:
    """How far down tickets match their dense network, level by level, and what stops them."""
    density, stop, verdict = analysis.reach(verdicts, "matching")
    if density is None:
        return f"At the first level, {percent(stop)}, the comparison with the dense network is {verdict}."
    end = "" if stop is None else f"; at {percent(stop)} the verdict is {verdict}"
    return f"Level by level, tickets are as accurate as their dense network down to {percent(density)} of the weights{end}."


@pytest.mark.skipif(atlas.read("lenet-mnist").empty, reason="no paper-scale results of lenet-mnist are shipped")
def test_the_readmes_numbers_are_the_atlas():
    readme = (ROOT / "README.md").read_text()
    shown = readme.split("<!-- atlas -->\n")[1].split("\n<!-- end of atlas -->")[0]
    assert shown == block(), "run `python -m tests.test_readme` and put what it prints between the README's atlas markers"


def test_the_readmes_own_network_and_data_run(monkeypatch):
    text = (ROOT / "README.md").read_text()
    [example] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "make_moons" in block]
    exec(example.replace("levels=5)", "levels=1, trials=1, iterations=20, progress=False)"), space := {})
    assert set(space["table"].level) == {0, 1}


if __name__ == "__main__":
    print(block())
