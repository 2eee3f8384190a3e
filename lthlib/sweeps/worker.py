"""One run of a sweep in a process of its own: a notebook through papermill, and then its result.json.

<output>/<notebook>/<key>/lesson.ipynb     the notebook as far as it came
<output>/<notebook>/<key>/figures/...      what the notebook itself writes
<output>/<notebook>/<key>/error.txt        why the last attempt failed, in a sentence
<output>/<notebook>/<key>/result.json      appears whole, when all is done: the run is never repeated
"""

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

from lthlib.core import paths, processes
from lthlib.core.files import remove_leftovers, write_atomically
from lthlib.sweeps.config import Run

DONE, FAILED = "done", "failed"


def result(run: Run) -> dict | None:
    """The result of a run that is done, else None."""
    try:
        content = json.loads((run.folder / "result.json").read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("key") == run.key else None


def start(run: Run, timeout: int, environment: dict[str, str] | None = None) -> subprocess.Popen:
    """Start a run in a process of its own, which ends with this one. Its status is 0 when the run is done.
    Results and data are where they are here, though its kernel works in the folder of the notebook. Raises
    OSError where the process cannot be started."""
    with contextlib.suppress(OSError):
        (run.folder / "error.txt").unlink()
    job = {**vars(run), "notebook": str(run.notebook), "folder": str(run.folder)}
    folders = {"LTHLIB_RESULTS": paths.results_folder(), "LTHLIB_DATA": paths.data_folder()}
    here = {name: os.path.abspath(folder) for name, folder in folders.items()}
    return processes.start(__name__, json.dumps(job), str(timeout), **here, **(environment or {}))


def fail(run: Run, reason: str) -> None:
    """Note why a run has failed, in its folder, where that can be written."""
    with contextlib.suppress(OSError):
        run.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(run.folder / "error.txt", f"{reason[:2000]}\n".encode(errors="backslashreplace"))


def execute_notebook(run: Run, timeout: int) -> None:
    """Execute the notebook and write its result. Raises what papermill raises; the notebook shows where."""
    import papermill

    _poll_in_slices()
    figures = run.folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    remove_leftovers(run.folder)
    began = time.time()
    papermill.execute_notebook(
        str(run.notebook), str(run.folder / "lesson.ipynb"), {**run.parameters, "output": str(figures)},
        execution_timeout=timeout, progress_bar=False, cwd=str(run.notebook.parent),
    )  # fmt: skip
    own = figures / "result.json"
    content = {
        "key": run.key,
        "notebook": run.notebook.name,
        "parameters": run.parameters,
        "seconds": time.time() - began,
        "result": json.loads(own.read_bytes()) if own.exists() else None,
    }
    write_atomically(run.folder / "result.json", json.dumps(content, indent=1).encode())


def explain(error: Exception) -> str:
    """What went wrong in a run, in one sentence."""
    kind = type(error).__name__
    if kind == "DeadKernelError":
        return "the kernel died: it was killed, or the machine ran out of memory"
    if kind == "CellTimeoutError":
        stopped = "a cell took longer than the sweep's timeout, and was stopped"
        return f"{stopped}: raise `timeout:` if that was its work"
    if kind == "PapermillExecutionError":
        return f"cell {error.exec_count} raised {error.ename}: {' '.join(str(error.evalue).split())}"
    return f"{kind}: {' '.join(str(error).split())}"


def _poll_in_slices() -> None:
    """Have nbclient ask for messages four times a second: it can miss one that should wake it (issue 312)."""
    from jupyter_client.channels import AsyncZMQSocketChannel

    ask = AsyncZMQSocketChannel.get_msg

    async def get_msg(self, timeout=None):
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await ask(self, max(0, min(0.25, deadline - time.monotonic())))
            except Empty:
                if time.monotonic() >= deadline:
                    raise

    AsyncZMQSocketChannel.get_msg = get_msg


def main(job: str, timeout: str) -> int:
    """Carry out one run, described as JSON; its status is 0 when it is done."""
    fields = json.loads(job)
    run = Run(**{**fields, "notebook": Path(fields["notebook"]), "folder": Path(fields["folder"])})
    try:
        execute_notebook(run, int(timeout))
    except Exception as error:
        fail(run, explain(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
