"""A hunt in a process of its own: the caller goes on, looks in from time to time, and may cancel it. All
that is finished is in the store: a cancelled hunt loses only the networks that were being trained. It ends
with the caller, with its worker processes, also where the caller is killed."""

import atexit
import tempfile
import time
from pathlib import Path

import pandas as pd

from lthlib.core import processes
from lthlib.lottery.controls import check_controls
from lthlib.lottery.search import check_count, level_keys
from lthlib.storage.store import TICKET, Store
from lthlib.tasks import prepare
from lthlib.training import engine


class BackgroundHunt:
    """`python -m lthlib hunt` of a shipped task, started when this is made. `options` are those of
    `lthlib.hunt`. Raises LotteryError for a value out of range, before it starts."""

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
        ready = prepare(task, profile, **options)
        self.setting, extent = ready.setting, ready.extent
        check_count(extent, controls)
        self.store = Store(results)
        self.store.register(self.setting)
        keys = [key for level in range(extent.levels + 1) for key in level_keys(level, extent, controls)]
        self.paths = [self.store.path(self.setting, key) for key in keys]
        self._methods = [self.setting.schedule if key.method == TICKET else key.method for key in keys]
        self.stored_before, self.began = self.done, time.monotonic()
        options |= {"task": task, "profile": profile, "controls": ",".join(controls), "device": device}
        arguments = ["hunt", "--json", "--results", str(self.store.folder)]
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the hunt is
        self._process = processes.start("lthlib", *arguments, stderr=self._errors)
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

    def by_method(self) -> dict[str, list[Path]]:
        """Where the networks of each method are, once they are trained: the ticket's first."""
        methods: dict[str, list[Path]] = {}
        for method, path in zip(self._methods, self.paths):
            methods.setdefault(method, []).append(path)
        return methods

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def seconds_left(self) -> float | None:
        """How long the rest takes at the speed so far; None before the first network is finished."""
        trained = self.done - self.stored_before
        return (time.monotonic() - self.began) / trained * (self.total - self.done) if trained else None

    def table(self) -> pd.DataFrame:
        """What is finished, as the setting's tidy table, with what an earlier, longer hunt has stored."""
        return self.store.table([self.setting])

    def cancel(self) -> None:
        """Stop at once; what is finished is kept. Does nothing to a hunt that has ended."""
        atexit.unregister(self.cancel)
        if self.running:
            self._cancelled = True
            processes.end(self._process.pid)
            self._process.wait()

    def outcome(self) -> str:
        """Once it has ended: "finished", "cancelled", or what it said when it failed."""
        if self._cancelled:
            return "cancelled"
        if self._process.returncode == 0:
            return "finished"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the hunt ended with status {self._process.returncode}"
