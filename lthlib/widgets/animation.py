"""The animation that opens lesson 0: a real network trained, pruned and reset, round by round."""

import os

import ipywidgets
import pandas as pd
from IPython import get_ipython
from IPython.display import HTML, display

from lthlib.analysis import film
from lthlib.core.errors import LotteryError
from lthlib.core.language import say
from lthlib.plots.style import METHODS, NAMES
from lthlib.storage import atlas
from lthlib.storage.networks import summarise
from lthlib.widgets.frames import Reel

INTERVAL = 180  # milliseconds between two frames
STILL = 0.25  # weights remaining in the picture that stands where nothing moves, at most


def watch(task: str = "lenet-mnist1d") -> "Animation":
    """Play the shipped film of a task: its surviving connections through training, pruning and reset, with
    the accuracy beside it. Nothing is trained. Raises LotteryError where no film of the task is shipped."""
    films = film.read(task)
    if not films:
        raise LotteryError(f"no film of {task!r} is shipped: choose lenet-mnist1d.")
    return Animation(films, atlas.read(task))


class Animation(ipywidgets.VBox):
    """What `watch` returns. Code may set `slider.value` (a frame), `method.value`."""

    def __init__(self, films: dict[str, film.Film], table: pd.DataFrame):
        films = {method: films[method] for method in METHODS if method in films}  # the ticket's first
        means = _means(films, table)
        self.reels = {method: Reel(film, method, means) for method, film in films.items()}
        first = next(iter(self.reels.values()))
        last = len(first) - 1
        wide = ipywidgets.Layout(width="auto", flex="1 1 160px", min_width="120px")
        options = [(NAMES.get(method, method), method) for method in self.reels]
        tips = [say("Show {name}", name=name) for name, _ in options]
        self.method = ipywidgets.ToggleButtons(options=options, tooltips=tips, style={"button_width": "auto"})
        self.play = ipywidgets.Play(min=0, max=last, interval=INTERVAL, layout=ipywidgets.Layout(flex="0 0 auto"))
        self.slider = ipywidgets.IntSlider(
            min=0, max=last, description=say("frame"), readout=False, style={"description_width": "initial"}, layout=wide
        )
        self.back, self.forward = _button(say("◀ step"), say("One frame back")), _button(say("step ▶"), say("One frame on"))
        self.next = _button(say("next round ▶▶"), say("To the beginning of the next round"))
        self.picture = ipywidgets.HTML()
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
        controls = ipywidgets.HBox([self.play, self.back, self.forward, self.next, self.slider], layout=row)
        super().__init__([ipywidgets.HBox([self.method], layout=row), controls, self.picture])
        self._links = [ipywidgets.jslink((self.play, "value"), (self.slider, "value"))]
        self.slider.observe(lambda change: self._draw(), "value")
        self.method.observe(lambda change: self._draw(), "value")
        self.back.on_click(lambda button: self._step(self.slider.value - 1))
        self.forward.on_click(lambda button: self._step(self.slider.value + 1))
        self.next.on_click(lambda button: self._step(self._next_round()))
        self._draw()

    @property
    def reel(self) -> Reel:
        return self.reels[self.method.value]

    def still(self) -> str:
        """One frame as HTML, for pages where nothing moves: the ticket at about a fifth of its weights."""
        reel = next(iter(self.reels.values()))
        ends = len(reel.film.iterations) - 1
        trained = [n for n, (level, time) in enumerate(reel.stages) if time == ends and reel.film.densities[level] < STILL]
        return reel.still(trained[0] if trained else len(reel) - 1)

    def _step(self, frame: int) -> None:
        self.slider.value = max(self.slider.min, min(self.slider.max, frame))

    def _next_round(self) -> int:
        level = self.reel.stages[self.slider.value][0]
        later = [number for number, (at, _) in enumerate(self.reel.stages) if at > level]
        return later[0] if later else self.slider.max

    def _draw(self) -> None:
        number = self.slider.value
        self.picture.value = self.reel.frame(number)
        self.back.disabled, at_end = number == self.slider.min, number == self.slider.max
        self.forward.disabled = self.next.disabled = at_end

    def _ipython_display_(self, **_) -> None:
        if not hasattr(get_ipython(), "kernel") or os.environ.get("LTHLIB_STATIC", "") not in ("", "0"):
            display(HTML(self.still()))
            return
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        forms = {"application/vnd.jupyter.widget-view+json": view, "text/html": self.still(), "text/plain": self.reel.words(0)}
        display(forms, raw=True)


def _button(name: str, words: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=name, tooltip=words, layout=ipywidgets.Layout(width="auto", flex="0 0 auto"))


def _means(films: dict[str, film.Film], table: pd.DataFrame) -> dict[str, pd.Series]:
    """Test accuracy in percent by density in percent, averaged over the trials of the table, by method."""
    networks, means = summarise(table), {}
    for method, each in films.items():
        of_setting = networks[networks.setting == each.setting]
        dense = (of_setting.method == of_setting.schedule) & (of_setting.level == 0)
        rows = of_setting[(of_setting.method == method) | dense]
        found = rows.groupby("level")[["density", "test_accuracy"]].mean() * 100
        means[method] = found.set_index("density").test_accuracy
    return {method: line for method, line in means.items() if len(line)}
