"""Processes and threads: how a child starts and ends with its parent, and one thread for torch."""

import contextlib
import os
import subprocess
import sys
import threading
import time

import torch

from lthlib.core.paths import CHECKOUT


def start(module: str, *arguments: str, stderr=subprocess.DEVNULL, **variables: str) -> subprocess.Popen:
    """Start `python -m module`, with more environment variables, and this very lthlib on its path."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments], env={**os.environ, **variables, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True,
    )  # fmt: skip


def leave_with(parent: int) -> None:
    """In a child: end when the process that it works for is gone, even if that was killed."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if hasattr(os, "fork"):  # elsewhere a parent's number stays when it is gone
        threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def one_thread():
    """One thread for torch inside the block, so that numbers do not depend on the machine's cores. On busy
    cores, several threads wait for each other in every small step: SynFlow's 100 rounds take 15 times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
