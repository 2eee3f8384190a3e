"""A YAML file of plain values: texts, numbers, true, false and null, in lists and tables.

What YAML knows beyond those (dates, bytes, sets), a key that is there twice, and an alias of a list or a table
(which may hold itself, or stand for a thousand others) is refused, with the line it is in.
"""

from collections import Counter
from pathlib import Path

import yaml
from yaml.constructor import ConstructorError

from lthlib.core.errors import LotteryError

LARGEST = 50_000  # bytes of a file, which PyYAML reads in about a second
PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")


class _Loader(yaml.SafeLoader):
    yaml_constructors = {f"tag:yaml.org,2002:{kind}": getattr(yaml.SafeLoader, f"construct_yaml_{kind}") for kind in PLAIN}

    def compose_node(self, parent, index):
        is_alias, mark = self.check_event(yaml.AliasEvent), self.peek_event().start_mark
        node = super().compose_node(parent, index)
        if is_alias and not isinstance(node, yaml.ScalarNode):
            raise ConstructorError(None, None, "an alias of a list or a table: give plain values", mark)
        return node

    def construct_object(self, node, deep=False):
        kind = node.tag.rpartition(":")[2]
        if kind not in PLAIN:
            problem = f"a value of type {kind}: write it in quotation marks if it is a text"
            raise ConstructorError(None, None, problem, node.start_mark)
        value = super().construct_object(node, deep)
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ConstructorError(None, None, "a whole number of more than 18 digits", node.start_mark)
        if isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
            raise ConstructorError(None, None, "a character that no file can hold", node.start_mark)
        return value

    def construct_mapping(self, node, deep=False):
        names = Counter(str(key.value) for key, _ in node.value)
        [(name, times)] = names.most_common(1) or [("", 0)]
        if times > 1:
            raise ConstructorError(None, None, f"the name {name!r} {times} times", node.start_mark)
        return super().construct_mapping(node, deep)


def read_plain(path: Path):
    """The content of a file. Raises LotteryError where it cannot be read, is not YAML, or holds more than plain
    values."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
        text = content[:LARGEST].decode("utf-8")
    except (OSError, ValueError) as error:
        raise LotteryError(f"{path} cannot be read ({error}): give the name of a YAML file.") from error
    if len(content) > LARGEST:
        raise LotteryError(f"{path} has more than {LARGEST:,} bytes: give a sweep, split into several files if need be.")
    try:
        return yaml.load(text, _Loader)  # one of PyYAML's safe loaders
    except (yaml.YAMLError, RecursionError, ValueError, LookupError) as error:  # the last two: of odd scalars
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f" in line {mark.line + 1}" if mark else ""
        reason = " ".join(str(problem or error).split())
        raise LotteryError(f"{path} is not YAML of plain values{line} ({reason}): mend it there.") from error
