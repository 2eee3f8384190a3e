"""What the library says to readers, in their language.

    say("{trials} trials", trials=5)     a sentence that is shown: "5 trials", or what the catalogue has for it
    mark("Right")                        a text that is kept in English here, and given to `say` where it is shown

Names, columns, verdicts as values, and everything that is stored stay English; only what is shown goes
through `say`. Translations are in docs/translations/<language>/lthlib.po, and belong to the exact English text. A
language is switched on by `language("ja")`, as translated lessons do, or by the variable `LTHLIB_LANGUAGE`.
"""

import ast
import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.paths import shipped
from lthlib.core.validation import one_of

ENGLISH, LANGUAGES = "en", {"ja": "日本語", "ko": "한국어", "zh": "中文"}
HOME = shipped("docs/translations")
FILE = "lthlib.po"

_chosen = ""  # empty until somebody chooses: then `LTHLIB_LANGUAGE` says, else English


def language(name: str) -> None:
    """Switch to a language: "en", "ja", "ko" or "zh". Raises LotteryError for another, and where its catalogue
    did not come with lthlib."""
    global _chosen
    one_of("language", name, [ENGLISH, *LANGUAGES])
    _catalogue(name)
    _chosen = name


def chosen() -> str:
    """The language that is on. Raises LotteryError as `language`, for what `LTHLIB_LANGUAGE` says."""
    if not _chosen:
        language(os.environ.get("LTHLIB_LANGUAGE") or ENGLISH)
    return _chosen


@contextlib.contextmanager
def spoken(name: str) -> Iterator[None]:
    """Another language for a while."""
    before = chosen()
    language(name)
    try:
        yield
    finally:
        language(before)


def say(text: str, /, **values) -> str:
    """A text in the language that is on, with its places in braces filled in as `str.format` does. What has no
    translation stays as it is: a name, or a text of a lesson that is not translated yet."""
    text = _catalogue(chosen()).get(text, text)
    return text.format(**values) if values else text


def mark(text: str) -> str:
    """The text itself: it is translated where it is shown, by `say`."""
    return text


@functools.cache
def _catalogue(name: str) -> dict[str, str]:
    """Translations by the English text; none that is marked as fuzzy."""
    if name == ENGLISH:
        return {}
    path = HOME / name / FILE
    if not path.exists():
        raise LotteryError(f"{LANGUAGES[name]} is not here: {path} is missing, which comes with a checkout or a wheel.")
    return _read(path)


def _read(path: Path) -> dict[str, str]:
    """The translations of a gettext catalogue. Read without polib, which Colab does not have."""
    found: dict[str, str] = {}
    parts, name, is_fuzzy = {"msgid": "", "msgstr": ""}, "msgid", False
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        keyword, _, text = line.partition(" ")
        if line.startswith('"'):
            parts[name] += ast.literal_eval(line)
        elif keyword in parts:
            name, parts[keyword] = keyword, ast.literal_eval(text)
        elif line.startswith("#,"):
            is_fuzzy = "fuzzy" in line
        elif not line:  # ends an entry; the first, without a text, is the head of the file
            if parts["msgid"] and parts["msgstr"] and not is_fuzzy:
                found[parts["msgid"]] = parts["msgstr"]
            parts, is_fuzzy = {"msgid": "", "msgstr": ""}, False
    return found
