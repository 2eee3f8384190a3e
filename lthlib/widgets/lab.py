"""The laboratory: choose a setting, run it in the background, watch ticket and control side by side."""

import html
import threading
import time
from pathlib import Path

import ipywidgets
import pandas as pd
from matplotlib.figure import Figure

from lthlib import analysis, data, plots
from lthlib.core.errors import LotteryError
from lthlib.core.language import mark, say
from lthlib.core.percent import percent
from lthlib.lottery.controls import CONTROLS
from lthlib.plots.style import METHODS, NAMES
from lthlib.tasks import PROFILES, TASKS
from lthlib.widgets import lab_choices
from lthlib.widgets.background import BackgroundHunt
from lthlib.widgets.explorer import _input, _row, _show, _static, _words

EVERY = 0.5  # seconds between two looks at a hunt in the background
SHORT = 500  # iterations: half a minute for the choices that the laboratory opens with
WAIT = mark("Starting. The first networks are finished in ten seconds or so, later on a busy machine ...")


def lab(results: str | Path | None = None) -> "Lab":
    """Choose a task, rate, rounds, rewind point and control, and run the hunt in the background: ticket and
    control side by side, live, and a conclusion in the end. The kernel stays usable. Cancelling keeps every
    finished network, so that the same hunt goes on from there. `results` is the folder they are kept in; None
    takes the usual one."""
    return Lab(results)


