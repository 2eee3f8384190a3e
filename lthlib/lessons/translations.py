"""A lesson in another language: its code as it is, its prose from a catalogue.

    docs/translations/<language>/<lesson>.po    gettext: every Markdown cell of the lesson, and its translation

A translation belongs to the exact text of its cell. Where that changes, the translation no longer fits and is named, so that a
lesson never says in one language what it no longer says in another.
"""

import difflib
import json
import re
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically

LANGUAGES = {"ja": "日本語", "ko": "한국어", "zh": "中文"}
LESSONS = Path(__file__).resolve().parents[2] / "notebooks"
HOME = LESSONS.parent / "docs" / "translations"
FIXED = {  # what a translation repeats as it is
    "code": r"```.*?```|`[^`\n]+`",
    "links": r"\]\(([^)]+)\)",
    "headings": r"^#+(?= )",
    "tags": r"</?\w+>",
    "numbers": r"\d+(?:[.,]\d+)*",
}


def catalogue(lesson: str | Path, language: str) -> Path:
    """Where the translation of a lesson into a language is. Raises LotteryError for a language that is not one of ours."""
    if language not in LANGUAGES:
        raise LotteryError(f"unknown language {language!r}: choose one of {', '.join(LANGUAGES)}.")
    return HOME / language / f"{Path(lesson).stem}.po"


def lessons(language: str) -> list[Path]:
    """The lessons that have a catalogue in a language. Raises LotteryError where there are none."""
    found = [LESSONS / f"{path.stem}.ipynb" for path in sorted(catalogue("", language).parent.glob("*.po"))]
    if not found:
        raise LotteryError(f"no lesson is in {LANGUAGES[language]} here ({HOME / language}): translations come with a checkout.")
    return found


def translate(lesson: str | Path, language: str) -> dict:
    """The notebook with its prose in another language. Raises LotteryError where a cell has no translation that fits it."""
    book, found = json.loads(Path(lesson).read_text(encoding="utf-8")), _translations(lesson, language)
    for cell in _prose(book):
        text = "".join(cell["source"])
        if text not in found:
            raise LotteryError(
                f"{catalogue(lesson, language)} has no translation of the cell that begins with {text[:60]!r}: update the "
                f"catalogue with `python -m lthlib translate --update`, and translate it."
            )
        cell["source"] = found[text].splitlines(keepends=True)
    return book


def update(lesson: str | Path, language: str) -> Path:
    """Bring a catalogue up to date with its lesson, and return its path.

    Translations of unchanged cells stay. A changed cell takes the translation of what it most resembles, marked as fuzzy: it does
    not count until a person has looked at it and removed the mark.
    """
    polib, path = _polib(), catalogue(lesson, language)
    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    new = polib.POFile(wrapwidth=100)
    new.metadata = {"Language": language, "Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit"}
    for text in dict.fromkeys("".join(cell["source"]) for cell in _prose(json.loads(Path(lesson).read_text(encoding="utf-8")))):
        near = [text] if text in old else difflib.get_close_matches(text, old, n=1)
        flags = [] if not near else old[near[0]].flags if near[0] == text else ["fuzzy"]
        new.append(polib.POEntry(msgid=text, msgstr=old[near[0]].msgstr if near else "", flags=flags))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"{new}\n".encode())
    return path


def problems(lesson: str | Path, language: str) -> list[str]:
    """What keeps a translation from fitting its lesson, a sentence each: cells without one, and code, links, headings, tags or
    numbers that differ. Empty where all is well."""
    found, said = _translations(lesson, language), []
    texts = ["".join(cell["source"]) for cell in _prose(json.loads(Path(lesson).read_text(encoding="utf-8")))]
    said += [f"{text[:60]!r}: not translated." for text in texts if text not in found]
    said += [f"{text[:60]!r}: no longer in the lesson." for text in found if text not in texts]
    for text in texts:
        for what, pattern in FIXED.items():
            there, here = (sorted(re.findall(pattern, t, re.DOTALL | re.MULTILINE)) for t in (text, found.get(text, text)))
            if there != here:
                missing, more = [x for x in there if x not in here], [x for x in here if x not in there]
                said.append(f"{text[:60]!r}: {what} differ; missing {missing}, more {more} ({len(there)} against {len(here)}).")
    return said


def _prose(book: dict) -> list[dict]:
    return [cell for cell in book["cells"] if cell["cell_type"] == "markdown"]


def _translations(lesson: str | Path, language: str) -> dict[str, str]:
    path = catalogue(lesson, language)
    if not path.exists():
        raise LotteryError(f"{Path(lesson).stem} is not translated into {LANGUAGES[language]} yet: {path} is missing.")
    return {entry.msgid: entry.msgstr for entry in _polib().pofile(str(path)) if entry.msgstr and not entry.fuzzy}


def _polib():
    try:
        import polib
    except ImportError as error:
        raise LotteryError("translations need the package polib: run `pip install polib`.") from error
    return polib
