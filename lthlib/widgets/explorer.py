"""A slider and buttons over results, for notebooks (`explore`), and what the laboratory shares with them.

Written to what ipywidgets 7.7 (Colab) and 8 share. Nothing is captured in an Output widget: sliders are
observed, and change an HTML image in place. Without a kernel, pages show a picture, which working sliders
replace.
"""

import contextlib
import html
import uuid
from collections.abc import Sequence
from pathlib import Path

import ipywidgets
import pandas as pd
from IPython.display import HTML, display

from lthlib.analysis.catalogue import Catalogue, Group, catalogue
from lthlib.analysis.inspection import Look
from lthlib.core.language import say
from lthlib.plots.style import NAMES
from lthlib.widgets.panels import Panels, Place


def explore(results: pd.DataFrame | str | Path | None = None) -> "Explorer":
    """A slider for density and buttons for method, trial and rate over linked panels; nothing is trained.
    `results` is a table of `lthlib.hunt` or the folder of its results; None: what is shipped. Raises
    LotteryError for no results."""
    return Explorer(catalogue(results))


class Explorer(ipywidgets.VBox):
    """What `explore` returns. Code may set `rate`, `density`, `trial`, `method`, `results`."""

    def __init__(self, catalogue: Catalogue):
        self.catalogue, self._panels, self._quiet = catalogue, {}, False
        self._weights: dict[int, float] = {}  # of the levels shown, in percent
        names = list(catalogue.groups)
        self.results = _input(ipywidgets.Dropdown, say("results"), "18em", options=names)
        self.density = _slider(say("weights remaining"), "30em")
        self.rate, self.trial, self.method = map(_toggles, (say("removed per round"), say("trial"), say("method")))
        self.picture = ipywidgets.HTML()
        above = [self.results, self.density] if len(names) > 1 else [self.density]
        self._static, hide = _static()
        super().__init__([hide, _row(above), _row([self.method, self.trial, self.rate]), self.picture])
        self._set_out(names[0])
        self.results.observe(lambda change: self._set_out(change["new"]), "value")
        self.rate.observe(lambda change: self._moved(self._fill), "value")
        for slider in (self.density, self.trial, self.method):
            slider.observe(lambda change: self._moved(self._draw), "value")

    @property
    def group(self) -> Group:
        """The results that are shown."""
        return self.catalogue.groups[self.results.value][self.rate.value]

    @property
    def place(self) -> Place:
        """Where the sliders stand."""
        return Place(self.method.value, self.trial.value, self.density.value)

    def look(self, trial: int, level: int) -> Look | None:
        """Inside a ticket of the results shown; None where nothing is stored."""
        return self.catalogue.look(self.group, trial, level)

    def panels(self, places: Sequence[tuple[Place, Sequence[str]]], alone: bool = False) -> str:
        """Panels at places of the results shown, beside each other, as HTML: each place with the names of its
        panels (`panels.PANELS`). `alone` draws a place's method without the others."""
        panels = self._panels[self.group.setting]
        looks = [[self.look(place.trial, place.level + step) for step in (0, 1)] for place, _ in places]
        return "".join(panels.cut(place, *look, names, alone) for (place, names), look in zip(places, looks))

    def _set_out(self, name: str) -> None:
        """Show the results of that name, at the rate nearest to the one before; prepare all its rates."""
        groups, before = self.catalogue.groups[name], self.rate.value or 0.2
        for group in groups.values():
            if group.setting not in self._panels:
                panels = self._panels[group.setting] = Panels(group.table, group.methods)
                panels.prepare(self.catalogue.look(group, int(group.tickets.trial.min()), 0))
        with self._quietly():
            nearest = min(sorted(groups), key=lambda rate: abs(rate - before))
            _fill(self.rate, {f"{100 * rate:g} %": rate for rate in sorted(groups)}, nearest)
            self._fill()

    def _fill(self) -> None:
        """Give the sliders what there is at this rate, as near as possible to where they stood."""
        group, before = self.group, self._weights.get(self.density.value, 100.0)
        networks = group.tickets.drop_duplicates(["level", "trial"])
        self._weights = (100 * networks.groupby("level").density.mean()).to_dict()
        nearest = min(self._weights, key=lambda level: abs(self._weights[level] / before - 1))
        trials, methods = sorted(map(int, networks.trial.unique())), group.methods
        with self._quietly():
            _fill(self.density, {f"{self._weights[level]:.3g} %": level for level in self._weights}, nearest)
            _fill(self.trial, {str(trial): trial for trial in trials}, self.trial.value)
            _fill(self.method, {NAMES.get(method, method): method for method in methods}, self.method.value)
        self._draw()

    def _draw(self) -> None:
        place = self.place
        look, then = (self.look(place.trial, place.level + step) for step in (0, 1))
        self.picture.value = self._panels[self.group.setting].draw(place, look, then)

    def _moved(self, redraw) -> None:
        if not self._quiet:
            redraw()

    @contextlib.contextmanager
    def _quietly(self):
        """Without redrawing for each of several changes."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _ipython_display_(self, **_) -> None:
        _show(self, self._static, self.picture.value)


def _input(kind: type, description: str, width: str = "20em", **options) -> ipywidgets.Widget:
    layout = ipywidgets.Layout(width=width, margin="2px 14px 2px 0")
    return kind(description=description, style={"description_width": "initial"}, layout=layout, **options)


def _slider(description: str, width: str = "20em") -> ipywidgets.SelectionSlider:
    return _input(ipywidgets.SelectionSlider, description, width, options=[("", 0)], continuous_update=False)


def _toggles(description: str) -> ipywidgets.ToggleButtons:
    """Buttons of which one is chosen; `_fill` gives them what there is to choose."""
    style = {"description_width": "initial", "button_width": "auto"}
    layout = ipywidgets.Layout(margin="2px 14px 2px 0", width="auto")
    return ipywidgets.ToggleButtons(options=[("", 0)], description=description, style=style, layout=layout)


def _row(inputs: list[ipywidgets.Widget]) -> ipywidgets.HBox:
    return ipywidgets.HBox(inputs, layout=ipywidgets.Layout(flex_flow="row wrap"))


def _fill(slider: ipywidgets.SelectionSlider | ipywidgets.ToggleButtons, options: dict, value) -> None:
    """Give a slider or buttons new options by label, and this value or else the first. With one option there
    is nothing to choose, and it is not shown."""
    if tuple(options.items()) != tuple(slider.options):
        slider.options = tuple(options.items())
    values = list(options.values())
    slider.value, slider.disabled = value if value in values else values[0], len(options) == 1
    slider.layout.display = "none" if slider.disabled else ""


def _static() -> tuple[str, ipywidgets.HTML]:
    """A class for what is shown without a kernel, and a widget that hides it where widgets work."""
    name = f"lth-{uuid.uuid4().hex[:8]}"
    return name, ipywidgets.HTML(f"<style>.{name} {{ display: none }}</style>")


def _show(widget: ipywidgets.Widget, name: str, static: str) -> None:
    """Display HTML that needs no kernel, of the class that the widget hides, and the widget below it."""
    display(HTML(f'<div class="{name}">{static}</div>'))
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({"text/plain": type(widget).__name__, "application/vnd.jupyter.widget-view+json": view}, raw=True)


def _words(text: str, before: str = "") -> str:
    return f'<p role="status" style="margin: 4px 0">{before}{html.escape(text)}</p>'
