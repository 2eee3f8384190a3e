"""Figures from a tidy table, and how they are shown; figures of single lessons are in the other files.

They compute nothing but means and ranges. Bands reach from the lowest to the highest trial, and density runs
from right to left on a logarithmic axis, as in the papers. Every figure carries a description in numbers,
which `show` makes its caption. `style` has one colour and one name per method. `drawings` has the drawings of
ideas, which show themselves.
"""

from lthlib.plots import drawings
from lthlib.plots.curves import (
    by_measure,
    density_curves,
    differences,
    knob_curves,
    layer_densities,
    learning_curves,
    learning_rates,
    side_by_side,
    standings,
    verdicts,
)
from lthlib.plots.show import as_html, show  # the function: `plots.show(figure)` hides the file of that name
from lthlib.plots.style import BAND, LEGEND, SERIES, SERIES_DASHES, SERIES_MARKERS, density_axis
