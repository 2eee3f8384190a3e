"""Phrases that the rule of evidence has retired are nowhere in what people read.

They said less than they seemed to: an "interval" of 95 % that was two one-sided bounds, a range "without a
break" that noise ends, and a ticket that stops "earlier" by a negative share or "sooner" by less than once. The
changelog, decisions and tests speak about the past, and may quote them.
"""

import json
import re

import pytest

from tests.conftest import ROOT

FOLDERS = ("docs", "lthlib", "notebooks")
KINDS = (".md", ".po", ".py", ".yaml", ".ipynb")
OLD = {
    "without a break": r"without\s+a\s+break",
    "a 95 % interval": r"95\s?%\s+(?:confidence\s+)?intervals?\b",
    "a negative share earlier": r"-\d+(?:\.\d+)?\s?%\s+(?:earlier|sooner)",
    "less than once sooner": r"(?<![\d.])0\.\d+\s+times\s+(?:sooner|as\s+(?:soon|fast)|faster)",
}


def texts():
    """Every text that people read, by its path: of notebooks the cells, outputs left out."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    for path in paths:
        if path.suffix in KINDS and "decisions" not in path.parts and ".ipynb_checkpoints" not in path.parts:
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".ipynb":
                text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
            yield path.relative_to(ROOT).as_posix(), text


@pytest.mark.parametrize("phrase", OLD)
def test_no_text_has_an_old_phrase(phrase):
    found = {name: count for name, text in texts() if (count := len(re.findall(OLD[phrase], text)))}
    assert not found, f"{phrase}: say bounds, percent of dense's iterations, or level by level instead"


def test_the_old_phrases_would_be_found():
    for text in ("-31 % earlier", "0.97 times sooner", "the 95 % interval", "win without a\nbreak"):
        assert any(re.search(pattern, text) for pattern in OLD.values()), text
    for text in ("38 % earlier", "2.51 times as fast", "95 % bounds", "10.5 times sooner", "90 % of dense's iterations"):
        assert not any(re.search(pattern, text) for pattern in OLD.values()), text
