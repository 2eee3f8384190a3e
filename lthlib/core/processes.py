"""Processes and threads: how a child starts and ends with its parent, and one thread for torch.

torch is imported where it is used: its import takes seconds, and a child watches its parent before that."""

import contextlib
import functools
import itertools
import os
import platform
import runpy
import subprocess
import sys
import threading
import time

import psutil

from lthlib.core.paths import CHECKOUT

CHILD = "from lthlib.core import processes; processes.run_as_child()"
EVERY = 0.1  # seconds between two looks at whether the parent is still there


def start(module: str, *arguments: str, stderr=subprocess.DEVNULL, **variables: str) -> subprocess.Popen:
    """Start `python -m module`, with more environment variables, and this very lthlib on its path. It ends
    when this process does, however that ends."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(os.getpid()), module, *arguments],
        env={**os.environ, **variables, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True,
    )  # fmt: skip


def run_as_child() -> None:
    """What `start` runs: watch the parent, and then be `python -m module`."""
    _, parent, module, *arguments = sys.argv
    leave_with(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def leave_with(parent: int) -> None:
    """In a child: end, with all that it has started, when the process that it works for is gone, even if
    that was killed. (Linux can signal this, but does so when the *thread* that started the child ends.)"""

    def watch():
        _wait_for(parent)
        end(os.getpid())
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _wait_for(parent: int) -> None:
    if hasattr(os, "fork"):  # a child whose parent is gone gets another one
        while os.getppid() == parent:
            time.sleep(EVERY)
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(parent).wait()


def end(process_id: int) -> None:
    """Kill a process, all that it has started, and all that was started by these and left alone since (on
    POSIX, what is in their sessions), at once. This very process is spared, and so are the resource trackers
    of multiprocessing and loky: they remove what the others leave in memory, and then end by themselves."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process_id)
        family = [root, *root.children(recursive=True)]
        leaders = {member.pid for member in family}
        left_alone = (process for process in psutil.process_iter() if _session(process.pid) in leaders)
        for member in itertools.chain(family, left_alone):  # the second is looked up when the first is gone
            _kill(member)


def _session(process_id: int) -> int | None:
    with contextlib.suppress(AttributeError, OSError):
        return os.getsid(process_id)


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        if process.pid != os.getpid() and not any("resource_tracker" in word for word in process.cmdline()):
            process.kill()


@functools.cache
def processor() -> str:
    """The CPU's model where the system names it, else its kind, such as "arm64"."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


@contextlib.contextmanager
def one_thread():
    """One thread for torch inside the block, so that numbers do not depend on the machine's cores. On busy
    cores, several threads wait for each other in every small step: SynFlow's 100 rounds take 15 times as
    long."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def without_denormals():
    """Numbers below 1e-38 are zero inside the block, in this thread. Adam's average of gradients that have
    become zero fades into such numbers and stays there; many processors take a hundred times as long for
    each."""
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)  # what a process starts with
