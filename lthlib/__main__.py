"""The command line: `python -m lthlib hunt --task lenet-digits`, and more: `python -m lthlib --help`."""

import argparse
import io
import sys

from lthlib.commands import arena, batches, hunting, papers, teaching
from lthlib.commands.base import Parser
from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice

LONGEST = 1000  # characters of a sentence: a value may be a megabyte
COMMANDS = [
    *(hunting.add_hunt, hunting.add_tasks, hunting.add_results, hunting.add_export, batches.add_batch, papers.add_reproduce),
    *(papers.add_atlas, papers.add_report, arena.add_arena, teaching.add_lessons, teaching.add_lab, teaching.add_explore),
    *(teaching.add_slides, teaching.add_translate, teaching.add_handout),
]


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 2 for bad input (a sentence says what), 130 if stopped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may hold what the terminal cannot print
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(arguments)
        _check_texts(options)
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except LotteryError as error:
        return _refused(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has left
        sys.stderr.close()
        return 0
    except MemoryError:
        return _refused("there is not enough memory for this: ask for less, or use a larger machine.")
    except OSError as error:
        what = "the output" if error.filename is None else repr(str(error.filename))
        reason = error.strerror or str(error)
        return _refused(f"{what} cannot be used ({reason}): give another path, or mend what is there.")


def _refused(sentence: str) -> int:
    """Say in one line of at most LONGEST characters why nothing was done, and return the status for that."""
    line = " ".join(sentence.split())
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
    notice("lthlib: " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))
    return 2


def _check_texts(options: argparse.Namespace) -> None:
    """Raise LotteryError where a value holds the one character that no name of a file or a task can hold."""
    for name, value in vars(options).items():
        if isinstance(value, str) and "\0" in value:
            raise LotteryError(f"{name} is {value!r}, which holds a NUL character: leave that out.")


def parser() -> argparse.ArgumentParser:
    """The parser of `python -m lthlib`. What is not given is taken from the profile."""
    about = "Lottery tickets: find them, train them, see whether they win."
    top = Parser(prog="python -m lthlib", description=about)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="COMMAND")
    for add_options in COMMANDS:
        add_options(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
