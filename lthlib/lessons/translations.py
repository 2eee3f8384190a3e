"""A lesson in another language: its code as it is, its prose from a catalogue.

    docs/translations/<language>/<lesson>.po    gettext: every Markdown cell of the lesson, translated

A translation belongs to the exact text of its cell. Where that changes, the translation no longer fits and is
named, so that a lesson never says in one language what it no longer says in another.
"""

import difflib
import json
from pathlib import Path

import polib

from lthlib.core.errors import LotteryError
from lthlib.core.files import output_folder, write_atomically
from lthlib.core.paths import shipped
from lthlib.core.validation import one_of

LANGUAGES = {"ja": "日本語", "ko": "한국어", "zh": "中文"}
LESSONS = shipped("notebooks")
HOME = shipped("docs/translations")


def catalogue(lesson: str | Path, language: str) -> Path:
    """Where the translation of a lesson is. Raises LotteryError for a language that is not one of ours."""
    one_of("language", language, LANGUAGES)
    return HOME / language / f"{Path(lesson).stem}.po"


def lessons(language: str) -> list[Path]:
    """The lessons that have a catalogue in a language. Raises LotteryError where there are none."""
    catalogues = sorted(catalogue("", language).parent.glob("*.po"))
    if not catalogues:
        missing = f"no lesson is in {LANGUAGES[language]} here ({HOME / language})"
        raise LotteryError(f"{missing}: translations come with a checkout.")
    return [LESSONS / f"{path.stem}.ipynb" for path in catalogues]


def read(lesson: str | Path) -> dict:
    """The notebook of a lesson, as JSON."""
    return json.loads(Path(lesson).read_text(encoding="utf-8"))


def output(folder: str | Path) -> Path:
    """A folder for what is made from the lessons, made if need be. Raises LotteryError for one that cannot be
    written to, and for the lessons' own, which would be overwritten."""
    return output_folder("the folder to write to", folder, (LESSONS,))


def write_all(folder: str | Path, language: str) -> list[Path]:
    """Write every lesson that is translated into a language into a folder, and return their paths. Raises
    LotteryError, before anything is written, for a language, a cell or a folder that it cannot use."""
    books = {lesson.name: translate(lesson, language) for lesson in lessons(language)}
    folder = output(folder)
    return [write(book, folder / name) for name, book in books.items()]


def write(book: dict, path: Path) -> Path:
    """Write a notebook into a folder that is there, and return its path."""
    write_atomically(path, (json.dumps(book, ensure_ascii=False, indent=1) + "\n").encode())
    return path


def texts(book: dict) -> list[str]:
    """The Markdown cells of a notebook, each as one text."""
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown"]


def translate(lesson: str | Path, language: str) -> dict:
    """The notebook with its prose in another language. Raises LotteryError if a cell has no translation."""
    book, translations = read(lesson), translated(lesson, language)
    for text in texts(book):
        if text not in translations:
            missing = f"{catalogue(lesson, language)} has no translation of the cell that begins with {text[:60]!r}"
            advice = "update the catalogue with `python -m lthlib translate --update`, and translate it"
            raise LotteryError(f"{missing}: {advice}.")
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = translations["".join(cell["source"])].splitlines(keepends=True)
    return book


def translated(lesson: str | Path, language: str) -> dict[str, str]:
    """The translations that a catalogue has, by the text of the cell; none that is marked as fuzzy."""
    path = catalogue(lesson, language)
    if not path.exists():
        name = LANGUAGES[language]
        raise LotteryError(f"{path.stem} is not translated into {name} yet: {path} is missing.")
    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(path)).translated_entries()}


def update(lesson: str | Path, language: str) -> Path:
    """Bring a catalogue up to date with its lesson; return its path. Translations of unchanged cells stay. A
    changed cell takes that of the most similar cell, fuzzy until a person has checked it."""
    path = catalogue(lesson, language)
    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    new = polib.POFile(wrapwidth=100)
    kind = {"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit"}
    new.metadata = {"Language": language, **kind}
    for text in dict.fromkeys(texts(read(lesson))):
        entry = polib.POEntry(msgid=text)
        if text in old:
            entry.msgstr, entry.flags = old[text].msgstr, old[text].flags
        elif similar := difflib.get_close_matches(text, old, n=1):
            entry.msgstr, entry.flags = old[similar[0]].msgstr, ["fuzzy"]
        new.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"{new}\n".encode())
    return path
