"""Compiling kernels with numba: once for a machine, kept on disk, and never a reason to fail.

Where numba is missing, or cannot compile, `available` says so once, and tickets are trained the dense way.
"""

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from lthlib.core.progress import notice

REORDERED = {"reassoc", "contract", "arcp", "afn", "nsz"}  # of LLVM's fast-math flags all but "nnan" and "ninf"


def kernel(function: Callable) -> Callable:
    """The function compiled at its first call, with sums that may be reordered, and kept on disk. Numbers
    that are none stay so, and training that diverges is seen. Without numba the function stays as it is,
    and `available` is false."""
    try:
        import numba
    except ImportError:
        return function
    _choose_cache()
    # Inlined where kernels call each other: else which of two compilations of the inner one runs, each with
    # its own order of sums, would depend on what the process has loaded before.
    options = {"fastmath": REORDERED, "nogil": True, "error_model": "numpy", "inline": "always"}
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError:  # there is nowhere to keep it: compiled anew by every process
        return numba.njit(function, **options)


def intrinsic(function: Callable) -> Callable:
    """A function that makes instructions of its own inside kernels (numba.extending.intrinsic). Without
    numba it stays as it is, and `available` is false."""
    try:
        from numba.extending import intrinsic as made
    except ImportError:
        return function
    return made(function)


@functools.cache
def available() -> bool:
    """Whether kernels can be compiled here; if not, says why in one sentence, once."""
    try:
        import numba
        import numpy as np

        numba.njit(lambda x: x + 1)(np.float32(1))
    except Exception as error:  # whatever keeps numba from compiling: a missing package, an odd processor
        reason = " ".join(str(error).split())[:200]
        notice(f"sparse tickets are trained like dense ones: numba is missing or cannot compile here ({reason}).")
        return False
    return True


@functools.cache
def _choose_cache() -> None:
    """Let numba keep what it compiles beside the package, or where that cannot be written, in the user's
    temporary folder."""
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    import numba

    folder = Path(tempfile.gettempdir()) / f"lthlib-kernels-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    numba.config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]  # numba makes it when imported
