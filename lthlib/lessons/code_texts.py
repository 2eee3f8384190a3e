"""The texts that readers see of a lesson's code cells: found, and exchanged for translations.

A text is one whole string expression: a literal or an f-string, with all parts that stand beside each
other. It is shown if it is an argument of a call that shows (`SHOWN`), or a value of a variable or function
of the lesson that such an argument is made of. Keys, names of columns, arguments of other calls, and names
of controls stay.
"""

import ast
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from lthlib.lessons.folding import TITLE
from lthlib.lottery.controls import CONTROLS

ALL = tuple(range(9))
SHOWN = {  # calls that show texts, and which of their arguments are texts
    "predict": (0, 1),
    "reveal": (1, 2),
    "should_see": (0, 1),
    **dict.fromkeys(("question", "right", "wrong"), ALL),
    "Markdown": (0,),
    "print": (0,),
    "show": (1,),
    "direction": (1, 2, 3),
    "conclude": (2,),
}
MAGIC = re.compile(rb"^( *)([%!].*)$", re.MULTILINE)
WORDS = re.compile(r"[A-Za-z]|\.(?=\s|$)")  # a letter, or the full stop of a sentence
WIDE = 88  # columns of a line of a translation that has several


class Text(NamedTuple):
    """A text, and where its expression stands in the source of its cell, in bytes."""

    text: str
    node: ast.expr
    begin: int
    end: int


def texts(book: dict) -> list[str]:
    """The texts of a notebook's code cells, titles included, in their order, each once."""
    found = []
    for cell, shown in zip(book["cells"], _shown(book)):
        title = TITLE.match("".join(cell["source"])) if cell["cell_type"] == "code" else None
        found += [title[1]] if title else []
        found += [each.text for each in shown]
    return list(dict.fromkeys(found))


def translate(book: dict, translations: dict[str, str]) -> None:
    """Exchange the texts of a notebook's code cells, in place. Every text must have a translation."""
    for cell, shown in zip(book["cells"], _shown(book)):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"]).encode()
        for each in sorted(shown, key=lambda text: -text.begin):  # from the end, so that places before stay
            source = source[: each.begin] + _literal(each, translations[each.text]).encode() + source[each.end :]
        source = source.decode()
        if title := TITLE.match(source):
            source = f"# @title {translations[title[1]]}{source[title.end() :]}"
        cell["source"] = source.splitlines(keepends=True)


