"""A lesson in another language: its prose, and the texts that its code shows, from a catalogue.

    docs/translations/<language>/<lesson>.po    gettext: every Markdown cell and every text of the code
    docs/translations/<language>/lthlib.po      what the library says (`core.language`)

A translation belongs to the exact text of its cell, or of the string expression in its code (marked as
"code" in the catalogue). Where that changes, the translation no longer fits and is named, so that a lesson
never says in one language what it no longer says in another. Apart from its texts the code stays as it is.
"""

import difflib
import json
from pathlib import Path

import polib

from lthlib.core import language as spoken
from lthlib.core.errors import LotteryError
from lthlib.core.files import output_folder, write_atomically
from lthlib.core.language import LANGUAGES
from lthlib.core.paths import shipped
from lthlib.core.validation import one_of
from lthlib.lessons import code_texts, library_texts

LESSONS = shipped("notebooks")
HOME = spoken.HOME
CODE = "code"  # the comment of a catalogue's entry that is a text of a code cell
SWITCH = 'import lthlib\n\nlthlib.language("{language}")  # what the library says, in the language of this lesson'


def catalogue(lesson: str | Path, language: str) -> Path:
    """Where the translation of a lesson is. Raises LotteryError for a language that is not one of ours."""
    one_of("language", language, LANGUAGES)
    return HOME / language / f"{Path(lesson).stem}.po"


def lessons(language: str) -> list[Path]:
    """The lessons that have a catalogue in a language. Raises LotteryError where there are none."""
    folder = catalogue("", language).parent
    catalogues = sorted(path for path in folder.glob("*.po") if path.name != spoken.FILE)
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
    """The notebook in another language. Raises LotteryError if a cell, or a text of its code, has no translation."""
    book, translations = read(lesson), translated(lesson, language)
    for text in [*texts(book), *code_texts.texts(book)]:
        if text not in translations:
            missing = f"{catalogue(lesson, language)} has no translation of the cell that begins with {text[:60]!r}"
            advice = "update the catalogue with `python -m lthlib translate --update`, and translate it"
            raise LotteryError(f"{missing}: {advice}.")
    code_texts.translate(book, translations)
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = translations["".join(cell["source"])].splitlines(keepends=True)
    _switch_on(book, language)
    return book


def _switch_on(book: dict, language: str) -> None:
    """Let the first code cell, which sets up, switch the library to a language."""
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    if code:
        source = "".join(code[0]["source"])
        code[0]["source"] = f"{source}\n\n{SWITCH.format(language=language)}".splitlines(keepends=True)


def translated(lesson: str | Path, language: str) -> dict[str, str]:
    """The translations that a catalogue has, by the text of the cell; none that is marked as fuzzy."""
    path = catalogue(lesson, language)
    if not path.exists():
        name = LANGUAGES[language]
        raise LotteryError(f"{path.stem} is not translated into {name} yet: {path} is missing.")
    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(path)).translated_entries()}


def update(lesson: str | Path, language: str) -> Path:
    """Bring a catalogue up to date with its lesson; return its path. Translations of unchanged texts stay. A
    changed text takes that of the most similar one, fuzzy until a person has checked it."""
    book = read(lesson)
    return _update(catalogue(lesson, language), language, texts(book), code_texts.texts(book))


def update_library(language: str) -> Path:
    """The same for what the library says; return the path of that catalogue."""
    path = catalogue(spoken.FILE, language)
    return _update(path, language, [], library_texts.texts(lessons(language)))


def _update(path: Path, language: str, prose: list[str], code: list[str]) -> Path:
    """Write a catalogue anew with these texts, from what it has."""
    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    new = polib.POFile(wrapwidth=100)
    kind = {"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit"}
    new.metadata = {"Language": language, **kind}
    for text in dict.fromkeys([*prose, *code]):
        entry = polib.POEntry(msgid=text, comment="" if text in prose else CODE)
        if text in old:
            entry.msgstr, entry.flags = old[text].msgstr, old[text].flags
        elif similar := difflib.get_close_matches(text, old, n=1):
            entry.msgstr, entry.flags = old[similar[0]].msgstr, ["fuzzy"]
        new.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"{new}\n".encode())
    return path
