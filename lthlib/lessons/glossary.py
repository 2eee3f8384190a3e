"""What the terms of the lessons mean, from glossary.yaml, and links to them in docs/glossary.md."""

import functools
import html
import re
from pathlib import Path

import yaml

import lthlib
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import shipped
from lthlib.core.validation import did_you_mean

SOURCE = Path(__file__).with_name("glossary.yaml")
PAGE = shipped("docs/glossary.md")
BEGIN, END = "<!-- definitions: begin -->", "<!-- definitions: end -->"
FIRST_SENTENCE = re.compile(r"^.+?[.](?=\s+[A-Z]|$)", re.DOTALL)


def glossary(term: str, words: str = "") -> str:
    """A link to a term's definition, as HTML that Markdown takes too: for composed text. The reader sees
    `words` (the term, if empty), and its definition in one sentence as the title. In Markdown cells, write
    `[density](../docs/glossary.md#density)`. Raises LotteryError for a term that the glossary does not
    have."""
    title = html.escape(FIRST_SENTENCE.match(about(term))[0])  # a definition has at least one sentence
    return f'<a href="{_home()}#{anchor(term)}" title="{title}">{html.escape(words or term)}</a>'


def about(term: str) -> str:
    """The definition of a term, one to three sentences. Other names of it will do, and so will capitals.
    Raises LotteryError, with the names that are nearest, for a term that the glossary does not have."""
    return terms()[_own_name(term)]


def anchor(term: str) -> str:
    """The anchor of a term in docs/glossary.md: "early-stop" for "early stop". Raises LotteryError as
    `about`."""
    return re.sub(r"[^\w-]", "", _own_name(term).replace(" ", "-"))


def terms() -> dict[str, str]:
    """Every term with its definition, in the order of the alphabet."""
    return {name: entry["text"] for name, entry in sorted(_entries().items())}


def also(term: str) -> list[str]:
    """The other names of a term. Raises LotteryError as `about`."""
    return _entries()[_own_name(term)].get("also", [])


def definitions() -> str:
    """The part of docs/glossary.md that defines every term, each under an anchor of its own."""
    lines = [BEGIN, ""]
    for name, text in terms().items():
        others = f" (also: {', '.join(also(name))})" if also(name) else ""
        lines += [f'<a id="{anchor(name)}"></a>**{name}**{others}: {text}', ""]
    return "\n".join([*lines, END])


def write() -> None:
    """Bring the definitions in docs/glossary.md of this checkout up to date."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.index(BEGIN), page.index(END) + len(END)
    write_atomically(PAGE, (page[:begin] + definitions() + page[end:]).encode())


@functools.cache
def _entries() -> dict[str, dict]:
    return yaml.safe_load(SOURCE.read_text(encoding="utf-8"))


@functools.cache
def _names() -> dict[str, str]:
    """The term for each of its names, in small letters."""
    return {each.lower(): name for name, entry in _entries().items() for each in (name, *entry.get("also", []))}


def _own_name(term: str) -> str:
    if not isinstance(term, str):
        raise LotteryError(f"the term is {term!r}: give its name as a text, such as 'density'.")
    if term.lower() not in _names():
        raise LotteryError(f"unknown term {term!r}: {did_you_mean(term, _names())}docs/glossary.md has all of them.")
    return _names()[term.lower()]


def _home() -> str:
    """Where the glossary is: beside the notebooks in a checkout, else (on Colab) on the repository's page."""
    if PAGE.exists():
        return "../docs/glossary.md"
    return f"https://github.com/{lthlib.REPOSITORY}/blob/main/docs/glossary.md"


if __name__ == "__main__":
    write()
