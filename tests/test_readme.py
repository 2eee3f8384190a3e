"""The README's table of paper-scale results is what the shipped atlas gives. `python -m tests.test_readme` prints it."""

import re

import pytest

import lthlib
from lthlib import analysis
from lthlib.papers import claims
from lthlib.storage import atlas
from tests.conftest import ROOT

HEADLINES = [
    "lenet-earlier-at-21",
    "lenet-sooner-than-reinit",
    "lenet-better-than-reinit",
    "lenet-better-at-13",
    "lenet-level-at-3.6",
]


def iterative(task: str):
    """The shipped tickets of a task and their controls, iteratively pruned at the usual rate."""
    table = atlas.read(task)
    return table[table.schedule == "iterative"].reset_index(drop=True)


def block() -> str:
    """Markdown between the README's two markers."""
    table = iterative("lenet-mnist")
    trials = table.trial.nunique()
    lines = ["| | the paper, 5 trials | here | lowest to highest | same direction |", "|---|---|---|---|---|"]
    for name in HEADLINES:
        row = lthlib.beside_paper({name: table}).loc[name]
        claim = re.sub(r" \[.*\]$", "", row["claim"]).rstrip(".")
        printed = claims.find(name).printed
        lines.append(f"| {claim} | {printed} | {row['here']} | {row['lowest to highest']} | {row['same direction']} |")
    verdicts = analysis.matching(table)
    winning, matching = (analysis.smallest(verdicts, verdict, unbroken=True) for verdict in ("winning", "matching"))
    share = lambda density: "none" if density is None else f"{100 * density:.1f} %"  # noqa: E731
    few = "" if trials >= analysis.FEWEST else " With fewer than 3 trials that test has no interval, and is easily passed."
    lines += [
        "",
        f"*LeNet-300-100 on MNIST at the paper's setting, {trials} trials, shipped in `data/atlas/`. By the test of lesson 8 the "
        f"tickets win (as accurate as dense, and no later) without a break to {share(winning)} of the weights, and match to "
        f"{share(matching)}.{few} Same direction: whether the 95 % interval of the mean lies wholly on the claim's side.*",
    ]
    return "\n".join(lines)


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
