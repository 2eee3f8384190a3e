"""The explorer of lesson 0 as one HTML file that needs neither a kernel nor a network.

    pages.write("out.html")                 # what is shipped
    pages.write("out.html", "results")      # a results folder of your own

All that the page says is worked out here: curves, means and ranges by `contents`, sentences and verdicts by
`findings`, drawings of networks by `network`. explorer.js shows the part that a reader chooses.
"""

import html
import json
from pathlib import Path

import pandas as pd

from lthlib.analysis.catalogue import catalogue
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import expanded
from lthlib.pages import contents, looks
from lthlib.storage import atlas

SUFFIX = ".html"


def write(path: str | Path, results: pd.DataFrame | str | Path | None = None, overwrite: bool = False) -> Path:
    """Write the page and return its path.

    `results` is a results folder or a table of `lthlib.hunt`; None: what is shipped. Raises LotteryError for
    a path that does not end in .html, or that is there already and is not to be overwritten, and as `page`
    does; then nothing is written.
    """
    path = check_path(path, overwrite)
    return save(path, page(results))


def save(path: Path, text: str) -> Path:
    """Write a page to a path that `check_path` has checked, and return it. Raises LotteryError where that
    fails."""
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise LotteryError(f"{path} could not be written ({error.strerror}): choose another place.") from error
    return path


def check_path(path: str | Path, overwrite: bool = False) -> Path:
    """Where `write` would write. Raises LotteryError where it would not."""
    named, path = str(path), expanded(path)
    if path.suffix != SUFFIX:
        raise LotteryError(f"the page is to be {named!r}: let it end in {SUFFIX}, such as explorer{SUFFIX}.")
    try:
        if not path.parent.is_dir():
            raise LotteryError(f"there is no folder {str(path.parent)!r}: make it first, or choose another.")
        there = path.exists()
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise LotteryError(f"{str(path)!r} cannot be written to ({reason}): choose another name.") from error
    if path.is_dir() or (there and not overwrite):
        fix = "choose another name, or overwrite it (overwrite=True, --force)"
        raise LotteryError(f"{str(path)!r} is there already: {fix}.")
    return path


def page(results: pd.DataFrame | str | Path | None = None) -> str:
    """The page as HTML. Raises LotteryError where the results cannot be read, or where nothing was pruned."""
    found = catalogue(results)
    rated = [(name, group) for name, rates in found.groups.items() for group in rates.items()]
    groups = [contents.group_of(name, group, found.look) for name, group in rated]
    methods = dict.fromkeys([*(method for group in groups for method in group["methods"]), "dense"])
    shown = {"groups": groups, "shapes": contents.shapes_of(groups), "methods": looks.of_methods(methods)}
    title = f"Lottery tickets: {_source(results)}"
    template, style, *scripts = map(_read, ("explorer.html", "explorer.css", "drawing.js", "explorer.js"))
    parts = {
        "<!-- title -->": html.escape(title),
        "<!-- made -->": html.escape(_made(groups) if results is None else ""),
        "/* colours */": looks.style_sheet(methods),
        "/* style */": style,
        "/* script */": "\n".join(scripts),
        "/* results */": _as_json(shown),  # last: what it holds is not searched for the others
    }
    for place, content in parts.items():
        template = template.replace(place, content)
    return template


def _read(name: str) -> str:
    """A part of the page, from the file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _source(results) -> str:
    if results is None:
        return "the results that lthlib ships"
    return f"results in {Path(results).name}" if isinstance(results, (str, Path)) else "results of a hunt"


def _made(groups: list[dict]) -> str:
    """Who made what is shipped, in a sentence for each task."""
    sentences = []
    for task in dict.fromkeys(group["task"] for group in groups):
        made = atlas.provenance(task)
        entries = "; ".join(f"{row.about}, on {row.machine}, {row.date}" for row in made.itertuples())
        sentences.append(f"{task}: {entries}.")
    return " ".join(sentences)


def _as_json(content: dict) -> str:
    """JSON that may stand inside a script element: a name may hold anything, such as the end of one."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
