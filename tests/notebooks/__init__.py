"""How tests read the notebooks: their cells, their folded solutions and the bugs that they print."""

import json
import re

import torch

from lthlib import analysis
from tests.conftest import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTION = r"<details><summary>Solution</summary>\n\n```python\n(.*?)```"


def cells(path, kind):
    """The cells of a kind, each with its source as one text."""
    book = json.loads(path.read_text(encoding="utf-8"))
    return [(cell, "".join(cell["source"])) for cell in book["cells"] if cell["cell_type"] == kind]


def solutions(path, **names):
    """The functions of a lesson's folded solutions; `names` are its imports besides torch and tables."""
    functions = {}
    for _, source in cells(path, "markdown"):
        for block in re.findall(SOLUTION, source, re.DOTALL):
            exec(block, space := {"torch": torch, "analysis": analysis, **names})
            functions.update({name: value for name, value in space.items() if callable(value)})
    return functions


def printed(path, name):
    """The source of a function, with bugs to find, that a lesson prints outside its solutions."""
    sources = [source for _, source in cells(path, "markdown") if "<details>" not in source]
    blocks = [block for source in sources for block in re.findall(r"```python\n(.*?)```", source, re.DOTALL)]
    [block] = [block for block in blocks if f"def {name}" in block]
    return block
