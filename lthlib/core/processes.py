"""Processes and threads: what a child finds, its end with its parent, and one thread for torch."""

import contextlib
import os
import threading
import time
from pathlib import Path

import torch


def environment(**more: str) -> dict[str, str]:
    """This process's environment variables, those in `more`, and a path on which a child finds this very lthlib."""
    variables = {**os.environ, **more}
    home = str(Path(__file__).resolve().parents[2])
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [home, variables.get("PYTHONPATH")]))
    return variables


def leave_with(parent: int) -> None:
    """In a child: end when the process that it works for is gone, also where that was killed."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if hasattr(os, "fork"):  # elsewhere a parent's number stays when it is gone
        threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def one_thread():
    """One thread for torch, so that numbers do not depend on the machine's cores; the number of before, after.

    Where the cores are busy, several wait for each other in each of many small steps: SynFlow's 100 rounds then take 15 times
    as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
