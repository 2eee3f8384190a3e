"""Processes that this one starts: the environment in which they find this very lthlib, and their end with this one."""

import os
import threading
import time
from pathlib import Path


def environment(**more: str) -> dict[str, str]:
    """This process's environment variables, those in `more`, and a path on which a child finds this very lthlib."""
    variables = {**os.environ, **more}
    home = str(Path(__file__).resolve().parents[1])
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