def placeholders(text: str) -> list[str]:
    """What stands in braces in a text."""
    return re.findall(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", text)


def _shown(book: dict) -> list[list[Text]]:
    """The texts of each cell, in their order, without titles; none of the parameters."""
    sources = [_python(cell) for cell in book["cells"]]
    trees = [ast.parse(source) for source in sources]
    values: dict[str, list[ast.expr]] = {}  # what each name of the lesson may stand for
    for tree in trees:
        for name, value in _values(tree):
            values.setdefault(name, []).append(value)
    wanted = [argument for tree in trees for argument in _arguments(tree)]
    nodes, followed = set(), set()
    while wanted:
        for part in _parts(wanted.pop()):
            if isinstance(part, ast.Name) and part.id not in followed:
                followed.add(part.id)
                wanted += values.get(part.id, [])
            elif not isinstance(part, ast.Name):
                nodes.add(part)
    found = [[_text(node, source) for node in ast.walk(tree) if node in nodes] for tree, source in zip(trees, sources)]
    return [sorted((text for text in cell if _is_words(text)), key=lambda text: text.begin) for cell in found]


def _python(cell: dict) -> bytes:
    """The code of a cell, with `pass` for magics and every byte in its place; nothing of another cell."""
    if cell["cell_type"] != "code" or "parameters" in cell["metadata"].get("tags", []):
        return b""
    return MAGIC.sub(lambda magic: magic[1] + b"pass".ljust(len(magic[2])), "".join(cell["source"]).encode())


def _values(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names of variables with what is assigned to them, and of functions with what they return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            [target] = node.targets if len(node.targets) == 1 else [None]
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts)
                yield from ((name.id, value) for name, value in pairs if isinstance(name, ast.Name))
        elif isinstance(node, ast.FunctionDef):
            returns = [each for each in ast.walk(node) if isinstance(each, ast.Return)]
            yield from ((node.name, each.value) for each in returns if each.value)


def _arguments(tree: ast.AST) -> Iterator[ast.expr]:
    """The arguments of all calls that show texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from (argument for place, argument in enumerate(node.args) if place in SHOWN.get(name, ()))
            if name == "replace":  # of a table's values by words, which the table shows
                yield from (argument for argument in node.args[:1] if isinstance(argument, ast.Dict))


def _parts(node: ast.expr | None, is_whole: bool = True) -> Iterator[ast.expr]:
    """The string expressions and the names that a shown value is made of. `is_whole` is whether a string
    here is an expression of its own, and not inside the braces of an f-string."""
    inner: list[ast.expr | None] = []
    if isinstance(node, ast.JoinedStr):
        if is_whole:
            yield node
        for each in node.values:
            if isinstance(each, ast.FormattedValue):
                yield from _parts(each.value, is_whole=False)
    elif isinstance(node, ast.Name) or (is_whole and isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    elif isinstance(node, ast.Call):
        joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
        inner = [node.func, *(node.args if joins else [])]
    elif isinstance(node, ast.IfExp):
        inner = [node.body, node.orelse]
    elif isinstance(node, ast.BinOp):
        inner = [node.left, node.right] if isinstance(node.op, ast.Add) else []
    elif isinstance(node, (ast.BoolOp, ast.Dict)):
        inner = list(node.values)
    elif isinstance(node, (ast.List, ast.Tuple)):
        inner = list(node.elts)
    elif isinstance(node, (ast.Subscript, ast.Attribute, ast.DictComp)):
        inner = [node.value]
    elif isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        inner = [node.elt]
    for each in inner:
        yield from _parts(each, is_whole)


def _text(node: ast.expr, source: bytes) -> Text:
    lines = source.splitlines(keepends=True)
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: (node.end_lineno or 1) - 1])) + (node.end_col_offset or 0)
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return Text("".join(map(_as_written, parts)), node, begin, end)


def _as_written(part: ast.expr) -> str:
    """A part of a string expression as its source says it: words as they are, values in braces."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    kind = "" if part.conversion == -1 else f"!{chr(part.conversion)}"
    spec = "".join(map(_as_written, part.format_spec.values)) if isinstance(part.format_spec, ast.JoinedStr) else ""
    return "{" + ast.unparse(part.value) + kind + (f":{spec}" if spec else "") + "}"


def _is_words(text: Text) -> bool:
    """Whether there is something to translate, if only what joins a list; the name of a control is kept,
    since tables have it too."""
    words = text.text
    for each in placeholders(words) if isinstance(text.node, ast.JoinedStr) else []:
        words = words.replace(each, "")
    return text.text == ", " or (bool(WORDS.search(words)) and text.text not in CONTROLS)


def _literal(text: Text, translation: str) -> str:
    """A translation as a string expression; over several lines where the original is."""
    values = placeholders(text.text) if isinstance(text.node, ast.JoinedStr) else []
    pattern = "|".join(map(re.escape, values))
    pieces = re.split(f"({pattern})", translation) if values else [translation]
    is_long = (text.node.end_lineno or 0) > text.node.lineno
    lines, width = [""], 0
    for piece in pieces:
        for token in [piece] if piece in values else map(_escaped, piece):
            wide = sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in token)
            if is_long and width + wide > WIDE:
                lines, width = [*lines, ""], 0
            lines[-1], width = lines[-1] + token, width + wide
    kinds = ["f" if any(value in line for value in values) else "" for line in lines]
    margin = "\n" + " " * text.node.col_offset
    return margin.join(f'{kind}"{line}"' for kind, line in zip(kinds, lines))


def _escaped(letter: str) -> str:
    return {"\\": "\\\\", '"': '\\"', "\n": "\\n"}.get(letter, letter)
