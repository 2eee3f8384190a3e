"""The one kind of error a user of lthlib is meant to read, and how an error of the user's own code becomes one."""

import contextlib
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path

NOT_THE_USERS = (str(Path(__file__).parents[1]), *(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")))


class LotteryError(ValueError):
    """A problem its reader can mend. The message is one sentence: the value given, what is allowed, and a
    likely fix. The command line prints it alone and exits with status 2."""


@contextlib.contextmanager
def blamed(what: str | Callable[[], str], fix: str):
    """Turn whatever a user's code raises inside into one LotteryError: `what` went wrong, the original error
    and where it came from, and a `fix`.

    `what` may be a function that is asked once something has gone wrong. SystemExit is turned too,
    KeyboardInterrupt never.
    """
    try:
        yield
    except (LotteryError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a user's code may raise anything, and may call sys.exit
        said = " ".join(f"{type(error).__name__}: {error}".split())
        said = said if len(said) <= 400 else f"{said[:400]} ..."
        raise LotteryError(f"{what if isinstance(what, str) else what()} ({said}{_place(error)}): {fix}.") from error


def _place(error: BaseException) -> str:
    """The last line of the user's own code that the error passed through; empty where there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(NOT_THE_USERS)]
    return f", in {frames[-1].name}, line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""
