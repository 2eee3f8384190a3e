"""Pages about the code, from its docstrings: one for each folder of the library."""

import re
from pathlib import Path

from lthlib.core.paths import CHECKOUT

HOME = CHECKOUT / "lthlib"
ROW = re.compile(r"^\| `(\w+)/` \|", re.MULTILINE)
HEAD = "# The library\n\nFrom its docstrings, folder by folder: imports only ever point down this list.\n\n"
LOOSE = ("settings", "arena")
BACKTICKS = re.compile(r"(`[^`]+`)")
MARKUP = re.compile(r"([\\*|_])")


def write(folder: Path) -> None:
    """Write the pages into a folder, and the list of them, in the order of the house."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ROW.findall((HOME / "README.md").read_text(encoding="utf-8"))
    pages = {"everyday": _page("What you use every day", ["lthlib", *(f"lthlib.{name}" for name in LOOSE)])}
    for name in rows:
        pages[name] = _page(f"lthlib.{name}", _modules(name))
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    names = "\n".join(pages)
    listed = f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    (folder / "index.md").write_text(HEAD + listed, encoding="utf-8")


def as_rst(lines: list[str]) -> list[str]:
    """A docstring as reStructuredText: prose with `code` in backticks, and indented blocks as they are."""
    rst, is_block = [], False
    for place, line in enumerate(lines):
        begins = line.startswith("    ") and (place == 0 or not lines[place - 1].strip())
        if begins and not is_block:
            rst += ["::", ""]
        is_block = begins or (is_block and (not line.strip() or line.startswith("    ")))
        rst.append(line if is_block else _prose(line))
    return rst


def _prose(line: str) -> str:
    prose, code = BACKTICKS.split(line)[::2], BACKTICKS.split(line)[1::2]
    words = [MARKUP.sub(r"\\\1", part) for part in prose]
    return "".join(part + f"`{name}`" * bool(name) for part, name in zip(words, [*code, ""]))


def _modules(folder: str) -> list[str]:
    """The modules of a folder, but for the lessons' exercises, which are about nothing else."""
    files = [path for path in sorted((HOME / folder).rglob("*.py")) if not path.name.startswith("__")]
    files = [path for path in files if path.parent.name != "site" and not path.name.startswith("lesson_")]
    return [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in files]


def _page(title: str, modules: list[str]) -> str:
    parts = [f"# {title}\n"]
    for module in modules:
        parts.append(f"## {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n")
    return "\n".join(parts)
