"""A hunt in a process of its own: the caller goes on, looks in from time to time, and may cancel it.

All that is finished is in the store, so a cancelled hunt loses nothing but the networks that were being trained.
"""

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from lthlib.core import processes
from lthlib.lottery.search import level_keys
from lthlib.settings import check_controls
from lthlib.storage.store import Store
from lthlib.tasks import find_task, resolve
from lthlib.training import engine


class BackgroundHunt:
    """`python -m lthlib hunt` of a shipped task, started when this is made.

    `options` are those of `lthlib.hunt`. Raises LotteryError for a value out of range, before anything is started.
    """

    def __init__(
        self,
        task: str,
        profile: str = "quick",
        *,
        controls: tuple[str, ...] = (),
        results: str | Path | None = None,
        device: str = "auto",
        **options,
    ):
        controls = check_controls(controls)
        engine.check(device, None)
        self.setting, self.extent = resolve(find_task(task), profile, **options)
        self.store = Store(results)
        self.store.register(self.setting)
        levels = (level_keys(level, self.extent, controls) for level in range(self.extent.levels + 1))
        self.paths = [self.store.path(self.setting, key) for level in levels for key in level]
        self.found, self.began = self.done, time.monotonic()
        command = [sys.executable, "-m", "lthlib", "hunt", "--task", task, "--profile", profile, "--json"]
        command += ["--results", str(self.store.folder), "--controls", ",".join(controls), "--device", device]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=self._errors, stdin=subprocess.DEVNULL, env=processes.environment(),
            start_new_session=True,
        )  # fmt: skip
        self._cancelled = False
        atexit.register(self.cancel)

    @property
    def total(self) -> int:
        """Networks that the hunt consists of."""
        return len(self.paths)

    @property
    def done(self) -> int:
        """Networks that are in the store."""
        return sum(path.exists() for path in self.paths)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def seconds_left(self) -> float | None:
        """How long the rest takes at the speed so far; None before the first network is finished."""
        trained = self.done - self.found
        return (time.monotonic() - self.began) / trained * (self.total - self.done) if trained else None

    def table(self) -> pd.DataFrame:
        """What is finished, as the tidy table of the setting (also what an earlier, longer hunt of it has stored)."""
        return self.store.table([self.setting])

    def cancel(self, patience: float = 5) -> None:
        """Stop, and wait until it has; what is finished is kept. Does nothing to a hunt that has ended."""
        atexit.unregister(self.cancel)
        if self.running:
            self._cancelled = True
            self._process.send_signal(signal.SIGINT) if os.name == "posix" else self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def outcome(self) -> str:
        """Once it has ended: "finished", "cancelled", or what it said when it failed."""
        if self._cancelled:
            return "cancelled"
        if self._process.returncode == 0:
            return "finished"
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"the hunt ended with status {self._process.returncode}"
