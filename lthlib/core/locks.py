"""A lock on a file, or none where the file system has no locks."""

import contextlib
import errno
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from lthlib.core.progress import notice

NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.EIO}
_said: set[int] = set()  # file systems without locks, by device, that a notice has named


def lock(path: Path, timeout: float = -1):
    """Lock a file until the context that is returned ends, or the process does, however that ends. Where the
    file system has no locks, one notice says so, and nothing is locked. No file stands for the lock there:
    one that a killed process left behind would keep all others waiting.

    Raises Timeout if another process has it for `timeout` seconds (-1: wait for ever), and OSError where the
    file cannot be made or opened.
    """
    try:
        _try_locking(path.parent)
        return FileLock(path).acquire(timeout=timeout)
    except Timeout:
        raise
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        _say(path.parent, error)
        return contextlib.nullcontext()


def _try_locking(folder: Path) -> None:
    """Lock a file of our own. Raises OSError where that cannot be done: FileLock itself would take a file for
    the lock there, or wait for ever, depending on its version."""
    with contextlib.suppress(ImportError):  # Windows has no fcntl, and locks of its own
        import fcntl

        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _say(folder: Path, error: OSError) -> None:
    device = folder.stat().st_dev
    if device not in _said:
        _said.add(device)
        results = "results stay right, since files appear whole, but two processes may do the same work"
        notice(f"the file system of {folder} has no locks ({error.strerror}): {results}.")
