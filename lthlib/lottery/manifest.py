"""What networks are trained with: versions, git commit, device, workers and platform. No name of a person
or of a machine, and no path."""

import contextlib
import functools
import os
import platform
import subprocess

import numpy as np
import torch

from lthlib.core import paths, processes, version
from lthlib.storage.journal import UNKNOWN
from lthlib.training import cluster
from lthlib.training.places import pick_device, side_by_side

GIT_SECONDS = 10  # a folder on a slow disk is not waited for longer


def facts(device: str, workers: int | None, engine: str = "local") -> dict:
    """A value for each of `lthlib.storage.journal.FACTS`.

    commit and dirty are those of the git checkout that lthlib is in, dirty whether a file in it that git
    knows is changed; UNKNOWN where there is none, as after an ordinary installation. `workers` is how many
    processes train at most, and threads what torch is set to in this one (a network is trained by one
    thread). Under engine ray device names the CPUs of the cluster's machines.
    """
    commit, dirty = _checkout()
    return {
        "lthlib": version.__version__,
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "device": f"Ray: {cluster.processors()}" if engine == "ray" else _device(pick_device(device)),
        "workers": side_by_side(device, workers, engine),
        "threads": torch.get_num_threads(),
        "platform": _platform(),
    }


@functools.cache
def _checkout() -> tuple[str, bool | str]:
    """Commit and dirty of lthlib's own checkout, asked once: what is loaded does not change with the files."""
    if not (paths.CHECKOUT / ".git").exists():  # a repository further up is not lthlib's
        return UNKNOWN, UNKNOWN
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return commit or UNKNOWN, UNKNOWN if changes is None else bool(changes)


def _git(*arguments: str) -> str | None:
    """What git prints of lthlib's checkout; None where it cannot tell. Nothing is written, not even git's index."""
    elsewhere = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # set inside hooks
    command = ["git", "--no-optional-locks", "-C", str(paths.CHECKOUT), *arguments]
    with contextlib.suppress(OSError, subprocess.SubprocessError, UnicodeDecodeError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, env=elsewhere)
        return done.stdout.strip() if done.returncode == 0 else None
    return None


def _device(where: torch.device) -> str:
    if where.type == "cuda":
        return f"{torch.cuda.get_device_name(where)} (CUDA {torch.version.cuda})"
    return processes.processor() if where.type == "cpu" else f"{where.type}, {processes.processor()}"


def _platform() -> str:
    library = " ".join(platform.libc_ver()).strip()
    return f"{platform.system()} {platform.machine()}" + (f", {library}" if library else "")
