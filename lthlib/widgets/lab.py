"""The laboratory: choose a setting, run it in the background, watch its curve."""

import threading
import time
from pathlib import Path

import ipywidgets
from matplotlib.figure import Figure

from lthlib import data, plots
from lthlib.core.errors import LotteryError
from lthlib.lottery.controls import CONTROLS
from lthlib.tasks import PROFILES, TASKS
from lthlib.widgets.background import BackgroundHunt
from lthlib.widgets.explorer import _input, _row, _show, _static, _words

EVERY = 0.5  # seconds between two looks at a hunt in the background


def lab(results: str | Path | None = None) -> "Lab":
    """Choose a task, rate, rounds, rewind point and control, and run the hunt in the background with a live
    curve. The kernel stays usable. Cancelling keeps every finished network, so that the same hunt goes on
    from there. `results` is the folder they are kept in; None takes the usual one."""
    return Lab(results)


class Lab(ipywidgets.VBox):
    """What `lab` returns: buttons `start` and `cancel`; `hunt`, the latest `BackgroundHunt`."""

    def __init__(self, results: str | Path | None = None):
        self.folder, self.hunt, self._watcher = results, None, None
        tasks = [name for name, task in TASKS.items() if data.at_hand(task.data)]
        self.task = _input(ipywidgets.Dropdown, "task", "18em", options=tasks, value="lenet-mnist1d")
        self.rate = _input(ipywidgets.FloatSlider, "rate a round", value=0.2, min=0.05, max=0.95, step=0.05)
        self.rounds = _input(ipywidgets.IntSlider, "rounds", value=5, min=1, max=25)
        self.trials = _input(ipywidgets.IntSlider, "trials", value=2, min=1, max=10)
        self.iterations = _input(ipywidgets.IntText, "iterations", "14em")
        self.rewind = _input(ipywidgets.IntText, "rewind to iteration", "14em", value=0)
        controls = ["none", *(name for name in CONTROLS if name != "reset")]
        self.control = _input(ipywidgets.Dropdown, "control", "14em", options=controls, value="reinit")
        self.start = ipywidgets.Button(description="Start", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel", disabled=True)
        self.status, self.picture = ipywidgets.HTML(_words("Choose, then start.")), ipywidgets.HTML()
        choices = [self.task, self.rate, self.rounds, self.trials, self.iterations, self.rewind, self.control]
        self._static, hide = _static()
        super().__init__([hide, _row(choices), _row([self.start, self.cancel]), self.status, self.picture])
        self._usual_iterations()
        self.task.observe(lambda change: self._usual_iterations(), "value")
        self.start.on_click(lambda button: self._start())
        self.cancel.on_click(lambda button: self._cancel())

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the hunt that runs has ended and its last picture is drawn, or for so many seconds."""
        if self._watcher:
            self._watcher.join(seconds)

    def _usual_iterations(self) -> None:
        self.iterations.value = PROFILES[self.task.value]["quick"].recipe.iterations

    def _start(self) -> None:
        self.start.disabled = True
        chosen = {name: getattr(self, name).value for name in ("rate", "trials", "iterations", "rewind")}
        controls = () if self.control.value == "none" else (self.control.value,)
        extent = {"levels": self.rounds.value, "controls": controls}
        try:
            self.hunt = BackgroundHunt(self.task.value, results=self.folder, **extent, **chosen)
        except LotteryError as error:
            self.status.value, self.start.disabled = _words(str(error)), False
            return
        self.cancel.disabled = False
        self._watcher = threading.Thread(target=self._watch, args=[self.hunt], daemon=True)
        self._watcher.start()

    def _cancel(self) -> None:
        self.cancel.disabled = True
        self.status.value = _words("Stopping ...")
        self.hunt.cancel()

    def _watch(self, hunt: BackgroundHunt) -> None:
        drawn = -1
        while hunt.running:
            if (done := hunt.done) != drawn:
                self.picture.value, drawn = _curve(hunt), done
            if not self.cancel.disabled:
                self.status.value = _progress(hunt, done)
            time.sleep(EVERY)
        self.picture.value = _curve(hunt)
        kept = f"{hunt.done} of {hunt.total} networks are finished and kept. Start goes on from there."
        words = {"finished": f"Finished: {hunt.done} networks.", "cancelled": f"Cancelled: {kept}"}
        self.status.value = _words(words.get(hunt.outcome(), hunt.outcome()))
        self.cancel.disabled, self.start.disabled = True, False

    def _ipython_display_(self, **_) -> None:
        words = "The laboratory needs a running kernel: open this notebook in Jupyter and run this cell."
        _show(self, self._static, f"<p><i>{words}</i></p>")


def _progress(hunt: BackgroundHunt, done: int) -> str:
    left = hunt.seconds_left()
    time_left = "" if left is None else f", about {left:.0f} seconds left"
    bar = f'<progress value="{done}" max="{hunt.total}" aria-label="networks trained"></progress>'
    return _words(f" {done} of {hunt.total} networks{time_left}", bar)


def _curve(hunt: BackgroundHunt) -> str:
    """What is finished so far, drawn without pyplot, whose figures belong to the notebook's cells."""
    table = hunt.table()
    if table.empty:
        return ""
    axes = Figure(figsize=(8.5, 4.2), layout="constrained").subplots()
    return plots.as_html(plots.density_curves(table, axes=axes))