class Lab(ipywidgets.VBox):
    """What `lab` returns: buttons `start` and `cancel`; `hunt`, the latest `BackgroundHunt`."""

    def __init__(self, results: str | Path | None = None):
        self.folder, self.hunt, self._watcher = results, None, None
        tasks = lab_choices.offered([name for name, task in TASKS.items() if data.at_hand(task.data)], lab_choices.TASKS)
        controls = [name for name in CONTROLS if name != "reset"]  # which belongs to other schedules
        controls = [(say("none: the ticket alone"), "none"), *lab_choices.offered(controls, lab_choices.CONTROLS)]
        slider = ipywidgets.IntSlider
        self.task = _input(ipywidgets.Dropdown, say("task"), "38em", options=tasks, value="lenet-mnist1d")
        self.control = _input(ipywidgets.Dropdown, say("beside the ticket"), "38em", options=controls, value="reinit")
        share = {"value": 0.5, "min": 0.05, "max": 0.95, "step": 0.05, "readout_format": ".0%"}
        self.rate = _input(ipywidgets.FloatSlider, say("removed per round"), "22em", **share)
        self.rounds = _input(slider, say("rounds"), "19em", value=4, min=1, max=25)
        self.trials = _input(slider, say("trials (repetitions)"), "22em", value=3, min=1, max=10)
        self.iterations = _input(ipywidgets.IntText, say("iterations of a training"), "17em")
        self.rewind = _input(ipywidgets.IntText, say("reset to iteration"), "14em", value=0)
        self.start = ipywidgets.Button(description=say("Start"), button_style="primary")
        self.cancel = ipywidgets.Button(description=say("Cancel"), disabled=True)
        self.status, self.picture = ipywidgets.HTML(_words(say("Choose, then start."))), ipywidgets.HTML()
        self.conclusion = ipywidgets.HTML()
        numbers = [self.rate, self.rounds, self.trials, self.iterations, self.rewind]
        self._static, hide = _static()
        above = [hide, _row([self.task, self.control]), _row(numbers), _row([self.start, self.cancel])]
        super().__init__([*above, self.status, self.conclusion, self.picture])
        self._usual_iterations()
        self.task.observe(lambda change: self._usual_iterations(), "value")
        self.start.on_click(lambda button: self._start())
        self.cancel.on_click(lambda button: self._cancel())

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the hunt that runs has ended and its last picture is drawn, or for so many seconds."""
        if self._watcher:
            self._watcher.join(seconds)

    def _usual_iterations(self) -> None:
        self.iterations.value = min(SHORT, PROFILES[self.task.value]["quick"].recipe.iterations)

    def _start(self) -> None:
        self.start.disabled = True
        self.status.value, self.conclusion.value, self.picture.value = _words(say(WAIT), "<progress></progress> "), "", ""
        chosen = {name: getattr(self, name).value for name in ("rate", "trials", "iterations", "rewind")}
        controls = () if self.control.value == "none" else (self.control.value,)
        extent = {"levels": self.rounds.value, "controls": controls}
        try:
            self.hunt = BackgroundHunt(self.task.value, results=self.folder, **extent, **chosen)
        except LotteryError as error:
            self.status.value, self.start.disabled = _words(str(error)), False
            return
        self.cancel.disabled = False
        self._watcher = threading.Thread(target=self._watch, args=[self.hunt, self.control.value], daemon=True)
        self._watcher.start()

    def _cancel(self) -> None:
        self.cancel.disabled = True
        self.status.value = _words(say("Stopping ..."))
        self.hunt.cancel()

    def _watch(self, hunt: BackgroundHunt, control: str) -> None:
        drawn = 0
        while hunt.running:
            if (done := hunt.done) != drawn:
                self.picture.value, drawn = side_by_side(hunt.table(), control), done
            if not self.cancel.disabled:
                self.status.value = _progress(hunt, done, control)
            time.sleep(EVERY)
        table = hunt.table()
        self.picture.value = side_by_side(table, control)
        outcome, counts = hunt.outcome(), {"done": hunt.done, "total": hunt.total}
        cancelled = say("Cancelled: {done} of {total} networks are finished and kept. Start goes on from there.", **counts)
        words = {"finished": say("Finished: {done} networks.", done=hunt.done), "cancelled": cancelled}
        self.status.value = _words(words.get(outcome, outcome))
        if outcome == "finished":
            lines = [html.escape(say("{sentence}.", sentence=line)) for line in conclusion(table, control)]
            said = "".join(f"<li>{line}</li>" for line in lines)
            self.conclusion.value = f"<b>{say('What your run shows')}</b><ul style='margin: 2px 0'>{said}</ul>"
        self.cancel.disabled, self.start.disabled = True, False

    def _ipython_display_(self, **_) -> None:
        words = say("The laboratory needs a running kernel: open this notebook in Jupyter and run this cell.")
        _show(self, self._static, f"<p><i>{words}</i></p>")


def conclusion(table: pd.DataFrame, control: str) -> list[str]:
    """What a finished run shows, in sentences: the ticket against its dense network and against the control
    at the smallest density, and how far down it matches."""
    against = ["dense", *({control} & set(table.method))] if control != "dense" else ["dense"]
    try:
        said = [analysis.sentence(table, 0.0, other) for other in against]
        return [*(line[0].upper() + line[1:] for line in said), analysis.how_far(analysis.matching(table))]
    except LotteryError as error:
        return [str(error).rstrip(".")]


def side_by_side(table: pd.DataFrame, control: str) -> str:
    """What is finished so far: accuracy by density, and the newest trainings of ticket and control. Drawn
    without pyplot, whose figures belong to the notebook's cells."""
    if table.empty:
        return ""
    figure = Figure(figsize=(10.2, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(5, 4))
    plots.density_curves(table, axes=left)
    pairs = table[table.method.isin([table.schedule.iloc[0], control])]
    newest = pairs[pairs.method == control] if (pairs.method == control).any() else pairs
    level = newest.level.max()
    trial = newest[newest.level == level].trial.max()
    shown = pairs[(pairs.level == level) & (pairs.trial == trial) & (pairs.split == "validation")]
    for method, curve in shown.groupby("method", sort=False):
        by_iteration = curve.groupby("iteration").accuracy.mean()
        right.plot(100 * by_iteration, label=NAMES.get(method, method), linewidth=2, **METHODS[method].line())
    share = percent(shown.density.mean()).replace("100.0", "100")
    right.set_title(f"Just trained: trial {trial} at {share}", fontsize=11)
    right.set(xlabel="iteration", ylabel="validation accuracy (%)")
    right.legend(frameon=False)
    right.spines[["top", "right"]].set_visible(False)
    where = say("trial {trial} at {share}", trial=trial, share=share)
    words = say("{figure} On the right, the learning curves of {where}.", figure=figure.get_label(), where=where)
    return plots.as_html(figure, words)


def _progress(hunt: BackgroundHunt, done: int, control: str) -> str:
    """A bar for the ticket and one for its control, beside each other."""
    if not done:
        return _words(say(WAIT), "<progress></progress> ")
    left = hunt.seconds_left()
    time_left = "" if left is None else say(", about {left:.0f} seconds left", left=left)
    bars = []
    for name, paths in hunt.by_method().items():
        there = sum(path.exists() for path in paths)
        label = html.escape(say(NAMES.get(name, name)))
        trained = say("{method} trained", method=label)
        bars.append(f'{label} <progress value="{there}" max="{len(paths)}" aria-label="{trained}"></progress> ')
    count = say("{done} of {total} networks", done=done, total=hunt.total)
    return _words(f"{count}{time_left}", " ".join(bars))
