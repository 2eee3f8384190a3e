"""Colours of the page: those of `plots.style`, and the same ones light enough for a dark theme."""

from collections.abc import Iterable

from lthlib.plots import style
from lthlib.plots.drawings.canvas import NEGATIVE, POSITIVE, for_dark

DARK = "#16191E"  # the page's background in the dark theme; explorer.css has the rest
SIGNS = {"positive": POSITIVE, "negative": NEGATIVE}


def of_methods(methods: Iterable[str]) -> dict[str, dict]:
    """Name, dashes and marker of each method, as figures have them, and its variable of the style sheet."""
    looks = {}
    for place, method in enumerate(methods):
        look = style.METHODS[method]
        dashes = " ".join(f"{2 * length:g}" for length in look.dashes)
        line = {"colour": f"--method-{place}", "dashes": dashes, "marker": look.marker}
        looks[method] = {"name": name_of(method), **line}
    return looks


def name_of(method: str) -> str:
    """What figures call a method: "ticket" for the iterative schedule."""
    return style.NAMES.get(method, method)


def style_sheet(methods: Iterable[str]) -> str:
    """The colours as variables of CSS, for the light theme and for the dark one."""
    colours = {f"--method-{place}": style.METHODS[method].colour for place, method in enumerate(methods)}
    colours |= {f"--{sign}": colour for sign, colour in SIGNS.items()}
    colours |= {f"--{word.replace(' ', '-')}": look.colour for word, look in style.VERDICTS.items()}
    light = _variables(colours)
    dark = _variables({name: for_dark(colour, DARK) for name, colour in colours.items()})
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def _variables(colours: dict[str, str]) -> str:
    return "; ".join(f"{name}: {colour}" for name, colour in colours.items())
